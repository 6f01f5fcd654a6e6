//! The metadata service and S3 as one machine sees them. Doubles: one bucket of bytes, one set of tags, no clock; but
//! tokens are asked for and signatures are checked, because the boot script must get both right.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Bytes;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, Method, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use axum::routing::any;
use rehull_core::domain::fleet::BootReport;
use sha2::{Digest, Sha256};

const KEY_ID: &str = "ASIAEXAMPLE";
const SECRET: &str = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";
const SESSION: &str = "IQoJb3JpZ2luX2VjEXAMPLE//token==";
const METADATA_TOKEN: &str = "AQAEAexample==";

#[derive(Clone, Default)]
pub(crate) struct Doubles(Arc<Inner>);

#[derive(Default)]
struct Inner {
    objects: Mutex<BTreeMap<String, Vec<u8>>>,
    tags: Mutex<BTreeMap<String, String>>,
    instance: Mutex<String>,
    complaints: Mutex<Vec<String>>,
}

impl Doubles {
    pub(crate) fn put(&self, key: &str, bytes: impl Into<Vec<u8>>) {
        self.0
            .objects
            .lock()
            .unwrap()
            .insert(key.to_owned(), bytes.into());
    }

    /// Tags of the instance, as `RunInstances` and `CreateTags` set them.
    pub(crate) fn tag(&self, name: &str, value: &str) {
        self.0
            .tags
            .lock()
            .unwrap()
            .insert(format!("rehull:{name}"), value.to_owned());
    }

    pub(crate) fn untag(&self, name: &str) {
        self.0.tags.lock().unwrap().remove(&format!("rehull:{name}"));
    }

    /// Which instance the metadata service answers for.
    pub(crate) fn become_instance(&self, id: &str) {
        id.clone_into(&mut self.0.instance.lock().unwrap());
    }

    /// The boot report under this key.
    pub(crate) fn report(&self, key: &str) -> Option<BootReport> {
        let objects = self.0.objects.lock().unwrap();
        objects
            .get(key)
            .map(|bytes| serde_json::from_slice(bytes).expect("a boot report"))
    }

    /// Requests that real AWS would have refused.
    pub(crate) fn complaints(&self) -> Vec<String> {
        self.0.complaints.lock().unwrap().clone()
    }

    /// Serves both; returns their endpoints: metadata service, S3.
    pub(crate) async fn serve(&self) -> (String, String) {
        let metadata = Router::new().fallback(any(metadata)).with_state(self.clone());
        let s3 = Router::new().fallback(any(s3)).with_state(self.clone());
        (listen(metadata).await, listen(s3).await)
    }

    fn complain(&self, what: String) -> StatusCode {
        self.0.complaints.lock().unwrap().push(what);
        StatusCode::FORBIDDEN
    }
}

async fn listen(router: Router) -> String {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, router).await });
    endpoint
}

async fn metadata(State(doubles): State<Doubles>, method: Method, uri: Uri, headers: HeaderMap) -> Response {
    let path = uri.path().trim_start_matches("/latest/");
    if path == "api/token" {
        let asked = method == Method::PUT && headers.contains_key("x-aws-ec2-metadata-token-ttl-seconds");
        return if asked {
            METADATA_TOKEN.into_response()
        } else {
            StatusCode::BAD_REQUEST.into_response()
        };
    }
    if headers
        .get("x-aws-ec2-metadata-token")
        .is_none_or(|token| token != METADATA_TOKEN)
    {
        return StatusCode::UNAUTHORIZED.into_response();
    }
    if let Some(tag) = path.strip_prefix("meta-data/tags/instance/") {
        let tags = doubles.0.tags.lock().unwrap();
        return tags
            .get(tag)
            .cloned()
            .ok_or(StatusCode::NOT_FOUND)
            .into_response();
    }
    match path {
        "meta-data/instance-id" => doubles.0.instance.lock().unwrap().clone().into_response(),
        "meta-data/iam/security-credentials/" => "dev-etcd".into_response(),
        "meta-data/iam/security-credentials/dev-etcd" => format!(
            "{{\n  \"Code\" : \"Success\",\n  \"Type\" : \"AWS-HMAC\",\n  \"AccessKeyId\" : \"{KEY_ID}\",\n  \"SecretAccessKey\" : \"{SECRET}\",\n  \"Token\" : \"{SESSION}\",\n  \"Expiration\" : \"2026-11-21T20:00:00Z\"\n}}"
        )
        .into_response(),
        _ => StatusCode::NOT_FOUND.into_response(),
    }
}

async fn s3(State(doubles): State<Doubles>, request: Request) -> Response {
    let (head, body) = request.into_parts();
    let body = axum::body::to_bytes(body, 1 << 20).await.unwrap();
    if let Err(why) = check_signature(&head.method, &head.uri, &head.headers, &body) {
        return doubles
            .complain(format!("{} {}: {why}", head.method, head.uri))
            .into_response();
    }
    let key = head.uri.path().trim_start_matches('/').to_owned();
    match head.method {
        Method::PUT => {
            doubles.put(&key, body);
            StatusCode::OK.into_response()
        }
        Method::GET => {
            let objects = doubles.0.objects.lock().unwrap();
            objects
                .get(&key)
                .cloned()
                .ok_or(StatusCode::NOT_FOUND)
                .into_response()
        }
        _ => StatusCode::METHOD_NOT_ALLOWED.into_response(),
    }
}

/// Signature Version 4 as S3 checks it: every `x-amz-*` header must be signed, the payload hash must be stated and true.
fn check_signature(method: &Method, uri: &Uri, headers: &HeaderMap, body: &Bytes) -> Result<(), String> {
    let text = |name: &str| {
        headers
            .get(name)
            .and_then(|value| value.to_str().ok())
            .unwrap_or_default()
    };
    let parts: BTreeMap<&str, &str> = text("authorization")
        .trim_start_matches("AWS4-HMAC-SHA256 ")
        .split(", ")
        .filter_map(|part| part.split_once('='))
        .collect();
    let part = |name: &str| {
        parts
            .get(name)
            .copied()
            .ok_or(format!("no {name} in `{}`", text("authorization")))
    };
    let scope = part("Credential")?
        .strip_prefix(&format!("{KEY_ID}/"))
        .ok_or("a foreign key")?;
    let signed: Vec<&str> = part("SignedHeaders")?.split(';').collect();
    let unsigned = headers
        .keys()
        .find(|name| name.as_str().starts_with("x-amz-") && !signed.contains(&name.as_str()));
    if let Some(name) = unsigned {
        return Err(format!(
            "There were headers present in the request which were not signed: {name}"
        ));
    }
    if text("x-amz-security-token") != SESSION {
        return Err("the session token is missing".to_owned());
    }
    let payload = text("x-amz-content-sha256");
    if payload != "UNSIGNED-PAYLOAD" && payload != hex::encode(Sha256::digest(body)) {
        return Err("the payload hash is wrong".to_owned());
    }
    let lines: Vec<String> = signed
        .iter()
        .map(|name| {
            format!(
                "{name}:{}
",
                text(name).trim()
            )
        })
        .collect();
    let lines = lines.concat();
    let canonical = format!(
        "{method}\n{}\n\n{lines}\n{}\n{payload}",
        uri.path(),
        signed.join(";")
    );
    let hashed = hex::encode(Sha256::digest(canonical.as_bytes()));
    let to_sign = format!("AWS4-HMAC-SHA256\n{}\n{scope}\n{hashed}", text("x-amz-date"));
    let key = scope
        .split('/')
        .fold(format!("AWS4{SECRET}").into_bytes(), |key, part| {
            hmac(&key, part.as_bytes())
        });
    if part("Signature")? == hex::encode(hmac(&key, to_sign.as_bytes())) {
        Ok(())
    } else {
        Err("another signature".to_owned())
    }
}

/// RFC 2104.
fn hmac(key: &[u8], message: &[u8]) -> Vec<u8> {
    let mut block = if key.len() > 64 {
        Sha256::digest(key).to_vec()
    } else {
        key.to_vec()
    };
    block.resize(64, 0);
    let padded = |pad: u8| block.iter().map(move |byte| byte ^ pad).collect::<Vec<u8>>();
    let inner = Sha256::new()
        .chain_update(padded(0x36))
        .chain_update(message)
        .finalize();
    Sha256::new()
        .chain_update(padded(0x5c))
        .chain_update(inner)
        .finalize()
        .to_vec()
}
