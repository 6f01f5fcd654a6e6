//! What the data sources of a plan have said, another root module's state among them. A value that is known is in the plan
//! wherever it came from; beside one that is not known yet it is in no change, so an approval covers it by itself.

use std::collections::BTreeMap;

use serde_json::value::RawValue;

use super::digest::{DigestKey, Fingerprints};
use super::json::text;
use super::node::{Fields, Malformed, Node, quoted};
use super::record::OWNED;

/// Modules in modules; Terraform's own nest a few levels.
const DEPTH_MAX: usize = 32;

/// Who asks, and not what is asked for: whoever plans is somebody else than whoever applies.
const WHO_ASKS: &[(&str, &[&str])] = &[
    ("aws_caller_identity", &["arn", "user_id"]),
    (
        "aws_iam_session_context",
        &[
            "arn",
            "id",
            "issuer_arn",
            "issuer_id",
            "issuer_name",
            "session_name",
        ],
    ),
];

/// Fingerprints of what was said, by address.
#[derive(Default)]
pub(super) struct Said {
    pub(super) prints: BTreeMap<String, String>,
    /// The first that says something sensitive, where there is no key for it.
    pub(super) unkeyed: Option<String>,
}

/// Of `prior_state`, which a plan reads before it says what would change.
///
/// # Errors
/// It has another shape than the format has.
pub(super) fn said(state: &RawValue, key: Option<&DigestKey>) -> Result<Said, Malformed> {
    let mut said = Said::default();
    let root = field(state, "values")?.map_or(Ok(None), |values| field(values, "root_module"))?;
    let mut open: Vec<(&RawValue, usize)> = root.map(|root| (root, 0)).into_iter().collect();
    while let Some((module, depth)) = open.pop() {
        if depth > DEPTH_MAX {
            return Err(Malformed);
        }
        for (name, value) in Fields::of(module)?.0 {
            match name.as_ref() {
                "resources" => {
                    for resource in items(value)? {
                        said.one(resource, key)?;
                    }
                }
                "child_modules" => open.extend(items(value)?.into_iter().map(|inner| (inner, depth + 1))),
                _ => {}
            }
        }
    }
    Ok(said)
}

fn field<'a>(object: &'a RawValue, name: &str) -> Result<Option<&'a RawValue>, Malformed> {
    let mut fields = Fields::of(object)?.0.into_iter();
    Ok(fields.find(|(of, _)| of == name).map(|(_, value)| value))
}

fn items(list: &RawValue) -> Result<Vec<&RawValue>, Malformed> {
    serde_json::from_str(list.get()).map_err(|_| Malformed)
}

impl Said {
    fn one(&mut self, resource: &RawValue, key: Option<&DigestKey>) -> Result<(), Malformed> {
        let (mut is_data, mut address, mut kind, mut values, mut mask) = (false, None, None, None, None);
        for (name, value) in Fields::of(resource)?.0 {
            match name.as_ref() {
                "mode" => is_data = text(value)? == "data",
                "address" => address = Some(text(value)?),
                "type" => kind = Some(text(value)?),
                "values" => values = Some(value),
                "sensitive_values" => mask = Some(value),
                _ => {}
            }
        }
        if !is_data {
            return Ok(());
        }
        let (address, kind) = (address.ok_or(Malformed)?, kind.ok_or(Malformed)?);
        let is_sensitive = mask
            .map(Node::of)
            .transpose()?
            .is_some_and(|mask| mask.has_true());
        let prints = Fingerprints::at(key, &address);
        if is_sensitive && !prints.are_keyed() {
            self.unkeyed.get_or_insert_with(|| address.clone().into_owned());
            return Ok(());
        }
        let mut told = String::new();
        match values.map(Node::of).transpose()? {
            Some(Node::Map(values)) => {
                for (name, value) in values.iter().filter(|(name, _)| is_covered(&kind, name)) {
                    quoted(name, &mut told);
                    value.canonical(&mut told);
                }
            }
            Some(values) => values.canonical(&mut told),
            None => {}
        }
        let print = prints.of("what it has said", &told);
        let is_new = self.prints.insert(address.into_owned(), print).is_none();
        if is_new { Ok(()) } else { Err(Malformed) }
    }
}

/// What rehull itself moves all day is not.
fn is_covered(kind: &str, name: &str) -> bool {
    let mut left_out = WHO_ASKS.iter().chain(OWNED).filter(|(of, _)| *of == kind);
    !left_out.any(|(_, names)| names.contains(&name))
}
