//! The simulator: the production code of rehull over modelled AWS, machines and etcd, in virtual time.
//!
//! One seed decides every byte. [`prepare`] lets rehull create a cluster; [`Prepared::upgrade`] upgrades it while the
//! [`Faults`] of the scenario happen, and the [`Verdict`] says how it ended and which promises were broken.

mod boots;
mod chronicle;
mod control_plane;
pub mod coverage;
mod crew;
mod disturb;
mod draw;
mod edits;
pub mod etcd;
pub mod fault;
mod ground;
mod guest;
mod hands;
mod kube;
mod lab;
mod laid;
mod mix;
mod oracle;
mod process;
pub mod rehearse;
mod rhythm;
mod run;
mod scenario;
mod servers;
mod stand_in;
mod store;
mod story;
mod terraform;
#[cfg(test)]
mod tests;
mod time;
mod troubles;
mod verdict;
mod workers;

pub use crate::config::scenario::{read as read_scenario, write as write_scenario};
pub use chronicle::{Happened, Moment};
pub use control_plane::{ControlPlane, Ended as ControlPlaneEnded};
pub use fault::Faults;
pub use ground::{GroundError, Unplanned};
pub use hands::Passed;
pub use mix::{
    drawn, drawn_by_terraform, drawn_for_a_control_plane, drawn_for_a_person,
    drawn_for_an_edited_control_plane, drawn_for_edited_workers, drawn_for_workers, drawn_with_lies,
};
pub use oracle::{Breach, Standing};
pub use process::Ended;
pub use run::{Prepared, prepare};
pub use scenario::{Provisioner, Scenario};
pub use story::story;
pub use verdict::{End, Verdict};
pub use workers::{Workers, WorkersEnded};
