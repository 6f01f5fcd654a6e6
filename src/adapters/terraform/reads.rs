//! Which files an evaluation may read: those that a file function names, wherever such a call may stand. Of a value that is not
//! known yet no plan has what was read for it.
//!
//! A path that is written out is one file, in whatever folder. One of which a part is computed stays in the folder that its
//! beginning names: whoever asks has to see that nothing spells `..` then ([`leads`](super::leads)).

use hcl_edit::Span as _;
use hcl_edit::expr::{Expression, FuncCall, TraversalOperator};
use hcl_edit::structure::Body;
use hcl_edit::template::Element;
use hcl_edit::visit::{Visit, visit_func_call};

use super::begins;
use super::leads::{climbs, texts};
use super::sources::{self, Source};

/// Of Terraform and OpenTofu, longest first.
const FUNCTIONS: [&str; 12] = [
    "filebase64sha256",
    "filebase64sha512",
    "templatestring",
    "templatefile",
    "fileexists",
    "filebase64",
    "filesha256",
    "filesha512",
    "filesha1",
    "fileset",
    "filemd5",
    "file",
];
const TEMPLATE: &str = "templatefile";
const SET: &str = "fileset";
/// What fills in a text that may come from anywhere, calls of these functions in it.
const OF_ANY_TEXT: &str = "templatestring";

/// From where a path leads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Base {
    /// The folder of the module in which the call stands.
    Module,
    /// That of the root module, in which Terraform runs.
    Root,
    /// It is a whole path.
    Nowhere,
}

/// What a call may read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Reach {
    /// This file.
    One(Base, String),
    /// Files whose path begins and ends so.
    Some {
        base: Base,
        before: String,
        after: String,
        /// What stands between is a value, and no pattern.
        is_computed: bool,
    },
    /// Any.
    Any,
}

/// One call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Read {
    /// The function.
    pub(super) function: &'static str,
    /// In which line; none is told of the JSON syntax.
    pub(super) line: Option<usize>,
    pub(super) reach: Reach,
}

impl Read {
    /// What it reads may have such calls in it as well.
    pub(super) fn is_template(&self) -> bool {
        self.function == TEMPLATE
    }
}

/// Every call of a file function in this source: never too few.
pub(super) fn of(source: &Source) -> Vec<Read> {
    match source {
        Source::Hcl(text, body) => of_text(text, body),
        Source::Json(json) => {
            let mut found = Vec::new();
            texts(json, &mut |text| {
                let calls = beginnings(text).map(|(_, function)| Read {
                    function,
                    line: None,
                    reach: Reach::Any,
                });
                found.extend(calls);
            });
            found
        }
    }
}

/// This template has such calls in what is filled in.
pub(super) fn reads_itself(template: &str) -> bool {
    let from = ["${", "%{"].iter().filter_map(|begin| template.find(begin)).min();
    let filled = from.and_then(|at| template.get(at..)).unwrap_or_default();
    beginnings(filled).next().is_some()
}

fn of_text(text: &str, body: &Body) -> Vec<Read> {
    let mut calls = Calls(Vec::new());
    calls.visit_body(body);
    let read = |(at, function): (usize, &'static str)| {
        let known = calls.0.iter().find(|(place, _)| *place == at);
        let is_comment = || text.get(..at).is_some_and(begins::is_in_a_comment);
        let reach = match known {
            Some((_, reach)) => reach.clone(),
            None if is_comment() => return None,
            None => Reach::Any,
        };
        Some(Read {
            function,
            line: Some(sources::line(text, at)),
            reach,
        })
    };
    beginnings(text).filter_map(read).collect()
}

/// Where such a call may begin, and which one: its name, and a bracket behind whatever separates them.
fn beginnings(text: &str) -> impl Iterator<Item = (usize, &'static str)> {
    let word = |letter: char| letter.is_alphanumeric() || "_-".contains(letter);
    let places = ["file", "template"]
        .into_iter()
        .flat_map(|begin| text.match_indices(begin));
    places.filter_map(move |(at, _)| {
        let (before, from) = text.split_at(at);
        let length = from.find(|letter: char| !word(letter)).unwrap_or(from.len());
        let (name, behind) = from.split_at(length);
        let function = FUNCTIONS.iter().find(|function| **function == name)?;
        let is_called = !before.ends_with(word) && opens(behind);
        is_called.then_some((at, *function))
    })
}

/// Space and comments stand before the bracket.
fn opens(mut rest: &str) -> bool {
    loop {
        rest = rest.trim_start();
        if let Some(comment) = rest.strip_prefix("/*") {
            let Some((_, behind)) = comment.split_once("*/") else {
                return true;
            };
            rest = behind;
        } else if rest.starts_with("//") || rest.starts_with('#') {
            let Some((_, behind)) = rest.split_once('\n') else {
                return true;
            };
            rest = behind;
        } else {
            return rest.starts_with('(');
        }
    }
}

/// Calls by where their names begin.
struct Calls(Vec<(usize, Reach)>);

impl Visit for Calls {
    fn visit_func_call(&mut self, node: &FuncCall) {
        if let Some(place) = node.name.name.span() {
            self.0.push((place.start, reach(node)));
        }
        visit_func_call(self, node);
    }
}

/// This is a file function.
pub(super) fn is_read(call: &FuncCall) -> bool {
    FUNCTIONS.contains(&call.name.name.as_str())
}

/// What this call of one may read.
pub(super) fn reach(call: &FuncCall) -> Reach {
    let arguments: Vec<&Expression> = call.args.iter().collect();
    if call.args.expand_final() || call.name.name.as_str() == OF_ANY_TEXT {
        return Reach::Any;
    }
    match arguments.as_slice() {
        [folder, pattern] if call.name.name.as_str() == SET => {
            let mut path = parts(folder);
            path.push(Part::Text("/".to_owned()));
            path.extend(match text(pattern) {
                Some(pattern) => glob(pattern),
                None => vec![Part::Computed],
            });
            of_parts(&path)
        }
        [path, ..] => of_parts(&parts(path)),
        [] => Reach::Any,
    }
}

/// Of a path.
#[derive(Clone, Debug)]
enum Part {
    Base(Base),
    Text(String),
    Pattern,
    Computed,
}

fn text(value: &Expression) -> Option<&str> {
    if let Expression::Parenthesis(inner) = value {
        return text(inner.inner());
    }
    value.as_str()
}

fn parts(path: &Expression) -> Vec<Part> {
    if let Expression::Parenthesis(inner) = path {
        return parts(inner.inner());
    }
    if let Expression::StringTemplate(template) = path {
        let part = |element: &Element| match element {
            Element::Literal(text) => vec![Part::Text(text.value().clone())],
            Element::Interpolation(filled) => parts(&filled.expr),
            Element::Directive(_) => vec![Part::Computed],
        };
        return template.iter().flat_map(part).collect();
    }
    match (path.as_str(), base(path)) {
        (Some(text), _) => vec![Part::Text(text.to_owned())],
        (None, Some(base)) => vec![Part::Base(base)],
        (None, None) => vec![Part::Computed],
    }
}

/// `path.module`, `path.root`; and `path.cwd`, which is the same, as nobody changes the folder behind its back.
fn base(value: &Expression) -> Option<Base> {
    let Expression::Traversal(path) = value else {
        return None;
    };
    let Expression::Variable(of) = &path.expr else {
        return None;
    };
    let [step] = path.operators.as_slice() else {
        return None;
    };
    let TraversalOperator::GetAttr(name) = step.value() else {
        return None;
    };
    match (of.as_str(), name.as_str()) {
        ("path", "module") => Some(Base::Module),
        ("path", "root" | "cwd") => Some(Base::Root),
        _ => None,
    }
}

/// What stands before and behind all that is no letter in a pattern.
fn glob(pattern: &str) -> Vec<Part> {
    let is_special = |letter: char| "*?[]{}\\,".contains(letter);
    let (Some(first), Some(last)) = (pattern.find(is_special), pattern.rfind(is_special)) else {
        return vec![Part::Text(pattern.to_owned())];
    };
    let before = pattern.get(..first).unwrap_or_default();
    let after = pattern.get(last.saturating_add(1)..).unwrap_or_default();
    vec![
        Part::Text(before.to_owned()),
        Part::Pattern,
        Part::Text(after.to_owned()),
    ]
}

fn of_parts(parts: &[Part]) -> Reach {
    // A path from nowhere begins in the folder of the root module, if it is no whole one.
    let (base, rest, begin) = match parts {
        [Part::Base(base), rest @ ..] => (*base, rest, ""),
        [Part::Text(text), ..] if text.starts_with('/') => (Base::Nowhere, parts, ""),
        [Part::Text(text), ..] if !text.starts_with('~') => (Base::Root, parts, "/"),
        _ => return Reach::Any,
    };
    let is_open = |part: &Part| !matches!(part, Part::Text(_));
    let texts = |parts: &mut dyn Iterator<Item = &Part>| -> Vec<String> {
        let text = |part: &Part| match part {
            Part::Text(text) => Some(text.clone()),
            Part::Base(_) | Part::Pattern | Part::Computed => None,
        };
        parts.map_while(text).collect()
    };
    let before = format!("{begin}{}", texts(&mut rest.iter()).concat());
    if !rest.iter().any(is_open) {
        return Reach::One(base, before);
    }
    // Behind what is not known `..` may take that away again.
    let behind = rest.iter().skip_while(|part| !is_open(part));
    let climbs = |part: &Part| matches!(part, Part::Text(text) if climbs(text));
    if behind.clone().any(climbs) {
        return Reach::Any;
    }
    let mut after = texts(&mut rest.iter().rev());
    after.reverse();
    let after = after.concat();
    let after = after.rsplit('/').next().unwrap_or_default().to_owned();
    Reach::Some {
        base,
        before,
        after,
        is_computed: rest
            .iter()
            .any(|part| matches!(part, Part::Computed | Part::Base(_))),
    }
}
