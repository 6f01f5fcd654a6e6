//! What others write, thrown at what reads it: one function for each reader, here and nowhere else.
//!
//! libFuzzer calls them (`fuzz/fuzz_targets`), and so does the smoke run of `make test`
//! (`crates/rehull-core/tests/fuzz`). A target fails by panicking: because the reader did, or because what came out is
//! larger than what went in allows, points outside of it, or does not read the same when it is written down again.
//! Readers of the outer package are compiled here by themselves: the package has the AWS SDK, which nobody builds twice.

mod answers;
mod files;
mod journal;
mod limits;
mod store;
mod terraform;
mod wire;

/// One reader.
pub(crate) struct Target {
    /// Of the binary, and of the folder below `fuzz/seeds`.
    pub(crate) name: &'static str,
    /// Reads any bytes.
    pub(crate) run: fn(&[u8]) -> Answer,
}

/// What became of an input. Seeds must show both, or a target would fuzz its own front door.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Answer {
    /// Understood.
    Taken,
    /// Refused, with a reason.
    Refused,
}

pub(crate) const TARGETS: &[Target] = &[
    Target {
        name: "cluster_file",
        run: files::cluster,
    },
    Target {
        name: "scenario_file",
        run: files::scenario,
    },
    Target {
        name: "template",
        run: files::template,
    },
    Target {
        name: "journal",
        run: journal::journal,
    },
    Target {
        name: "store",
        run: store::store,
    },
    Target {
        name: "answers",
        run: answers::answers,
    },
    Target {
        name: "terraform_plan",
        run: terraform::plan,
    },
    Target {
        name: "terraform_stream",
        run: terraform::stream,
    },
    Target {
        name: "wire",
        run: wire::wire,
    },
];
