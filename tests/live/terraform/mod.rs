//! The driver against the real program, with modules that need no provider.

mod broken;
mod rig;
mod whole;
