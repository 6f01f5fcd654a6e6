//! STS: who am I.

use rehull_core::world::AwsError;
use rehull_core::world::api::CallerIdentity;

use super::xml::Xml;

const NAMESPACE: &str = "https://sts.amazonaws.com/doc/2011-06-15/";

pub(super) fn encode(request_id: &str, identity: &CallerIdentity) -> String {
    Xml::document("GetCallerIdentityResponse", Some(NAMESPACE), |xml| {
        xml.element("GetCallerIdentityResult", |xml| {
            xml.leaf("Arn", &identity.arn);
            xml.leaf("UserId", &identity.user_id);
            xml.leaf("Account", &identity.account);
        });
        xml.element("ResponseMetadata", |xml| xml.leaf("RequestId", request_id));
    })
}

pub(super) fn encode_error(request_id: &str, error: &AwsError) -> String {
    Xml::document("ErrorResponse", Some(NAMESPACE), |xml| {
        xml.element("Error", |xml| {
            xml.leaf("Type", "Sender");
            xml.leaf("Code", error.code);
            xml.leaf("Message", &error.message);
        });
        xml.leaf("RequestId", request_id);
    })
}
