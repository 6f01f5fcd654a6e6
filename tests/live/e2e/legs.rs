//! Legs of the soak: each is a test, so that one can be asked for by name; what each took is told and kept.

use std::fs::File;
use std::io::Write as _;
use std::time::Instant;

/// Where `make soak` wants a line per leg.
const LOG: &str = "REHULL_SOAK_LOG";

/// Runs one leg. The libtest harness holds back what tests print; this is progress, so it goes past it.
pub(crate) async fn leg(name: &'static str, work: impl Future<Output = ()>) {
    say(&format!("leg {name}: begins"));
    let mut leg = Leg {
        name,
        since: Instant::now(),
        word: "FAILED",
    };
    work.await;
    leg.word = "ok";
}

/// A line of progress.
pub(crate) fn say(line: &str) {
    let _ = std::io::stderr().write_all(format!("{line}\n").as_bytes());
}

struct Leg {
    name: &'static str,
    since: Instant,
    word: &'static str,
}

impl Drop for Leg {
    fn drop(&mut self) {
        let Self { name, since, word } = self;
        let seconds = since.elapsed().as_secs();
        say(&format!("leg {name}: {word} after {seconds} s"));
        let Some(log) = std::env::var_os(LOG) else {
            return;
        };
        let log = File::options().create(true).append(true).open(log);
        let line = format!("{seconds}\t{word}\t{name}\n");
        let written = log.and_then(|mut log| log.write_all(line.as_bytes()));
        assert!(written.is_ok() || std::thread::panicking(), "{written:?}");
    }
}

/// A soak test per line: `name => what it does`.
macro_rules! legs {
    ($($name:ident => $work:expr;)*) => {$(
        #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
        #[ignore = "soak: `make soak` runs all legs, several side by side"]
        async fn $name() {
            $crate::e2e::legs::leg(stringify!($name), $work).await;
        }
    )*};
}
pub(crate) use legs;
