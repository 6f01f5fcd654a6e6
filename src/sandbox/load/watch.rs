//! A watch that lasts: when its stream ends, it goes on from the last version it has seen.

use std::sync::Arc;
use std::time::Duration;

use bytes::BytesMut;
use http_body_util::BodyExt as _;
use hyper::StatusCode;
use serde_json::Value;

use super::LoadError;
use super::client::{Ask, Class, Client, Outcome};
use super::connection::{Dialer, Protocol, broken};
use super::tally::Tally;
use super::work::{LABEL, MAPS};
use crate::sandbox::clock;

/// Until a stream that has ended is opened again; a moment, as a client's library waits.
const AGAIN: Duration = Duration::from_millis(50);
/// How long the last events may take to come by.
const SETTLE_LOOKS: u32 = 100;
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// The version from which everything new is seen.
pub(super) async fn version(dialer: &Arc<Dialer>) -> Result<String, LoadError> {
    let mut client = Client::new(Arc::clone(dialer), Class::Good(Protocol::Http1), Arc::default());
    match client.call(&Ask::get(format!("{MAPS}?limit=1"))).await {
        Outcome::Done(body) => {
            let list: Value = serde_json::from_slice(&body).map_err(LoadError::because)?;
            let version = list.pointer("/metadata/resourceVersion").and_then(Value::as_str);
            version
                .map(str::to_owned)
                .ok_or_else(|| LoadError::because("a list has no version"))
        }
        other @ (Outcome::Failed(_) | Outcome::Unknown(_)) => Err(LoadError::because(format!("{other:?}"))),
    }
}

/// Watches for ever.
pub(super) async fn follow(
    (dialer, protocol): (Arc<Dialer>, Protocol),
    (number, from): (u32, String),
    tally: Arc<Tally>,
) {
    tally.watching(number);
    let mut watch = Watch {
        number,
        version: from,
        tally,
    };
    loop {
        let why = watch.stream(&dialer, protocol).await;
        watch.tally.watch_event(&why);
        watch.tally.resumed();
        clock::sleep(AGAIN).await;
        if why == "410" {
            watch.tally.begun_anew();
            if let Ok(version) = version(&dialer).await {
                watch.version = version;
            }
        }
    }
}

struct Watch {
    number: u32,
    version: String,
    tally: Arc<Tally>,
}

impl Watch {
    /// Until it ends; why.
    async fn stream(&mut self, dialer: &Dialer, protocol: Protocol) -> String {
        let path = format!(
            "{MAPS}?watch=1&allowWatchBookmarks=true&labelSelector={LABEL}&resourceVersion={}",
            self.version
        );
        let Some(request) = Ask::get(path).request() else {
            return "unmade".to_owned();
        };
        let mut connection = match dialer.dial(protocol, true).await {
            Ok(connection) => connection,
            Err(broken) => return broken.word().to_owned(),
        };
        let mut answer = match connection.stream(request).await {
            Ok(answer) => answer,
            Err(broken) => return broken.word().to_owned(),
        };
        if answer.status() != StatusCode::OK {
            return answer.status().as_str().to_owned();
        }
        let mut text = BytesMut::new();
        loop {
            let frame = match answer.body_mut().frame().await {
                None => return "ended".to_owned(),
                Some(Err(error)) => return broken(&error).word().to_owned(),
                Some(Ok(frame)) => frame,
            };
            text.extend_from_slice(frame.data_ref().map_or(&[], |data| data));
            while let Some(end) = text.iter().position(|byte| *byte == b'\n') {
                let line = text.split_to(end.saturating_add(1));
                if let Some(code) = self.take_in(&line) {
                    return code;
                }
            }
        }
    }

    /// One event; a code, if it is the server's last word.
    fn take_in(&mut self, line: &[u8]) -> Option<String> {
        let event: Value = serde_json::from_slice(line).ok()?;
        if event.get("type").and_then(Value::as_str) == Some("ERROR") {
            let code = event.pointer("/object/code").and_then(Value::as_i64);
            return Some(code.unwrap_or_default().to_string());
        }
        let text = |path: &str| event.pointer(path).and_then(Value::as_str);
        if let Some(version) = text("/object/metadata/resourceVersion") {
            version.clone_into(&mut self.version);
        }
        if let Some(name) = text("/object/metadata/name") {
            self.tally.seen(self.number, name);
        }
        None
    }
}

/// Waits until every watch has seen everything, or has had time enough.
pub(super) async fn settle(tally: &Tally) {
    for _ in 0..SETTLE_LOOKS {
        if tally.report().watches.missed == 0 {
            return;
        }
        clock::sleep(LOOK_EVERY).await;
    }
}
