//! Every rule of the modelled etcd beside real etcd: the same steps, the same answers.
//!
//! A sequence is data (`sequences/`). It is run on the model in virtual time, and on real processes of every minor;
//! what changes from run to run (ids, addresses, milliseconds) is left out of the answers, and the rest must be equal.
//! Without the toolbox only the tests of the lists themselves say anything.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stderr,
    clippy::wildcard_enum_match_arm,
    clippy::disallowed_methods,
    reason = "a test says what it expects by failing, and starts the processes it needs itself"
)]

mod compare;
mod fidelity;
mod model;
mod real;
mod sequences;
mod steps;
mod words;

use compare::{Run, compare};
use rehull_core::domain::version::EtcdVersion;

const RELEASES: [EtcdVersion; 4] = [
    EtcdVersion::new(3, 4, 23),
    EtcdVersion::new(3, 5, 33),
    EtcdVersion::new(3, 6, 14),
    EtcdVersion::new(3, 7, 1),
];

fn each(steps: fn(EtcdVersion) -> Vec<steps::Step>) -> Vec<Run> {
    RELEASES
        .map(|version| Run::new(&[version], steps(version)))
        .into()
}

/// Every release with the one so many minors later.
fn pairs(minors: usize, steps: fn(EtcdVersion, EtcdVersion) -> Vec<steps::Step>) -> Vec<Run> {
    let pairs = RELEASES.iter().zip(RELEASES.iter().skip(minors));
    pairs
        .map(|(old, new)| Run::new(&[*old, *new], steps(*old, *new)))
        .collect()
}

/// Tests, and the list of them with what they run.
macro_rules! counterparts {
    ($(fn $name:ident() { $runs:expr })+) => {
        const COUNTERPARTS: &[(&str, fn() -> Vec<Run>)] = &[$((stringify!($name), || $runs),)+];

        $(
            #[test]
            fn $name() {
                compare(&$runs);
            }
        )+
    };
}

counterparts! {
    fn a_learner_comes_is_promoted_and_goes_as_in_etcd() { each(sequences::learners) }
    fn a_learner_that_lags_or_has_died_is_treated_as_in_etcd() { each(sequences::learner_catches_up) }
    fn a_peer_url_added_twice_is_refused_as_in_etcd() { each(sequences::same_second) }
    fn members_that_are_down_or_unstarted_are_counted_as_in_etcd() { each(sequences::down) }
    fn a_member_that_hangs_is_counted_as_in_etcd() { each(sequences::frozen) }
    fn a_member_that_is_cut_off_from_its_peers_answers_as_in_etcd() { each(sequences::cut_off) }
    fn a_lost_quorum_and_a_lost_leader_answer_as_in_etcd() { each(sequences::no_quorum) }
    fn half_a_bootstrap_has_the_version_that_etcd_gives_it() { each(sequences::half_a_bootstrap) }
    fn alarms_refuse_and_serve_what_they_do_in_etcd() { each(sequences::alarms) }
    fn a_lost_or_stale_disk_ends_as_in_etcd() { each(sequences::lost_and_stale_disks) }
    fn a_removed_member_stays_out_as_in_etcd() { each(sequences::removed_for_good) }
    fn a_start_with_another_membership_ends_as_in_etcd() { each(sequences::wrong_membership) }
    fn a_hop_of_a_minor_and_its_way_back_go_as_in_etcd() { pairs(1, sequences::hop) }
    fn a_minor_left_out_ends_as_in_etcd() { pairs(2, sequences::skip) }
}
