//! What all of EC2 writes the same way: ids, filters, pages, tags.

use std::collections::BTreeMap;

use super::{Document, Scope};
use crate::world::World;
use crate::world::api::ec2::{Describe, Filter, PageRequest, Tags};
use crate::world::error::AwsError;
use crate::world::select::{Described, select};

/// Ids below `ids`, filters and page.
pub fn describe(at: &Scope<'_>, ids: &str) -> Result<Describe, AwsError> {
    let filters = at.items("Filter").into_iter().map(|filter| {
        Ok(Filter {
            name: filter.need("Name")?,
            values: filter.list("Value"),
        })
    });
    Ok(Describe {
        ids: at.list(ids),
        filters: filters.collect::<Result<_, AwsError>>()?,
        page: page(at)?,
    })
}

/// MaxResults and NextToken.
pub fn page(at: &Scope<'_>) -> Result<PageRequest, AwsError> {
    Ok(PageRequest {
        max: at.parse("MaxResults")?,
        token: at.text("NextToken"),
    })
}

/// `Tag.N`.
pub fn tags(at: &Scope<'_>) -> Tags {
    let pairs = at.items("Tag");
    pairs
        .iter()
        .filter_map(|tag| Some((tag.text("Key")?, tag.text("Value").unwrap_or_default())))
        .collect()
}

/// `TagSpecification.N`, by resource type.
pub fn tag_specifications(at: &Scope<'_>) -> Result<BTreeMap<String, Tags>, AwsError> {
    let specifications = at.items("TagSpecification");
    specifications
        .iter()
        .map(|one| Ok((one.need("ResourceType")?, tags(one))))
        .collect()
}

/// The tags of what is made; for another resource type they are refused.
pub fn tags_for(at: &Scope<'_>, resource: &str) -> Result<Tags, AwsError> {
    let mut all = tag_specifications(at)?;
    let tags = all.remove(resource).unwrap_or_default();
    match all.keys().next() {
        None => Ok(tags),
        Some(other) => Err(AwsError::value(format!(
            "'{other}' is not a valid taggable resource type for this operation."
        ))),
    }
}

/// `tagSet`.
pub(in crate::world) fn tag_set(document: Document, tags: &Tags) -> Document {
    let rows = tags.iter();
    document.list(
        "tagSet",
        rows.map(|(key, value)| Document::new().text("key", key).text("value", value)),
    )
}

/// `<return>true</return>`.
pub(in crate::world) fn done() -> Document {
    Document::new().flag("return", true)
}

/// How the rows of a describe are written.
pub(in crate::world) struct Table<T> {
    /// Parameter that lists ids.
    pub(in crate::world) ids: &'static str,
    /// Name of the list in the answer.
    pub(in crate::world) name: &'static str,
    /// One row.
    pub(in crate::world) row: fn(&World, &T) -> Document,
}

impl<T: Described> Table<T> {
    /// One describe.
    pub(in crate::world) fn answer<'a>(
        &self,
        world: &World,
        at: &Scope<'_>,
        rows: impl Iterator<Item = &'a T>,
    ) -> Result<Document, AwsError>
    where
        T: 'a,
    {
        let page = select(rows, &describe(at, self.ids)?, world.now)?;
        let rows = page.rows.iter().map(|one| (self.row)(world, one));
        Ok(Document::new()
            .list(self.name, rows)
            .maybe("nextToken", page.next))
    }
}
