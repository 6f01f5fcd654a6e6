//! Terraform's types, as a schema spells them in JSON and as a variable spells them in HCL.

use std::collections::BTreeMap;
use std::fmt;

use hcl_edit::expr::{Expression, FuncCall, ObjectKey};
use serde::de::Error as _;
use serde::{Deserialize, Deserializer};
use serde_json::Value;

/// A type constraint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Type {
    /// Text.
    String,
    /// A number.
    Number,
    /// `true` or `false`.
    Bool,
    /// Anything.
    Any,
    /// A list or a set.
    Many(Box<Type>),
    /// By key.
    Map(Box<Type>),
    /// Named attributes; `true`: may be left out.
    Object(BTreeMap<String, (Type, bool)>),
}

impl Type {
    /// The type that a variable declares; what is none is told in words.
    pub(crate) fn of(expression: &Expression) -> Result<Self, String> {
        match expression {
            Expression::Variable(name) => match name.as_str() {
                "string" => Ok(Self::String),
                "number" => Ok(Self::Number),
                "bool" => Ok(Self::Bool),
                "any" => Ok(Self::Any),
                other => Err(format!("`{other}` is no type")),
            },
            Expression::FuncCall(call) => Self::of_call(call),
            _ => Err("this is no type".to_owned()),
        }
    }

    fn of_call(call: &FuncCall) -> Result<Self, String> {
        let first = call.args.get(0).ok_or("a type is missing here")?;
        match call.name.name.as_str() {
            "list" | "set" => Ok(Self::Many(Box::new(Self::of(first)?))),
            "map" => Ok(Self::Map(Box::new(Self::of(first)?))),
            "object" => {
                let object = first.as_object().ok_or("object takes attributes in braces")?;
                let mut attributes = BTreeMap::new();
                for (key, value) in object {
                    attributes.insert(
                        key_text(key).ok_or("an attribute has no name")?,
                        Self::of_attribute(value.expr())?,
                    );
                }
                Ok(Self::Object(attributes))
            }
            other => Err(format!("`{other}` makes no type that is used here")),
        }
    }

    fn of_attribute(expression: &Expression) -> Result<(Self, bool), String> {
        match expression
            .as_func_call()
            .filter(|call| call.name.name.as_str() == "optional")
        {
            Some(call) => Ok((Self::of(call.args.get(0).ok_or("optional takes a type")?)?, true)),
            None => Ok((Self::of(expression)?, false)),
        }
    }

    fn of_json(value: &Value) -> Result<Self, String> {
        match value {
            Value::String(name) => match name.as_str() {
                "string" => Ok(Self::String),
                "number" => Ok(Self::Number),
                "bool" => Ok(Self::Bool),
                "dynamic" => Ok(Self::Any),
                other => Err(format!("type `{other}`")),
            },
            Value::Array(pair) => match (pair.first().and_then(Value::as_str), pair.get(1)) {
                (Some("list" | "set"), Some(of)) => Ok(Self::Many(Box::new(Self::of_json(of)?))),
                (Some("map"), Some(of)) => Ok(Self::Map(Box::new(Self::of_json(of)?))),
                (Some("object"), Some(Value::Object(attributes))) => attributes
                    .iter()
                    .map(|(name, of)| Ok((name.clone(), (Self::of_json(of)?, false))))
                    .collect::<Result<_, String>>()
                    .map(Self::Object),
                _ => Err(format!("type {value}")),
            },
            _ => Err(format!("type {value}")),
        }
    }
}

/// `name = …` or `"name" = …` in an object.
pub(crate) fn key_text(key: &ObjectKey) -> Option<String> {
    match key {
        ObjectKey::Ident(ident) => Some(ident.as_str().to_owned()),
        ObjectKey::Expression(Expression::Variable(name)) => Some(name.as_str().to_owned()),
        ObjectKey::Expression(expression) => expression.as_str().map(str::to_owned),
    }
}

impl<'de> Deserialize<'de> for Type {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::of_json(&Value::deserialize(deserializer)?).map_err(D::Error::custom)
    }
}

impl fmt::Display for Type {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::String => out.write_str("a string"),
            Self::Number => out.write_str("a number"),
            Self::Bool => out.write_str("true or false"),
            Self::Any => out.write_str("anything"),
            Self::Many(of) => write!(out, "a list of: {of}"),
            Self::Map(of) => write!(out, "a map of: {of}"),
            Self::Object(attributes) => {
                let names: Vec<&str> = attributes.keys().map(String::as_str).collect();
                write!(out, "an object with {}", names.join(", "))
            }
        }
    }
}
