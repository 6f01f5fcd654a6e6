//! A stand-in inside a machine: hands its arguments to the agent and ends with the agent's answer.

use std::fs::File;
use std::io::{self, Read, Write};
use std::net::Shutdown;
use std::os::unix::net::UnixStream;
use std::process::ExitCode;

use super::control::{Reply, Request, SOCKET};

/// `rehull sandbox guest TOOL …`: runs inside a machine only.
#[must_use]
pub fn guest_main(tool: &str, arguments: &[&str]) -> ExitCode {
    let reply = ask(tool, arguments).unwrap_or_else(|error| Reply {
        code: 1,
        out: String::new(),
        err: format!("{tool} (stand-in): the agent of the machine does not answer: {error}\n"),
    });
    // The streams of a program of the machine, not of the rehull that a person started.
    for (stream, text) in [("/dev/stdout", &reply.out), ("/dev/stderr", &reply.err)] {
        if !text.is_empty() {
            // A closed stream has nobody to tell.
            let _ = File::options()
                .append(true)
                .open(stream)
                .and_then(|mut stream| stream.write_all(text.as_bytes()));
        }
    }
    ExitCode::from(reply.code)
}

fn ask(tool: &str, arguments: &[&str]) -> io::Result<Reply> {
    let mut agent = UnixStream::connect(format!("/{SOCKET}"))?;
    let request = Request {
        tool: tool.to_owned(),
        arguments: arguments.iter().map(|word| (*word).to_owned()).collect(),
    };
    agent.write_all(&serde_json::to_vec(&request)?)?;
    agent.shutdown(Shutdown::Write)?;
    let mut answer = Vec::new();
    agent.read_to_end(&mut answer)?;
    Ok(serde_json::from_slice(&answer)?)
}
