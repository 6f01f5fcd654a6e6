//! Breadth first through all states. A counterexample is a shortest path.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Instant;

use super::decision::{Look, Rules, Verdict, broken, look};
use super::faults::Faults;
use super::scene::Scene;
use super::state::{State, World};
use super::step::Step;
use super::steps::{Edge, edges};

/// Size of what was looked at.
#[derive(Default)]
pub(super) struct Figures {
    pub(super) states: usize,
    pub(super) edges: usize,
    pub(super) depth: u32,
    pub(super) seconds: f64,
    /// Names of the stops that were met and how many states stop so.
    pub(super) stops: BTreeMap<String, usize>,
    /// States in which the rollout is finished.
    pub(super) finished: usize,
}

impl std::fmt::Display for Figures {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self {
            states,
            edges,
            depth,
            seconds,
            ..
        } = self;
        write!(f, "{states} states, {edges} steps, {depth} deep, {seconds:.1} s")?;
        write!(f, ", {} finished", self.finished)?;
        self.stops
            .iter()
            .try_for_each(|(name, count)| write!(f, ", {count} stop with {name}"))
    }
}

/// What is wrong, and how one gets there.
pub(super) struct Counterexample {
    pub(super) what: String,
    pub(super) path: Vec<String>,
}

impl std::fmt::Display for Counterexample {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for (at, step) in self.path.iter().enumerate() {
            writeln!(f, "{:3} {step}", at + 1)?;
        }
        write!(f, "  => {}", self.what)
    }
}

pub(super) struct Checker<'a> {
    scene: &'a Scene,
    rules: Rules,
    known: HashMap<State, u32>,
    looks: HashMap<World, Look>,
    /// By which step from which state each was found first.
    parents: Vec<(u32, Step)>,
    depths: Vec<u32>,
    /// Steps by which nothing goes wrong, backwards: (to, from).
    good: Vec<(u32, u32)>,
    ends: Vec<u32>,
    figures: Figures,
}

impl<'a> Checker<'a> {
    pub(super) fn new(scene: &'a Scene, rules: Rules) -> Self {
        Self {
            scene,
            rules,
            known: HashMap::new(),
            looks: HashMap::new(),
            parents: Vec::new(),
            depths: Vec::new(),
            good: Vec::new(),
            ends: Vec::new(),
            figures: Figures::default(),
        }
    }

    /// All states that can be reached from `worlds` with these faults.
    #[allow(clippy::disallowed_methods, reason = "how long it took is for people")]
    pub(super) fn run(mut self, worlds: Vec<World>, left: Faults) -> Result<Figures, Counterexample> {
        let begun = Instant::now();
        let mut queue = VecDeque::new();
        for world in worlds {
            let state = State {
                world,
                pending: Vec::new(),
                stray: None,
                left,
            };
            self.meet(state, None, &mut queue);
        }
        while let Some((number, state)) = queue.pop_front() {
            self.visit(number, &state, &mut queue)?;
        }
        self.all_can_finish()?;
        self.figures.states = self.parents.len();
        self.figures.finished = self.ends.len();
        self.figures.depth = self.depths.iter().copied().max().unwrap_or(0);
        self.figures.seconds = begun.elapsed().as_secs_f64();
        Ok(self.figures)
    }

    fn meet(&mut self, state: State, from: Option<(u32, Step)>, queue: &mut VecDeque<(u32, State)>) -> u32 {
        if let Some(number) = self.known.get(&state) {
            return *number;
        }
        let number = u32::try_from(self.parents.len()).unwrap();
        let depth = from.map_or(0, |(parent, _)| self.depths[parent as usize] + 1);
        self.parents.push(from.unwrap_or((number, Step::Tick)));
        self.depths.push(depth);
        self.known.insert(state.clone(), number);
        queue.push_back((number, state));
        number
    }

    fn visit(
        &mut self,
        number: u32,
        state: &State,
        queue: &mut VecDeque<(u32, State)>,
    ) -> Result<(), Counterexample> {
        if let Some(what) = broken(self.scene, &state.world) {
            return Err(self.counterexample(number, what));
        }
        let next = catch_unwind(AssertUnwindSafe(|| self.edges(state)));
        let next = next.map_err(|panic| {
            let text = panic.downcast_ref::<String>().cloned();
            let text = text.or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned()));
            self.counterexample(number, text.unwrap_or_default())
        })?;
        if let (true, Some(look)) = (state.pending.is_empty(), self.looks.get(&state.world)) {
            if let Some(what) = look.broken.clone() {
                return Err(self.counterexample(number, what));
            }
            match &look.verdict {
                Verdict::Done => {
                    self.ends.push(number);
                    return Ok(());
                }
                Verdict::Stop(reason) => {
                    let name = serde_json::to_value(reason).unwrap()["stop"].to_string();
                    *self.figures.stops.entry(name).or_default() += 1;
                    if reason.needs_human() {
                        return Err(self.counterexample(number, format!("it stops for a person: {reason:?}")));
                    }
                }
                Verdict::Go { .. } => {}
            }
        }
        self.figures.edges += next.len();
        for (step, after) in next {
            let to = self.meet(after, Some((number, step)), queue);
            if !step.is_fault() && to != number {
                self.good.push((to, number));
            }
        }
        Ok(())
    }

    fn edges(&mut self, state: &State) -> Vec<Edge> {
        let (scene, rules, looks) = (self.scene, self.rules, &mut self.looks);
        edges(scene, state, |world| {
            if let Some(known) = looks.get(world) {
                return known.clone();
            }
            let new = look(scene, rules, world);
            looks.insert(world.clone(), new.clone());
            new
        })
    }

    /// From every state the end can be reached when nothing more goes wrong.
    fn all_can_finish(&mut self) -> Result<(), Counterexample> {
        self.good.sort_unstable();
        let mut can = vec![false; self.parents.len()];
        let mut queue: Vec<u32> = self.ends.clone();
        while let Some(number) = queue.pop() {
            if std::mem::replace(&mut can[number as usize], true) {
                continue;
            }
            let first = self.good.partition_point(|(to, _)| *to < number);
            let into = self.good[first..].iter().take_while(|(to, _)| *to == number);
            queue.extend(into.map(|(_, from)| *from));
        }
        let stuck = can.iter().position(|can| !can);
        match stuck {
            None => Ok(()),
            Some(number) => {
                let number = u32::try_from(number).unwrap();
                let state = self.known.iter().find(|(_, known)| **known == number).unwrap().0;
                let waiting = match self.looks.get(&state.world).map(|look| &look.verdict) {
                    Some(Verdict::Go { waiting, .. }) => waiting.as_slice(),
                    _ => &[],
                };
                let what = format!("from here it never ends; it waits for {waiting:?}; {state:?}");
                Err(self.counterexample(number, what))
            }
        }
    }

    fn counterexample(&self, number: u32, what: String) -> Counterexample {
        let mut path = Vec::new();
        let mut at = number;
        loop {
            let (parent, step) = self.parents[at as usize];
            if parent == at {
                break;
            }
            path.push(step.words(self.scene));
            at = parent;
        }
        path.reverse();
        Counterexample { what, path }
    }
}
