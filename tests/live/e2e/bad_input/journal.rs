//! Stores that hold something else than what this rehull wrote for this cluster.

use std::fs;
use std::path::{Path, PathBuf};

use super::desk::contents;
use super::{Desk, Row};

const LOCAL: &str = "local: { path: store }";

/// The journal of the only rollout so far, which created the cluster.
struct Journal {
    store: PathBuf,
    rollout: String,
}

impl Journal {
    fn of(desk: &Desk, copy: &str) -> Self {
        Self {
            store: desk.store_copy(copy),
            rollout: desk.sandbox.newest_rollout(),
        }
    }

    fn segment(&self, number: usize) -> PathBuf {
        self.store
            .join(format!("rollouts/{}/journal/{number:06}.jsonl", self.rollout))
    }

    fn last(&self) -> PathBuf {
        let segments = fs::read_dir(self.segment(1).parent().unwrap()).unwrap();
        segments.map(|entry| entry.unwrap().path()).max().unwrap()
    }
}

fn change(path: &Path, from: &str, to: &str) {
    let text = fs::read_to_string(path).unwrap();
    assert!(text.contains(from), "no `{from}` in {text}");
    fs::write(path, text.replacen(from, to, 1)).unwrap();
}

/// As after a power cut in the middle of a write.
fn tear(path: &Path) {
    let bytes = fs::read(path).unwrap();
    fs::write(path, &bytes[..bytes.len() - 20]).unwrap();
}

pub(super) async fn rows(desk: &Desk) -> Vec<Row> {
    let mut rows = damaged(desk);
    rows.extend(newer(desk));
    rows.extend(others(desk));
    rows.push(torn_in_s3(desk).await);
    rows
}

/// A damaged copy, and the row that works on it.
fn row(desk: &Desk, name: &'static str, code: i32, damage: impl FnOnce(&Journal)) -> Row {
    let copy = name.replace(' ', "-");
    damage(&Journal::of(desk, &copy));
    Row::new(name, code).edit(LOCAL, &format!("local: {{ path: {copy} }}"))
}

fn damaged(desk: &Desk) -> Vec<Row> {
    let rollout = desk.sandbox.newest_rollout();
    let second = format!("rollouts/{rollout}/journal/000002.jsonl");
    let corrupt = |journal: &Journal| change(&journal.segment(2), "\"at\"", "\"ta\"");
    vec![
        row(desk, "a corrupted record", 3, corrupt).says(&[
            "journal::corrupt",
            &second,
            "line 2",
            "keep a copy",
            "nothing was performed",
        ]),
        row(desk, "a corrupted record on resume", 3, corrupt)
            .typed(&format!("resume {rollout} --file FILE"))
            .says(&["journal::corrupt", &second]),
        row(desk, "a corrupted record in a report", 3, corrupt)
            .typed(&format!("report {rollout} --file FILE"))
            .says(&["journal::corrupt", &second]),
        row(desk, "a record torn in the middle of a journal", 3, |journal| {
            tear(&journal.segment(2));
        })
        .says(&["journal::corrupt", &second, "bytes are there"]),
        row(desk, "a missing segment", 3, |journal| {
            fs::remove_file(journal.segment(2)).unwrap();
        })
        .says(&["journal::gap", &second, "restore the object"]),
    ]
}

fn newer(desk: &Desk) -> Vec<Row> {
    let rollout = desk.sandbox.newest_rollout();
    let second = format!("rollouts/{rollout}/journal/000002.jsonl");
    let resume = format!("resume {rollout} --file FILE");
    vec![
        row(desk, "a journal of a newer format", 1, |journal| {
            change(&journal.segment(2), "\"format\":1", "\"format\":9");
        })
        .says(&[
            &second,
            "journal format 9",
            "reads up to 1",
            "use the rehull that wrote it",
        ]),
        row(desk, "a plan of a newer format", 1, |journal| {
            let plan = journal.segment(1).parent().unwrap().with_file_name("plan.json");
            change(&plan, "\"format\": 1", "\"format\": 9");
        })
        .typed(&resume)
        .says(&["plan format 9", "use the rehull that wrote it"]),
        row(desk, "an identity record of a newer format", 1, |journal| {
            change(
                &journal.store.join("identity.json"),
                "\"format\": 1",
                "\"format\": 9",
            );
        })
        .says(&["`identity.json` has format 9"]),
        row(desk, "a lease of a newer format", 3, |journal| {
            tear(&journal.last());
            change(
                &journal.store.join("lease.json"),
                "\"format\": 1",
                "\"format\": 9",
            );
        })
        .typed(&resume)
        .says(&["lease::unreadable", "nobody works on this cluster"]),
    ]
}

fn others(desk: &Desk) -> Vec<Row> {
    let rollout = desk.sandbox.newest_rollout();
    let second = format!("rollouts/{rollout}/journal/000002.jsonl");
    let ours = format!("\"cluster\":\"{}\"", desk.sandbox.info.name);
    let known = format!("cluster: {}", desk.sandbox.info.name);
    vec![
        row(desk, "a journal of another cluster", 3, |journal| {
            change(&journal.segment(2), &ours, "\"cluster\":\"other\"");
        })
        .says(&[&second, "belongs to cluster `other`", "correct `store`"]),
        row(desk, "an identity record of another etcd cluster", 3, |journal| {
            fs::remove_dir_all(journal.store.join("rollouts")).unwrap();
            let path = journal.store.join("identity.json");
            let text = fs::read_to_string(&path).unwrap();
            let mut identity: serde_json::Value = serde_json::from_str(&text).unwrap();
            identity["etcd_cluster"] = serde_json::json!(0xdead_beef_u64);
            fs::write(&path, identity.to_string()).unwrap();
        })
        .says(&[
            "etcd-a answers for etcd cluster",
            "deadbeef",
            "correct the slot's address",
        ]),
        Row::new("the store of another cluster", 3)
            .edit(&known, "cluster: another")
            .typed("plan FILE")
            .says(&["the record says bad-input", "correct `store` or the file"])
            .at("cluster: another"),
        row(desk, "an empty store for a cluster that lives", 1, |journal| {
            fs::remove_dir_all(&journal.store).unwrap();
        })
        .says(&["has no identity record", "check `store` in the file"]),
        row(desk, "bootstrapping over a cluster that lives", 3, |journal| {
            fs::remove_dir_all(&journal.store).unwrap();
        })
        .typed("apply FILE --bootstrap --yes")
        .says(&["plan::not_blank", "do not bootstrap over it"]),
    ]
}

/// S3 writes whole objects or none: an incomplete one is damage, wherever it stands.
async fn torn_in_s3(desk: &Desk) -> Row {
    let journal = Journal::of(desk, "torn-in-s3");
    tear(&journal.last());
    for (path, bytes) in contents(&journal.store) {
        desk.cloud.put(&format!("torn/{}", path.display()), bytes).await;
    }
    let bucket = format!("rehull-{}", desk.sandbox.info.name);
    Row::new("a torn last record in S3", 3)
        .edit(LOCAL, &format!("s3: {{ bucket: {bucket}, prefix: torn/ }}"))
        .says(&["journal::corrupt", "bytes are there", "keep a copy"])
}

/// A directory may lose power in the middle of a write; what was not written whole was not acted upon.
pub(super) async fn a_torn_end_is_tolerated_and_told(desk: &Desk) {
    let before = desk.witness().await;
    let torn = Journal::of(desk, "torn");
    tear(&torn.last());
    desk.sandbox.edit(LOCAL, "local: { path: torn }");
    let apply = desk
        .sandbox
        .run(&["apply", "cluster.yaml", "--yes"])
        .await
        .exits(1);
    apply.says(&["is not over", "rehull resume"]);
    let resumed = desk.sandbox.run(&["resume", &torn.rollout]).await.exits(0);
    resumed.says(&["was not written to its end", "treated as not written"]);
    // The end was written again, whole.
    let again = desk.sandbox.run(&["report", &torn.rollout]).await.exits(0);
    assert!(!again.err.contains("treated as not written"), "{again}");
    desk.sandbox
        .run(&["apply", "cluster.yaml", "--yes"])
        .await
        .exits(0);
    desk.sandbox.edit("local: { path: torn }", LOCAL);
    assert_eq!(desk.witness().await, before);
}
