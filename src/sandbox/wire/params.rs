//! Parameters of the EC2 Query protocol: flat names with dots, lists counted from 1.
//!
//! Every parameter must be asked for: one that nobody reads would be silently ignored, so it is an error.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::str::FromStr;

use rehull_core::world::AwsError;

/// All parameters of one request.
pub(super) struct Params {
    values: BTreeMap<String, String>,
    read: RefCell<BTreeSet<String>>,
}

/// The parameters below one name.
#[derive(Clone)]
pub(super) struct Scope<'a> {
    params: &'a Params,
    prefix: String,
}

impl Params {
    /// Decodes `application/x-www-form-urlencoded`.
    pub(super) fn decode(body: &[u8]) -> Self {
        let values = form_urlencoded::parse(body).into_owned().collect();
        Self {
            values,
            read: RefCell::default(),
        }
    }

    pub(super) fn root(&self) -> Scope<'_> {
        Scope {
            params: self,
            prefix: String::new(),
        }
    }

    /// Refuses what nobody asked for.
    pub(super) fn finish(&self) -> Result<(), AwsError> {
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
    pub(super) fn at(&self, name: &str) -> Self {
        Self {
            params: self.params,
            prefix: self.name(name),
        }
    }

    pub(super) fn text(&self, name: &str) -> Option<String> {
        self.whole(self.name(name))
    }

    fn whole(&self, name: String) -> Option<String> {
        let value = self.params.values.get(&name).cloned();
        self.params.read.borrow_mut().insert(name);
        value
    }

    pub(super) fn need(&self, name: &str) -> Result<String, AwsError> {
        self.text(name).ok_or_else(|| {
            let name = self.name(name);
            AwsError::bad(
                "MissingParameter",
                format!("The request must contain the parameter {name}"),
            )
        })
    }

    /// A number, a boolean or an address.
    pub(super) fn parse<T: FromStr>(&self, name: &str) -> Result<Option<T>, AwsError> {
        self.text(name)
            .map(|text| {
                text.parse()
                    .map_err(|_| AwsError::value(format!("Invalid value '{text}' for {}", self.name(name))))
            })
            .transpose()
    }

    /// `Name.1`, `Name.2`, …
    pub(super) fn list(&self, name: &str) -> Vec<String> {
        self.numbers(name)
            .into_iter()
            .filter_map(|number| self.whole(number))
            .collect()
    }

    /// The scopes `Name.1`, `Name.2`, …
    pub(super) fn items(&self, name: &str) -> Vec<Self> {
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
        let start = format!("{}.", self.name(name));
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

    #[test]
    fn lists_are_read_in_numeric_order() {
        let params = Params::decode(b"Id.10=c&Id.2=b&Id.1=a&Filter.1.Name=n&Filter.1.Value.1=v");
        assert_eq!(params.root().list("Id"), ["a", "b", "c"]);
        let filters = params.root().items("Filter");
        assert_eq!(filters[0].text("Name").as_deref(), Some("n"));
        assert_eq!(filters[0].list("Value"), ["v"]);
        assert_eq!(params.finish(), Ok(()));
    }

    #[test]
    fn a_parameter_that_nobody_reads_is_refused() {
        let params = Params::decode(b"Action=RunInstances&SpotPrice=1");
        assert!(params.root().text("Action").is_some());
        let refusal = params.finish().unwrap_err();
        assert_eq!(
            (refusal.code, refusal.message.contains("SpotPrice")),
            ("UnknownParameter", true)
        );
    }
}
