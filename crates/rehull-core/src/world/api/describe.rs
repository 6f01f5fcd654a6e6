//! What all describes have in common: ids, filters and pages.

/// The common part of all describes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Describe {
    /// Exactly these; each must exist.
    pub ids: Vec<String>,
    /// All must match.
    pub filters: Vec<Filter>,
    /// Page.
    pub page: PageRequest,
}

/// One filter: any of the values matches. `*` and `?` are wildcards.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Filter {
    /// Name, for example `tag:rehull:cluster`.
    pub name: String,
    /// Values.
    pub values: Vec<String>,
}

/// MaxResults and NextToken.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PageRequest {
    /// Most rows.
    pub max: Option<u32>,
    /// Where to go on.
    pub token: Option<String>,
}

/// Some rows and where the next ones start.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page<T> {
    /// Rows.
    pub rows: Vec<T>,
    /// Present if there are more.
    pub next: Option<String>,
}
