//! Parameters of the Query protocols: flat names with dots, lists counted from 1.
//!
//! EC2 writes `Id.1`, the others `Ids.member.1`; both are read as `Id.1`. Every parameter must be asked for: one that
//! nobody reads would be silently ignored, so it is an error.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::str::FromStr;

use crate::world::error::AwsError;

/// All parameters of one request.
#[derive(Clone, Debug, Default)]
pub struct Params {
    values: BTreeMap<String, String>,
    read: RefCell<BTreeSet<String>>,
}

/// The parameters below one name.
#[derive(Clone, Debug)]
pub struct Scope<'a> {
    params: &'a Params,
    prefix: String,
}

impl Params {
    /// From names and values as they were sent.
    pub fn of(pairs: impl IntoIterator<Item = (String, String)>) -> Self {
        let one_spelling = |(name, value): (String, String)| (name.replace(".member.", "."), value);
        Self {
            values: pairs.into_iter().map(one_spelling).collect(),
            read: RefCell::default(),
        }
    }

    /// Without who read what.
    pub(super) fn into_values(self) -> BTreeMap<String, String> {
        self.values
    }

    /// The parameters of the request itself.
    pub fn root(&self) -> Scope<'_> {
        Scope {
            params: self,
            prefix: String::new(),
        }
    }

    /// Refuses what nobody asked for.
    pub fn finish(&self) -> Result<(), AwsError> {
        let read = self.read.borrow();
        match self.values.keys().find(|name| !read.contains(*name)) {
            None => Ok(()),
            Some(name) => Err(AwsError::bad(
                "UnknownParameter",
                format!("The parameter {name} is not recognized"),
            )),
        }
    }
}

impl Scope<'_> {
    fn name(&self, name: &str) -> String {
        if self.prefix.is_empty() {
            name.to_owned()
        } else {
            format!("{}.{name}", self.prefix)
        }
    }

    /// The parameters below `name`.
    #[must_use]
    pub fn at(&self, name: &str) -> Self {
        Self {
            params: self.params,
            prefix: self.name(name),
        }
    }

    /// One value.
    pub fn text(&self, name: &str) -> Option<String> {
        self.whole(self.name(name))
    }

    fn whole(&self, name: String) -> Option<String> {
        let value = self.params.values.get(&name).cloned();
        self.params.read.borrow_mut().insert(name);
        value
    }

    /// One that must be there.
    pub fn need(&self, name: &str) -> Result<String, AwsError> {
        self.text(name).ok_or_else(|| {
            let name = self.name(name);
            AwsError::bad(
                "MissingParameter",
                format!("The request must contain the parameter {name}"),
            )
        })
    }

    /// A number, a boolean or an address.
    pub fn parse<T: FromStr>(&self, name: &str) -> Result<Option<T>, AwsError> {
        self.text(name)
            .map(|text| {
                text.parse()
                    .map_err(|_| AwsError::value(format!("Invalid value '{text}' for {}", self.name(name))))
            })
            .transpose()
    }

    /// A yes or no; absent is no.
    pub fn flag(&self, name: &str) -> Result<bool, AwsError> {
        Ok(self.parse(name)?.unwrap_or(false))
    }

    /// Reads what changes nothing here, so that it is not refused.
    pub fn ignore(&self, names: &[&str]) {
        for name in names {
            self.text(name);
        }
    }

    /// Anything below this name is said.
    pub fn has(&self, name: &str) -> bool {
        let name = self.name(name);
        let below = format!("{name}.");
        let mut names = self.params.values.keys();
        names.any(|key| *key == name || key.starts_with(&below))
    }

    /// `Name.1`, `Name.2`, …
    pub fn list(&self, name: &str) -> Vec<String> {
        self.numbers(name)
            .into_iter()
            .filter_map(|number| self.whole(number))
            .collect()
    }

    /// The scopes `Name.1`, `Name.2`, …
    pub fn items(&self, name: &str) -> Vec<Self> {
        let scopes = self.numbers(name).into_iter();
        scopes
            .map(|prefix| Self {
                params: self.params,
                prefix,
            })
            .collect()
    }

    /// Full names `Name.N` that occur, in numeric order.
    fn numbers(&self, name: &str) -> Vec<String> {
        let bare = self.name(name);
        let start = format!("{bare}.");
        // A list without items is written as its bare name.
        if self.params.values.get(&bare).is_some_and(String::is_empty) {
            self.whole(bare);
        }
        let rests = self
            .params
            .values
            .keys()
            .filter_map(|key| key.strip_prefix(&start));
        let numbers: BTreeSet<u32> = rests
            .filter_map(|rest| rest.split('.').next().and_then(|number| number.parse().ok()))
            .collect();
        numbers
            .into_iter()
            .map(|number| format!("{start}{number}"))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn params(pairs: &[(&str, &str)]) -> Params {
        Params::of(
            pairs
                .iter()
                .map(|(name, value)| ((*name).to_owned(), (*value).to_owned())),
        )
    }

    #[test]
    fn lists_are_read_in_numeric_order() {
        let params = params(&[
            ("Id.10", "c"),
            ("Id.member.2", "b"),
            ("Id.1", "a"),
            ("Filter.1.Name", "n"),
            ("Filter.1.Value.1", "v"),
        ]);
        assert_eq!(params.root().list("Id"), ["a", "b", "c"]);
        let filters = params.root().items("Filter");
        assert_eq!(filters[0].text("Name").as_deref(), Some("n"));
        assert_eq!(filters[0].list("Value"), ["v"]);
        assert_eq!(params.finish(), Ok(()));
    }

    #[test]
    fn a_list_without_items_is_read_and_one_value_is_no_list() {
        let empty = params(&[("ThumbprintList", "")]);
        assert_eq!(empty.root().list("ThumbprintList"), Vec::<String>::new());
        assert_eq!(empty.finish(), Ok(()));
        let one = params(&[("ThumbprintList", "a")]);
        assert_eq!(one.root().list("ThumbprintList"), Vec::<String>::new());
        assert!(one.finish().is_err());
    }

    #[test]
    fn a_parameter_that_nobody_reads_is_refused() {
        let params = params(&[("Action", "RunInstances"), ("SpotPrice", "1")]);
        assert!(params.root().text("Action").is_some());
        let refusal = params.finish().unwrap_err();
        assert_eq!(
            (refusal.code, refusal.message.contains("SpotPrice")),
            ("UnknownParameter", true)
        );
    }
}
