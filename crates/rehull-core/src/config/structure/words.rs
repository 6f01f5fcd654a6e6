//! How misfits are told.

use jsonschema::JsonType;
use serde_json::Value;

use crate::config::mistake::{Wrong, quoted};
use crate::config::spans::Pointer;
use crate::domain::version::EtcdVersion;

/// A value of another type than the schema wants.
pub(super) struct TypeMisfit<'a> {
    /// Of the key, quoted.
    pub(super) name: String,
    pub(super) wanted: JsonType,
    pub(super) found: &'a Value,
    /// As typed, if it is a plain scalar.
    pub(super) raw: Option<&'a str>,
    /// The text that is wanted is a duration.
    pub(super) is_duration: bool,
}

impl TypeMisfit<'_> {
    /// What to say, and the value that was certainly meant, if there is one: the reading goes on with it.
    pub(super) fn explain(&self) -> (Wrong, Option<Value>) {
        match (self.wanted, self.found, self.raw) {
            (_, Value::Null, _) => (self.nothing(), None),
            (JsonType::String, Value::Number(_), Some(raw)) if self.is_duration => (self.no_unit(raw), None),
            (JsonType::String, Value::Number(_) | Value::Bool(_), Some(raw)) => {
                (self.unquoted(raw), Some(Value::String(raw.to_owned())))
            }
            (JsonType::Integer, Value::String(text), _) => match text.parse::<i64>() {
                Ok(number) => (self.quoted_number(number), Some(Value::from(number))),
                Err(_) => (self.other(), None),
            },
            (JsonType::Boolean, Value::String(_), _) => (self.not_true_or_false(), None),
            _ => (self.other(), None),
        }
    }

    fn nothing(&self) -> Wrong {
        Wrong::new(
            "config::no_value",
            format!("{} has no value", self.name),
            "nothing here",
        )
        .help("write a value, or take the line out")
    }

    fn no_unit(&self, raw: &str) -> Wrong {
        Wrong::new(
            "config::duration_unit",
            format!("{} is {raw} what?", self.name),
            "no unit",
        )
        .help(format!("write `{raw}s`, `{raw}m` or `{raw}h`"))
    }

    fn unquoted(&self, raw: &str) -> Wrong {
        // Only a number that reads differently than it was typed has to be shown.
        let as_typed = matches!(self.found, Value::Number(number) if number.to_string() == raw);
        let read_as = if as_typed {
            "a number".to_owned()
        } else {
            kind(self.found)
        };
        let message = format!(
            "{} is text, but YAML reads {} as {read_as}",
            self.name,
            quoted(raw)
        );
        // Of a release YAML takes two parts for a number, never three: quotes would make it text, and no release.
        let is_release = self.name == "`version`" && raw.parse::<EtcdVersion>().is_err();
        Wrong::new("config::type", message, "not text").help(if is_release {
            "a release has three numbers and needs no quotes, for example `3.6.14`".to_owned()
        } else {
            format!("quote it: \"{raw}\"")
        })
    }

    fn quoted_number(&self, number: i64) -> Wrong {
        Wrong::new(
            "config::type",
            format!("{} is a whole number, not text", self.name),
            "text",
        )
        .help(format!("write {number} without quotes"))
    }

    fn not_true_or_false(&self) -> Wrong {
        Wrong::new(
            "config::type",
            format!("{} is either `true` or `false`", self.name),
            "neither",
        )
        .help("`yes`, `no`, `on` and `off` are plain text in YAML 1.2")
    }

    fn other(&self) -> Wrong {
        let message = format!(
            "{} must be {}, not {}",
            self.name,
            noun(self.wanted),
            kind(self.found)
        );
        Wrong::new("config::type", message, format!("{} expected", noun(self.wanted)))
    }
}

/// How to speak of a place: `` `region` ``, `` item 2 of `slots` ``; `None` for the whole file.
pub(super) fn name(at: &Pointer) -> Option<String> {
    let (parent, last) = at.as_str().rsplit_once('/')?;
    match (last.parse::<usize>(), parent.rsplit_once('/')) {
        (Ok(index), Some((_, whole))) => {
            Some(format!("item {} of {}", index.saturating_add(1), quoted(whole)))
        }
        (Ok(_) | Err(_), _) => Some(quoted(&last.replace("~1", "/").replace("~0", "~"))),
    }
}

/// ` in `aws``, for the middle of a sentence.
pub(super) fn owner(parent: &Pointer) -> String {
    name(parent).map_or_else(String::new, |parent| format!(" in {parent}"))
}

fn noun(wanted: JsonType) -> &'static str {
    match wanted {
        JsonType::Array => "a list",
        JsonType::Boolean => "`true` or `false`",
        JsonType::Integer => "a whole number",
        JsonType::Null => "something else",
        JsonType::Number => "a number",
        JsonType::Object => "a map of keys",
        JsonType::String => "text",
    }
}

fn kind(found: &Value) -> String {
    match found {
        Value::Null => "nothing".to_owned(),
        Value::Bool(value) => format!("the truth value {value}"),
        Value::Number(number) => format!("the number {number}"),
        Value::String(_) => "text".to_owned(),
        Value::Array(_) => "a list".to_owned(),
        Value::Object(_) => "a map of keys".to_owned(),
    }
}
