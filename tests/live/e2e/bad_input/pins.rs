//! Pins that no rollout may follow, and artefacts that are not what is pinned.

use super::{Desk, Row};

pub(super) async fn rows(desk: &Desk) -> Vec<Row> {
    let mut rows = versions(desk);
    rows.extend(artefacts(desk).await);
    rows
}

fn versions(desk: &Desk) -> Vec<Row> {
    let etcdutl = format!("{}\n", desk.line("etcdutl:"));
    vec![
        Row::new("a skipped minor", 1)
            .edit("version: 3.5.33", "version: 3.7.1")
            .says(&[
                "minor versions may not be skipped",
                "pinned here; the members run 3.5.33",
                "pin a release of 3.6 first",
            ])
            .at("version: 3.7.1"),
        Row::new("a downgrade", 1)
            .edit("version: 3.5.33", "version: 3.4.23")
            .edit(&etcdutl, "")
            .says(&[
                "members of 3.4 are refused by etcd",
                "docs/runbooks/rollback-refused.md",
            ])
            .at("version: 3.4.23"),
        Row::new("a release that nobody has described", 2)
            .edit("version: 3.5.33", "version: 4.0.0")
            .says(&["config::release", "4.0.0"])
            .at("version: 4.0.0"),
    ]
}

async fn artefacts(desk: &Desk) -> Vec<Row> {
    let (etcd, etcdutl) = (desk.value("etcd", 0), desk.value("etcdutl", 0));
    let wrong = "f".repeat(64);
    // Somebody wrote over a published binary.
    desk.cloud
        .put(&format!("other/sha256/{etcd}"), b"not etcd".to_vec())
        .await;
    let foreign = format!("{}\n", desk.line("artefacts:"));
    vec![
        // The last one is wrong: those before it must not be published either.
        Row::new("a binary that is not the pinned one", 2)
            .edit(&etcdutl, &wrong)
            .says(&[
                "is not the pinned artefact `etcdutl`",
                &format!("got {etcdutl}"),
                "nothing was published",
            ])
            .at(&wrong),
        Row::new("a digest that is none", 2)
            .edit(&etcdutl, "abc")
            .says(&["config::", "64"])
            .at("etcdutl: abc"),
        Row::new("a published binary that was written over", 1)
            .edit(&foreign, &foreign.replace("prefix: artefacts/", "prefix: other/"))
            .says(&["does not hold artefact `etcd`", &etcd, "delete it if it is wrong"]),
    ]
}
