//! How careful a client is: when it notices that a connection has ended, and what it does about it.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::Full;
use hyper::{Method, Request, StatusCode};

use super::Connection;
use super::connection::{Answer, Broken, Dialer, Protocol};
use super::tally::Tally;
use crate::sandbox::clock;

/// A kind of client.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Class {
    /// HTTP/1.1, a connection for each request.
    NewEach,
    /// HTTP/1.1, one connection; that it has ended is noticed by writing to it. No retry.
    Blind,
    /// HTTP/1.1, one connection, looked at before it is used. No retry.
    Smart,
    /// As most libraries: looks, and repeats what only reads.
    Standard(Protocol),
    /// HTTP/2 without a retry.
    Raw2,
    /// Keeps the contract of a client of Kubernetes.
    Good(Protocol),
}

/// What came of a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    Done(Bytes),
    /// Nobody knows whether it was done.
    Unknown(&'static str),
    /// It was not done, or should not have been answered like that.
    Failed(String),
}

/// More is not a passing trouble.
const ATTEMPTS: u32 = 6;

/// What is asked, as often as it takes.
#[derive(Clone, Debug)]
pub(super) struct Ask {
    pub(super) method: Method,
    pub(super) path: String,
    pub(super) body: String,
}

impl Ask {
    pub(super) fn get(path: impl Into<String>) -> Self {
        Self {
            method: Method::GET,
            path: path.into(),
            body: String::new(),
        }
    }

    pub(super) fn request(&self) -> Option<Request<Full<Bytes>>> {
        Request::builder()
            .method(self.method.clone())
            .uri(format!("https://load.invalid{}", self.path))
            .header("host", "load.invalid")
            .header("content-type", "application/json")
            .header("accept", "application/json")
            .body(Full::new(Bytes::from(self.body.clone())))
            .ok()
    }

    fn only_reads(&self) -> bool {
        self.method == Method::GET
    }
}

/// One client with its connection.
pub(super) struct Client {
    dialer: Arc<Dialer>,
    class: Class,
    tally: Arc<Tally>,
    connection: Option<Connection>,
}

/// An attempt that came to nothing.
struct Miss {
    why: Broken,
    /// The connection had been used before.
    reused: bool,
}

impl Client {
    pub(super) fn new(dialer: Arc<Dialer>, class: Class, tally: Arc<Tally>) -> Self {
        Self {
            dialer,
            class,
            tally,
            connection: None,
        }
    }

    fn protocol(&self) -> Protocol {
        match self.class {
            Class::NewEach | Class::Blind | Class::Smart => Protocol::Http1,
            Class::Raw2 => Protocol::Http2,
            Class::Standard(protocol) | Class::Good(protocol) => protocol,
        }
    }

    /// One call as this class makes it. What happens on the way is counted.
    pub(super) async fn call(&mut self, ask: &Ask) -> Outcome {
        self.tally.request(self.class);
        let mut repeated = false;
        for _ in 0..ATTEMPTS {
            match self.attempt(ask).await {
                Ok(answer) => {
                    if let Some(wait) = self.waits(&answer) {
                        self.tally.event(self.class, answer.status.as_str());
                        clock::sleep(wait).await;
                        continue;
                    }
                    return self.judge(ask, &answer, repeated);
                }
                Err(miss) => {
                    self.connection = None;
                    self.tally.event(self.class, miss.why.word());
                    if !self.repeats(ask, &miss) {
                        return Outcome::Unknown(miss.why.word());
                    }
                    repeated = true;
                }
            }
        }
        Outcome::Failed(format!("{} of {} attempts came to nothing", ATTEMPTS, ask.path))
    }

    async fn attempt(&mut self, ask: &Ask) -> Result<Answer, Miss> {
        let looks = self.class != Class::Blind;
        let kept = self.connection.take();
        let kept = kept.filter(|connection| !looks || !connection.is_closed());
        let reused = kept.is_some();
        let miss = |why| Miss { why, reused };
        let mut connection = match kept {
            Some(connection) => connection,
            None => self.dialer.dial(self.protocol(), looks).await.map_err(miss)?,
        };
        let request = ask.request().ok_or(Miss {
            why: Broken::Refused,
            reused,
        })?;
        let answer = connection.send(request).await.map_err(miss)?;
        if self.class != Class::NewEach {
            self.connection = Some(connection);
        }
        Ok(answer)
    }

    /// The contract's third clause: a server that stops, or is too busy, says when to come again.
    fn waits(&self, answer: &Answer) -> Option<Duration> {
        let says_when = matches!(
            answer.status,
            StatusCode::SERVICE_UNAVAILABLE | StatusCode::TOO_MANY_REQUESTS
        );
        let is_good = matches!(self.class, Class::Good(_));
        let after = answer
            .headers
            .get("retry-after")
            .filter(|_| says_when && is_good)?;
        let seconds = after.to_str().ok()?.parse().ok()?;
        Some(Duration::from_secs(seconds))
    }

    /// Its first and second: a reused connection may have ended, a stream may be refused. A new one may not.
    fn repeats(&self, ask: &Ask, miss: &Miss) -> bool {
        let may_end = miss.reused && matches!(miss.why, Broken::Closed | Broken::GoAway | Broken::Refused);
        match self.class {
            Class::NewEach | Class::Blind | Class::Smart | Class::Raw2 => false,
            Class::Standard(_) => may_end && ask.only_reads(),
            Class::Good(_) => may_end,
        }
    }

    fn judge(&self, ask: &Ask, answer: &Answer, repeated: bool) -> Outcome {
        let done_before = repeated
            && ((ask.method == Method::POST && answer.status == StatusCode::CONFLICT)
                || (ask.method == Method::DELETE && answer.status == StatusCode::NOT_FOUND));
        if answer.status.is_success() || done_before {
            return Outcome::Done(answer.body.clone());
        }
        self.tally.event(self.class, answer.status.as_str());
        let text = String::from_utf8_lossy(&answer.body);
        let text: String = text.chars().take(200).collect();
        Outcome::Failed(format!("{} {}: {} {text}", ask.method, ask.path, answer.status))
    }
}
