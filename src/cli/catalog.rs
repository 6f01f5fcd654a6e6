//! `rehull catalog`: what is known of versions, printed and searched; asks nothing of the network.

use rehull_core::catalog::etcd;
use rehull_core::catalog::kubernetes::{self, Entry, UnknownMinor, as_of, entries, skew};
use serde_json::{Value, json};

use super::console::Console;
use super::exit::Exit;
use super::failure::Failure;
use super::wish::{Format, LookingUp};
use crate::report::json::OUTPUT_FORMAT;

/// Without a word and without a way: the releases. Else every fact with all the words, minor by minor.
///
/// # Errors
/// A minor that nobody described, or the answer cannot be written.
pub fn run(console: &Console, asked: &LookingUp) -> Result<Exit, Failure> {
    if asked.words.is_empty() && asked.from.is_none() && asked.to.is_none() {
        match console.format {
            Format::Json => console.answer_json(&releases_json())?,
            Format::Text | Format::Markdown => console.answer(&releases_text())?,
        }
        return Ok(Exit::Ok);
    }
    let known = kubernetes::releases();
    let ends = known.first().zip(known.last());
    let (oldest, newest) = ends.map(|(oldest, newest)| (oldest.minor, newest.minor)).unzip();
    let (Some(from), Some(to)) = (asked.from.or(oldest), asked.to.or(newest)) else {
        return Err(
            Failure::new(Exit::Refused, "catalog::empty", "this rehull has no data").help("install it anew"),
        );
    };
    let mut found = entries(from, to).map_err(|unknown| undescribed(&unknown))?;
    found.retain(|entry| entry.has(&asked.words));
    match console.format {
        Format::Json => {
            let found: Vec<Value> = found.iter().map(entry_json).collect();
            console.answer_json(&json!({ "format": OUTPUT_FORMAT, "kind": "catalog", "entries": found }))?;
        }
        Format::Text | Format::Markdown if found.is_empty() => {
            let words = asked.words.join(" ");
            console.answer(&format!(
                "nothing is known of `{words}` after {from} up to {to}\n"
            ))?;
        }
        Format::Text | Format::Markdown => {
            console.answer(&found.iter().map(entry_text).collect::<String>())?;
        }
    }
    Ok(Exit::Ok)
}

fn undescribed(unknown: &UnknownMinor) -> Failure {
    Failure::new(Exit::Usage, "catalog::unknown", unknown.to_string()).help(unknown.help())
}

fn entry_text(entry: &Entry) -> String {
    let (minor, topic) = (entry.minor.to_string(), entry.topic.to_string());
    let help = if entry.help.is_empty() {
        String::new()
    } else {
        format!("               → {}\n", entry.help)
    };
    format!("{minor:<6}{topic:<9}{}\n{help}", entry.text)
}

fn entry_json(entry: &Entry) -> Value {
    json!({
        "minor": entry.minor,
        "topic": entry.topic.to_string(),
        "text": entry.text,
        "help": entry.help,
        "source": entry.source,
    })
}

fn releases_text() -> String {
    let mut text = format!(
        "known on {}\n\nkubernetes  released    mended until  newest    kubelets behind  etcd, usually\n",
        as_of()
    );
    for known in kubernetes::releases() {
        let works: Vec<String> = known.etcd.works.iter().map(ToString::to_string).collect();
        text.push_str(&format!(
            "{:<12}{:<12}{:<14}{:<10}{:<17}{} ({})\n",
            known.minor,
            known.released.to_string(),
            known.end_of_life.to_string(),
            known.newest,
            skew().kubelet_behind(known.minor),
            works.join(", "),
            known.etcd.usual,
        ));
    }
    text.push_str("\netcd        released    mended until  newest\n");
    for known in etcd::releases() {
        let until = known
            .end_of_life
            .map_or_else(|| "–".to_owned(), |end| end.to_string());
        text.push_str(&format!(
            "{:<12}{:<12}{until:<14}{}\n",
            known.minor,
            known.released.to_string(),
            known.newest
        ));
    }
    text
}

fn releases_json() -> Value {
    let kubernetes = kubernetes::releases().iter().map(|known| {
        json!({
            "minor": known.minor,
            "released": known.released,
            "endOfLife": known.end_of_life,
            "newest": known.newest,
            "kubeletsBehind": skew().kubelet_behind(known.minor),
            "etcd": { "usual": known.etcd.usual, "works": known.etcd.works },
            "images": {
                "registry": known.images.registry,
                "pause": known.images.pause,
                "coredns": known.images.coredns,
            },
        })
    });
    let etcd = etcd::releases().iter().map(|known| {
        json!({
            "minor": known.minor,
            "released": known.released,
            "endOfLife": known.end_of_life,
            "newest": known.newest,
            "productionMin": known.production_min,
            "source": known.source,
        })
    });
    json!({
        "format": OUTPUT_FORMAT,
        "kind": "catalog",
        "asOf": as_of(),
        "kubernetes": kubernetes.collect::<Vec<_>>(),
        "etcd": etcd.collect::<Vec<_>>(),
        "sources": kubernetes::sources(),
    })
}
