//! One line of `faults`: in the world (`what`), or at a request of rehull's (`how`).

use std::time::Duration;

use super::{Fields, Kind, Node, Pointer, Reader, Value, Wrong, list, quoted, value};
use crate::domain::ids::SlotName;
use crate::sim::Faults;
use crate::sim::fault::{Cue, Happening, REQUESTS, RequestFault, RequestTrouble, Then, WorldFault};

/// Keys of a line in the world, less those of single happenings.
const WORLD_KEYS: [&str; 5] = ["what", "at", "for", "when", "nth"];
const REQUEST_KEYS: [&str; 3] = ["how", "request", "nth"];

impl Reader<'_, '_> {
    pub(super) fn faults(&mut self, node: &Node, at: &Pointer, slots: &[String]) -> Option<Faults> {
        let Kind::List(items) = &node.kind else {
            return self.refuse(at, "config::type", "`faults` is a list".to_owned(), "not a list");
        };
        let mut faults = Faults::default();
        let mut all_read = true;
        for (index, item) in items.iter().enumerate() {
            all_read &= self.fault(item, &at.index(index), slots, &mut faults).is_some();
        }
        all_read.then_some(faults)
    }

    fn fault(&mut self, node: &Node, at: &Pointer, slots: &[String], into: &mut Faults) -> Option<()> {
        let Kind::Map(entries) = &node.kind else {
            let message = "a fault has keys and values".to_owned();
            return self.refuse(at, "config::type", message, "not a map");
        };
        let has = |key: &str| entries.iter().any(|entry| entry.key == key);
        match (has("what"), has("how")) {
            (true, false) => self.world_fault(node, at, slots, into),
            (false, true) => self.request_fault(node, at, into),
            (true, true) | (false, false) => {
                let wrong = Wrong::new(
                    "scenario::fault",
                    "a fault says either `what` happens or `how` a request fails",
                    "one of the two",
                )
                .help("for example `{ what: freeze, slot: etcd-b, at: 90s, for: 2m }` or `{ how: kill-after, request: MemberRemove }`");
                self.mistakes.add(at, wrong);
                None
            }
        }
    }

    fn world_fault(&mut self, node: &Node, at: &Pointer, slots: &[String], into: &mut Faults) -> Option<()> {
        let Kind::Map(entries) = &node.kind else {
            return None;
        };
        let whole = Fields {
            at: at.clone(),
            entries,
        };
        let (node_of_what, at_what) = whole.get("what")?;
        let template = self.word(node_of_what, &at_what, &Happening::NAMES, |name| name)?;
        let own = Happening::keys(template);
        let known: Vec<&str> = WORLD_KEYS.iter().chain(own).copied().collect();
        let fields = self.map(node, at.clone(), &known)?;
        let what = self.happening(template, &fields, slots)?;
        let at_s = self.seconds(&fields, "at")?;
        let for_s = self.seconds(&fields, "for")?;
        let fault = WorldFault { at_s, for_s, what };
        let Some((when, at_when)) = fields.get("when") else {
            self.refuse_nth(&fields, "when")?;
            into.world.push(fault);
            return Some(());
        };
        let request = self.word(when, &at_when, &REQUESTS, |name| name)?;
        into.cues.push(Cue {
            request: request.to_owned(),
            nth: self.nth(&fields)?,
            then: Then::World(fault),
        });
        Some(())
    }

    fn request_fault(&mut self, node: &Node, at: &Pointer, into: &mut Faults) -> Option<()> {
        let fields = self.map(node, at.clone(), &REQUEST_KEYS)?;
        let (how, at_how) = self.required(&fields, "how")?;
        let how = self.word(how, &at_how, &RequestTrouble::ALL, RequestTrouble::name)?;
        let (request, at_request) = self.required(&fields, "request")?;
        if let Kind::Scalar {
            value: Value::Number(number),
            ..
        } = &request.kind
            && let Some(nth) = number.as_u64()
        {
            self.refuse_nth(&fields, "request: KIND")?;
            into.requests.push(RequestFault { nth, how });
            return Some(());
        }
        let request = self.word(request, &at_request, &REQUESTS, |name| name)?;
        into.cues.push(Cue {
            request: request.to_owned(),
            nth: self.nth(&fields)?,
            then: Then::Trouble(how),
        });
        Some(())
    }

    fn nth(&mut self, fields: &Fields<'_>) -> Option<u64> {
        let Some((node, at)) = fields.get("nth") else {
            return Some(1);
        };
        match self.number(node, &at)? {
            0 => self.refuse(
                &at,
                "scenario::nth",
                "`nth` counts from 1".to_owned(),
                "not 1 or more",
            ),
            nth => Some(nth),
        }
    }

    fn refuse_nth(&mut self, fields: &Fields<'_>, with: &str) -> Option<()> {
        match fields.get("nth") {
            Some((_, at)) => {
                let message = format!("`nth` means something only beside `{with}`");
                self.refuse(&at, "scenario::nth", message, "the nth of what?")
            }
            None => Some(()),
        }
    }

    /// A duration in whole seconds; 0 if it is not there.
    fn seconds(&mut self, fields: &Fields<'_>, key: &str) -> Option<u64> {
        let Some((node, at)) = fields.get(key) else {
            return Some(0);
        };
        let Kind::Scalar { raw, .. } = &node.kind else {
            return self.refuse(
                &at,
                "config::type",
                format!("`{key}` is a duration"),
                "not a duration",
            );
        };
        let read = self.mistakes.keep(&at, value::duration(raw))?;
        if Duration::from_secs(read.as_secs()) != read {
            return self.refuse(
                &at,
                "scenario::seconds",
                format!("`{key}` counts whole seconds"),
                "a part of one",
            );
        }
        Some(read.as_secs())
    }

    fn happening(&mut self, name: &str, fields: &Fields<'_>, slots: &[String]) -> Option<Happening> {
        let own = Happening::keys(name);
        let slot = if own.contains(&"slot") {
            Some(self.slot(fields, slots)?)
        } else {
            None
        };
        let alarm = if own.contains(&"alarm") {
            let (node, at) = self.required(fields, "alarm")?;
            Some(
                self.word(node, &at, &["NOSPACE", "CORRUPT"], |name| name)?
                    .to_owned(),
            )
        } else {
            None
        };
        let seconds = if own.contains(&"seconds") {
            Some(self.whole_number(fields, "seconds")?)
        } else {
            None
        };
        Happening::named(name, slot, alarm, seconds)
    }

    fn whole_number(&mut self, fields: &Fields<'_>, key: &str) -> Option<i64> {
        let (node, at) = self.required(fields, key)?;
        let number = match &node.kind {
            Kind::Scalar { value, .. } => value.as_i64(),
            Kind::List(_) | Kind::Map(_) => None,
        };
        number.or_else(|| {
            self.refuse(
                &at,
                "config::type",
                "a whole number is wanted".to_owned(),
                "not one",
            )
        })
    }

    fn slot(&mut self, fields: &Fields<'_>, slots: &[String]) -> Option<SlotName> {
        let (node, at) = self.required(fields, "slot")?;
        let name = self.text(node, &at)?;
        if slots.contains(&name) {
            return Some(SlotName::new(name));
        }
        let wrong = Wrong::new(
            "scenario::slot",
            format!("there is no slot {}", quoted(&name)),
            "no such slot",
        )
        .help(format!(
            "this cluster has {}",
            list(slots.iter().map(String::as_str))
        ));
        self.mistakes.add(&at, wrong);
        None
    }
}
