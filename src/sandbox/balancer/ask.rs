//! One health check, as a network load balancer makes it: a connection of its own each time, no certificate looked at.

use std::net::SocketAddr;
use std::time::Duration;

use rehull_core::world::Check;
use reqwest::redirect::Policy;
use tokio::net::TcpStream;

use super::prober::pause;

/// What a target is asked, again and again.
pub(super) struct Question {
    kind: Kind,
    timeout: Duration,
    /// Until it is asked again.
    pub(super) pause: Duration,
}

enum Kind {
    Connect(SocketAddr),
    Get {
        client: reqwest::Client,
        url: String,
        codes: String,
    },
    /// Cannot be asked, so it never passes.
    Nothing,
}

impl Question {
    pub(super) fn of(check: &Check) -> Self {
        let timeout = Duration::from_secs(check.how.timeout.unsigned_abs());
        Self {
            kind: kind(check, timeout),
            timeout,
            pause: pause(check),
        }
    }

    pub(super) async fn passes(&self) -> bool {
        match &self.kind {
            Kind::Connect(address) => {
                let connected = tokio::time::timeout(self.timeout, TcpStream::connect(address)).await;
                connected.is_ok_and(|outcome| outcome.is_ok())
            }
            Kind::Get { client, url, codes } => {
                let answer = client.get(url).send().await;
                answer.is_ok_and(|answer| is_among(codes, answer.status().as_u16()))
            }
            Kind::Nothing => false,
        }
    }
}

fn kind(check: &Check, timeout: Duration) -> Kind {
    let Ok(port) = u16::try_from(check.port) else {
        return Kind::Nothing;
    };
    let address = SocketAddr::from((check.address, port));
    let scheme = match check.how.protocol.as_str() {
        "HTTPS" => "https",
        "HTTP" => "http",
        _ => return Kind::Connect(address),
    };
    let client = reqwest::Client::builder()
        .timeout(timeout)
        .tls_danger_accept_invalid_certs(true)
        .redirect(Policy::none())
        .pool_max_idle_per_host(0)
        .no_proxy()
        .build();
    match client {
        Ok(client) => Kind::Get {
            client,
            url: format!("{scheme}://{address}{}", check.how.path.as_deref().unwrap_or("/")),
            codes: check.how.matcher.clone().unwrap_or_default(),
        },
        Err(error) => {
            tracing::warn!(%error, "a health check cannot be made");
            Kind::Nothing
        }
    }
}

/// `200`, `200,202` or `200-399`.
fn is_among(codes: &str, code: u16) -> bool {
    codes.split(',').any(|part| {
        let (first, last) = part.split_once('-').unwrap_or((part, part));
        match (first.trim().parse::<u16>(), last.trim().parse::<u16>()) {
            (Ok(first), Ok(last)) => (first..=last).contains(&code),
            _ => false,
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_a_list_or_a_range() {
        for (codes, code, expected) in [
            ("200-399", 200, true),
            ("200-399", 399, true),
            ("200-399", 403, false),
            ("200", 204, false),
            ("200,202", 202, true),
            ("", 200, false),
        ] {
            assert_eq!(is_among(codes, code), expected, "{codes} {code}");
        }
    }
}
