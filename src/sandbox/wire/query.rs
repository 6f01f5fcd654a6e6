//! Documents of the world → XML as each service wraps it, or KMS's JSON; and back.

use rehull_core::world::AwsError;
use rehull_core::world::query::{Answered, Document, Params, Service, Value};
use serde_json::{Map, Value as Json};

use super::xml::Xml;

/// Decodes `application/x-www-form-urlencoded`.
pub(super) fn form(body: &[u8]) -> Params {
    Params::of(form_urlencoded::parse(body).into_owned())
}

/// Action and parameters of a JSON request: `X-Amz-Target: TrentService.CreateKey`, and a document whose lists become
/// numbered names as in the other protocols.
pub(super) fn json(target: &str, body: &[u8]) -> Result<(String, Params), AwsError> {
    let document: Json = serde_json::from_slice(body)
        .map_err(|error| AwsError::bad("SerializationException", error.to_string()))?;
    let mut pairs = Vec::new();
    flatten("", &document, &mut pairs);
    let action = target.rsplit('.').next().unwrap_or_default().to_owned();
    Ok((action, Params::of(pairs)))
}

fn flatten(name: &str, value: &Json, pairs: &mut Vec<(String, String)>) {
    let below = |part: &str| {
        if name.is_empty() {
            part.to_owned()
        } else {
            format!("{name}.{part}")
        }
    };
    match value {
        Json::Null => {}
        Json::Bool(flag) => pairs.push((name.to_owned(), flag.to_string())),
        Json::Number(number) => pairs.push((name.to_owned(), number.to_string())),
        Json::String(text) => pairs.push((name.to_owned(), text.clone())),
        Json::Array(values) => {
            for (number, value) in (1_usize..).zip(values) {
                flatten(&below(&number.to_string()), value, pairs);
            }
        }
        Json::Object(members) => {
            for (key, value) in members {
                flatten(&below(key), value, pairs);
            }
        }
    }
}

pub(super) fn encode(request_id: &str, answered: &Answered) -> String {
    let Answered {
        service,
        action,
        document,
    } = answered;
    let root = format!("{action}Response");
    match service {
        Service::Kms => object(document).to_string(),
        Service::Ec2 => Xml::document(&root, Some(namespace(*service)), |xml| {
            xml.leaf("requestId", request_id);
            rows(xml, "item", document);
        }),
        Service::LoadBalancing | Service::AutoScaling | Service::Iam => {
            Xml::document(&root, Some(namespace(*service)), |xml| {
                xml.element(&format!("{action}Result"), |xml| rows(xml, "member", document));
                xml.element("ResponseMetadata", |xml| xml.leaf("RequestId", request_id));
            })
        }
    }
}

pub(super) fn encode_error(request_id: &str, service: Service, error: &AwsError) -> String {
    match service {
        Service::Kms => serde_json::json!({ "__type": error.code, "message": error.message }).to_string(),
        Service::Ec2 => super::ec2_response::encode_error(request_id, error),
        Service::LoadBalancing | Service::AutoScaling | Service::Iam => {
            Xml::document("ErrorResponse", Some(namespace(service)), |xml| {
                xml.element("Error", |xml| {
                    xml.leaf("Type", if error.status < 500 { "Sender" } else { "Receiver" });
                    xml.leaf("Code", error.code);
                    xml.leaf("Message", &error.message);
                });
                xml.leaf("RequestId", request_id);
            })
        }
    }
}

const fn namespace(service: Service) -> &'static str {
    match service {
        Service::Ec2 => "http://ec2.amazonaws.com/doc/2016-11-15/",
        Service::LoadBalancing => "http://elasticloadbalancing.amazonaws.com/doc/2015-12-01/",
        Service::AutoScaling => "http://autoscaling.amazonaws.com/doc/2011-01-01/",
        Service::Iam => "https://iam.amazonaws.com/doc/2010-05-08/",
        Service::Kms => "",
    }
}

fn rows(xml: &mut Xml, item: &str, document: &Document) {
    for (name, value) in &document.rows {
        write(xml, item, name, value);
    }
}

fn write(xml: &mut Xml, item: &str, name: &str, value: &Value) {
    match value {
        Value::Text(text) => xml.leaf(name, text),
        Value::Flag(flag) => xml.leaf(name, flag),
        Value::Number(number) => xml.leaf(name, number),
        Value::Document(document) => xml.element(name, |xml| rows(xml, item, document)),
        Value::List(values) => xml.element(name, |xml| {
            for value in values {
                write(xml, item, item, value);
            }
        }),
    }
}

fn object(document: &Document) -> Json {
    let members = document.rows.iter();
    let members: Map<String, Json> = members
        .map(|(name, value)| ((*name).to_owned(), plain(value)))
        .collect();
    Json::Object(members)
}

fn plain(value: &Value) -> Json {
    match value {
        Value::Text(text) => Json::from(text.as_str()),
        Value::Flag(flag) => Json::from(*flag),
        Value::Number(number) => Json::from(*number),
        Value::Document(document) => object(document),
        Value::List(values) => values.iter().map(plain).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answered(service: Service) -> Answered {
        let tag = Document::new().text("Key", "a&b").number("Count", 2);
        Answered {
            service,
            action: "Describe",
            document: Document::new().list("Tags", [tag]).flag("Truncated", false),
        }
    }

    #[test]
    fn one_document_has_three_spellings() {
        let body = |service| {
            let text = encode("id", &answered(service));
            text.split_once('\n')
                .map_or(text.clone(), |(_, body)| body.to_owned())
        };
        assert_eq!(
            body(Service::Ec2),
            "<DescribeResponse xmlns=\"http://ec2.amazonaws.com/doc/2016-11-15/\"><requestId>id</requestId><Tags><item>\
             <Key>a&amp;b</Key><Count>2</Count></item></Tags><Truncated>false</Truncated></DescribeResponse>"
        );
        assert_eq!(
            body(Service::AutoScaling),
            "<DescribeResponse xmlns=\"http://autoscaling.amazonaws.com/doc/2011-01-01/\"><DescribeResult><Tags><member>\
             <Key>a&amp;b</Key><Count>2</Count></member></Tags><Truncated>false</Truncated></DescribeResult>\
             <ResponseMetadata><RequestId>id</RequestId></ResponseMetadata></DescribeResponse>"
        );
        // The order of its keys is of no meaning.
        let of_kms: serde_json::Value = serde_json::from_str(&body(Service::Kms)).unwrap();
        let tag = serde_json::json!({ "Count": 2, "Key": "a&b" });
        assert_eq!(of_kms, serde_json::json!({ "Tags": [tag], "Truncated": false }));
    }

    #[test]
    fn lists_in_json_are_counted_as_in_the_other_protocols() {
        let body =
            br#"{"KeyId":"k","Tags":[{"TagKey":"a"},{"TagKey":"b"}],"MultiRegion":false,"Policy":null}"#;
        let (action, params) = json("TrentService.TagResource", body).unwrap();
        let root = params.root();
        assert_eq!(
            (action.as_str(), root.text("KeyId").as_deref()),
            ("TagResource", Some("k"))
        );
        let keys: Vec<_> = root
            .items("Tags")
            .iter()
            .filter_map(|tag| tag.text("TagKey"))
            .collect();
        assert_eq!(
            (keys, root.flag("MultiRegion")),
            (vec!["a".to_owned(), "b".to_owned()], Ok(false))
        );
        assert_eq!(params.finish(), Ok(()));
    }
}
