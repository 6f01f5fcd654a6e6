//! Do the keys and types fit the schema? One mistake per misfit; what does not fit is taken out, so that the rest of
//! the file can still be read and judged.

mod words;

use std::collections::BTreeMap;

use jsonschema::error::{TypeKind, ValidationErrorKind as Misfit};
use jsonschema::{JsonType, ValidationError};
use serde_json::Value;

use crate::config::file;
use crate::config::mistake::{Mistakes, Wrong, quoted};
use crate::config::schema::COMPILED;
use crate::config::spans::Pointer;
use crate::config::suggest::{did_you_mean, list};
use crate::config::yaml::{Entry, Kind, Node};

/// The file as far as it fits, and misfits that `read` can explain better than a schema can.
pub(in crate::config) struct Fitted {
    pub(in crate::config) file: file::Cluster,
    /// Patterns and limits: `read` judges the same values in plain words. Should it ever find nothing to say while
    /// the schema objects, these are told instead: the two must not disagree silently.
    pub(in crate::config) left_to_reader: Vec<(Pointer, Wrong)>,
}

/// Checks a document against the schema.
pub(in crate::config) fn fit(document: &Node, mistakes: &mut Mistakes<'_>) -> Fitted {
    let mut fitting = Fitting {
        schema: &COMPILED.schema,
        raws: BTreeMap::new(),
        value: Value::Null,
        guessed: Vec::new(),
        missing: Vec::new(),
        left_to_reader: Vec::new(),
        mistakes,
    };
    let original = as_json(document, &Pointer::root(), &mut fitting.raws);
    fitting.value = original.clone();
    match &COMPILED.validator {
        Ok(validator) => validator
            .iter_errors(&original)
            .for_each(|error| fitting.misfit(&error)),
        Err(why) => fitting.impossible(why),
    }
    fitting.report_missing();
    fitting.refuse_fractions(&original, &Pointer::root());
    let value = std::mem::take(&mut fitting.value);
    let file = serde_json::from_value(value).unwrap_or_else(|error| {
        fitting.impossible(&error.to_string());
        file::Cluster::default()
    });
    Fitted {
        file,
        left_to_reader: fitting.left_to_reader,
    }
}

/// The document as a validator wants it, and on the way the plain scalars as typed.
fn as_json(node: &Node, at: &Pointer, raws: &mut BTreeMap<String, String>) -> Value {
    match &node.kind {
        Kind::Scalar { value, raw } => {
            raws.insert(at.to_string(), raw.clone());
            value.clone()
        }
        Kind::List(items) => {
            let items = items.iter().enumerate();
            items
                .map(|(index, item)| as_json(item, &at.index(index), raws))
                .collect()
        }
        Kind::Map(entries) => {
            let member = |entry: &Entry| {
                let value = as_json(&entry.value, &at.key(&entry.key), raws);
                (entry.key.clone(), value)
            };
            Value::Object(entries.iter().map(member).collect())
        }
    }
}

struct Fitting<'a, 'm> {
    schema: &'a Value,
    /// Plain scalars as typed.
    raws: BTreeMap<String, String>,
    /// The document, less what does not fit.
    value: Value,
    /// Keys that an unknown key was probably meant to be.
    guessed: Vec<Pointer>,
    /// Parent, key, help.
    missing: Vec<(Pointer, String, Option<String>)>,
    left_to_reader: Vec<(Pointer, Wrong)>,
    mistakes: &'a mut Mistakes<'m>,
}

impl Fitting<'_, '_> {
    fn misfit(&mut self, error: &ValidationError<'_>) {
        let at = Pointer::from(error.instance_path().as_str());
        let rule = error.schema_path().as_str();
        #[expect(
            clippy::wildcard_enum_match_arm,
            reason = "keywords that the schema does not use end as told by the library"
        )]
        match error.kind() {
            Misfit::AdditionalProperties { unexpected } => {
                for key in unexpected {
                    self.unknown_key(&at, key, rule);
                }
            }
            Misfit::Required { property } => self.note_missing(at, property, rule),
            Misfit::Type { kind } => self.wrong_type(&at, kind, error.instance(), rule),
            Misfit::OneOfNotValid { .. } | Misfit::Enum { .. } => self.wrong_word(&at, rule),
            Misfit::MaxProperties { .. } => self.more_than_one(&at, error.instance()),
            _ => {
                let wrong = Wrong::new(
                    "config::schema",
                    error.masked_with("this value").to_string(),
                    "here",
                );
                self.left_to_reader.push((at, wrong));
            }
        }
    }

    /// Schema and types come from one place, so this is a fault of rehull; said, not hidden.
    fn impossible(&mut self, why: &str) {
        let wrong = Wrong::new(
            "config::schema",
            format!("rehull cannot use its own schema: {why}"),
            "whole file",
        )
        .help("this is a fault of rehull; please report it together with the file");
        self.mistakes.add(&Pointer::root(), wrong);
    }

    /// A neighbour of a rule in the schema: `/a/b/required` → `/a/b/<name>`.
    fn beside(&self, rule: &str, name: &str) -> Option<&Value> {
        let (parent, _) = rule.rsplit_once('/')?;
        self.schema.pointer(&format!("{parent}/{name}"))
    }

    fn unknown_key(&mut self, parent: &Pointer, key: &str, rule: &str) {
        let known: Vec<String> = match self.beside(rule, "properties") {
            Some(Value::Object(members)) => members.keys().cloned().collect(),
            Some(_) | None => Vec::new(),
        };
        let at = parent.key(key);
        let whose = words::owner(parent);
        let wrong = Wrong::new(
            "config::unknown_key",
            format!("unknown key {}{whose}", quoted(key)),
            "not known here",
        );
        let guess = did_you_mean(key, known.iter().map(String::as_str)).map(str::to_owned);
        let wrong = if key == "<<" {
            wrong.help("merge keys are not part of YAML 1.2; write the keys out")
        } else if let Some(guess) = guess {
            self.guessed.push(parent.key(&guess));
            wrong.help(format!("did you mean `{guess}`?"))
        } else if let Some(home) = self.home_of(key) {
            wrong.help(format!("`{key}` belongs under `{home}`"))
        } else {
            wrong.help(format!("known here: {}", list(known.iter().map(String::as_str))))
        };
        self.mistakes.add_at_key(&at, wrong);
        if let Some(Value::Object(members)) = self.value.pointer_mut(parent.as_str()) {
            members.remove(key);
        }
    }

    /// Where a key of this name is known, if in one place only.
    fn home_of(&self, key: &str) -> Option<String> {
        let mut homes = Vec::new();
        let top = self.schema.pointer("/properties").and_then(Value::as_object)?;
        for (name, part) in top {
            let nested = part.pointer("/properties").and_then(Value::as_object);
            let by_reference = part
                .get("$ref")
                .and_then(Value::as_str)
                .and_then(|reference| self.schema.pointer(reference.trim_start_matches('#')))
                .and_then(|target| target.get("properties"))
                .and_then(Value::as_object);
            if nested.or(by_reference).is_some_and(|keys| keys.contains_key(key)) {
                homes.push(name.clone());
            }
        }
        match homes.as_slice() {
            [home] => Some(home.clone()),
            _ => None,
        }
    }

    fn note_missing(&mut self, parent: Pointer, key: &Value, rule: &str) {
        let Some(key) = key.as_str() else { return };
        let help = self
            .beside(rule, "properties")
            .and_then(|properties| properties.get(key)?.get("description")?.as_str())
            .map(|about| format!("add `{key}`: {}", about.replace('\n', " ")));
        self.missing.push((parent, key.to_owned(), help));
    }

    /// A misspelled key is one mistake, not an unknown key and a missing one.
    fn report_missing(&mut self) {
        for (parent, key, help) in std::mem::take(&mut self.missing) {
            if self.guessed.contains(&parent.key(&key)) {
                continue;
            }
            let whose = match words::name(&parent) {
                Some(parent) => format!("{parent} has no `{key}`"),
                None => format!("the file has no `{key}`"),
            };
            let wrong = Wrong::new("config::missing_key", whose, format!("`{key}` is missing"));
            self.mistakes.add(
                &parent,
                match help {
                    Some(help) => wrong.help(help),
                    None => wrong,
                },
            );
        }
    }

    fn wrong_type(&mut self, at: &Pointer, wanted: &TypeKind, found: &Value, rule: &str) {
        let is_duration = self
            .beside(rule, "pattern")
            .is_some_and(|pattern| pattern == file::DURATION);
        let misfit = words::TypeMisfit {
            name: words::name(at).unwrap_or_else(|| "the file".to_owned()),
            wanted: match wanted {
                TypeKind::Single(wanted) => *wanted,
                TypeKind::Multiple(_) => JsonType::Null,
            },
            found,
            raw: self.raws.get(at.as_str()).map(String::as_str),
            is_duration,
        };
        let (wrong, repaired) = misfit.explain();
        self.mistakes.add(at, wrong);
        let is_root = *at == Pointer::root();
        let nothing = if is_root {
            Value::Object(serde_json::Map::new())
        } else {
            Value::Null
        };
        self.replace(at, repaired.unwrap_or(nothing));
    }

    fn replace(&mut self, at: &Pointer, by: Value) {
        if let Some(place) = self.value.pointer_mut(at.as_str()) {
            *place = by;
        }
    }

    /// A word from a fixed list.
    fn wrong_word(&mut self, at: &Pointer, rule: &str) {
        let options: Vec<&str> = match self.schema.pointer(rule) {
            Some(Value::Array(options)) => options
                .iter()
                .filter_map(|option| option.get("const").unwrap_or(option).as_str())
                .collect(),
            Some(_) | None => Vec::new(),
        };
        let raw = self.raws.get(at.as_str()).map_or("", String::as_str);
        let name = words::name(at).unwrap_or_default();
        let help = match did_you_mean(raw, options.iter().copied()) {
            Some(guess) => format!(
                "did you mean `{guess}`? Known are {}",
                list(options.iter().copied())
            ),
            None => format!("known are {}", list(options.iter().copied())),
        };
        let wrong = Wrong::new(
            "config::unknown_word",
            format!("{name} cannot be {}", quoted(raw)),
            "not known",
        )
        .help(help);
        self.mistakes.add(at, wrong);
        self.replace(at, Value::Null);
    }

    /// `s3` and `local` in one `store`: only a person can know which is meant.
    fn more_than_one(&mut self, at: &Pointer, found: &Value) {
        let keys: Vec<&String> = found
            .as_object()
            .map(|members| members.keys().collect())
            .unwrap_or_default();
        let name = words::name(at).unwrap_or_default();
        let message = format!(
            "{name} says {}, but takes one",
            list(keys.iter().map(|key| key.as_str()))
        );
        let wrong = Wrong::new("config::one_of", message, "keep one of its keys").help("remove all but one");
        let others: Vec<_> = keys
            .iter()
            .map(|key| (at.key(key), "one of them".to_owned()))
            .collect();
        self.mistakes.add_with(at, wrong, &others);
    }

    /// JSON Schema calls `1.0` and `1e30` integers; nothing here is a fraction, and nothing is that large.
    fn refuse_fractions(&mut self, original: &Value, at: &Pointer) {
        match original {
            Value::Number(number) if number.is_f64() => {
                if self.value.pointer(at.as_str()).is_some_and(Value::is_f64) {
                    let raw = self.raws.get(at.as_str()).map_or("", String::as_str);
                    let wrong = Wrong::new(
                        "config::type",
                        format!("{} is not a whole number", quoted(raw)),
                        "not whole",
                    );
                    self.mistakes.add(at, wrong);
                    self.replace(at, Value::Null);
                }
            }
            Value::Array(items) => {
                for (index, item) in items.iter().enumerate() {
                    self.refuse_fractions(item, &at.index(index));
                }
            }
            Value::Object(members) => {
                for (key, member) in members {
                    self.refuse_fractions(member, &at.key(key));
                }
            }
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
        }
    }
}
