//! `rehull adopt`: reads an existing cluster and writes a new folder; `--verify-plan` judges what a person makes of it.
//! Neither asks the network for anything.

use std::fs::{self, File};
use std::io::{self, Read as _, Write as _};
use std::path::Path;

use rehull_core::adopt::{
    Adoption, HANDOVER_FILE, HANDOVER_FORMAT, Handover, Layout, Proof, Root, State, Unadopted, adopt, prove,
};
use rehull_core::config::adoption;
use serde_json::json;

use super::console::Console;
use super::exit::Exit;
use super::failure::Failure;
use super::wish::{Adopting, Format};
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
        Unadopted::Mistaken { mistakes, text } => Failure::in_file(mistakes, &text),
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
pub fn verify(console: &Console, plan: &Path, out: &Path) -> Result<Exit, Failure> {
    let handover = handover(&out.join(HANDOVER_FILE))?;
    let file = File::open(plan).map_err(|error| Failure::unreadable(plan, &error))?;
    let proof = prove(file, &handover).map_err(|error| {
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
    Ok(if proof.findings.is_empty() {
        Exit::Ok
    } else {
        Exit::Refused
    })
}

fn handover(path: &Path) -> Result<Handover, Failure> {
    let text = fs::read(path).map_err(|error| {
        Failure::unreadable(path, &error).help("name the folder that `rehull adopt` has written")
    })?;
    let wrong = |why: String| {
        let message = format!("`{}`: {why}", path.display());
        let failure = Failure::new(Exit::Usage, "adopt::handover", message);
        failure.help("it is not edited by hand: write the hand-over anew with `rehull adopt`")
    };
    let handover: Handover = serde_json::from_slice(&text).map_err(|error| wrong(error.to_string()))?;
    if handover.format == HANDOVER_FORMAT {
        Ok(handover)
    } else {
        Err(wrong(format!(
            "format {}, this version reads {HANDOVER_FORMAT}",
            handover.format
        )))
    }
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
    let objects = plural(proof.objects, "object", "objects");
    let sentence = match proof.root {
        Root::Old => format!(
            "{objects} forgotten, all that stay in the world; nothing made, changed, replaced or destroyed"
        ),
        Root::New => {
            format!("{objects} imported, changed in nothing but tags; nothing made, replaced or destroyed")
        }
        Root::Settled => "nothing to do: this module has nothing left to hand over".to_owned(),
    };
    text.push_str(&format!("{} {sentence}\n", paint.tone(Tone::Good, "✓")));
    text
}
