//! The walls of the architecture: which words may stand in which folders.

use crate::scan::{after, before, is_word, statements, words};

const OURS: &[&str] = &["src/", "crates/"];
const EVERYWHERE: &[&str] = &[""];

pub(crate) enum Word {
    /// An external crate at the start of a path; a name that ends in `_` is a prefix.
    Crate(&'static str),
    /// Exactly this text, not inside a longer name.
    Text(&'static str),
}
use Word::{Crate, Text};

/// `words` may stand below `watched` only in `allowed`. Comments, literals and `#[cfg(test)]` are not looked at.
pub(crate) struct Wall {
    words: &'static [Word],
    watched: &'static [&'static str],
    allowed: &'static [&'static str],
    pub(crate) rule: &'static str,
    pub(crate) instead: &'static str,
    pub(crate) rejects: &'static str,
}

pub(crate) const VENDORS: &[Wall] = &[
    Wall {
        words: &[
            Crate("aws_sdk_"),
            Crate("aws_config"),
            Crate("aws_smithy_"),
            Crate("aws_credential_types"),
        ],
        watched: OURS,
        allowed: &[
            "src/adapters/aws/",
            "src/adapters/aws.rs",
            "src/adapters/store_s3.rs",
            "src/adapters/store_s3/",
        ],
        rule: "the AWS SDK is named only in src/adapters/aws and src/adapters/store_s3",
        instead: "add what you need to a port of rehull-core and implement it there",
        rejects: "use aws_sdk_ec2::Client;",
    },
    Wall {
        words: &[Crate("etcd_client")],
        watched: OURS,
        allowed: &["src/adapters/etcd"],
        rule: "etcd_client is named only in src/adapters/etcd",
        instead: "add what you need to an etcd port of rehull-core and implement it there",
        rejects: "let options = etcd_client::ConnectOptions::new();",
    },
    Wall {
        words: &[Crate("kube"), Crate("k8s_openapi")],
        watched: OURS,
        allowed: &["src/adapters/kube"],
        rule: "the Kubernetes client is named only in src/adapters/kube",
        instead: "add what you need to a Kubernetes port of rehull-core and implement it there",
        rejects: "use kube::{api::Api, Client};",
    },
];

pub(crate) const PROCESSES: &[Wall] = &[Wall {
    words: &[Text("Command::new"), Text("process::Command")],
    watched: OURS,
    // The one exception runs etcd's own tool to prove that a snapshot can be restored.
    allowed: &[
        "src/adapters/terraform",
        "src/sandbox/",
        "src/adapters/etcd/restore_check.rs",
        "crates/rehull-core/tests/",
    ],
    rule: "processes are started only in src/adapters/terraform, src/sandbox and the snapshot's restore check",
    instead: "ask the adapter that owns the program, or use a library",
    rejects: "let child = tokio::process::Command::new(\"etcd\").spawn()?;",
}];

pub(crate) const CLOCKS: &[Wall] = &[Wall {
    words: &[
        Text("SystemTime::now"),
        Text("Instant::now"),
        Text("Timestamp::now"),
        Text("Zoned::now"),
        Text("time::sleep"),
        Text("time::sleep_until"),
        Text("time::interval"),
        Text("thread::sleep"),
    ],
    watched: OURS,
    allowed: &[
        "src/adapters/clock.rs",
        "src/sandbox/clock.rs",
        "crates/rehull-core/tests/",
    ],
    rule: "clocks are read and waited for only in src/adapters/clock.rs and src/sandbox/clock.rs",
    instead: "take `now` from the snapshot in pure code, and a `&dyn Clock` elsewhere",
    rejects: "use tokio::{net, time::sleep};",
}];

pub(crate) const TERMINAL: &[Wall] = &[Wall {
    words: &[
        Text("println!"),
        Text("print!"),
        Text("eprintln!"),
        Text("eprint!"),
        Text("io::stdout"),
        Text("io::stderr"),
        Text("anstream::stdout"),
        Text("anstream::stderr"),
    ],
    watched: OURS,
    allowed: &["src/cli/", "src/report/", "crates/rehull-core/tests/"],
    rule: "only src/cli and src/report write to the terminal",
    instead: "emit an event, or return the value and let the command print it",
    rejects: "eprintln!(\"retrying\");",
}];

pub(crate) const PURITY: &[Wall] = &[Wall {
    words: &[
        Text("std::fs"),
        Text("std::env"),
        Text("std::process"),
        Text("std::net"),
        Text("std::thread"),
        Text("tokio"),
        Text("tracing"),
        Text("HashMap"),
        Text("HashSet"),
        Text("f32"),
        Text("f64"),
    ],
    watched: &["crates/rehull-core/src/"],
    allowed: &[],
    rule: "rehull-core is pure: no IO, no runtime, no logging, no hash iteration, no floats",
    instead: "take the value as an argument or through a port; BTreeMap and BTreeSet, integers, core::net for addresses",
    rejects: "use std::{collections::BTreeMap, fs};",
}];

pub(crate) const WIRING: &[Wall] = &[Wall {
    words: &[
        Text("crate::adapters"),
        Text("super::adapters"),
        Text("rehull::adapters"),
    ],
    watched: &["src/"],
    allowed: &[
        "src/cli/wire.rs",
        "src/cli/wire/",
        "src/adapters/",
        "src/sandbox/",
    ],
    rule: "adapters are built only in src/cli/wire",
    instead: "take the port as an argument and let src/cli/wire pass the adapter",
    rejects: "use crate::{adapters::etcd, report};",
}];

pub(crate) const UNFINISHED: &[Wall] = &[Wall {
    words: &[Text("todo!"), Text("unimplemented!"), Text("dbg!")],
    watched: EVERYWHERE,
    allowed: &[],
    rule: "nothing unfinished is committed",
    instead: "finish it, return an error that says so, or leave it out",
    rejects: "fn rest() { todo!() }",
}];

impl Wall {
    pub(crate) fn covers(&self, path: &str) -> bool {
        let test_module = path.ends_with("/tests.rs") || path.contains("/tests/");
        let within = |prefixes: &[&str]| prefixes.iter().any(|prefix| path.starts_with(prefix));
        within(self.watched) && !within(self.allowed) && !(test_module && self.watched != EVERYWHERE)
    }

    pub(crate) fn hits(&self, code: &str) -> Vec<(usize, &'static str)> {
        let mut hits = Vec::new();
        for statement in statements(code) {
            for word in self.words {
                let (Crate(name) | Text(name)) = word;
                if word.is_in(&statement.text) && !hits.contains(&(statement.line, *name)) {
                    hits.push((statement.line, *name));
                }
            }
        }
        hits
    }
}

impl Word {
    fn is_in(&self, text: &str) -> bool {
        match self {
            Text(exact) => words(text, exact).next().is_some(),
            Crate(name) => text.match_indices(name).any(|(at, _)| {
                let (head, tail) = (before(text, at), after(text, at + name.len()));
                let head = head.strip_suffix("::").unwrap_or(head);
                let used = head.trim() == "use" && !tail.starts_with(is_word);
                !head.ends_with(|c| is_word(c) || c == '>')
                    && (name.ends_with('_') || tail.starts_with("::") || used)
            }),
        }
    }
}
