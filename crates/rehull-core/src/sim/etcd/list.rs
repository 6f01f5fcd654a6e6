//! The membership, and the list of it that every member shows: made once, until somebody may have changed it.

use std::collections::BTreeMap;
use std::ops::{Deref, DerefMut};
use std::sync::{Arc, OnceLock};

use super::Member;
use crate::domain::etcd::ListedMember;
use crate::domain::ids::MemberId;

/// Reads as the map that it is; whoever takes it to write makes the list anew.
#[derive(Clone, Debug, Default)]
pub(super) struct Members {
    by_id: BTreeMap<MemberId, Member>,
    shown: OnceLock<Arc<Vec<ListedMember>>>,
}

impl Members {
    /// As a client is told it.
    pub(super) fn shown(&self) -> Arc<Vec<ListedMember>> {
        let listed = |member: &Member| ListedMember {
            id: member.id,
            name: member.name.clone(),
            peer_urls: vec![member.url.clone()],
            learner: member.learner,
        };
        let shown = || Arc::new(self.by_id.values().map(listed).collect());
        self.shown.get_or_init(shown).clone()
    }
}

impl Deref for Members {
    type Target = BTreeMap<MemberId, Member>;

    fn deref(&self) -> &Self::Target {
        &self.by_id
    }
}

impl DerefMut for Members {
    fn deref_mut(&mut self) -> &mut Self::Target {
        self.shown.take();
        &mut self.by_id
    }
}
