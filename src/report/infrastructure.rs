//! A plan of Terraform around the machines, as a person approves it: object by object, and what of its values may be shown.

use rehull_core::tfplan::{Decision, ShownChange};

use super::numbers::count;
use super::paint::{Paint, Tone};

/// The whole text; ends in a newline. `apply`: the command that carries it out.
#[must_use]
pub fn text(decision: &Decision, apply: Option<&str>, paint: Paint) -> String {
    let mut out = String::new();
    for one in &decision.changes {
        out.push_str(&change(one, paint));
    }
    let shown = decision.changes.len();
    if shown < decision.counts.changes {
        let more = u64::try_from(decision.counts.changes.saturating_sub(shown)).unwrap_or(u64::MAX);
        out.push_str(&format!("and {} more\n", count(more)));
    }
    if decision.counts.outputs > 0 {
        out.push_str(&format!("outputs that change: {}\n", decision.counts.outputs));
    }
    for finding in &decision.findings {
        let place = finding.address.as_ref().map(|address| format!("`{address}`: "));
        let word = paint.tone(Tone::Bad, &format!("refused ({})", finding.rule));
        out.push_str(&format!(
            "{word}: {}{}\n  help: {}\n",
            place.unwrap_or_default(),
            finding.reason,
            finding.remedy
        ));
    }
    if let Some(manifest) = &decision.manifest {
        out.push_str(&format!("digest  {}\n", manifest.digest()));
        if let Some(apply) = apply {
            out.push_str(&format!("next    {apply} --plan-digest {}\n", manifest.digest()));
        }
    }
    out
}

fn change(one: &ShownChange, paint: Paint) -> String {
    let mut out = format!(
        "{}: {}",
        paint.tone(Tone::Strong, one.address.as_str()),
        one.action
    );
    if let Some(from) = &one.moved_from {
        out.push_str(&format!(", moved from {from}"));
    }
    if one.imported {
        out.push_str(", imported");
    }
    out.push('\n');
    for attribute in &one.attributes {
        out.push_str(&format!(
            "    {}: {} → {}\n",
            attribute.name, attribute.before, attribute.after
        ));
    }
    out
}
