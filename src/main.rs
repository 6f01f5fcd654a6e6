//! `rehull`: everything is in the library; this file only gives it a process.

use std::process::ExitCode;

fn main() -> ExitCode {
    rehull::cli::main()
}
