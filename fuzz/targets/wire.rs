//! What comes over the wire of the sandbox: EC2's flat parameters, and bodies in `aws-chunked`.

#[path = "../../src/sandbox/wire/chunked.rs"]
mod chunked;
#[path = "../../src/sandbox/wire/ec2_launch.rs"]
#[expect(dead_code, reason = "its other half writes answers")]
mod ec2_launch;
#[path = "../../src/sandbox/wire/ec2_request.rs"]
mod ec2_request;

use rehull_core::world::query::Params;

use super::Answer;

/// After a first line `chunked` a body in pieces, else the form of an EC2 request.
pub(super) fn wire(input: &[u8]) -> Answer {
    match input.strip_prefix(b"chunked\n") {
        Some(body) => pieces(body),
        None => form(input),
    }
}

/// However the bytes are cut, the same comes out, and never more than went in.
fn pieces(body: &[u8]) -> Answer {
    let whole = unchunked(body, body.len().max(1));
    for size in [1, 7] {
        assert_eq!(unchunked(body, size), whole, "cut into pieces of {size}");
    }
    let Some(data) = whole else {
        return Answer::Refused;
    };
    assert!(data.len() <= body.len());
    Answer::Taken
}

/// The data; `None`: the body is none.
fn unchunked(body: &[u8], size: usize) -> Option<Vec<u8>> {
    let mut reader = chunked::Chunked::new();
    let mut data = Vec::new();
    for piece in body.chunks(size) {
        let fed = reader.feed(piece, |bytes| {
            data.extend_from_slice(bytes);
            Ok(())
        });
        fed.ok()?;
    }
    reader.finish().ok().map(|_| data)
}

fn form(input: &[u8]) -> Answer {
    let params = Params::of(form_urlencoded::parse(input).into_owned());
    match ec2_request::decode(&params) {
        Ok(_) => Answer::Taken,
        Err(refusal) => {
            // Names and values are repeated at most twice.
            assert!(
                refusal.message.len() <= 3 * input.len() + 200,
                "{} bytes",
                refusal.message.len()
            );
            Answer::Refused
        }
    }
}
