//! The parser's events → nodes with their places. Iterative, with a limit on everything that a text can ask for.

use std::borrow::Cow;
use std::collections::BTreeMap;

use saphyr_parser::{Event, Parser, Tag};

use super::scalar::{PendingKey, as_key, null, scalar};
use super::syntax;
use super::{DEPTH_MAX, Entry, Kind, Loaded, NODES_MAX, Node, Slip, TEXT_MAX_BYTES};
use crate::config::mistake::{Wrong, quoted};
use crate::config::spans::Span;

/// How much a node holds, with all that is in it.
#[derive(Clone, Copy, Default)]
struct Cost {
    nodes: usize,
    /// Of the words.
    bytes: usize,
}

impl Cost {
    const fn of(word: &str) -> Self {
        Self {
            nodes: 1,
            bytes: word.len(),
        }
    }

    const fn and(self, other: Self) -> Self {
        Self {
            nodes: self.nodes.saturating_add(other.nodes),
            bytes: self.bytes.saturating_add(other.bytes),
        }
    }
}

/// A map or list that is not closed yet.
struct Open {
    start: usize,
    anchor: usize,
    cost: Cost,
    what: OpenKind,
}

enum OpenKind {
    List(Vec<Node>),
    Map {
        entries: Vec<Entry>,
        key: Option<PendingKey>,
    },
}

pub(super) struct Loader<'t> {
    text: &'t str,
    /// Byte offset of each character: the parser counts characters.
    offsets: Vec<usize>,
    open: Vec<Open>,
    anchors: BTreeMap<usize, (Node, Cost)>,
    spent: Cost,
    documents: usize,
    document: Option<Node>,
    /// The text could not be read to its end: half a document would cause mistakes that are none.
    broken: bool,
    slips: Vec<Slip>,
}

impl<'t> Loader<'t> {
    pub(super) fn new(text: &'t str) -> Self {
        Self {
            text,
            offsets: text.char_indices().map(|(offset, _)| offset).collect(),
            open: Vec::new(),
            anchors: BTreeMap::new(),
            spent: Cost::default(),
            documents: 0,
            document: None,
            broken: false,
            slips: Vec::new(),
        }
    }

    /// Reads to the end of the first document, or to where reading ends.
    pub(super) fn run(mut self) -> Loaded {
        for event in Parser::new_from_str(self.text) {
            let go_on = match event {
                Ok((event, span)) => {
                    let (start, end) = (self.byte(span.start.index()), self.byte(span.end.index()));
                    self.take(event, Span { start, end })
                }
                Err(error) => {
                    let at = self.byte(error.marker().index());
                    let open = self.open.iter().map(|open| open.start);
                    self.slips.push(syntax::slip(self.text, at, error.info(), open));
                    self.broken = true;
                    false
                }
            };
            if !go_on {
                break;
            }
        }
        Loaded {
            document: self.document.filter(|_| !self.broken),
            slips: self.slips,
        }
    }

    fn byte(&self, char_index: usize) -> usize {
        self.offsets.get(char_index).copied().unwrap_or(self.text.len())
    }

    fn slip(&mut self, span: Span, wrong: Wrong) {
        self.slips.push(Slip {
            span,
            wrong,
            more: Vec::new(),
        });
    }

    /// Reports and stops reading.
    fn give_up(&mut self, span: Span, wrong: Wrong) -> bool {
        self.slip(span, wrong);
        self.broken = true;
        false
    }

    /// False: stop reading.
    fn take(&mut self, event: Event<'_>, span: Span) -> bool {
        match event {
            Event::Nothing | Event::StreamStart | Event::StreamEnd | Event::DocumentEnd => true,
            Event::DocumentStart(_) => self.start_document(span),
            Event::Alias(id) => self.alias(id, span),
            Event::Scalar(raw, style, anchor, tag) => {
                self.refuse_tag(tag.as_ref(), span);
                let node = scalar(&raw, style, tag.as_ref(), span);
                let cost = Cost::of(&raw);
                self.spend(cost, span) && self.place(node, anchor, cost)
            }
            Event::SequenceStart(anchor, tag) => {
                self.refuse_tag(tag.as_ref(), span);
                self.start(anchor, span, OpenKind::List(Vec::new()))
            }
            Event::MappingStart(anchor, tag) => {
                self.refuse_tag(tag.as_ref(), span);
                self.start(
                    anchor,
                    span,
                    OpenKind::Map {
                        entries: Vec::new(),
                        key: None,
                    },
                )
            }
            Event::SequenceEnd | Event::MappingEnd => self.end(span),
        }
    }

    /// The first document is the file; anything after it is a mistake, and not read.
    fn start_document(&mut self, span: Span) -> bool {
        self.documents = self.documents.saturating_add(1);
        if self.documents == 1 {
            return true;
        }
        let wrong = Wrong::new(
            "config::several_documents",
            "a file describes one cluster",
            "a second document",
        )
        .help("put each cluster into a file of its own");
        self.slip(span.first_line(self.text), wrong);
        false
    }

    /// False: the budget is used up.
    fn spend(&mut self, cost: Cost, span: Span) -> bool {
        self.spent = self.spent.and(cost);
        if self.spent.nodes <= NODES_MAX && self.spent.bytes <= TEXT_MAX_BYTES {
            return true;
        }
        let message = "too many values for one file";
        let wrong = Wrong::new("config::too_many_values", message, "gave up here");
        let kib = TEXT_MAX_BYTES / 1024;
        let help =
            format!("the limit is {NODES_MAX} values and {kib} KiB, those repeated by aliases included");
        self.give_up(span, wrong.help(help))
    }

    fn start(&mut self, anchor: usize, span: Span, what: OpenKind) -> bool {
        if self.open.len() >= DEPTH_MAX {
            return self.give_up(span, syntax::too_deep());
        }
        self.open.push(Open {
            start: span.start,
            anchor,
            cost: Cost::of(""),
            what,
        });
        self.spend(Cost::of(""), span)
    }

    fn end(&mut self, span: Span) -> bool {
        let Some(open) = self.open.pop() else { return true };
        let kind = match open.what {
            OpenKind::List(items) => Kind::List(items),
            OpenKind::Map { entries, .. } => Kind::Map(entries),
        };
        let (start, end) = (open.start, span.end.max(open.start));
        let node = Node {
            span: Span { start, end },
            kind,
        };
        self.place(node, open.anchor, open.cost)
    }

    /// A copy of what the anchor holds, standing where the alias stands.
    fn alias(&mut self, id: usize, span: Span) -> bool {
        let Some(cost) = self.anchors.get(&id).map(|(_, cost)| *cost) else {
            let message = "an alias cannot stand inside its own anchor";
            self.slip(span, Wrong::new("config::alias", message, "refers to itself"));
            return self.place(null(span), 0, Cost::of(""));
        };
        // Counted before it is copied: the copies are what a hostile file is after.
        if !self.spend(cost, span) {
            return false;
        }
        let copy = self.anchors.get(&id).map(|(node, _)| node.kind.clone());
        let node = copy.map_or_else(|| null(span), |kind| Node { span, kind });
        self.place(node, 0, cost)
    }

    /// Puts a finished node where it belongs: as key or value of the innermost open map, into the list, or at the top.
    fn place(&mut self, node: Node, anchor: usize, cost: Cost) -> bool {
        if anchor > 0 {
            self.anchors.insert(anchor, (node.clone(), cost));
        }
        let Some(open) = self.open.last_mut() else {
            self.document = Some(node);
            return true;
        };
        open.cost = open.cost.and(cost);
        match &mut open.what {
            OpenKind::List(items) => items.push(node),
            OpenKind::Map { entries, key } => match key.take() {
                None => {
                    let (pending, slip) = as_key(node, entries);
                    *key = Some(pending);
                    self.slips.extend(slip);
                }
                Some(PendingKey::Unusable) => {}
                Some(PendingKey::Text(key, key_span)) => entries.push(Entry {
                    key,
                    key_span,
                    value: node,
                }),
            },
        }
        true
    }

    /// `!!str 1` is plain YAML; `!Ref x` or `!vault …` mean something to another program.
    fn refuse_tag(&mut self, tag: Option<&Cow<'_, Tag>>, span: Span) {
        let Some(tag) = tag.filter(|tag| !tag.is_yaml_core_schema()) else {
            return;
        };
        let wrong = Wrong::new(
            "config::tag",
            format!("the tag {} means nothing here", quoted(&tag.to_string())),
            "tagged value",
        )
        .help("write the value itself");
        self.slip(span.first_line(self.text), wrong);
    }
}
