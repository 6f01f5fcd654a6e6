//! The loop that mutates: observe, decide, write the intent down, perform, write the outcome down, tell.

#[cfg(test)]
pub(crate) mod fakes;
pub mod lease;
