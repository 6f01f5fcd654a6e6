//! What a wait costs beside the dance. No `_` arm: a new one must be thought about.

pub use rehull_core::domain::phase::Phase;
use rehull_core::domain::waiting::WaitingOn;

/// Waits that are no work of a step: the reader wants to know what they cost.
pub(super) fn hold(on: &WaitingOn) -> Option<&'static str> {
    match on {
        WaitingOn::Unreadable { .. } => Some("unreadable"),
        WaitingOn::Snapshot { .. } => Some("snapshot"),
        WaitingOn::Terraform { .. } => Some("terraform"),
        WaitingOn::Gate { .. } => Some("gates"),
        WaitingOn::Bake { .. } | WaitingOn::Canary { .. } => Some("bake"),
        WaitingOn::Floor { .. } => Some("healthy targets"),
        WaitingOn::Drain { .. } => Some("drains"),
        WaitingOn::DrainTurn { .. } => Some("drain turns"),
        WaitingOn::OtherMemberOut { .. } => Some("another member out"),
        WaitingOn::Retry { .. } => Some("retries"),
        WaitingOn::Boot { .. }
        | WaitingOn::Settle { .. }
        | WaitingOn::Leader { .. }
        | WaitingOn::Stop { .. }
        | WaitingOn::Slot { .. }
        | WaitingOn::Join { .. }
        | WaitingOn::Termination { .. }
        | WaitingOn::Launch { .. }
        | WaitingOn::Serving { .. }
        | WaitingOn::NodeReady { .. }
        | WaitingOn::LetGo { .. } => None,
    }
}
