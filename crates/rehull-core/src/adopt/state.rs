//! What Terraform knows of a cluster: `terraform show -json` or `terraform state pull`, object by object.
//!
//! A state holds secrets in plain text. Of its values only those leave this module that are asked for by name, and no
//! error repeats one.

use serde_json::{Map, Value};

use crate::domain::terraform::Address;

/// Formats that are read: `show -json` of 1.x, `state pull` of version 4. Others may mean other things by the same names.
const SHOWN_MAJOR: &str = "1";
const PULLED_VERSION: u64 = 4;

/// All objects of a state, in its own order.
#[derive(Clone, Debug, Default)]
pub struct State {
    objects: Vec<Object>,
}

/// One object.
#[derive(Clone)]
pub(super) struct Object {
    /// With keys: `module.etcd.aws_instance.etcd[0]`.
    pub(super) address: String,
    /// Without: what a `removed` block names.
    pub(super) resource: String,
    pub(super) kind: String,
    values: Map<String, Value>,
}

impl core::fmt::Debug for Object {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(&self.address)
    }
}

/// Why a state cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StateError {
    /// No JSON, or cut off.
    #[error("the state is not JSON at line {line}, column {column}: it was cut off or is something else")]
    NotJson {
        /// From 1.
        line: usize,
        /// From 1.
        column: usize,
    },
    /// JSON, and something else.
    #[error("this is {what}, not a state")]
    NotAState {
        /// What it looks like.
        what: &'static str,
    },
    /// A format that this version does not read.
    #[error(
        "the state has format {found}; this version of rehull reads `terraform show -json` of format 1.x and `terraform state pull` of version 4"
    )]
    Format {
        /// As it stands there.
        found: Address,
    },
    /// A part has another shape.
    #[error("`{at}` has another shape than the format has")]
    Shape {
        /// Where.
        at: Address,
    },
    /// An interrupted replacement has left an object behind.
    #[error("`{at}` has an object that an interrupted replacement left behind")]
    Deposed {
        /// Where.
        at: Address,
    },
}

impl StateError {
    /// What to type next.
    #[must_use]
    pub fn help(&self) -> &'static str {
        match self {
            Self::NotJson { .. } | Self::NotAState { .. } => {
                "in the root module of the cluster: terraform show -json > state.json"
            }
            Self::Format { .. } | Self::Shape { .. } => {
                "write it with Terraform 1.11 or later: terraform show -json > state.json"
            }
            Self::Deposed { .. } => "finish that replacement with Terraform first, then adopt",
        }
    }
}

impl State {
    /// Reads either form.
    ///
    /// # Errors
    /// It is no state, or has parts that are not understood.
    pub fn read(text: &[u8]) -> Result<Self, StateError> {
        let document: Value = serde_json::from_slice(text).map_err(|error| StateError::NotJson {
            line: error.line(),
            column: error.column(),
        })?;
        let mut state = Self::default();
        if document.get("resource_changes").is_some() || document.get("planned_values").is_some() {
            return Err(StateError::NotAState { what: "a plan" });
        }
        if let Some(version) = document.get("version") {
            if version.as_u64() != Some(PULLED_VERSION) {
                return Err(format(version));
            }
            state.pulled(&document)?;
            return Ok(state);
        }
        let Some(version) = document.get("format_version") else {
            return Err(StateError::NotAState {
                what: "another document",
            });
        };
        let major = version.as_str().and_then(|text| text.split('.').next());
        if major != Some(SHOWN_MAJOR) {
            return Err(format(version));
        }
        match document.get("values") {
            // An empty state has no values.
            None | Some(Value::Null) => Ok(state),
            Some(values) => {
                let root = values.get("root_module").ok_or_else(|| shape("values"))?;
                state.module(root, "values.root_module")?;
                Ok(state)
            }
        }
    }

    /// All managed objects of these types.
    pub(super) fn of<'s, 'k>(
        &'s self,
        kinds: &'k [&'k str],
    ) -> impl Iterator<Item = &'s Object> + use<'s, 'k> {
        self.objects
            .iter()
            .filter(move |object| kinds.contains(&object.kind.as_str()))
    }

    /// Every managed object.
    pub(super) fn all(&self) -> impl Iterator<Item = &Object> {
        self.objects.iter()
    }

    /// The object of this type with this id.
    pub(super) fn by_id<'s>(&'s self, kind: &str, id: &str) -> Option<&'s Object> {
        let mut objects = self.objects.iter();
        objects.find(|object| object.kind == kind && object.text("id") == Some(id))
    }

    fn module(&mut self, module: &Value, at: &str) -> Result<(), StateError> {
        for resource in list(module, "resources", at)? {
            let address = resource.get("address").and_then(Value::as_str);
            let address = address.ok_or_else(|| shape(at))?;
            if resource.get("deposed_key").is_some() {
                return Err(StateError::Deposed {
                    at: Address::new(address),
                });
            }
            self.add(resource, address.to_owned(), resource.get("values"))?;
        }
        for child in list(module, "child_modules", at)? {
            let address = child.get("address").and_then(Value::as_str);
            self.module(child, address.unwrap_or(at))?;
        }
        Ok(())
    }

    fn pulled(&mut self, document: &Value) -> Result<(), StateError> {
        for resource in list(document, "resources", "resources")? {
            let word = |name: &str| resource.get(name).and_then(Value::as_str);
            let (Some(kind), Some(name)) = (word("type"), word("name")) else {
                return Err(shape("resources"));
            };
            let before = word("module").map(|module| format!("{module}."));
            let data = if word("mode") == Some("data") { "data." } else { "" };
            let address = format!("{}{data}{kind}.{name}", before.unwrap_or_default());
            for instance in list(resource, "instances", &address)? {
                let key = match instance.get("index_key") {
                    None | Some(Value::Null) => String::new(),
                    // A key in quotes is written as JSON writes it.
                    Some(key @ (Value::Number(_) | Value::String(_))) => format!("[{key}]"),
                    Some(_) => return Err(shape(&address)),
                };
                let address = format!("{address}{key}");
                if instance.get("deposed").is_some() {
                    return Err(StateError::Deposed {
                        at: Address::new(&address),
                    });
                }
                self.add(resource, address, instance.get("attributes"))?;
            }
        }
        Ok(())
    }

    fn add(&mut self, resource: &Value, address: String, values: Option<&Value>) -> Result<(), StateError> {
        let word = |name: &str| resource.get(name).and_then(Value::as_str);
        match word("mode") {
            Some("managed") => {}
            Some("data") => return Ok(()),
            Some(_) | None => return Err(shape(&address)),
        }
        let kind = word("type").ok_or_else(|| shape(&address))?.to_owned();
        let values = values.and_then(Value::as_object).ok_or_else(|| shape(&address))?;
        self.objects.push(Object {
            resource: without_keys(&address),
            address,
            kind,
            values: values.clone(),
        });
        Ok(())
    }
}

impl Object {
    /// These values as they stand there; absent is null.
    pub(super) fn values(&self, names: &[&str]) -> Map<String, Value> {
        let value = |name: &&str| {
            let value = self.values.get(*name).cloned().unwrap_or_default();
            ((*name).to_owned(), value)
        };
        names.iter().map(value).collect()
    }

    /// A text that is not empty.
    pub(super) fn text(&self, name: &str) -> Option<&str> {
        text(self.values.get(name)?)
    }

    pub(super) fn flag(&self, name: &str) -> Option<bool> {
        self.values.get(name)?.as_bool()
    }

    pub(super) fn number(&self, name: &str) -> Option<u64> {
        self.values.get(name)?.as_u64()
    }

    /// A list or set of texts, sorted: a set has no order.
    pub(super) fn texts(&self, name: &str) -> Vec<String> {
        let list = self.values.get(name).and_then(Value::as_array);
        let mut texts: Vec<String> = list
            .into_iter()
            .flatten()
            .filter_map(|one| text(one).map(str::to_owned))
            .collect();
        texts.sort();
        texts
    }

    /// Blocks of this name.
    pub(super) fn blocks(&self, name: &str) -> impl Iterator<Item = &Value> {
        self.values
            .get(name)
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
    }

    /// Every tag, those by the provider's defaults included.
    pub(super) fn tags(&self) -> impl Iterator<Item = (&str, &str)> {
        let map = |name: &str| self.values.get(name).and_then(Value::as_object);
        let tags = map("tags_all").or_else(|| map("tags"));
        tags.into_iter()
            .flatten()
            .filter_map(|(key, value)| Some((key.as_str(), value.as_str()?)))
    }
}

/// A text of a block that is not empty.
pub(super) fn text(value: &Value) -> Option<&str> {
    value.as_str().filter(|text| !text.is_empty())
}

fn list<'v>(of: &'v Value, name: &str, at: &str) -> Result<&'v [Value], StateError> {
    match of.get(name) {
        None | Some(Value::Null) => Ok(&[]),
        Some(Value::Array(list)) => Ok(list),
        Some(_) => Err(shape(&format!("{at}.{name}"))),
    }
}

fn shape(at: &str) -> StateError {
    StateError::Shape { at: Address::new(at) }
}

fn format(found: &Value) -> StateError {
    StateError::Format {
        found: Address::new(&found.to_string()),
    }
}

/// `module.a["x.y"].aws_instance.b[0]` → `module.a.aws_instance.b`.
fn without_keys(address: &str) -> String {
    let (mut out, mut in_key, mut in_quotes, mut escaped) = (String::new(), false, false, false);
    for letter in address.chars() {
        match letter {
            _ if escaped => escaped = false,
            '\\' if in_quotes => escaped = true,
            '"' if in_key => in_quotes = !in_quotes,
            '[' if !in_quotes => in_key = true,
            ']' if !in_quotes => in_key = false,
            _ if !in_key => out.push(letter),
            _ => {}
        }
    }
    out
}
