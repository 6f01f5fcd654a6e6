//! The command line: what was typed, what is meant, one file per command.

pub mod diagnostics;
