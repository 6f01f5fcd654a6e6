//! `rehull`: everything is in the library; this file only gives it a process.

use std::process::ExitCode;

fn main() -> ExitCode {
    // Before anything else: daemon and machines of a sandbox, whose first process must own its only thread.
    rehull::sandbox::run_if_asked(std::env::args_os()).unwrap_or_else(rehull::cli::main)
}
