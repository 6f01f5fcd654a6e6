//! Who holds the lock of a state. Terraform has no structured form of it: the lines stand in the detail of the diagnostic.

/// As the holder wrote it down.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LockInfo {
    /// What `force-unlock` wants, exactly.
    pub id: String,
    /// `user@host`.
    pub who: String,
    /// `OperationTypeApply`.
    pub operation: String,
    /// When it was taken, as Go prints a time: `2026-11-29 08:25:40.92 +0000 UTC`.
    pub created: String,
    /// Of the state: a file, or bucket and key.
    pub path: String,
}

impl LockInfo {
    /// Reads the block after `Lock Info:`. `None`: there is none, as with a backend that cannot say who holds it.
    #[must_use]
    pub fn in_detail(detail: &str) -> Option<Self> {
        let (_, block) = detail.split_once("Lock Info:")?;
        let mut info = Self::default();
        for (key, value) in block.lines().filter_map(|line| line.split_once(':')) {
            let value = value.trim().to_owned();
            match key.trim() {
                "ID" => info.id = value,
                "Who" => info.who = value,
                "Operation" => info.operation = value,
                "Created" => info.created = value,
                "Path" => info.path = value,
                _ => {}
            }
        }
        (!info.id.is_empty()).then_some(info)
    }
}
