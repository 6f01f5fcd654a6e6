//! The actions of a change, as `show -json` writes them.

use std::fmt;

use serde::Serialize;

/// What apply would do to one object. Every combination of words that Terraform documents; there is no "other".
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Action {
    /// Nothing, though it may carry a move or an import.
    NoOp,
    /// A new object.
    Create,
    /// A data source, read during the apply.
    Read,
    /// In place.
    Update,
    /// The object is destroyed.
    Delete,
    /// Destroyed, then made anew.
    DeleteThenCreate,
    /// Made anew, then the old one is destroyed (`create_before_destroy`).
    CreateThenDelete,
    /// Stays in the world; Terraform no longer knows it.
    Forget,
    /// Made anew; the old one stays in the world, unknown to Terraform.
    CreateThenForget,
}

impl Action {
    /// `None` is a word, an order or a number of words that this version does not know.
    #[must_use]
    pub fn parse(words: &[&str]) -> Option<Self> {
        match words {
            ["no-op"] => Some(Self::NoOp),
            ["create"] => Some(Self::Create),
            ["read"] => Some(Self::Read),
            ["update"] => Some(Self::Update),
            ["delete"] => Some(Self::Delete),
            ["delete", "create"] => Some(Self::DeleteThenCreate),
            ["create", "delete"] => Some(Self::CreateThenDelete),
            ["forget"] => Some(Self::Forget),
            ["create", "forget"] => Some(Self::CreateThenForget),
            _ => None,
        }
    }

    /// One verb for a person.
    #[must_use]
    pub fn verb(self) -> &'static str {
        match self {
            Self::NoOp => "nothing",
            Self::Create => "create",
            Self::Read => "read",
            Self::Update => "update in place",
            Self::Delete => "destroy",
            Self::DeleteThenCreate => "replace (destroy, then create)",
            Self::CreateThenDelete => "replace (create, then destroy)",
            Self::Forget => "forget",
            Self::CreateThenForget => "replace (create, then forget the old one)",
        }
    }

    /// The object has the arguments of this change from then on.
    #[must_use]
    pub fn gives(self) -> bool {
        match self {
            Self::Create
            | Self::Update
            | Self::DeleteThenCreate
            | Self::CreateThenDelete
            | Self::CreateThenForget => true,
            Self::NoOp | Self::Read | Self::Delete | Self::Forget => false,
        }
    }

    /// The object that exists now is no longer the one that Terraform knows afterwards.
    #[must_use]
    pub fn replaces(self) -> bool {
        match self {
            Self::DeleteThenCreate | Self::CreateThenDelete | Self::CreateThenForget => true,
            Self::NoOp | Self::Create | Self::Read | Self::Update | Self::Delete | Self::Forget => false,
        }
    }
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.verb())
    }
}
