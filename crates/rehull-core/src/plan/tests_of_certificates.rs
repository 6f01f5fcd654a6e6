//! Certificates that end soon, in the plan.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test that meets the unexpected shall fail loudly"
)]

use std::time::Duration;

use super::tests::{desired, make};
use super::{Forecast, RolloutKind};
use crate::domain::etcd::Endpoint;
use crate::domain::observed::Observed;
use crate::domain::version::EtcdVersion;
use crate::rollout::tests::model::{Model, NEW, OLD, digest, slot_name};

const HOUR: u64 = 3600;

/// The second member's certificate, or our own, ends so many hours after the look.
fn seen_with(member: Option<u64>, ours: Option<u64>) -> Observed {
    let mut seen = Model::healthy(3).observe();
    let after = |hours: u64| seen.at.checked_add(Duration::from_secs(hours * HOUR)).unwrap();
    let (member, ours) = (member.map(after), ours.map(after));
    seen.etcd.client_cert_until = ours;
    let Some(Endpoint::Answered(answer)) = seen.etcd.endpoints.get_mut(&slot_name(1)) else {
        panic!("everybody answers");
    };
    answer.cert_until = member;
    seen
}

fn forecast(version: EtcdVersion, seen: &Observed, kind: RolloutKind) -> Forecast {
    make(&desired(3, version), seen, kind).unwrap().forecast
}

fn about_certificates(lines: &[String]) -> Vec<&str> {
    let lines = lines.iter().map(String::as_str);
    lines.filter(|line| line.contains("certificate")).collect()
}

#[test]
fn a_certificate_is_noted_below_thirty_days_and_blocks_below_seven() {
    for (hours, notes, blockers) in [
        (30 * 24, 0, 0),
        (30 * 24 - 1, 1, 0),
        (7 * 24, 1, 0),
        (7 * 24 - 1, 0, 1),
        (0, 0, 1),
    ] {
        for seen in [seen_with(Some(hours), None), seen_with(None, Some(hours))] {
            let forecast = forecast(NEW, &seen, RolloutKind::Upgrade);
            let (noted, blocked) = (
                about_certificates(&forecast.notes),
                about_certificates(&forecast.blockers),
            );
            assert_eq!(
                (noted.len(), blocked.len()),
                (notes, blockers),
                "{hours} h: {noted:?} {blocked:?}"
            );
        }
    }
}

#[test]
fn whose_it_is_when_it_ends_and_what_to_do_stand_in_the_line() {
    let mut seen = seen_with(Some(2 * 24), None);
    seen.etcd.client_cert_until = seen.at.checked_sub(Duration::from_secs(1)).ok();
    let forecast = forecast(NEW, &seen, RolloutKind::Upgrade);
    assert_eq!(
        about_certificates(&forecast.blockers),
        [
            "our own certificate for etcd ends at 1970-01-12T13:46:39Z, has ended (gate: 7 days) → renew what `etcd.clientTls` names",
            "the server certificate of etcd-b ends at 1970-01-14T13:46:40Z, in 2 days (gate: 7 days) → put new ones under a new `etcd.machineTls.revision` and apply that alone: it renews them without a change of release",
        ]
    );
}

#[test]
fn a_rollout_that_renews_certificates_or_leads_out_of_an_incident_is_not_held_up() {
    let mut seen = seen_with(Some(24), None);
    for machine in &mut seen.fleet.machines {
        machine.digest = Some(digest(&slot_name(9), OLD));
    }
    let back = RolloutKind::Rollback { of: "t-1".to_owned() };
    for (version, kind) in [(OLD, RolloutKind::Upgrade), (NEW, back)] {
        let forecast = forecast(version, &seen, kind.clone());
        assert_eq!(forecast.order.len(), 3, "{kind:?}");
        assert_eq!(
            about_certificates(&forecast.blockers),
            Vec::<&str>::new(),
            "{kind:?}"
        );
        assert_eq!(about_certificates(&forecast.notes).len(), 1, "{kind:?}");
    }
}
