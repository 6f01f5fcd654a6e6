//! `rehull sandbox …`: a cluster of real processes on this machine.

pub mod demo;
pub mod down;
pub mod pin;
pub mod status;
pub mod up;
