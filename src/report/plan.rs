//! A rollout plan as a person approves it: order, reasons, margins, time, what must be fixed, until when one can go back.

use rehull_core::domain::ids::GroupName;
use rehull_core::domain::terraform::Address;
use rehull_core::plan::{
    Envelope, ForecastStep, Reversible, RolloutKind, RolloutPlan, ServersForecast, WorkersForecast,
};

use super::numbers::{about, account};
use super::paint::{Paint, Tone};
use super::table::{Cell, Row, layout};

/// What the last line offers to type.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Offer<'a> {
    /// The command that carries the plan out, complete: `rehull apply clusters/dev.yaml`. `None`: whoever reads this has
    /// just given it.
    pub apply: Option<&'a str>,
    /// Show every note instead of the first few.
    pub all_notes: bool,
}

/// Notes that are shown without being asked for.
const NOTES_SHOWN: usize = 3;

/// The whole text; ends in a newline.
#[must_use]
pub fn text(plan: &RolloutPlan, offer: &Offer<'_>, paint: Paint) -> String {
    let envelope = &plan.envelope;
    let mut out = format!("{}\n\n", title(plan, paint));
    match (envelope.replaces(), &envelope.terraform) {
        (true, _) => out.push_str(&steps(plan, paint)),
        (false, Some(_)) => out.push_str(
            "no machine has to be replaced; Terraform's module is behind the cluster, and is brought up to it\n",
        ),
        (false, None) => {
            out.push_str(&unchanged(plan, paint));
            return out;
        }
    }
    out.push_str(&blockers(plan, paint));
    out.push_str(&notes(plan, offer));
    out.push('\n');
    for (label, lines) in [
        ("terraform", terraform(plan)),
        ("can it be reverted?", reverted(plan)),
        ("digest", vec![envelope.digest().to_string()]),
        ("next", next(plan, offer)),
    ] {
        for (number, text) in lines.iter().enumerate() {
            let label = if number == 0 { label } else { "" };
            out.push_str(&format!(
                "{label:<20}  {text}
"
            ));
        }
    }
    out
}

/// What the approval allows Terraform to do, object by object.
fn terraform(plan: &RolloutPlan) -> Vec<String> {
    let Some(manifest) = &plan.envelope.terraform else {
        return Vec::new();
    };
    let mut lines: Vec<String> = manifest
        .changes
        .iter()
        .map(|(address, part)| {
            let what = part.shape.split(" by ").next().unwrap_or_default();
            format!("{}: {what}", Address::new(address))
        })
        .collect();
    lines.push(format!("and nothing else; as approved: {}", manifest.digest()));
    lines
}

/// A cluster that is what the file says and yet not well is not called done: no upgrade would mend it.
fn unchanged(plan: &RolloutPlan, paint: Paint) -> String {
    let machines = plan.envelope.slots.len();
    let what = match &plan.envelope.kind {
        RolloutKind::Rollback { of } => format!("what they were before {of}"),
        RolloutKind::Upgrade
        | RolloutKind::Bootstrap
        | RolloutKind::Heal { .. }
        | RolloutKind::Replace { .. } => "what the cluster file says".to_owned(),
    };
    let servers = plan.envelope.control_plane.iter().map(|planned| &planned.group);
    let workers = plan.envelope.workers.iter().flat_map(|workers| &workers.groups);
    let groups: Vec<&str> = servers
        .chain(workers.map(|planned| &planned.group))
        .map(GroupName::as_str)
        .collect();
    let servers = if groups.is_empty() {
        String::new()
    } else {
        format!(", and those of {},", groups.join(", "))
    };
    if plan.forecast.blockers.is_empty() {
        return format!("nothing to do: all {machines} machines{servers} are {what}\n");
    }
    let list = list(&plan.forecast.blockers, paint);
    format!("no machine has to be replaced: all {machines} are {what}, but the cluster is not well\n{list}")
}

fn title(plan: &RolloutPlan, paint: Paint) -> String {
    let Envelope {
        cluster,
        region,
        account: id,
        ..
    } = &plan.envelope;
    let place = format!("{cluster} ({region}, account {})", account(id.as_str()));
    format!("{}   {}", paint.tone(Tone::Strong, &place), plan.headline())
}

fn steps(plan: &RolloutPlan, paint: Paint) -> String {
    let head = ["#", "member", "why, and why here", "quorum margin", "about"]
        .map(|word| Cell::left(word).tone(Tone::Faint));
    let mut rows = vec![Row::Cells(head.to_vec())];
    for (number, step) in plan.forecast.order.iter().enumerate() {
        if bakes_before(plan, step) {
            let bake = about(plan.envelope.policy.bake);
            rows.push(Row::Note(format!(
                "    ── bake {bake}: last moment to go back for free ──"
            )));
        }
        rows.push(Row::Cells(row(number.saturating_add(1), step, is_single(plan))));
        if is_single(plan) {
            rows.push(Row::Note(format!(
                "    {} the only member: from its stop until its successor serves nothing can be written or read",
                paint.tone(Tone::Care, "└")
            )));
        }
        if step.point_of_no_return {
            rows.push(Row::Note(format!(
                "    {} point of no return",
                paint.tone(Tone::Care, "└")
            )));
        }
    }
    if let Some(line) = &plan.forecast.servers {
        let number = plan.forecast.order.len().saturating_add(1);
        rows.push(Row::Cells(servers(number, plan, line)));
    }
    let first = rows_before_workers(plan);
    for (number, line) in plan.forecast.workers.iter().enumerate() {
        rows.push(Row::Cells(workers(first.saturating_add(number), plan, line)));
    }
    let total = about(plan.forecast.total);
    rows.push(Row::Cells(vec![
        Cell::left(""),
        Cell::left(""),
        Cell::left(""),
        Cell::right("total"),
        Cell::left(total).tone(Tone::Strong),
    ]));
    layout(&rows, "  ", paint)
}

/// A cluster of one, which exists: it has nobody to go last among, and nobody who serves meanwhile.
fn is_single(plan: &RolloutPlan) -> bool {
    plan.envelope.slots.len() == 1 && plan.envelope.kind != RolloutKind::Bootstrap
}

fn row(number: usize, step: &ForecastStep, single: bool) -> Vec<Cell> {
    let (before, during, after) = step.margin;
    let because = if single {
        step.because.replace("leads, so it goes last", "the only member")
    } else {
        step.because.clone()
    };
    vec![
        Cell::left(number.to_string()),
        Cell::left(step.slot.as_str()),
        Cell::left(because),
        Cell::left(format!("{before} → {during} → {after}")),
        Cell::left(about(step.about)),
    ]
}

/// The control plane is one step: which machine goes next depends on the zone in which its group launches.
fn servers(number: usize, plan: &RolloutPlan, line: &ServersForecast) -> Vec<Cell> {
    let planned = plan.envelope.servers();
    let reasons = planned.map_or_else(String::new, |planned| planned.reasons.join("; "));
    let floor = planned.map_or(0, |planned| planned.policy.floor);
    let group = planned.map_or("", |planned| planned.group.as_str());
    let count = match (line.leaving, line.zones) {
        (1, _) => "1 machine".to_owned(),
        (leaving, 1) => format!("{leaving} machines in 1 zone"),
        (leaving, zones) => format!("{leaving} machines in {zones} zones"),
    };
    vec![
        Cell::left(number.to_string()),
        Cell::left(group),
        Cell::left(format!("{count}, one more before one less; {reasons}")),
        Cell::left(format!("≥ {floor} healthy")),
        Cell::left(about(line.about)),
    ]
}

/// Number of the first group of workers.
fn rows_before_workers(plan: &RolloutPlan) -> usize {
    let servers = usize::from(plan.forecast.servers.is_some());
    plan.forecast
        .order
        .len()
        .saturating_add(servers)
        .saturating_add(1)
}

/// A group of workers is one step: which node goes next depends on what comes up and on what lets go.
fn workers(number: usize, plan: &RolloutPlan, line: &WorkersForecast) -> Vec<Cell> {
    let mut groups = plan.envelope.worker_groups();
    let planned = groups.find(|planned| planned.group == line.group);
    let reasons = planned.map_or_else(String::new, |planned| planned.reasons.join("; "));
    let budget = plan.envelope.workers.as_ref().map_or(1, |workers| workers.budget);
    let count = match line.leaving {
        1 => "1 node".to_owned(),
        leaving => format!("{leaving} nodes"),
    };
    vec![
        Cell::left(number.to_string()),
        Cell::left(line.group.as_str()),
        Cell::left(format!("{count}, each drained before it ends; {reasons}")),
        Cell::left(format!("≤ {budget} drained")),
        Cell::left(about(line.about)),
    ]
}

/// The bake stands before the step that makes going back expensive.
fn bakes_before(plan: &RolloutPlan, step: &ForecastStep) -> bool {
    step.point_of_no_return && plan.envelope.bakes()
}

fn blockers(plan: &RolloutPlan, paint: Paint) -> String {
    let blockers = &plan.forecast.blockers;
    if blockers.is_empty() {
        return String::new();
    }
    let count = blockers.len();
    format!(
        "must be fixed before starting ({count})\n{}",
        list(blockers, paint)
    )
}

fn list(blockers: &[String], paint: Paint) -> String {
    let mut out = String::new();
    for blocker in blockers {
        // The planner writes `what is wrong → what to do`; versions inside the first half use the same arrow.
        let (what, fix) = blocker.rsplit_once(" → ").unwrap_or((blocker, ""));
        out.push_str(&format!("  {} {what}\n", paint.tone(Tone::Bad, "✗")));
        if !fix.is_empty() {
            out.push_str(&format!("      → {fix}\n"));
        }
    }
    out
}

fn notes(plan: &RolloutPlan, offer: &Offer<'_>) -> String {
    let notes = &plan.forecast.notes;
    if notes.is_empty() {
        return String::new();
    }
    let shown = if offer.all_notes { notes.len() } else { NOTES_SHOWN };
    let more = if notes.len() > shown {
        "   --all to see them all"
    } else {
        ""
    };
    let mut out = format!("worth knowing ({}){more}\n", notes.len());
    for note in notes.iter().take(shown) {
        out.push_str(&format!("  · {note}\n"));
    }
    out
}

fn reverted(plan: &RolloutPlan) -> Vec<String> {
    let order = &plan.forecast.order;
    match &plan.envelope.reversible {
        Reversible::Always => vec!["yes, any time".to_owned()],
        Reversible::Never { why } => vec![format!("no: {why}")],
        Reversible::UntilLastOldMember { why } => {
            let until = match order.iter().position(|step| step.point_of_no_return) {
                Some(place) => format!("until step {} of {}:", place.saturating_add(1), order.len()),
                None => "yes, this rollout leaves old members in place:".to_owned(),
            };
            vec![until, why.clone()]
        }
    }
}

fn next(plan: &RolloutPlan, offer: &Offer<'_>) -> Vec<String> {
    let line = match plan.forecast.blockers.len() {
        0 => offer.apply,
        1 => Some("fix the item above, then plan again"),
        _ => Some("fix the items above, then plan again"),
    };
    line.map(str::to_owned).into_iter().collect()
}

#[cfg(test)]
mod workers;

#[cfg(test)]
mod tests {
    use super::super::fixture;
    use super::*;

    fn shown(plan: &RolloutPlan) -> String {
        let offer = Offer {
            apply: Some("rehull apply clusters/dev.yaml"),
            all_notes: false,
        };
        text(plan, &offer, Paint::Plain)
    }

    #[test]
    fn the_plan_of_a_single_member_says_that_nothing_can_be_written_meanwhile() {
        let mut plan = fixture::plan();
        plan.envelope.slots.truncate(1);
        plan.forecast.order.retain(|step| step.slot.as_str() == "etcd-a");
        plan.forecast.order[0].margin = (0, -1, 0);
        let told = shown(&plan);
        assert!(told.contains("the only member; etcd 3.5.33 → 3.6.14"), "{told}");
        assert!(!told.contains("goes last"), "{told}");
        let outage =
            "└ the only member: from its stop until its successor serves nothing can be written or read\n";
        assert!(told.contains(outage), "{told}");
        let three = shown(&fixture::plan());
        assert!(
            three.contains("leads, so it goes last") && !three.contains("only member"),
            "{three}"
        );
    }

    #[test]
    fn whoever_has_just_given_the_command_is_not_told_to_give_it() {
        let offer = Offer {
            apply: None,
            all_notes: false,
        };
        let plan = fixture::plan();
        let told = text(&plan, &offer, Paint::Plain);
        assert!(!told.contains("\nnext "), "{told}");
        let digest = plan.envelope.digest().to_string();
        assert!(told.trim_end().ends_with(&digest), "{told}");
    }

    #[test]
    fn a_plan_says_order_reasons_margins_and_the_point_of_no_return() {
        insta::assert_snapshot!(shown(&fixture::plan()));
    }

    #[test]
    fn blockers_come_with_what_to_do_and_hold_the_next_command_back() {
        let mut plan = fixture::plan();
        plan.forecast.blockers = vec![
            "etcd-c does not answer → bring it back first: rehull etcd heal etcd-c".to_owned(),
            "etcd-b raises NOSPACE → clear its cause and the alarm".to_owned(),
        ];
        insta::assert_snapshot!(shown(&plan));
    }

    #[test]
    fn a_cluster_that_is_not_well_is_not_called_done_although_no_machine_is_replaced() {
        let mut plan = fixture::plan();
        for slot in &mut plan.envelope.slots {
            slot.reasons.clear();
        }
        plan.forecast.order.clear();
        let out = "etcd-b is out: its port refuses connections → an upgrade does not start it; bring it back: rehull etcd heal etcd-b FILE";
        plan.forecast.blockers = vec![out.to_owned()];
        let shown = shown(&plan);
        assert!(!shown.contains("nothing to do"), "{shown}");
        assert!(
            shown.contains("✗ etcd-b is out: its port refuses connections\n"),
            "{shown}"
        );
        assert!(
            shown.contains("→ an upgrade does not start it; bring it back: rehull etcd heal etcd-b"),
            "{shown}"
        );
    }

    #[test]
    fn a_plan_without_changes_says_so_and_offers_nothing() {
        let mut plan = fixture::plan();
        for slot in &mut plan.envelope.slots {
            slot.reasons.clear();
        }
        plan.forecast.order.clear();
        insta::assert_snapshot!(shown(&plan));
    }
}
