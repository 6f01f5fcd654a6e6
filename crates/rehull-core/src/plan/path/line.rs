//! The cheapest line of one part (etcd, or a group) through the places of the control plane.
//!
//! Places are passed in order, one hop of the control plane between any two; at each the part may be taken to another of
//! its options. Parts do not ask each other, only the control plane, whose places are the same for all: so each line can be
//! looked for alone, and together they are the best way.

/// A part: its options are numbered, and what it costs to change from one to another.
pub(super) trait Part {
    /// How many options there are.
    fn options(&self) -> usize;

    /// Machines that are replaced to get from one option to another at a place; `None`: not legal there.
    fn change(&self, at: usize, from: usize, to: usize) -> Option<u64>;

    /// The risk of the hop of the control plane that leads from this place to the next; `None`: not legal.
    fn pass(&self, at: usize, with: usize) -> Option<u64>;

    /// Whether a change comes as early as it can, or as late, where both cost the same.
    fn hurries(&self) -> bool;
}

/// In the order in which they count.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct LineCost {
    pub(super) machines: u64,
    pub(super) changes: u64,
    pub(super) risk: u64,
}

/// What is changed where.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Line {
    pub(super) changes: Vec<Change>,
    pub(super) cost: LineCost,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Change {
    pub(super) at: usize,
    pub(super) from: usize,
    pub(super) to: usize,
    pub(super) machines: u64,
}

#[derive(Clone, Copy)]
enum Next {
    End,
    Pass,
    Change { to: usize, machines: u64 },
}

type Best = Option<(LineCost, Next)>;

/// From option 0 at the first place to `goal` at the last one; `None`: no way is legal.
pub(super) fn cheapest(part: &impl Part, places: usize, goal: usize) -> Option<Line> {
    let mut table: Vec<Vec<Best>> = Vec::new();
    // From the end: what is left from each option of a place on.
    for at in (0..places).rev() {
        let next = table.last();
        let mut best: Vec<Best> = (0..part.options())
            .map(|option| match next {
                None => (option == goal).then_some((LineCost::default(), Next::End)),
                Some(next) => {
                    let (mut cost, _) = (*next.get(option)?)?;
                    cost.risk = cost.risk.saturating_add(part.pass(at, option)?);
                    Some((cost, Next::Pass))
                }
            })
            .collect();
        while relax(part, at, &mut best) {}
        table.push(best);
    }
    table.reverse();
    follow(&table)
}

/// Takes every change that makes something cheaper; whether there was one. A change always costs something (at least
/// itself), so this ends.
fn relax(part: &impl Part, at: usize, best: &mut [Best]) -> bool {
    let mut better = false;
    for from in 0..best.len() {
        for to in (0..best.len()).rev().filter(|to| *to != from) {
            let Some((rest, _)) = best.get(to).copied().flatten() else {
                continue;
            };
            let Some(machines) = part.change(at, from, to) else {
                continue;
            };
            let cost = LineCost {
                machines: rest.machines.saturating_add(machines),
                changes: rest.changes.saturating_add(1),
                risk: rest.risk,
            };
            let Some(known) = best.get_mut(from) else { continue };
            let wins = match known {
                None => true,
                Some((so_far, Next::Pass)) if *so_far == cost => part.hurries(),
                Some((so_far, _)) => cost < *so_far,
            };
            if wins {
                *known = Some((cost, Next::Change { to, machines }));
                better = true;
            }
        }
    }
    better
}

fn follow(table: &[Vec<Best>]) -> Option<Line> {
    let best = |at: usize, option: usize| table.get(at)?.get(option).copied().flatten();
    let (cost, _) = best(0, 0)?;
    let (mut at, mut option, mut changes) = (0, 0, Vec::new());
    loop {
        match best(at, option)?.1 {
            Next::End => return Some(Line { changes, cost }),
            Next::Pass => at += 1,
            Next::Change { to, machines } => {
                changes.push(Change {
                    at,
                    from: option,
                    to,
                    machines,
                });
                option = to;
            }
        }
    }
}
