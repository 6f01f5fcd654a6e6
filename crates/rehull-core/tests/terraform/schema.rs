//! What the AWS provider says about itself: `terraform providers schema -json` of hashicorp/aws 5.100.0, the first release
//! that the modules take, without descriptions and only the types that a cluster needs; and what has changed up to the last
//! one that they take. What stands in a module has to be right for both.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use serde::Deserialize;

use crate::types::Type;

/// An argument, or something that the provider tells.
#[derive(Deserialize, Clone, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "the form of the schema file")]
pub(crate) struct Attribute {
    /// What values it takes.
    #[serde(rename = "type")]
    pub(crate) value: Type,
    /// Must be set.
    #[serde(default)]
    pub(crate) required: bool,
    /// May be set.
    #[serde(default)]
    pub(crate) optional: bool,
    /// The provider says it when nobody sets it.
    #[serde(default)]
    computed: bool,
    /// Will go.
    #[serde(default)]
    pub(crate) deprecated: bool,
}

impl Attribute {
    /// Whether only the provider can say it.
    pub(crate) fn is_read_only(&self) -> bool {
        self.computed && !self.optional && !self.required
    }
}

/// What may stand between braces.
#[derive(Deserialize, Clone, Debug, Default)]
pub(crate) struct Content {
    /// `name = value`.
    #[serde(default)]
    pub(crate) attributes: BTreeMap<String, Attribute>,
    /// `name { … }`.
    #[serde(default)]
    pub(crate) block_types: BTreeMap<String, Nested>,
    /// Will go.
    #[serde(default)]
    pub(crate) deprecated: bool,
}

/// A nested block.
#[derive(Deserialize, Clone, Debug)]
pub(crate) struct Nested {
    /// What may stand in it.
    pub(crate) block: Content,
    /// How often it must stand there.
    #[serde(default)]
    pub(crate) min_items: usize,
    /// How often it may stand there; 0 is without limit.
    #[serde(default)]
    max_items: usize,
    nesting_mode: String,
}

impl Nested {
    /// How often it may stand there.
    pub(crate) fn most(&self) -> usize {
        match (self.nesting_mode.as_str(), self.max_items) {
            ("single", _) => 1,
            (_, 0) => usize::MAX,
            (_, most) => most,
        }
    }
}

/// One release.
#[derive(Deserialize)]
pub(crate) struct Provider {
    /// Which.
    version: semver::Version,
    /// Its own configuration.
    pub(crate) configuration: Content,
    /// By type.
    pub(crate) resources: BTreeMap<String, Content>,
    /// By type.
    pub(crate) data_sources: BTreeMap<String, Content>,
}

#[derive(Deserialize)]
struct Later {
    changes: Vec<Change>,
}

#[derive(Deserialize)]
struct Change {
    path: String,
    since: semver::Version,
    source: String,
    attribute: Option<Attribute>,
    block: Option<Nested>,
    #[serde(default)]
    removed: bool,
}

/// The first and the last release that the modules take.
pub(crate) static RELEASES: LazyLock<[Provider; 2]> = LazyLock::new(|| {
    let mut last = first();
    for change in &later().changes {
        last.apply(change);
    }
    [first(), last]
});

fn first() -> Provider {
    serde_json::from_str(include_str!("schema/aws-5.100.json")).unwrap()
}

fn later() -> Later {
    serde_json::from_str(include_str!("schema/later.json")).unwrap()
}

impl Provider {
    /// # Panics
    /// If the path names nothing.
    fn apply(&mut self, change: &Change) {
        let mut steps = change.path.split('.').peekable();
        let kinds = match steps.next_if_eq(&"data") {
            Some(_) => &mut self.data_sources,
            None => &mut self.resources,
        };
        let mut content = kinds
            .get_mut(steps.next().unwrap())
            .unwrap_or_else(|| panic!("{}", change.path));
        let mut last = steps.next().unwrap();
        for step in steps {
            let nested = content
                .block_types
                .get_mut(last)
                .unwrap_or_else(|| panic!("{}", change.path));
            content = &mut nested.block;
            last = step;
        }
        if let Some(attribute) = &change.attribute {
            content.attributes.insert(last.to_owned(), attribute.clone());
        } else if let Some(block) = &change.block {
            content.block_types.insert(last.to_owned(), block.clone());
        } else {
            let gone = content.attributes.remove(last).is_some() | content.block_types.remove(last).is_some();
            assert!(gone, "{}: was not there", change.path);
        }
    }
}

#[test]
fn every_later_change_says_since_when_and_where_that_stands() {
    let released = first().version;
    for change in later().changes {
        assert!(
            change.since > released,
            "{}: is in the schema already",
            change.path
        );
        assert!(
            change
                .source
                .starts_with("https://github.com/hashicorp/terraform-provider-aws/"),
            "{}",
            change.path
        );
        let does = [change.attribute.is_some(), change.block.is_some(), change.removed];
        assert_eq!(
            does.into_iter().filter(|does| *does).count(),
            1,
            "{}: brings or takes?",
            change.path
        );
    }
}

/// Another floor wants another schema.
#[test]
fn the_first_release_that_the_modules_take_is_the_one_whose_schemas_are_here() {
    let floor = first().version;
    let constraint = format!(
        "version = \">= {}.{}, < {}.0\"",
        floor.major,
        floor.minor,
        floor.major + 2
    );
    assert!(crate::rules::VERSIONS.contains(&constraint), "{constraint}");
}

/// By which a machine gets an interface that is there: the gate has a row for it.
#[test]
fn the_first_interface_of_a_machine_is_named_since_a_later_release() {
    let [first, last] = &*RELEASES;
    let block = |provider: &Provider| {
        let machine = &provider.resources["aws_instance"];
        machine.block_types.get("primary_network_interface").cloned()
    };
    assert!(block(first).is_none());
    let block = block(last).unwrap();
    assert!(block.most() == 1 && block.block.attributes["network_interface_id"].required);
}
