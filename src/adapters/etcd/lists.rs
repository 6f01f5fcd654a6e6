//! Member lists that can be trusted: read from one member after a linearizable read through the same member.
//!
//! The client library always asks for a list with `linearizable: false`, and 3.4 has no such flag at all. A member
//! that has just served a linearizable read has applied everything committed before it, membership included.

use std::time::Duration;

use etcd_client::{Client, Error as Raw, GetOptions, Member};
use rehull_core::domain::etcd::ListedMember;
use rehull_core::domain::ids::MemberId;
use rehull_core::ports::PortError;

use super::pool::EtcdPool;

/// Read for its consistency, never for its content.
const GATE_KEY: &str = "/rehull/probe/gate";

/// A member list as one member sees it.
pub(super) struct Listing {
    /// Sorted by id.
    pub(super) members: Vec<ListedMember>,
    /// Where the started ones serve clients, in the same order.
    pub(super) client_urls: Vec<String>,
}

impl Listing {
    pub(super) fn by_peer_url(&self, url: &str) -> Option<&ListedMember> {
        self.members
            .iter()
            .find(|member| member.peer_urls.iter().any(|peer| peer == url))
    }

    pub(super) fn by_id(&self, id: MemberId) -> Option<&ListedMember> {
        self.members.iter().find(|member| member.id == id)
    }
}

/// Returns the revision of the store.
pub(super) async fn linearizable_read(mut client: Client) -> Result<i64, Raw> {
    let options = GetOptions::new().with_count_only();
    let response = client.get(GATE_KEY, Some(options)).await?;
    Ok(response.header().map_or(0, etcd_client::ResponseHeader::revision))
}

/// The member's own copy of the list, as fresh as its last applied entry.
pub(super) async fn own_copy(mut client: Client) -> Result<Listing, Raw> {
    let response = client.member_list().await?;
    let mut sorted: Vec<&Member> = response.members().iter().collect();
    sorted.sort_by_key(|member| member.id());
    Ok(Listing {
        members: sorted.iter().map(|member| listed(member)).collect(),
        client_urls: sorted
            .iter()
            .filter_map(|member| member.client_urls().first().cloned())
            .collect(),
    })
}

fn listed(member: &Member) -> ListedMember {
    ListedMember {
        id: MemberId(member.id()),
        name: member.name().to_owned(),
        peer_urls: member.peer_urls().to_vec(),
        learner: member.is_learner(),
    }
}

impl EtcdPool {
    /// Linearizable read, then the list, both within `limit`.
    pub(super) async fn listing(&self, url: &str, limit: Duration) -> Result<Listing, PortError> {
        self.read(url, limit, |client| async move {
            linearizable_read(client.clone()).await?;
            own_copy(client).await
        })
        .await
    }
}
