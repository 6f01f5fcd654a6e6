//! What etcd and AWS answer in words.

#[path = "../../src/adapters/aws/codes.rs"]
mod codes;
#[path = "../../src/adapters/etcd/words.rs"]
mod words;

use rehull_core::ports::{PortError, Rule};

use super::{Answer, limits};

/// The first line is a status or code, the rest is the text; both readers see both.
pub(super) fn answers(input: &[u8]) -> Answer {
    let text = String::from_utf8_lossy(input);
    let (number, text) = text.split_once('\n').unwrap_or(("", &text));
    let number: u16 = number.trim().parse().unwrap_or_default();
    let error = words::from_member(i32::from(number), text);
    limits::reason(&error.to_string());
    let written = serde_json::to_string(&error).unwrap_or_default();
    assert_eq!(
        serde_json::from_str::<PortError>(&written).ok(),
        Some(error.clone())
    );
    let code = text.trim();
    let of_aws = codes::family(code, number);
    if !code.starts_with("Client.") && !code.starts_with("Server.") {
        assert_eq!(of_aws, codes::family(&format!("Client.{code}"), number));
    }
    let is_known = of_aws != codes::Family::Rule(Rule::Other) && of_aws != codes::Family::Internal;
    if matches!(error, PortError::OutcomeUnknown { .. }) && !is_known {
        Answer::Refused
    } else {
        Answer::Taken
    }
}
