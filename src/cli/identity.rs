//! Who this process is, in the lease and in the journal.

use super::environment::Environment;
use super::exit::Exit;
use super::failure::Failure;

/// A name for people and a number for machines.
#[derive(Clone, Debug)]
pub struct Identity {
    /// `user@host pid`.
    pub holder: String,
    /// Random per process.
    pub nonce: String,
}

impl Identity {
    /// Of this process.
    ///
    /// # Errors
    /// The system gives no random numbers: two processes could then not be told apart.
    pub fn of_this_process(environment: &Environment) -> Result<Self, Failure> {
        let mut bytes = [0_u8; 16];
        let filled = rustix::rand::getrandom(&mut bytes, rustix::rand::GetRandomFlags::empty());
        if filled != Ok(bytes.len()) {
            return Err(Failure::new(
                Exit::Refused,
                "system::random",
                "the system gives no random numbers",
            ));
        }
        let user = environment
            .get("USER")
            .or_else(|| environment.get("LOGNAME"))
            .unwrap_or("somebody");
        let host = rustix::system::uname();
        let host = host.nodename().to_string_lossy();
        let pid = std::process::id();
        Ok(Self {
            holder: format!("{user}@{host} {pid}"),
            nonce: hex::encode(bytes),
        })
    }
}
