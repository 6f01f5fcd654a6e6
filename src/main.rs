//! The program: hidden sandbox commands first, because the first process of a machine must own its only thread.

use std::process::ExitCode;

fn main() -> ExitCode {
    if let Some(code) = rehull::sandbox::machine::run_if_asked(std::env::args_os()) {
        return code;
    }
    ExitCode::SUCCESS
}
