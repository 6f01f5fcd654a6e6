//! `GET /readyz` on the client port (3.4.29, 3.5.11 and later): what the member itself thinks of serving.

use rehull_core::domain::desired::Slot;
use reqwest::StatusCode;

use super::error::words;
use super::pool::{EtcdPool, READ_LIMIT};

impl EtcdPool {
    /// Names of the checks that fail; empty where all pass, and where the version has no such page. No answer is not
    /// "ready".
    pub(super) async fn unready(&self, slot: &Slot) -> Vec<String> {
        let url = format!("{}/readyz", slot.client_url());
        let answer = async {
            let response = self.http().get(&url).send().await?;
            let status = response.status();
            Ok::<_, reqwest::Error>((status, response.text().await?))
        };
        match answer.await {
            Ok((status, body)) => failing(status, &body),
            Err(error) if error.is_timeout() => vec![format!("no answer within {READ_LIMIT:?}")],
            Err(error) => vec![format!("no answer: {}", words(&error))],
        }
    }
}

fn failing(status: StatusCode, body: &str) -> Vec<String> {
    if status.is_success() || status == StatusCode::NOT_FOUND {
        return Vec::new();
    }
    let names: Vec<String> = body.lines().filter_map(failed_check).collect();
    if names.is_empty() {
        vec![format!("status {}", status.as_u16())]
    } else {
        names
    }
}

/// `[-]linearizable_read failed: context deadline exceeded` → `linearizable_read`.
fn failed_check(line: &str) -> Option<String> {
    line.strip_prefix("[-]")?
        .split_whitespace()
        .next()
        .map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failing_checks_are_told_by_name() {
        let body = "[-]data_corruption failed: alarm activated: CORRUPT\n[+]serializable_read ok\n\
            [-]linearizable_read failed: etcdserver: no leader\n/readyz check failed\n";
        assert_eq!(
            failing(StatusCode::SERVICE_UNAVAILABLE, body),
            ["data_corruption", "linearizable_read"]
        );
        assert_eq!(failing(StatusCode::BAD_GATEWAY, "what?"), ["status 502"]);
    }

    #[test]
    fn a_member_that_is_ready_or_knows_no_such_page_is_not_judged() {
        assert!(failing(StatusCode::OK, "ok\n").is_empty());
        assert!(failing(StatusCode::NOT_FOUND, "404 page not found\n").is_empty());
    }
}
