//! Texts that may lead a path elsewhere than where its call begins: asked where a part of a path is computed, as nobody can tell
//! which of them end up in it.

use std::path::Path;

use hcl_edit::Span as _;
use hcl_edit::expr::{Expression, FuncCall};
use hcl_edit::structure::Block;
use hcl_edit::template::Element;
use hcl_edit::visit::{Visit, visit_block, visit_element, visit_expr, visit_func_call};

use super::keys::Json;
use super::reads::{Reach, is_read, reach};
use super::sources::{self, STATE, Source};

/// What a run writes. It is left out where files are looked for below a folder, unless something says that it is read.
pub(super) const LOG: &str = ".log";

/// The first text of this source, outside of what says where modules, states and providers come from, that leads a path
/// elsewhere: it spells `..`, or ends as a log; or, where whole paths are computed, it names a file of this computer. Its line,
/// as it is told behind a file; none is told of the JSON syntax.
pub(super) fn first(source: &Source, whole: bool) -> Option<String> {
    match source {
        Source::Hcl(text, body) => {
            let mut texts = Texts { whole, found: None };
            texts.visit_body(body);
            texts.found.map(|at| format!(":{}", sources::line(text, at)))
        }
        Source::Json(json) => {
            let mut found = None;
            outside(json, &mut |text| {
                if leads_elsewhere(text, whole) {
                    found = Some(String::new());
                }
            });
            found
        }
    }
}

fn leads_elsewhere(text: &str, whole: bool) -> bool {
    let is_whole = || text.starts_with("~/") || text.starts_with('/') && Path::new(text).is_file();
    climbs(text) || text.ends_with(LOG) || whole && is_whole()
}

struct Texts {
    whole: bool,
    found: Option<usize>,
}

impl Texts {
    fn note(&mut self, text: &str, place: Option<std::ops::Range<usize>>) {
        if self.found.is_none() && leads_elsewhere(text, self.whole) {
            self.found = Some(place.map_or(0, |place| place.start));
        }
    }
}

impl Visit for Texts {
    fn visit_block(&mut self, node: &Block) {
        match node.ident.as_str() {
            "terraform" => {}
            "data" if node.labels.first().is_some_and(|kind| kind.as_str() == STATE) => {}
            "module" => {
                let attributes = node.body.attributes();
                for attribute in attributes.filter(|attribute| attribute.key.as_str() != "source") {
                    self.visit_attr(attribute);
                }
            }
            _ => visit_block(self, node),
        }
    }

    fn visit_expr(&mut self, node: &Expression) {
        if let Some(text) = node.as_str() {
            self.note(text, node.span());
        }
        visit_expr(self, node);
    }

    fn visit_element(&mut self, node: &Element) {
        if let Element::Literal(text) = node {
            self.note(text, text.span());
        }
        visit_element(self, node);
    }

    /// A path that is written out is covered, wherever it leads.
    fn visit_func_call(&mut self, node: &FuncCall) {
        if !is_read(node) || reach(node) == Reach::Any {
            return visit_func_call(self, node);
        }
        for argument in node.args.iter().skip(1) {
            self.visit_expr(argument);
        }
    }
}

/// A part of it is `..`.
pub(super) fn climbs(text: &str) -> bool {
    text.split(['/', '\\']).any(|part| part == "..")
}

/// Texts and names of a file, but for those that are left out of blocks.
fn outside(json: &Json, tell: &mut dyn FnMut(&str)) {
    for (kind, all) in json.entries() {
        for (label, inner) in all.entries() {
            tell(label);
            match kind.as_str() {
                "terraform" => {}
                "data" if label == STATE => {}
                "module" => {
                    let given = inner.entries().into_iter().filter(|(name, _)| name != "source");
                    given.for_each(|(_, value)| texts(value, tell));
                }
                _ => texts(inner, tell),
            }
        }
    }
}

/// All texts and names.
pub(super) fn texts(json: &Json, tell: &mut dyn FnMut(&str)) {
    match json {
        Json::Text(text) => tell(text),
        Json::List(items) => items.iter().for_each(|item| texts(item, tell)),
        Json::Object(entries) => {
            for (name, value) in entries {
                tell(name);
                texts(value, tell);
            }
        }
        Json::Bool | Json::Null | Json::Plain => {}
    }
}
