//! What every slot's address answers, all asked at once, each judged alone.

use std::io::ErrorKind;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use etcd_client::StatusResponse;
use futures_util::future::{join, join_all};
use jiff::Timestamp;
use rehull_core::domain::desired::Slot;
use rehull_core::domain::etcd::{Endpoint, EtcdView as View, MemberAnswer};
use rehull_core::domain::ids::{EtcdClusterId, MemberId};
use rehull_core::domain::version::EtcdVersion;
use rehull_core::ports::{EtcdView, PortError};
use reqwest::tls::TlsInfo;
use serde::Deserialize;
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::alarms;
use super::error::words;
use super::lists::{linearizable_read, own_copy};
use super::pool::{CONNECT_LIMIT, EtcdPool, READ_LIMIT};
use super::tls::{ends_at, in_plain_words};
use crate::adapters::plain::{self, chain};

/// Port, TLS and `/version` of one slot. With [`ANSWER_LIMIT`] it makes the 5 s that an observation may take.
const REACH_LIMIT: Duration = Duration::from_millis(2500);
/// Status, read and list of one slot.
const ANSWER_LIMIT: Duration = Duration::from_millis(2500);
const CLIENT_PORT: u16 = 2379;

/// Body of `GET /version`.
#[derive(Debug, Deserialize)]
struct Versions {
    #[serde(default)]
    etcdcluster: String,
    /// Of the certificate in this handshake.
    #[serde(skip)]
    cert_until: Option<Timestamp>,
}

#[async_trait]
impl EtcdView for EtcdPool {
    async fn observe(&self, slots: &[Slot]) -> View {
        let reached = join_all(slots.iter().map(async |slot| {
            timeout(REACH_LIMIT, self.reach(slot))
                .await
                .unwrap_or_else(|_| Err(late(REACH_LIMIT)))
        }));
        // All statuses at one moment, after the slowest handshake: how far one member is behind another is only
        // known from figures of the same moment, and at 2,000 writes/s 50 ms are 100 entries.
        let answers = join_all(reached.await.into_iter().zip(slots).map(async |(reached, slot)| {
            let endpoint = match reached {
                Ok(versions) => timeout(ANSWER_LIMIT, self.ask(slot, &versions))
                    .await
                    .unwrap_or_else(|_| Err(late(ANSWER_LIMIT)))
                    .unwrap_or_else(|endpoint| endpoint),
                Err(endpoint) => endpoint,
            };
            (slot.name.clone(), endpoint)
        }));
        let mut endpoints = answers.await.into_iter().collect();
        alarms::at_home(&mut endpoints);
        View {
            endpoints,
            client_cert_until: self.cert_until(),
        }
    }

    async fn compare_hashes(&self, slots: &[Slot]) -> Result<(), PortError> {
        self.hashes_agree(slots).await
    }
}

impl EtcdPool {
    /// From the outside in: port, TLS, HTTP. The first layer that fails names the endpoint.
    async fn reach(&self, slot: &Slot) -> Result<Versions, Endpoint> {
        dial(SocketAddr::from((slot.address, CLIENT_PORT))).await?;
        self.versions(&slot.client_url()).await
    }

    /// `/readyz` beside the rest: it hangs where there is no quorum, and takes a handshake of its own.
    async fn ask(&self, slot: &Slot, versions: &Versions) -> Result<Endpoint, Endpoint> {
        let (unready, answer) = join(self.unready(slot), self.answer(slot, versions)).await;
        Ok(Endpoint::Answered(Box::new(MemberAnswer { unready, ..answer? })))
    }

    async fn answer(&self, slot: &Slot, versions: &Versions) -> Result<MemberAnswer, Endpoint> {
        let url = slot.client_url();
        let status = self
            .read(
                &url,
                READ_LIMIT,
                |mut client| async move { client.status().await },
            )
            .await
            .map_err(endpoint_of)?;
        let mut answer = answer_of(&status)?;
        answer.cluster_version = line(&versions.etcdcluster);
        answer.cert_until = versions.cert_until;
        answer.serves = self.read(&url, READ_LIMIT, linearizable_read).await.is_ok();
        if answer.serves {
            // Without the read before it the list may be an old one: better none than a wrong one.
            let list = self.read(&url, READ_LIMIT, own_copy).await;
            answer.members = list.ok().map(|listing| Arc::new(listing.members));
        }
        Ok(answer)
    }

    /// A new handshake each time; a connection that was closed in the middle is tried once more, because a server
    /// that rejects our certificate can close before its reason arrives.
    async fn versions(&self, url: &str) -> Result<Versions, Endpoint> {
        let url = format!("{url}/version");
        let body = match self.http_text(&url).await {
            Err(error) if in_plain_words(&chain(&error)).is_none() && !error.is_timeout() => {
                self.http_text(&url).await
            }
            first => first,
        };
        let (body, cert_until) = body.map_err(|error| unreached(&error))?;
        let versions: Versions = serde_json::from_str(&body)
            .map_err(|_| Endpoint::Strange(format!("`GET /version` answered `{}`", first_chars(&body))))?;
        Ok(Versions {
            cert_until,
            ..versions
        })
    }

    /// With the end of the certificate that was shown for it.
    async fn http_text(&self, url: &str) -> Result<(String, Option<Timestamp>), reqwest::Error> {
        let response = self.http().get(url).send().await?.error_for_status()?;
        let shown = response.extensions().get::<TlsInfo>();
        let until = shown.and_then(TlsInfo::peer_certificate).and_then(ends_at);
        Ok((response.text().await?, until))
    }
}

fn late(limit: Duration) -> Endpoint {
    Endpoint::Silent(format!("no complete answer within {limit:?}"))
}

/// A refused port means "no process"; anything else that does not connect may be alive behind a broken path.
async fn dial(address: SocketAddr) -> Result<(), Endpoint> {
    match timeout(CONNECT_LIMIT, TcpStream::connect(address)).await {
        Ok(Ok(_)) => Ok(()),
        Ok(Err(error)) if error.kind() == ErrorKind::ConnectionRefused => Err(Endpoint::Refused),
        Ok(Err(error)) => Err(Endpoint::Silent(plain::failed(&error))),
        Err(_) => Err(Endpoint::Silent(format!(
            "no connection within {CONNECT_LIMIT:?}"
        ))),
    }
}

fn unreached(error: &reqwest::Error) -> Endpoint {
    if let Some(words) = in_plain_words(&chain(error)) {
        Endpoint::Strange(words)
    } else if error.is_timeout() {
        Endpoint::Silent(format!("the port is open, but no answer within {READ_LIMIT:?}"))
    } else if let Some(status) = error.status() {
        Endpoint::Strange(format!("`GET /version` answered with status {}", status.as_u16()))
    } else {
        Endpoint::Silent(words(error))
    }
}

fn endpoint_of(error: PortError) -> Endpoint {
    if let PortError::OutcomeUnknown { why } | PortError::NotSent { why } = error {
        return match in_plain_words(&why) {
            Some(words) => Endpoint::Strange(words),
            None => Endpoint::Silent(why),
        };
    }
    Endpoint::Strange(error.to_string())
}

fn answer_of(status: &StatusResponse) -> Result<MemberAnswer, Endpoint> {
    let header = status
        .header()
        .ok_or_else(|| Endpoint::Strange("a status without a header".to_owned()))?;
    let version: EtcdVersion = status
        .version()
        .parse()
        .map_err(|error| Endpoint::Strange(format!("its version: {error}")))?;
    let downgrade_to = status
        .downgrade_info()
        .filter(|info| info.enabled())
        .map(|info| downgrade_target(info.target_version()))
        .transpose()?;
    let quota = u64::try_from(status.db_size_quota()).unwrap_or(0);
    Ok(MemberAnswer {
        id: MemberId(header.member_id()),
        cluster: EtcdClusterId(header.cluster_id()),
        leader: Some(status.leader()).filter(|&id| id != 0).map(MemberId),
        term: status.raft_term(),
        raft_index: status.raft_index(),
        applied_index: status.raft_applied_index(),
        version,
        cluster_version: None,
        learner: status.is_learner(),
        alarms: alarms::told(status.errors()),
        db_size: u64::try_from(status.db_size()).unwrap_or(0),
        db_quota: Some(quota).filter(|&bytes| bytes != 0),
        members: None,
        serves: false,
        unready: Vec::new(),
        cert_until: None,
        downgrade_to,
    })
}

/// Nobody may guess what a downgrade is for.
fn downgrade_target(version: &str) -> Result<(u32, u32), Endpoint> {
    line(version).ok_or_else(|| Endpoint::Strange(format!("etcd's downgrade is enabled for `{version}`")))
}

/// `3.5.0` → `(3, 5)`; `not_decided` and nothing at all → `None`.
fn line(cluster_version: &str) -> Option<(u32, u32)> {
    let mut parts = cluster_version.split('.').map(str::parse);
    match (parts.next(), parts.next()) {
        (Some(Ok(major)), Some(Ok(minor))) => Some((major, minor)),
        _ => None,
    }
}

fn first_chars(body: &str) -> String {
    body.chars().take(80).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cluster_version_that_is_not_decided_is_none() {
        assert_eq!(line("3.6.0"), Some((3, 6)));
        assert_eq!(line("not_decided"), None);
        assert_eq!(line(""), None);
    }

    #[test]
    fn a_downgrade_for_something_that_is_no_version_makes_the_answer_strange() {
        assert_eq!(downgrade_target("3.5.0"), Ok((3, 5)));
        let strange = downgrade_target("the one before").unwrap_err();
        assert_eq!(
            strange.words(),
            "answers, but not as a member of this cluster: etcd's downgrade is enabled for `the one before`"
        );
    }
}
