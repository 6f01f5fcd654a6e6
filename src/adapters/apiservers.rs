//! Apiservers, asked at their machines' own addresses: `/readyz` and `/version`. What the load balancer thinks of them is
//! another question.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use rehull_core::domain::control_plane::{SECURE_PORT, SERVER_NAME};
use rehull_core::domain::group::Server;
use rehull_core::domain::ids::InstanceId;
use rehull_core::domain::version::KubernetesVersion;
use rehull_core::ports::Servers;
use reqwest::{Client, StatusCode};
use serde::Deserialize;

use super::aws::AwsAddresses;
use super::etcd::{PemTls, UnusableTls, tls_words};
use super::plain;

/// A server in another zone answers a SYN within milliseconds; one retransmission (1 s) is allowed for.
const CONNECT_LIMIT: Duration = Duration::from_secs(2);
/// Both pages take milliseconds; a server that needs longer does not serve.
const READ_LIMIT: Duration = Duration::from_secs(3);
/// Characters of an answer that are told.
const SAID_MAX_CHARS: usize = 200;

/// The apiservers of one control plane.
pub struct ApiServers {
    addresses: AwsAddresses,
    tls: PemTls,
    clients: Mutex<BTreeMap<Ipv4Addr, Client>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct VersionPage {
    git_version: String,
}

impl ApiServers {
    /// Makes no connection yet.
    ///
    /// # Errors
    /// The PEM texts do not parse, or key and certificate do not belong together.
    pub fn new(addresses: AwsAddresses, tls: PemTls) -> Result<Self, UnusableTls> {
        let servers = Self {
            addresses,
            tls,
            clients: Mutex::new(BTreeMap::new()),
        };
        servers.client(Ipv4Addr::LOCALHOST).map(drop)?;
        Ok(servers)
    }

    /// Whose certificate holds a name and no addresses: those of a group's machines change.
    fn client(&self, address: Ipv4Addr) -> Result<Client, UnusableTls> {
        let mut clients = self.clients.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(client) = clients.get(&address) {
            return Ok(client.clone());
        }
        let unusable = |error: reqwest::Error| UnusableTls(tls_words(&error));
        let authorities = reqwest::Certificate::from_pem_bundle(&self.tls.ca).map_err(unusable)?;
        if authorities.is_empty() {
            return Err(UnusableTls("no certificate authority in it".to_owned()));
        }
        let mut identity = self.tls.cert.clone();
        identity.push(b'\n');
        identity.extend_from_slice(&self.tls.key);
        let client = Client::builder()
            .tls_certs_only(authorities)
            .identity(reqwest::Identity::from_pem(&identity).map_err(unusable)?)
            .https_only(true)
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            // Each look shall see whether new connections are taken.
            .pool_max_idle_per_host(0)
            .connect_timeout(CONNECT_LIMIT)
            .timeout(READ_LIMIT)
            .resolve(SERVER_NAME, SocketAddr::from((address, SECURE_PORT)))
            .build()
            .map_err(unusable)?;
        clients.insert(address, client.clone());
        Ok(client)
    }

    async fn ask(&self, address: Ipv4Addr) -> Server {
        let client = match self.client(address) {
            Ok(client) => client,
            Err(unusable) => {
                return Server::NotReady {
                    why: unusable.to_string(),
                };
            }
        };
        match page(&client, "readyz").await {
            Ok((StatusCode::OK, _)) => {}
            Ok((status, body)) => {
                return Server::NotReady {
                    why: unready(status, &body),
                };
            }
            Err(server) => return server,
        }
        match page(&client, "version").await {
            Ok((StatusCode::OK, body)) => ready(&body),
            Ok((status, body)) => Server::NotReady {
                why: format!("/version answers {}: {}", status.as_u16(), said(&body)),
            },
            Err(server) => server,
        }
    }
}

#[async_trait]
impl Servers for ApiServers {
    async fn observe(&self, machines: &[InstanceId]) -> BTreeMap<InstanceId, Server> {
        let addresses = match self.addresses.of(machines).await {
            Ok(addresses) => addresses,
            Err(error) => {
                let why = format!("its address cannot be read: {error}");
                let unread = |machine: &InstanceId| (machine.clone(), Server::NotReady { why: why.clone() });
                return machines.iter().map(unread).collect();
            }
        };
        let asked = machines.iter().map(async |machine| match addresses.get(machine) {
            Some(address) => (machine.clone(), self.ask(*address).await),
            None => (machine.clone(), Server::Silent),
        });
        futures_util::future::join_all(asked).await.into_iter().collect()
    }
}

async fn page(client: &Client, path: &str) -> Result<(StatusCode, String), Server> {
    let url = format!("https://{SERVER_NAME}:{SECURE_PORT}/{path}");
    let answer = async {
        let response = client.get(&url).send().await?;
        let status = response.status();
        Ok::<_, reqwest::Error>((status, response.text().await?))
    };
    answer.await.map_err(|error| {
        if error.is_timeout() {
            Server::Silent
        } else if plain::is_refused(&error) {
            Server::Refused
        } else {
            Server::NotReady {
                why: tls_words(&error),
            }
        }
    })
}

/// Names of the checks that fail, where it is that page; else the answer.
fn unready(status: StatusCode, body: &str) -> String {
    let failed = body.lines().filter_map(|line| {
        let name = line.strip_prefix("[-]")?.split_whitespace().next()?;
        Some(name.to_owned())
    });
    let failed: Vec<String> = failed.collect();
    if failed.is_empty() {
        format!("/readyz answers {}: {}", status.as_u16(), said(body))
    } else {
        format!("fails {}", said(&failed.join(", ")))
    }
}

fn said(text: &str) -> String {
    let plain = text.chars().map(|c| if c.is_control() { ' ' } else { c });
    plain.take(SAID_MAX_CHARS).collect::<String>().trim().to_owned()
}

fn ready(body: &str) -> Server {
    let told = serde_json::from_str::<VersionPage>(body).map(|page| page.git_version);
    let Ok(told) = told else {
        return Server::NotReady {
            why: format!("/version says something else: {}", said(body)),
        };
    };
    match release(&told) {
        Some(version) => Server::Ready { version },
        None => Server::NotReady {
            why: format!("tells {} as its version, which is no release", said(&told)),
        },
    }
}

/// `v1.34.2`, also with what a distribution has added; a pre-release is not the release.
pub(super) fn release(told: &str) -> Option<KubernetesVersion> {
    let bare = told.strip_prefix('v').unwrap_or(told);
    let (release, more) = bare.split_at(bare.find(['+', '-']).unwrap_or(bare.len()));
    let is_before = ["-alpha", "-beta", "-rc", "-master"]
        .iter()
        .any(|word| more.starts_with(word));
    release.parse().ok().filter(|_| !is_before)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_release_is_read_with_what_a_distribution_added_and_a_candidate_is_none() {
        let page =
            |version: &str| format!("{{\"major\":\"1\",\"minor\":\"34\",\"gitVersion\":\"{version}\"}}");
        let ready = Server::Ready {
            version: KubernetesVersion::new(1, 34, 2),
        };
        for told in ["v1.34.2", "v1.34.2+k3s1", "v1.34.2-eks-1234"] {
            assert_eq!(super::ready(&page(told)), ready, "{told}");
        }
        for told in [
            "v1.34.2-rc.1",
            "v1.35.0-alpha.3",
            "v0.0.0-master+$Format:%H$",
            "1.34",
            "",
        ] {
            assert!(
                matches!(super::ready(&page(told)), Server::NotReady { .. }),
                "{told}"
            );
        }
        assert!(matches!(super::ready("<html>"), Server::NotReady { .. }));
    }

    #[test]
    fn failing_checks_are_told_by_name_and_anything_else_by_its_words() {
        let body = "[+]ping ok\n[-]poststarthook/rbac/bootstrap-roles failed: not finished\n[-]etcd failed: x\nreadyz check failed\n";
        assert_eq!(
            unready(StatusCode::INTERNAL_SERVER_ERROR, body),
            "fails poststarthook/rbac/bootstrap-roles, etcd"
        );
        assert_eq!(
            unready(StatusCode::FORBIDDEN, "no\u{1b}[2J"),
            "/readyz answers 403: no [2J"
        );
    }
}
