//! Why there is no plan: what, where, what to do. All of them at once.

/// One reason. `pointer` names the key of the cluster file, so that the text can be shown with a caret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// Stable word, for example `plan::etcd_skip`.
    pub code: &'static str,
    /// What is wrong.
    pub message: String,
    /// What to do.
    pub help: String,
    /// JSON pointer into the cluster file, for example `/etcd/version`.
    pub pointer: Option<String>,
    /// What stands at that place, in words for the caret; empty without a pointer.
    pub label: String,
    /// A person must look before anything else is tried: quorum lost, another cluster.
    pub needs_human: bool,
}

impl Refusal {
    pub(crate) fn new(code: &'static str, message: impl Into<String>, help: impl Into<String>) -> Self {
        Self {
            code,
            message: message.into(),
            help: help.into(),
            pointer: None,
            label: String::new(),
            needs_human: false,
        }
    }

    pub(crate) fn at(mut self, pointer: impl Into<String>, label: impl Into<String>) -> Self {
        self.pointer = Some(pointer.into());
        self.label = label.into();
        self
    }

    pub(crate) const fn for_a_person(mut self) -> Self {
        self.needs_human = true;
        self
    }
}
