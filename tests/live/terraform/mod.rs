//! The driver against the real program, with modules that need no provider.

mod broken;
pub(crate) mod rig;
mod whole;
