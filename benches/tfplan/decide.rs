//! How long a plan of 100 MB with 20,000 changes takes, and how much memory.
//!
//! `cargo bench -p rehull-core --bench tfplan`. The plan is made as it is read, as from a pipe.
//! Every second change has sensitive values. Both modes are measured: as infrastructure every change is digested leaf by
//! leaf; as an upgrade all of them are at rest, and passed over. The goals are 2 s and 400 MB; missing
//! one fails the benchmark. Numbers are also in `target/bench/tfplan.json`.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::disallowed_methods,
    clippy::cast_precision_loss,
    clippy::as_conversions,
    reason = "a benchmark fails by panicking, reads a clock and shows a table"
)]

use std::collections::{BTreeMap, VecDeque};
use std::io::{self, Read};
use std::sync::LazyLock;
use std::time::{Duration, Instant};

use rehull_core::domain::ids::ContentDigest;
use rehull_core::tfplan::{
    Belongs, Contract, Decision, DigestKey, Mode, Setting, Sources, Templates, Terms, Tool, Verdict, decide,
};
use serde_json::{Value, json};

const CHANGES: usize = 20_000;
const BYTES_MIN: u64 = 100_000_000;
const TIME_MAX: Duration = Duration::from_secs(2);
const RESIDENT_MAX_KIB: u64 = 400_000;
const AWS: &str = "registry.terraform.io/hashicorp/aws";

fn main() {
    let (plan, memory) = (Plan::new("update"), resident_kib());
    let infrastructure = measure("20,000 updates, every leaf digested", &plan, Mode::Infrastructure);
    assert_eq!(
        infrastructure.decision.verdict,
        Verdict::Allowed,
        "{:?}",
        infrastructure.decision.findings.first()
    );
    assert_eq!(infrastructure.decision.counts.changes, CHANGES);
    drop(infrastructure.decision);
    let contract = Contract {
        templates: Templates::Aws,
        roles: Vec::new(),
    };
    let upgrade = measure(
        "20,000 entries at rest, as an upgrade",
        &Plan::new("no-op"),
        Mode::Upgrade(contract),
    );
    assert_eq!(
        upgrade.decision.verdict,
        Verdict::Nothing,
        "{:?}",
        upgrade.decision.findings.first()
    );
    let peak = peak_kib();
    println!("resident: {memory} KiB before, {peak} KiB at most (goal {RESIDENT_MAX_KIB})");
    let results = json!({
        "format": 1,
        "profile": if cfg!(debug_assertions) { "dev" } else { "release" },
        "bytes": infrastructure.bytes,
        "changes": CHANGES,
        "updatesMs": whole_ms(infrastructure.took),
        "atRestMs": whole_ms(upgrade.took),
        "peakResidentKib": peak,
    });
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/bench");
    std::fs::create_dir_all(&folder).unwrap();
    let path = folder.join("tfplan.json");
    std::fs::write(&path, serde_json::to_vec_pretty(&results).unwrap()).unwrap();
    println!("numbers: {}", path.display());
    assert!(
        infrastructure.took <= TIME_MAX && upgrade.took <= TIME_MAX,
        "slower than {TIME_MAX:?}"
    );
    assert!(peak <= RESIDENT_MAX_KIB, "more than {RESIDENT_MAX_KIB} KiB");
}

fn whole_ms(took: Duration) -> u64 {
    u64::try_from(took.as_millis()).unwrap()
}

struct Measured {
    decision: Decision,
    bytes: u64,
    took: Duration,
}

/// Time of this thread on a processor, so that a busy machine does not matter; the clock on the wall where nobody tells.
fn used() -> Duration {
    static BEGIN: LazyLock<Instant> = LazyLock::new(Instant::now);
    let told = std::fs::read_to_string("/proc/thread-self/schedstat").ok();
    let on_cpu = told.and_then(|text| text.split(' ').next()?.parse().ok());
    on_cpu.map_or_else(|| BEGIN.elapsed(), Duration::from_nanos)
}

/// The best of three. Making the text costs something, and is measured alone first.
fn measure(what: &str, plan: &Plan, mode: Mode) -> Measured {
    let terms = Terms::new(mode, Tool::Terraform);
    let setting = Setting {
        providers: BTreeMap::from([(AWS.to_owned(), "6.4.0".to_owned())]),
        lock_file: ContentDigest::new("sha256:0"),
        sources: Sources::default(),
        of: Belongs::Nothing,
        key: Some(DigestKey::new("env:KEY", &[7; 32]).unwrap()),
    };
    let begun = used();
    let bytes = io::copy(&mut plan.clone(), &mut io::sink()).unwrap();
    let making = used().saturating_sub(begun);
    assert!(bytes >= BYTES_MIN, "{bytes} bytes");
    let once = || {
        let begun = used();
        let decision = decide(plan.clone(), &terms, &setting).unwrap();
        let digest = decision
            .manifest
            .as_ref()
            .map(rehull_core::tfplan::Manifest::digest);
        (used().saturating_sub(begun), digest, decision)
    };
    // One at a time, or the memory would be that of two.
    let best = (0..2).map(|_| once().0).min().unwrap();
    let (last, digest, decision) = once();
    let took = best.min(last);
    let (mb, ms) = (bytes as f64 / 1e6, took.as_secs_f64() * 1e3);
    println!(
        "{what}: {mb:.0} MB in {ms:.0} ms ({:.0} MB/s; making the text alone {making:.0?})",
        mb / ms * 1e3
    );
    println!("  {:?}, {}", decision.verdict, digest.unwrap());
    Measured {
        decision,
        bytes,
        took,
    }
}

/// A plan as a stream: one change after the other, from a template in which a number is replaced.
#[derive(Clone)]
struct Plan {
    next: usize,
    pieces: [String; 2],
    end: String,
    buffer: VecDeque<u8>,
}

impl Plan {
    fn new(action: &str) -> Self {
        let change = |sensitive: bool| entry(action, sensitive).to_string();
        let end = json!({
            "configuration": {"provider_config": {"aws": {"full_name": AWS}}, "root_module": {}},
            "applyable": true, "complete": true, "errored": false,
        });
        let begin = "{\"format_version\":\"1.2\",\"terraform_version\":\"1.11.4\",\"resource_changes\":[";
        Self {
            next: 0,
            pieces: [change(false), change(true)],
            end: format!("],{}", end.to_string().trim_start_matches('{')),
            buffer: begin.bytes().collect(),
        }
    }
}

impl Read for Plan {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        while self.buffer.len() < out.len() && self.next <= CHANGES {
            if self.next == CHANGES {
                self.buffer.extend(self.end.bytes());
            } else {
                let comma = if self.next == 0 { "" } else { "," };
                let piece = self
                    .pieces
                    .get(self.next % 2)
                    .unwrap()
                    .replace("NUMBER", &self.next.to_string());
                self.buffer.extend(comma.bytes().chain(piece.bytes()));
            }
            self.next += 1;
        }
        self.buffer.read(out)
    }
}

/// About 5 KB, as security groups with their rules are.
fn entry(action: &str, sensitive: bool) -> Value {
    let rules = |last: &str| -> Vec<Value> {
        let rule = |n: usize| {
            json!({
                "cidr_blocks": [format!("10.{n}.0.0/16"), if n == 6 { last } else { "10.99.0.0/16" }],
                "description": "from the members of the cluster, and from nobody else",
                "from_port": 2379 + n, "to_port": 2380 + n, "protocol": "tcp", "self": false,
                "ipv6_cidr_blocks": [], "prefix_list_ids": [], "security_groups": ["sg-0123456789abcdef0"],
            })
        };
        (0..7).map(rule).collect()
    };
    let side = |last: &str| {
        json!({
            "arn": "arn:aws:ec2:ap-northeast-1:123456789012:security-group/sg-NUMBER", "description": "members",
            "egress": [], "id": "sg-NUMBER", "ingress": rules(last), "name": "dev-NUMBER", "name_prefix": "",
            "owner_id": "123456789012", "revoke_rules_on_delete": false, "tags": {"Name": "dev-NUMBER"},
            "tags_all": {"Name": "dev-NUMBER", "cluster": "dev"}, "timeouts": null, "vpc_id": "vpc-0123456789abcdef0",
        })
    };
    let mask =
        json!({"ingress": (0..7).map(|_| json!({"cidr_blocks": [false, sensitive]})).collect::<Vec<_>>()});
    let after = if action == "no-op" {
        "10.98.0.0/16"
    } else {
        "10.97.0.0/16"
    };
    json!({
        "address": "module.network.aws_security_group.this[\"NUMBER\"]", "module_address": "module.network",
        "mode": "managed", "type": "aws_security_group", "name": "this", "index": "NUMBER", "provider_name": AWS,
        "change": {
            "actions": [action], "before": side("10.98.0.0/16"), "after": side(after), "after_unknown": {},
            "before_sensitive": mask, "after_sensitive": mask,
        },
    })
}

fn status(name: &str) -> u64 {
    let text = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = text.lines().find(|line| line.starts_with(name));
    line.and_then(|line| line.split_whitespace().nth(1)?.parse().ok())
        .unwrap_or_default()
}

fn resident_kib() -> u64 {
    status("VmRSS:")
}

/// The most so far, of the whole process.
fn peak_kib() -> u64 {
    status("VmHWM:")
}
