//! Errors of the libraries that carry our requests, as words for people; their own texts go to the debug log.
//!
//! What they say of themselves names their types (`tonic::transport::Error(Transport, …)`, `dispatch failure: io error:
//! client error (Connect)`), once per layer, and changes with their versions.

use std::error::Error;
use std::fmt::Write as _;
use std::io;

/// Why a connection or a stream failed: the first line of a table that some cause fits.
pub(super) fn failed(error: &(dyn Error + 'static)) -> String {
    let own = chain(error);
    let words = causes(error).find_map(of_io).or_else(|| of_text(&own));
    let words = words.map(str::to_owned).or_else(|| last_sentence(error));
    tracing::debug!(own, words, "a library's own words");
    words.unwrap_or_else(|| "the connection failed (the log of `--log FILE` says how)".to_owned())
}

/// The causes from the outside in, each once; for the log, and for those who look for a certain text in it.
pub(super) fn chain(error: &(dyn Error + 'static)) -> String {
    let mut text = String::new();
    for cause in causes(error) {
        let words = cause.to_string();
        if !text.contains(&words) {
            let between = if text.is_empty() { "" } else { ": " };
            // Writing to a String cannot fail.
            let _ = write!(text, "{between}{words}");
        }
    }
    text
}

/// What of the causes reads like words, from the outside in, each once.
pub(super) fn sentences(error: &(dyn Error + 'static)) -> String {
    let mut told: Vec<String> = Vec::new();
    for text in causes(error)
        .map(ToString::to_string)
        .filter(|text| is_for_people(text))
    {
        if !told.iter().any(|known| known.contains(&text)) {
            told.push(text);
        }
    }
    told.join(": ")
}

/// Nothing listens at the address.
pub(super) fn is_refused(error: &(dyn Error + 'static)) -> bool {
    causes(error).find_map(of_io) == Some(REFUSED)
}

fn causes<'a>(error: &'a (dyn Error + 'static)) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    std::iter::successors(Some(error), |error| {
        let error: &'a (dyn Error + 'static) = *error;
        error.source()
    })
}

const REFUSED: &str = "connection refused: nothing listens there";
const BROKE: &str = "the connection broke off";
const LATE: &str = "no answer in time";
const NO_WAY: &str = "there is no way to this address";
const NO_NAME: &str = "its name is not known (DNS)";

const KINDS: &[(io::ErrorKind, &str)] = &[
    (io::ErrorKind::ConnectionRefused, REFUSED),
    (io::ErrorKind::ConnectionReset, BROKE),
    (io::ErrorKind::ConnectionAborted, BROKE),
    (io::ErrorKind::BrokenPipe, BROKE),
    (io::ErrorKind::NotConnected, BROKE),
    (io::ErrorKind::UnexpectedEof, BROKE),
    (io::ErrorKind::TimedOut, LATE),
    (io::ErrorKind::HostUnreachable, NO_WAY),
    (io::ErrorKind::NetworkUnreachable, NO_WAY),
    (io::ErrorKind::NetworkDown, NO_WAY),
];

fn of_io(error: &(dyn Error + 'static)) -> Option<&'static str> {
    let kind = error.downcast_ref::<io::Error>()?.kind();
    let found = KINDS.iter().find(|(known, _)| *known == kind);
    found.map(|(_, words)| *words)
}

/// Some libraries hand only the text of a cause on.
const TEXTS: &[(&str, &str)] = &[
    ("Connection refused", REFUSED),
    ("failed to lookup address", NO_NAME),
    ("dns error", NO_NAME),
    ("No route to host", NO_WAY),
    ("Network is unreachable", NO_WAY),
    ("deadline has elapsed", LATE),
    ("Timeout expired", LATE),
    ("timed out", LATE),
    ("timeout", LATE),
    ("connection reset", BROKE),
    ("Connection reset", BROKE),
    ("Broken pipe", BROKE),
    ("broken pipe", BROKE),
    ("connection closed", BROKE),
    ("stream closed", BROKE),
    ("channel closed", BROKE),
    ("unexpected end of file", BROKE),
    ("unexpected EOF", BROKE),
    ("end of file before message", BROKE),
    ("h2 protocol error", "it does not speak HTTP/2 as it should"),
    ("http2 error", "it does not speak HTTP/2 as it should"),
    ("invalid HTTP", "it does not speak HTTP"),
];

fn of_text(text: &str) -> Option<&'static str> {
    let found = TEXTS.iter().find(|(part, _)| text.contains(part));
    found.map(|(_, words)| *words)
}

/// The innermost cause that reads like words.
fn last_sentence(error: &(dyn Error + 'static)) -> Option<String> {
    let texts = causes(error).map(ToString::to_string);
    texts.filter(|text| is_for_people(text)).last()
}

/// No name of a type, no structure, no quoted source.
pub(super) fn is_for_people(text: &str) -> bool {
    const DATA: [&str; 6] = ["::", "{", "Error(", "Some(", "Err(", "dispatch failure"];
    !text.is_empty() && !DATA.iter().any(|part| text.contains(part))
}

#[cfg(test)]
mod tests {
    use std::fmt;

    use super::*;

    #[derive(Debug)]
    struct Layer(&'static str, Option<io::Error>);

    impl fmt::Display for Layer {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str(self.0)
        }
    }

    impl Error for Layer {
        fn source(&self) -> Option<&(dyn Error + 'static)> {
            let source: &(dyn Error + 'static) = self.1.as_ref()?;
            Some(source)
        }
    }

    #[test]
    fn a_cause_is_found_by_its_kind_however_many_layers_name_themselves_around_it() {
        for (kind, words) in [
            (io::ErrorKind::ConnectionRefused, REFUSED),
            (io::ErrorKind::ConnectionReset, BROKE),
            (io::ErrorKind::UnexpectedEof, BROKE),
            (io::ErrorKind::TimedOut, LATE),
            (io::ErrorKind::HostUnreachable, NO_WAY),
        ] {
            let own = "tonic::transport::Error(Transport, ConnectError(..))";
            let error = Layer(own, Some(io::Error::new(kind, "os says so")));
            assert_eq!(failed(&error), words);
        }
    }

    #[test]
    fn where_only_the_text_is_handed_on_the_text_decides() {
        for (own, words) in [
            (
                "error trying to connect: dns error: failed to lookup address information",
                NO_NAME,
            ),
            (
                "h2 protocol error: http2 error",
                "it does not speak HTTP/2 as it should",
            ),
            ("transport error: operation timed out", LATE),
        ] {
            assert_eq!(failed(&Layer(own, None)), words);
        }
    }

    #[test]
    fn words_that_nobody_knows_are_kept_if_they_are_words_and_never_if_they_are_a_type() {
        let full = io::Error::other("the moon is full");
        assert_eq!(
            failed(&Layer("hyper::Error(Canceled)", Some(full))),
            "the moon is full"
        );
        let told = failed(&Layer("hyper::Error(Canceled)", None));
        assert!(is_for_people(&told) && told.contains("--log"), "{told}");
    }
}
