//! `rehull sandbox …`: a cluster of real processes on this machine.

pub(super) mod args;
pub mod control_plane;
pub mod demo;
pub mod down;
pub mod harm;
pub mod pin;
pub mod status;
pub mod up;
