//! `rehull adopt`: reads an existing cluster and writes a new folder; `--verify-plan` judges what a person makes of it.
//! Neither asks the network for anything.

use std::fs::{self, File};
use std::io::{self, Read as _, Write as _};
use std::path::Path;

use rehull_core::adopt::{
    Adoption, HANDOVER_FILE, Handover, Layout, Proof, Root, Stage, State, Unadopted, adopt, prove,
};
use rehull_core::config::adoption;
use serde_json::json;

use super::console::Console;
use super::exit::Exit;
use super::failure::Failure;
use super::wish::{Adopting, Format, Verifying};
use crate::report::json::OUTPUT_FORMAT;
use crate::report::numbers::plural;
use crate::report::paint::Tone;

/// Reads mapping and state, and writes the folder.
///
/// # Errors
/// The cluster cannot be taken over, or the folder is not new.
pub fn run(console: &Console, asked: &Adopting) -> Result<Exit, Failure> {
    let path = &asked.mapping;
    let text = fs::read_to_string(path).map_err(|error| Failure::unreadable(path, &error))?;
    let name = path.to_string_lossy();
    let mapping = adoption::read(&name, &text).map_err(|mistakes| Failure::in_file(mistakes, &text))?;
    let state = asked.state.as_deref().map(state).transpose()?;
    let adoption = adopt(&mapping, state.as_ref()).map_err(|why| match why {
        Unadopted::Refused(refusals) => Failure::refusals(refusals, &name, &text),
        // It is the mapping that is wrong, so the exit code is that of a file with mistakes.
        Unadopted::Mistaken(refusals) => Failure {
            exit: Exit::Usage,
            ..Failure::refusals(refusals, &name, &text)
        },
    })?;
    write(&asked.out, &adoption)?;
    show(console, &asked.out, &adoption)?;
    Ok(Exit::Ok)
}

fn state(path: &Path) -> Result<State, Failure> {
    let text = if path == Path::new("-") {
        let mut text = Vec::new();
        io::stdin().lock().read_to_end(&mut text).map(|_| text)
    } else {
        fs::read(path)
    };
    let text = text.map_err(|error| Failure::unreadable(path, &error))?;
    State::read(&text).map_err(|error| {
        let message = format!("`{}`: {error}", path.display());
        Failure::new(Exit::Usage, "adopt::state", message).help(error.help())
    })
}

/// Only into a folder where nothing is, and never over a file: what somebody has edited stays.
fn write(out: &Path, adoption: &Adoption) -> Result<(), Failure> {
    fs::create_dir_all(out).map_err(|error| Failure::unwritable(out, &error))?;
    let mut entries = fs::read_dir(out).map_err(|error| Failure::unreadable(out, &error))?;
    if entries.next().is_some() {
        let message = format!("`{}` is not empty", out.display());
        let failure = Failure::new(Exit::Usage, "adopt::not_empty", message);
        return Err(failure.help("name a new folder: nothing is ever written over"));
    }
    for (relative, text) in &adoption.files {
        let path = out.join(relative);
        let written = path.parent().map_or(Ok(()), fs::create_dir_all).and_then(|()| {
            let mut file = File::create_new(&path)?;
            file.write_all(text.as_bytes())
        });
        written.map_err(|error| Failure::unwritable(&path, &error))?;
    }
    Ok(())
}

fn show(console: &Console, out: &Path, adoption: &Adoption) -> Result<(), Failure> {
    let row = |layout: &Layout| json!({ "id": layout.id, "verdict": layout.verdict.words(), "looks": layout.looks, "why": layout.why, "way": layout.way });
    if console.format == Format::Json {
        return console.answer_json(&json!({
            "format": OUTPUT_FORMAT,
            "kind": "adoption",
            "layout": row(adoption.layout),
            "notes": adoption.notes.iter().map(|layout| row(layout)).collect::<Vec<_>>(),
            "files": adoption.files.keys().map(|path| out.join(path)).collect::<Vec<_>>(),
        }));
    }
    let paint = console.out_paint();
    let desired = &adoption.desired;
    let mut text = format!(
        "{} {}: {}, etcd {}\n  {}\n",
        paint.tone(Tone::Good, "✓"),
        desired.cluster,
        plural(desired.etcd.slots.len(), "member", "members"),
        desired.etcd.version,
        adoption.layout.looks
    );
    for note in &adoption.notes {
        text.push_str(&format!("  note: {}: {}\n", note.looks, note.why));
    }
    for path in adoption.files.keys() {
        text.push_str(&format!("  {}\n", out.join(path).display()));
    }
    let page = out.join("HANDOVER.md");
    text.push_str(&format!("nothing was changed; next: read {}\n", page.display()));
    console.answer(&text)
}

/// Judges one plan.
///
/// # Errors
/// The plan, or what it has to be, cannot be read.
pub fn verify(console: &Console, asked: &Verifying) -> Result<Exit, Failure> {
    let plan = &asked.plan;
    let handover = handover(&asked.out.join(HANDOVER_FILE))?;
    let file = File::open(plan).map_err(|error| Failure::unreadable(plan, &error))?;
    let proof = prove(file, &handover, asked.root, asked.tool).map_err(|error| {
        let failure = Failure::new(
            Exit::Usage,
            "adopt::plan",
            format!("cannot read `{}`", plan.display()),
        );
        let help = "terraform show -json handover.plan > handover-plan.json";
        failure.because(&error).help(help)
    })?;
    if console.format == Format::Json {
        let document = json!({ "format": OUTPUT_FORMAT, "kind": "handover-proof", "proof": proof });
        console.answer_json(&document)?;
    } else {
        console.answer(&told(console, &proof))?;
    }
    Ok(match proof.stage {
        _ if !proof.findings.is_empty() => Exit::Refused,
        Stage::HandsOver | Stage::Settled => Exit::Ok,
        // Whoever goes on by the exit code alone must not go on here.
        Stage::Unclear => Exit::NeedsPerson,
    })
}

fn handover(path: &Path) -> Result<Handover, Failure> {
    let text = fs::read(path).map_err(|error| {
        Failure::unreadable(path, &error).help("name the folder that `rehull adopt` has written")
    })?;
    Handover::read(&text).map_err(|error| {
        let message = format!("`{}`: {error}", path.display());
        Failure::new(Exit::Usage, "adopt::handover", message).help(error.help())
    })
}

fn told(console: &Console, proof: &Proof) -> String {
    let paint = console.out_paint();
    let mut text = String::new();
    for finding in &proof.findings {
        let word = paint.tone(Tone::Bad, &format!("refused ({})", finding.rule));
        text.push_str(&format!("{word}: {finding}\n"));
    }
    if !proof.findings.is_empty() {
        text.push_str("do not apply this plan\n");
        return text;
    }
    if proof.stage == Stage::Unclear {
        text.push_str(&format!("{} {UNCLEAR}", paint.tone(Tone::Care, "cannot tell")));
    } else {
        text.push_str(&format!("{} {}\n", paint.tone(Tone::Good, "✓"), sentence(proof)));
    }
    if proof.outputs > 0 {
        let outputs = plural(proof.outputs, "output changes", "outputs change");
        text.push_str(&format!(
            "  {outputs} too: values in the state, nothing in the world\n"
        ));
    }
    text
}

/// What was seen, what it does not prove, and where to look instead.
const UNCLEAR: &str = "whether anything was forgotten: nothing of the members is in this plan, and this module had nothing else by which
  it could be known. The same plan comes out of any other folder or workspace, and before the hand-over it is no proof.
  After it: `terraform state list` in the folder of the old root module has none of the addresses of handover.json
";

fn sentence(proof: &Proof) -> String {
    let objects = plural(proof.objects, "object", "objects");
    match (proof.stage, proof.root) {
        (Stage::HandsOver, Root::Old) => format!(
            "{objects} forgotten, all that stay in the world; nothing made, changed, replaced or destroyed"
        ),
        (Stage::HandsOver, Root::New) => {
            format!("{objects} imported, changed in nothing but tags; nothing made, replaced or destroyed")
        }
        (Stage::Settled | Stage::Unclear, Root::Old) => {
            "nothing to do: this module knows nothing of the members any more, and keeps the rest".to_owned()
        }
        (Stage::Settled | Stage::Unclear, Root::New) => {
            "nothing to do: this module has every object, by its id and with its tags".to_owned()
        }
    }
}
