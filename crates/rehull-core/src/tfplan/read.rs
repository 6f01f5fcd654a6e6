//! Reads a plan change by change: each is handed over and forgotten, so what grows with the plan is its text alone.
//!
//! The text is held once. Reading it byte by byte from the stream would save that, and costs a third of all time.

use std::collections::BTreeSet;
use std::fmt;
use std::io::{self, Read};

use serde::de::{DeserializeSeed, Deserializer, Error as _, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

use super::json::{flag, text};
use super::node::Malformed;

/// Why no plan could be read. None of these texts repeats what stands in the file.
#[derive(Debug, thiserror::Error)]
pub enum Unreadable {
    /// The stream failed.
    #[error("the plan could not be read to its end")]
    Broken(#[source] io::Error),
    /// No JSON, or cut off.
    #[error(
        "the plan is not JSON at line {line}, column {column}: it was cut off or is something else (`terraform show -json FILE` writes one object)"
    )]
    NotJson {
        /// From 1.
        line: usize,
        /// From 1.
        column: usize,
    },
    /// JSON, but with another shape than that of a plan.
    #[error(
        "the plan has a shape that this version does not know, near line {line}, column {column}: it is not what `terraform show -json FILE` writes, or is of a newer release"
    )]
    NotAPlan {
        /// From 1.
        line: usize,
        /// From 1.
        column: usize,
    },
}

impl From<serde_json::Error> for Unreadable {
    // The message of a serde error quotes the value that it did not expect, so only the place is taken.
    fn from(error: serde_json::Error) -> Self {
        let (line, column) = (error.line(), error.column());
        match error.classify() {
            serde_json::error::Category::Io => Self::Broken(error.into()),
            serde_json::error::Category::Syntax | serde_json::error::Category::Eof => {
                Self::NotJson { line, column }
            }
            serde_json::error::Category::Data => Self::NotAPlan { line, column },
        }
    }
}

/// What stands beside the changes.
#[derive(Debug, Default)]
pub(super) struct Header {
    pub(super) format_version: Option<String>,
    pub(super) tool_version: Option<String>,
    pub(super) applyable: Option<bool>,
    pub(super) complete: Option<bool>,
    pub(super) errored: Option<bool>,
    /// Entries of `deferred_changes`, `deferred_action_invocations` and `action_invocations`, by name of the list.
    pub(super) pending: Vec<(&'static str, usize)>,
    /// Entries of `resource_drift`.
    pub(super) drifted: usize,
    /// Names at the top that this version does not know, unless nothing stands there.
    pub(super) unknown_fields: Vec<String>,
}

/// Who is handed the parts, in file order.
pub(super) trait Sink {
    /// One entry of `resource_changes`.
    fn change(&mut self, raw: &RawValue);
    /// The object `output_changes`.
    fn outputs(&mut self, raw: &RawValue);
    /// The list `checks`.
    fn checks(&mut self, raw: &RawValue);
    /// The object `configuration`; it stands behind the changes.
    fn configuration(&mut self, raw: &RawValue);
    /// The object `prior_state`: what the plan has read before. Large, and not handed over to whoever does not want it.
    fn prior_state(&mut self, _: &RawValue) {}
    /// It does.
    fn wants_prior_state(&self) -> bool {
        false
    }
    /// The object `variables`; it stands before everything else, and no mask comes with it.
    fn variables(&mut self, raw: &RawValue);
}

/// # Errors
/// The stream breaks, is no JSON, or is no plan.
pub(super) fn read(mut plan: impl Read, sink: &mut impl Sink) -> Result<Header, Unreadable> {
    let mut text = Vec::new();
    plan.read_to_end(&mut text).map_err(Unreadable::Broken)?;
    let mut deserializer = serde_json::Deserializer::from_slice(&text);
    let header = deserializer.deserialize_map(Top { sink })?;
    deserializer.end()?;
    Ok(header)
}

struct Top<'s, S> {
    sink: &'s mut S,
}

impl<'de, S: Sink> Visitor<'de> for Top<'_, S> {
    type Value = Header;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a plan")
    }

    fn visit_map<A: MapAccess<'de>>(mut self, mut map: A) -> Result<Header, A::Error> {
        let mut header = Header::default();
        let mut seen = BTreeSet::new();
        while let Some(name) = map.next_key::<String>()? {
            self.field(&name, &mut map, &mut header)?;
            if !seen.insert(name) {
                return Err(A::Error::custom("a name stands twice"));
            }
        }
        Ok(header)
    }
}

impl<S: Sink> Top<'_, S> {
    fn field<'de, A: MapAccess<'de>>(
        &mut self,
        name: &str,
        map: &mut A,
        header: &mut Header,
    ) -> Result<(), A::Error> {
        match name {
            "resource_changes" => map.next_value_seed(Changes { sink: self.sink })?,
            "output_changes" => self.sink.outputs(&raw(map)?),
            "checks" => self.sink.checks(&raw(map)?),
            "configuration" => self.sink.configuration(&raw(map)?),
            "variables" => self.sink.variables(&raw(map)?),
            "format_version" => header.format_version = Some(word(map)?),
            "terraform_version" => header.tool_version = Some(word(map)?),
            "applyable" => header.applyable = Some(yes_or_no(map)?),
            "complete" => header.complete = Some(yes_or_no(map)?),
            "errored" => header.errored = Some(yes_or_no(map)?),
            "resource_drift" => header.drifted = map.next_value_seed(Count)?,
            "deferred_changes" => header
                .pending
                .push(("deferred_changes", map.next_value_seed(Count)?)),
            "deferred_action_invocations" => {
                let count = map.next_value_seed(Count)?;
                header.pending.push(("deferred_action_invocations", count));
            }
            "action_invocations" => header
                .pending
                .push(("action_invocations", map.next_value_seed(Count)?)),
            "prior_state" if self.sink.wants_prior_state() => {
                let state: &RawValue = map.next_value()?;
                self.sink.prior_state(state);
            }
            // What the world looks like before and after: the changes are the difference. `timestamp` is when, and
            // `relevant_attributes` a hint for display.
            "planned_values" | "prior_state" | "relevant_attributes" | "timestamp" => {
                map.next_value::<IgnoredAny>()?;
            }
            _ => {
                if !is_nothing(&raw(map)?) {
                    header.unknown_fields.push(name.to_owned());
                }
            }
        }
        Ok(())
    }
}

fn raw<'de, A: MapAccess<'de>>(map: &mut A) -> Result<Box<RawValue>, A::Error> {
    map.next_value()
}

fn word<'de, A: MapAccess<'de>>(map: &mut A) -> Result<String, A::Error> {
    let raw = raw(map)?;
    text(&raw).map(Into::into).map_err(shapeless)
}

fn yes_or_no<'de, A: MapAccess<'de>>(map: &mut A) -> Result<bool, A::Error> {
    flag(&raw(map)?).map_err(shapeless)
}

fn shapeless<E: serde::de::Error>(_: Malformed) -> E {
    E::custom("another shape")
}

fn is_nothing(raw: &RawValue) -> bool {
    ["null", "[]", "{}", "\"\"", "false"].contains(&raw.get().trim())
}

struct Changes<'s, S> {
    sink: &'s mut S,
}

impl<'de, S: Sink> DeserializeSeed<'de> for Changes<'_, S> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_seq(self)
    }
}

impl<'de, S: Sink> Visitor<'de> for Changes<'_, S> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of changes")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<(), A::Error> {
        while let Some(change) = list.next_element::<Box<RawValue>>()? {
            self.sink.change(&change);
        }
        Ok(())
    }
}

/// How many entries a list has.
struct Count;

impl<'de> DeserializeSeed<'de> for Count {
    type Value = usize;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<usize, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Count {
    type Value = usize;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list")
    }

    fn visit_unit<E>(self) -> Result<usize, E> {
        Ok(0)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<usize, A::Error> {
        let mut count = 0;
        while list.next_element::<IgnoredAny>()?.is_some() {
            count += 1;
        }
        Ok(count)
    }
}
