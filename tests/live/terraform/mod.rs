//! The driver against the real program, with modules that need no provider; and, where there is one, the real provider.

mod broken;
mod covered;
mod empty;
mod provider;
pub(crate) mod rig;
mod whole;
