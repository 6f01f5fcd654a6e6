//! Who signed a request. Only the names in the signature are read: the sandbox checks keys, not arithmetic.

use hyper::HeaderMap;
use hyper::header::AUTHORIZATION;

/// What the `Authorization` header of AWS Signature Version 4 says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Signature {
    pub(super) access_key: Option<String>,
    pub(super) region: Option<String>,
    /// `ec2`, `s3`, `sts`.
    pub(super) service: Option<String>,
}

impl Signature {
    /// An unsigned or unreadable request has no names at all.
    pub(super) fn of(headers: &HeaderMap) -> Self {
        let scope = headers
            .get(AUTHORIZATION)
            .and_then(|value| value.to_str().ok())
            .filter(|text| text.starts_with("AWS4-HMAC-SHA256"))
            .and_then(|text| {
                text.split(['=', ',', ' '])
                    .skip_while(|word| *word != "Credential")
                    .nth(1)
            });
        let Some(scope) = scope else {
            return Self::default();
        };
        // key/date/region/service/aws4_request
        let mut parts = scope.split('/').map(str::to_owned);
        Self {
            access_key: parts.next(),
            region: parts.nth(1),
            service: parts.next(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn key_region_and_service_are_read_from_the_credential_scope() {
        let mut headers = HeaderMap::new();
        let text = "AWS4-HMAC-SHA256 Credential=AKIA1/20261121/eu-west-1/s3/aws4_request, SignedHeaders=host, Signature=0";
        headers.insert(AUTHORIZATION, text.parse().unwrap());
        let signature = Signature::of(&headers);
        assert_eq!(signature.access_key.as_deref(), Some("AKIA1"));
        assert_eq!(signature.region.as_deref(), Some("eu-west-1"));
        assert_eq!(signature.service.as_deref(), Some("s3"));
    }

    #[test]
    fn a_request_without_signature_has_no_names() {
        assert_eq!(Signature::of(&HeaderMap::new()), Signature::default());
    }
}
