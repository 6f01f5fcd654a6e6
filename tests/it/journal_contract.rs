//! The journal on a real store: what a fake one cannot show is whether real conditional writes carry the fence.

use std::collections::BTreeSet;
use std::sync::Arc;

use rehull_core::domain::ids::{ClusterName, ContentDigest, RolloutId};
use rehull_core::journal::{Journal, JournalError, Record, RecordBody, Scope, TornTail, Writer, read_all};
use rehull_core::ports::{Clock, Store};

use crate::lease_contract::HurriedClock;

pub(crate) fn scope() -> Scope {
    Scope {
        cluster: ClusterName::new("dev"),
        rollout: RolloutId::new("dev-1"),
    }
}

pub(crate) fn writer(nonce: &str, tail: TornTail) -> Writer {
    Writer {
        nonce: nonce.to_owned(),
        tail,
    }
}

pub(crate) fn record(clock: &HurriedClock, body: RecordBody) -> Record {
    Record {
        at: clock.now(),
        body,
    }
}

pub(crate) fn opened(clock: &HurriedClock) -> Record {
    let envelope = ContentDigest::new("sha256:00");
    record(
        clock,
        RecordBody::Opened {
            envelope,
            plan: None,
            rehull: "0.1.0".to_owned(),
        },
    )
}

pub(crate) fn attached(clock: &HurriedClock, holder: &str) -> Record {
    record(
        clock,
        RecordBody::Attached {
            holder: holder.to_owned(),
        },
    )
}

pub(crate) fn marked(clock: &HurriedClock, mark: &str) -> Record {
    record(
        clock,
        RecordBody::Marked {
            mark: mark.to_owned(),
        },
    )
}

/// What one process wrote the next one reads, and the one before it can append nothing any more.
pub(crate) async fn a_journal_has_one_writer_at_a_time(store: Arc<dyn Store>) {
    let clock = HurriedClock::default();
    let open = |nonce: &str| Journal::open(&*store, &clock, scope(), writer(nonce, TornTail::Refused));
    let mut first = open("first").await.unwrap();
    first
        .append(vec![opened(&clock), attached(&clock, "first@host 1")])
        .await
        .unwrap();
    first.append(vec![marked(&clock, "joined etcd-a")]).await.unwrap();

    let mut second = open("second").await.unwrap();
    assert_eq!(second.view(), first.view());
    second
        .append(vec![attached(&clock, "second@host 2")])
        .await
        .unwrap();

    let fenced = first
        .append(vec![marked(&clock, "joined etcd-b")])
        .await
        .unwrap_err();
    let JournalError::Fenced { by, .. } = &fenced else {
        panic!("{fenced:?}")
    };
    assert_eq!(by.as_deref(), Some("second@host 2"));
    assert_eq!(open("reader").await.unwrap().view(), second.view());
}

/// However many append at once, every number has one author, and only the authors believe that they wrote.
pub(crate) async fn of_many_writers_every_segment_has_one(store: Arc<dyn Store>) {
    let clock = HurriedClock::default();
    let mut first = Journal::open(&*store, &clock, scope(), writer("first", TornTail::Refused))
        .await
        .unwrap();
    first.append(vec![opened(&clock)]).await.unwrap();
    let tasks = (0..8).map(|n| {
        let store = Arc::clone(&store);
        tokio::spawn(async move {
            let clock = HurriedClock::default();
            let who = writer(&format!("writer {n}"), TornTail::Refused);
            let mut journal = Journal::open(&*store, &clock, scope(), who).await.unwrap();
            let mut written = Vec::new();
            for round in 0..5 {
                let mark = format!("{n} in round {round}");
                match journal.append(vec![marked(&clock, &mark)]).await {
                    Ok(()) => written.push(mark),
                    Err(JournalError::Fenced { .. }) => journal.reopen().await.unwrap(),
                    Err(error) => panic!("{error:?}"),
                }
            }
            written
        })
    });
    let mut written = BTreeSet::new();
    for task in tasks.collect::<Vec<_>>() {
        written.extend(task.await.unwrap());
    }
    let segments = read_all(&*store, &scope(), TornTail::Refused).await.unwrap();
    let stored: Vec<String> = segments
        .into_iter()
        .flat_map(|segment| segment.records)
        .filter_map(|record| {
            if let RecordBody::Marked { mark } = record.body {
                Some(mark)
            } else {
                None
            }
        })
        .collect();
    assert_eq!(stored.len(), written.len(), "nothing was written twice");
    assert_eq!(stored.into_iter().collect::<BTreeSet<_>>(), written);
    assert!(written.len() >= 5, "only {written:?}");
}
