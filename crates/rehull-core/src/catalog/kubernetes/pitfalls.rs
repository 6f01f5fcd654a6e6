//! What breaks with a minor although every flag and every API is right.

use serde::Deserialize;

use super::data;
use super::releases::{UnknownMinor, release};
use crate::domain::version::KubernetesMinor;

/// How bad it is where it applies.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Severity {
    /// Worth knowing.
    Info,
    /// Something changes that somebody may have built on.
    Warn,
    /// Something stops.
    Block,
}

/// One thing that breaks.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Pitfall {
    /// Stable word.
    pub id: String,
    /// The minor with which it comes.
    pub minor: KubernetesMinor,
    /// Which part of a cluster.
    pub concerns: String,
    /// Where it applies.
    pub severity: Severity,
    /// What one sees.
    pub symptom: String,
    /// Where to look whether it applies.
    pub look: String,
    /// What helps.
    pub remedy: String,
    /// Where this comes from.
    pub source: String,
}

/// What comes on the way from one minor to another, in its order.
///
/// # Errors
/// Nobody described one of the two minors.
pub fn pitfalls(
    from: KubernetesMinor,
    to: KubernetesMinor,
) -> Result<impl Iterator<Item = &'static Pitfall>, UnknownMinor> {
    release(from)?;
    release(to)?;
    Ok(data::pitfalls()
        .pitfalls
        .iter()
        .filter(move |pitfall| from < pitfall.minor && pitfall.minor <= to))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use super::*;

    #[test]
    fn the_pitfalls_of_a_way_are_those_of_every_minor_on_it() {
        let minor = |number| KubernetesMinor::new(1, number);
        let ids = |from, to| {
            let pitfalls = pitfalls(minor(from), minor(to)).unwrap();
            pitfalls.map(|pitfall| pitfall.id.as_str()).collect::<Vec<_>>()
        };
        assert_eq!(ids(18, 19), ["coredns-migration", "x509-cn"]);
        assert_eq!(ids(19, 19), Vec::<&str>::new());
        assert_eq!(ids(14, 37).len(), data::pitfalls().pitfalls.len());
        assert_eq!(pitfalls(minor(30), minor(60)).err().unwrap().minor, minor(60));
    }
}
