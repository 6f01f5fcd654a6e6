//! What Terraform writes: its plan as JSON, and the lines that it says on the way.

use std::collections::BTreeMap;

use rehull_core::domain::ids::ContentDigest;
use rehull_core::tfplan::{
    Belongs, Contract, Decision, DigestKey, Mode, Setting, Sources, Templates, Terms, Tool, Verdict, decide,
};
use rehull_core::tfrun::{Command, Ended, Run, Verdict as End, what_it_is, what_to_do};

use super::{Answer, limits};

/// The plan in both modes of the gate.
pub(super) fn plan(input: &[u8]) -> Answer {
    let nothing = Contract {
        templates: Templates::Aws,
        roles: Vec::new(),
    };
    let upgrade = judged(input, Mode::Upgrade(nothing));
    let allowed = |decision: &Decision| decision.verdict == Verdict::Allowed;
    assert!(
        !upgrade.as_ref().is_some_and(allowed),
        "an upgrade of nothing was allowed to change something"
    );
    match judged(input, Mode::Infrastructure) {
        Some(decision) if decision.verdict != Verdict::Refused => Answer::Taken,
        Some(_) | None => Answer::Refused,
    }
}

/// Twice: an approval that depends on more than its input is none. `None`: it is no plan.
fn judged(input: &[u8], mode: Mode) -> Option<Decision> {
    let terms = Terms::new(mode, Tool::Terraform);
    let setting = Setting {
        providers: BTreeMap::new(),
        lock_file: ContentDigest::new("sha256:0"),
        sources: Sources::default(),
        of: Belongs::Nothing,
        key: DigestKey::new("env:KEY", &[7; 32]).ok(),
    };
    let first = decide(input, &terms, &setting);
    let second = decide(input, &terms, &setting);
    let decision = match (first, second) {
        (Ok(decision), Ok(again)) => {
            assert_eq!(decision.manifest, again.manifest);
            decision
        }
        (Err(unreadable), Err(_)) => {
            limits::reason(&unreadable.to_string());
            return None;
        }
        (_, _) => panic!("the same plan was read once and refused once"),
    };
    let refused = decision.verdict == Verdict::Refused;
    assert_eq!(refused, !decision.findings.is_empty());
    assert_eq!(refused, decision.manifest.is_none());
    for finding in &decision.findings {
        limits::reason(&finding.reason);
        limits::reason(&finding.remedy);
    }
    for change in &decision.changes {
        limits::reason(change.address.as_str());
    }
    Some(decision)
}

/// The first byte says what was asked and how it ended, the rest is the stream.
pub(super) fn stream(input: &[u8]) -> Answer {
    let (first, lines) = input.split_first().unwrap_or((&b'0', &[]));
    let command = match first % 3 {
        0 => Command::Init,
        1 => Command::Plan,
        _ => Command::Apply,
    };
    let ended = match first / 3 % 5 {
        0 => Ended::Exit(0),
        1 => Ended::Exit(1),
        2 => Ended::Exit(2),
        3 => Ended::Signal(9),
        _ => Ended::Unseen,
    };
    let mut run = Run::of(command);
    for line in String::from_utf8_lossy(lines).lines() {
        run.hear(line);
    }
    let outcome = run.end(ended);
    limits::reason(&what_it_is(&outcome));
    let good = matches!(
        outcome.verdict,
        End::Initialised | End::NoChange | End::Changes | End::Applied
    );
    assert_eq!(what_to_do(&outcome).is_none(), good, "{:?}", outcome.verdict);
    assert!(
        !good || matches!(ended, Ended::Exit(0 | 2)),
        "{ended:?} was taken for a good end"
    );
    if good { Answer::Taken } else { Answer::Refused }
}
