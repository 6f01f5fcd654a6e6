//! What is seen of machines: words that this SDK does not know, tags that mean nothing, reports that are not what they
//! should be.

use rehull_core::domain::desired::ObjectLocation;
use rehull_core::domain::fleet::{BootPhase, Join, Machine, MachineState};
use rehull_core::domain::ids::{ClusterName, Generation, SlotName, Zone};
use rehull_core::domain::observed::{Part, Partial};
use rehull_core::ports::Machines;

use super::super::AwsMachines;
use super::super::replay::{Answer, Replay};

const NO_REPORTS: &str = "<ListBucketResult></ListBucketResult>";

/// One instance as EC2 writes it.
fn instance(id: &str, state: &str, tags: &[(&str, &str)]) -> String {
    let tags: Vec<String> = tags
        .iter()
        .map(|(key, value)| format!("<item><key>{key}</key><value>{value}</value></item>"))
        .collect();
    let tags = tags.concat();
    format!(
        "<item><instanceId>{id}</instanceId><instanceState><code>0</code><name>{state}</name></instanceState>\
         <launchTime>2026-11-21T10:00:00.000Z</launchTime>\
         <placement><availabilityZone>ap-northeast-1a</availabilityZone></placement><tagSet>{tags}</tagSet></item>"
    )
}

fn instances(items: &[String]) -> Answer {
    Answer::new(
        200,
        &format!(
            "<DescribeInstancesResponse><reservationSet><item><instancesSet>{}</instancesSet></item></reservationSet>\
             </DescribeInstancesResponse>",
            items.concat()
        ),
    )
}

async fn observe(answers: impl IntoIterator<Item = Answer>) -> Partial<Vec<Machine>> {
    let replay = Replay::of(answers);
    let artefacts = ObjectLocation {
        bucket: "dev".to_owned(),
        prefix: "artefacts/".to_owned(),
    };
    let cluster = ClusterName::new("dev");
    AwsMachines::new(replay.clients().await, &artefacts, &cluster)
        .observe(&cluster)
        .await
}

fn why<T>(seen: &Partial<T>) -> Vec<String> {
    seen.gaps.iter().map(|gap| gap.why.clone()).collect()
}

#[tokio::test]
async fn a_machine_is_read_whole() {
    let tags = [
        ("rehull:cluster", "dev"),
        ("rehull:slot", "etcd-a"),
        ("rehull:generation", "3"),
        ("rehull:join", "existing"),
        ("rehull:digest", "sha256:00"),
        ("rehull:go", "1"),
        ("aws:ec2launchtemplate:version", "12"),
    ];
    let seen = observe([
        instances(&[instance("i-0aa", "running", &tags)]),
        Answer::new(
            200,
            "<ListBucketResult><Contents><Key>artefacts/boot/dev/etcd-a/i-0aa.json</Key></Contents></ListBucketResult>",
        ),
        Answer::new(200, r#"{"format":1,"instance":"i-0aa","phase":"warm","at":"now","new-field":true}"#)
            .header("etag", "\"1\""),
    ])
    .await;
    assert_eq!(why(&seen), Vec::<String>::new());
    let machine = &seen.value[0];
    assert_eq!(machine.state, MachineState::Running);
    assert_eq!(machine.slot, SlotName::new("etcd-a"));
    assert_eq!(machine.zone, Some(Zone::new("ap-northeast-1a")));
    assert_eq!(
        machine
            .template_version
            .map(|version| version.to_string())
            .as_deref(),
        Some("12")
    );
    assert_eq!(
        (machine.generation, machine.join),
        (Some(Generation(3)), Some(Join::Existing))
    );
    assert_eq!((machine.go, machine.stop_asked), (true, false));
    assert_eq!(machine.launched_at, Some("2026-11-21T10:00:00Z".parse().unwrap()));
    assert_eq!(
        machine.report.as_ref().map(|report| &report.phase),
        Some(&BootPhase::Warm)
    );
}

#[tokio::test]
async fn a_state_that_nobody_knows_yet_is_kept_and_counts_as_living() {
    let tags = [("rehull:slot", "etcd-a")];
    let seen = observe([
        instances(&[instance("i-0aa", "hibernating", &tags)]),
        Answer::new(200, NO_REPORTS),
    ])
    .await;
    assert_eq!(seen.value[0].state, MachineState::Other("hibernating".to_owned()));
    assert!(seen.value[0].is_live());
}

#[tokio::test]
async fn what_the_tags_do_not_say_clearly_is_a_gap_with_the_machine_s_name() {
    let odd = [
        ("rehull:slot", "etcd-a"),
        ("rehull:generation", "three"),
        ("rehull:join", "maybe"),
    ];
    let seen = observe([
        instances(&[
            instance("i-0aa", "running", &odd),
            instance("i-0bb", "running", &[("rehull:cluster", "dev")]),
            instance("i-0cc", "terminated", &[]),
        ]),
        Answer::new(200, NO_REPORTS),
    ])
    .await;
    assert_eq!(seen.value.len(), 1, "one machine has a slot");
    assert_eq!(
        why(&seen),
        [
            "the tag `rehull:generation` of `i-0aa` says `three`, which means nothing here",
            "the tag `rehull:join` of `i-0aa` says `maybe`, which means nothing here",
            "`i-0bb` has the tag `rehull:cluster` but no `rehull:slot`",
        ]
    );
    assert!(seen.gaps.iter().all(|gap| gap.part == Part::Machines));
}

#[tokio::test]
async fn a_boot_report_that_cannot_be_trusted_is_a_gap_with_its_name_and_never_a_crash() {
    for (body, expected) in [
        ("", "EOF while parsing"),
        ("{\"format\":1,", "EOF while parsing"),
        ("[1]", "invalid"),
        (
            r#"{"format":2,"instance":"i-0aa","phase":"warm"}"#,
            "format 2, this version reads 1",
        ),
        (r#"{"format":1,"instance":"i-0aa"}"#, "missing field `phase`"),
        (
            r#"{"format":1,"instance":"i-0ff","phase":"warm"}"#,
            "written by `i-0ff`",
        ),
    ] {
        let seen = observe([
            instances(&[instance("i-0aa", "running", &[("rehull:slot", "etcd-a")])]),
            Answer::new(
                200,
                "<ListBucketResult><Contents><Key>artefacts/boot/dev/etcd-a/i-0aa.json</Key></Contents></ListBucketResult>",
            ),
            Answer::new(200, body).header("etag", "\"1\""),
        ])
        .await;
        assert_eq!(seen.value[0].report, None, "{body}");
        let gap = &seen.gaps[0];
        assert_eq!(gap.part, Part::BootReports);
        assert!(
            gap.why.contains("etcd-a/i-0aa.json") && gap.why.contains(expected),
            "{body}: {}",
            gap.why
        );
    }
}

/// With the user data of another slot it knows itself as that one, and says there that its tags are not.
#[tokio::test]
async fn a_machine_that_refuses_under_the_name_of_another_slot_is_heard_and_nothing_else_is() {
    let tagged = [("rehull:slot", "etcd-a")];
    for (phase, heard) in [("refused", Some(BootPhase::Refused)), ("running", None)] {
        let seen = observe([
            instances(&[instance("i-0aa", "running", &tagged)]),
            Answer::new(
                200,
                "<ListBucketResult><Contents><Key>artefacts/boot/dev/etcd-b/i-0aa.json</Key></Contents></ListBucketResult>",
            ),
            Answer::new(
                200,
                &format!(r#"{{"format":1,"instance":"i-0aa","phase":"{phase}","code":"bad-tags"}}"#),
            )
            .header("etag", "\"1\""),
        ])
        .await;
        assert_eq!(why(&seen), Vec::<String>::new());
        let report = seen.value[0].report.as_ref();
        assert_eq!(report.map(|report| report.phase.clone()), heard);
    }
}

#[tokio::test]
async fn an_unreadable_part_hides_nothing_else() {
    let running = || instances(&[instance("i-0aa", "running", &[("rehull:slot", "etcd-a")])]);
    let seen = observe([running(), Answer::s3(403, "AccessDenied", "Access Denied")]).await;
    assert_eq!(seen.value.len(), 1);
    assert_eq!((seen.gaps.len(), seen.gaps[0].part), (1, Part::BootReports));

    let seen = observe([Answer::ec2(403, "UnauthorizedOperation", "no")]).await;
    assert_eq!(seen.value, []);
    assert_eq!((seen.gaps.len(), seen.gaps[0].part), (1, Part::Machines));
}
