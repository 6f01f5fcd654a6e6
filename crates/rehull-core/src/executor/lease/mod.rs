//! One holder per cluster. The lease keeps two processes from working at the same time; the journal's numbers are what
//! makes a late one harmless.
//!
//! No clock of another machine is ever compared: a taker watches the object's *version* stand still for as long as the
//! holder's time to live and one call, measured on its own monotonic clock, and writes over exactly that version.

mod claim;
mod keeper;
mod record;
#[cfg(test)]
mod tests;
mod times;

pub use claim::{Acquired, Claim, Grant, Holding, LeaseError, acquire, take_over};
pub use keeper::LeaseKeeper;
pub use record::{LEASE_FORMAT, LeaseRecord};
pub use times::LeaseTimes;
