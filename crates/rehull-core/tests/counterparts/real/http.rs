//! etcd's JSON gateway over a plain socket: the same answers as over gRPC, without a client library to build.

use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::time::Duration;

use serde_json::Value;

/// A member answers within milliseconds, gives up after 7 s, or never.
const PATIENCE: Duration = Duration::from_millis(8_500);
const CONNECT: Duration = Duration::from_secs(2);

/// What came back.
#[derive(Debug)]
pub(crate) enum Answer {
    Ok(Value),
    /// The words of a refusal.
    Said(String),
    /// Nobody listens.
    Refused,
    /// The connection was made, and nothing came.
    Silent,
}

pub(crate) fn post(address: Ipv4Addr, path: &str, body: &Value) -> Answer {
    let body = body.to_string();
    let length = body.len();
    exchange(
        address,
        &format!(
            "POST {path} HTTP/1.0\r\nHost: {address}\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n\r\n{body}"
        ),
    )
}

pub(crate) fn get(address: Ipv4Addr, path: &str) -> Answer {
    exchange(
        address,
        &format!("GET {path} HTTP/1.0\r\nHost: {address}\r\n\r\n"),
    )
}

fn exchange(address: Ipv4Addr, request: &str) -> Answer {
    let Ok(mut stream) = TcpStream::connect_timeout(&SocketAddr::from((address, 2379)), CONNECT) else {
        return Answer::Refused;
    };
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    let mut text = String::new();
    let sent = stream.write_all(request.as_bytes());
    if sent.and_then(|()| stream.read_to_string(&mut text)).is_err() || text.is_empty() {
        return Answer::Silent;
    }
    let (head, body) = text.split_once("\r\n\r\n").unwrap_or((&text, ""));
    let fine = head.split(' ').nth(1) == Some("200");
    match serde_json::from_str::<Value>(body) {
        Ok(value) if fine => Answer::Ok(value),
        Ok(value) => {
            let words = value.get("message").or_else(|| value.get("error"));
            Answer::Said(words.and_then(Value::as_str).unwrap_or(body).to_owned())
        }
        Err(_) => Answer::Said(format!("{head} {body}")),
    }
}
