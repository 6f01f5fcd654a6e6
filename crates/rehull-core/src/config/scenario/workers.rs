//! `workers` in a scenario file.

use super::{Fields, Node, Pointer, Reader, Wrong};
use crate::sim::Workers;

const KEYS: [&str; 7] = ["groups", "zones", "machines", "from", "to", "surge", "budget"];

impl Reader<'_, '_> {
    pub(super) fn workers(&mut self, node: &Node, at: Pointer) -> Option<Workers> {
        let fields = self.map(node, at, &KEYS)?;
        let usual = Workers::new(0, 0);
        let groups = self.count(&fields, "groups", (1, 3), None);
        let zones = self.count(&fields, "zones", (1, 3), Some(usual.zones));
        let machines = self.count(&fields, "machines", (1, 5), None);
        let surge = self.count(&fields, "surge", (0, 5), Some(usual.surge));
        let budget = self.count(&fields, "budget", (1, 9), Some(usual.budget));
        let from = self.kubernetes(&fields, "from");
        let to = self.kubernetes(&fields, "to");
        Some(Workers {
            groups: groups?,
            zones: zones?,
            machines: machines?,
            from: from?,
            to: to?,
            surge: surge?,
            budget: budget?,
        })
    }

    fn count(
        &mut self,
        fields: &Fields<'_>,
        key: &str,
        (least, most): (u8, u8),
        usual: Option<u8>,
    ) -> Option<u8> {
        if let (None, Some(usual)) = (fields.get(key), usual) {
            return Some(usual);
        }
        let (node, at) = self.required(fields, key)?;
        let count = self.number(node, &at)?;
        let wrong = Wrong::new(
            "scenario::workers",
            format!("`{key}` is {count}"),
            format!("not {least} to {most}"),
        );
        let fits = u8::try_from(count)
            .ok()
            .filter(|count| (least..=most).contains(count));
        self.mistakes.keep(&at, fits.ok_or(wrong))
    }
}
