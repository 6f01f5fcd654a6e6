//! What surrounds the process: read once, handed on.

use std::collections::BTreeMap;
use std::ffi::OsString;

use crate::sandbox::faults::Fault;

/// The surroundings of the process as they were at the start. They may hold secrets, so they cannot be printed.
#[derive(Clone, Default)]
pub struct Environment {
    variables: BTreeMap<String, String>,
    fault: Option<Fault>,
}

impl Environment {
    /// Reads it, once; values that are no UTF-8 are left out.
    #[must_use]
    pub fn read() -> Self {
        let text =
            |(name, value): (OsString, OsString)| Some((name.into_string().ok()?, value.into_string().ok()?));
        Self {
            variables: std::env::vars_os().filter_map(text).collect(),
            fault: None,
        }
    }

    /// With something that goes wrong on purpose.
    #[must_use]
    pub fn with(self, fault: Option<Fault>) -> Self {
        Self { fault, ..self }
    }

    /// What goes wrong on purpose.
    #[must_use]
    pub const fn fault(&self) -> Option<Fault> {
        self.fault
    }

    /// All of it, for a program that chooses what it takes.
    pub fn all(&self) -> impl Iterator<Item = (&str, &str)> {
        self.variables
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// The value of a variable; an empty one counts as absent.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        self.variables
            .get(name)
            .map(String::as_str)
            .filter(|value| !value.is_empty())
    }
}
