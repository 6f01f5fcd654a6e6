//! What is asked of real members.

use std::time::Instant;

use serde_json::{Value, json};

use super::http::{Answer, get, post};
use super::{Real, START_LIMIT, number, wait};
use crate::steps::{Band, Cluster as _, Slot, Step};
use crate::words;

const SLOTS: [Slot; 5] = ["a", "b", "c", "d", "e"];

impl Real {
    fn call(&self, via: Slot, path: &str, body: &Value) -> Result<Value, String> {
        match post(self.at(via), path, body) {
            Answer::Ok(value) => Ok(value),
            Answer::Said(text) => Err(words::normal(&text)),
            Answer::Refused => Err("connection refused".to_owned()),
            Answer::Silent => Err("no answer".to_owned()),
        }
    }

    fn outcome(&self, via: Slot, path: &str, body: &Value) -> String {
        self.call(via, path, body)
            .map_or_else(|text| text, |_| "ok".to_owned())
    }

    /// Calls that leave nothing to remember here; `None` for every other step.
    pub(super) fn ask(&self, step: &Step) -> Option<String> {
        let answer = match step {
            Step::Remove { via, who } => {
                self.outcome(via, "/v3/cluster/member/remove", &json!({ "ID": self.id(who) }))
            }
            Step::Promote { via, who } => {
                self.outcome(via, "/v3/cluster/member/promote", &json!({ "ID": self.id(who) }))
            }
            Step::MoveLeader { via, to } => self.transfer(via, to),
            Step::Put(via) => self.outcome(via, "/v3/kv/put", &json!({ "key": "a2V5", "value": "dg==" })),
            Step::Write(via, count) => words::all((0..*count).filter_map(|_| self.ask(&Step::Put(via)))),
            Step::Read(via) => self.outcome(via, "/v3/kv/range", &json!({ "key": "a2V5" })),
            Step::ReadOwn(via) => self.outcome(
                via,
                "/v3/kv/range",
                &json!({ "key": "a2V5", "serializable": true }),
            ),
            Step::List(via) => self.list(via),
            Step::Alarm { of, alarm, on } => {
                let action = if *on { "ACTIVATE" } else { "DEACTIVATE" };
                let body = json!({ "action": action, "memberID": self.id(of), "alarm": alarm });
                self.outcome(of, "/v3/maintenance/alarm", &body)
            }
            Step::Leader(via) => self.leader(via),
            Step::Line(via) => self.line(via),
            Step::Status(via) => self.status(via),
            _ => return None,
        };
        Some(answer)
    }

    pub(super) fn together(&self, steps: &[Step]) -> String {
        std::thread::scope(|scope| {
            let calls: Vec<_> = steps
                .iter()
                .map(|step| scope.spawn(|| self.ask(step).expect("a call")))
                .collect();
            words::all(calls.into_iter().map(|call| call.join().unwrap()))
        })
    }

    pub(super) fn add(&mut self, via: Slot, slot: Slot, learner: bool) -> String {
        let body = json!({ "peerURLs": [self.peer_url(slot)], "isLearner": learner });
        match self.call(via, "/v3/cluster/member/add", &body) {
            Ok(value) => {
                let id = number(&value["member"]["ID"]);
                self.ids.insert(slot, id);
                "ok".to_owned()
            }
            Err(text) => text,
        }
    }

    pub(super) fn lead(&self, slot: Slot) -> String {
        let moved = wait(START_LIMIT, || {
            let leader = self.leader(slot);
            if leader != slot {
                let via = SLOTS.into_iter().find(|name| *name == leader)?;
                let _ = self.transfer(via, slot);
            }
            // Everybody who runs follows it.
            let mut others = self.processes.keys();
            others.all(|other| self.leader(other) == slot).then_some(())
        });
        moved.map_or_else(|| format!("{} leads", self.leader(slot)), |()| "done".to_owned())
    }

    fn transfer(&self, via: Slot, to: Slot) -> String {
        let body = json!({ "targetID": self.id(to) });
        self.outcome(via, "/v3/maintenance/transfer-leadership", &body)
    }

    fn leader(&self, via: Slot) -> String {
        let value = match self.call(via, "/v3/maintenance/status", &json!({})) {
            Ok(value) => value,
            Err(text) => return text,
        };
        let leader = number(&value["leader"]);
        match self.ids.iter().find(|(_, id)| **id == leader) {
            Some((slot, _)) => (*slot).to_owned(),
            None if leader == 0 => "nobody".to_owned(),
            None => format!("{leader:x}"),
        }
    }

    fn status(&self, via: Slot) -> String {
        let value = match self.call(via, "/v3/maintenance/status", &json!({})) {
            Ok(value) => value,
            Err(text) => return text,
        };
        let learner = value["isLearner"].as_bool().unwrap_or_default();
        let errors = value["errors"].as_array().cloned().unwrap_or_default();
        let alarms = errors
            .iter()
            .filter_map(|error| error.as_str()?.split_once("alarm:"))
            .map(|(_, alarm)| format!(" {}", alarm.trim()));
        let kind = if learner { "learner" } else { "voter" };
        format!("{kind}{}", alarms.collect::<String>())
    }

    fn list(&self, via: Slot) -> String {
        // The list alone may be an old one.
        let read = self.outcome(via, "/v3/kv/range", &json!({ "key": "a2V5" }));
        if read != "ok" {
            return read;
        }
        let members = match self.call(via, "/v3/cluster/member/list", &json!({})) {
            Ok(value) => value["members"].as_array().cloned().unwrap_or_default(),
            Err(text) => return text,
        };
        let mut lines: Vec<String> = members
            .iter()
            .map(|member| {
                let url = member["peerURLs"][0].as_str().unwrap_or_default();
                let slot = SLOTS.into_iter().find(|slot| self.peer_url(slot) == url);
                let unstarted = member["name"].as_str().unwrap_or_default().is_empty();
                let learner = member["isLearner"].as_bool().unwrap_or_default();
                words::member(slot.unwrap_or(url), learner, unstarted)
            })
            .collect();
        lines.sort_unstable();
        lines.join(" ")
    }

    fn line(&self, via: Slot) -> String {
        match get(self.at(via), "/version") {
            Answer::Ok(value) => {
                let version = value["etcdcluster"].as_str().unwrap_or_default();
                version
                    .rsplit_once('.')
                    .map_or(version, |(line, _)| line)
                    .to_owned()
            }
            other => format!("{other:?}"),
        }
    }

    pub(super) fn until(&mut self, step: &Step, answer: &str, band: Band) -> String {
        let since = self.since;
        let mut last = String::new();
        let found = wait(band.latest, || {
            last = self.act(step);
            (last == answer).then(|| since.elapsed())
        });
        self.since = Instant::now();
        match found {
            Some(after) if after < band.earliest => format!("`{answer}` already after {after:?}"),
            Some(_) => answer.to_owned(),
            None => format!("still `{last}` after {:?}", since.elapsed()),
        }
    }
}
