//! What no template may ask for. It may come from anybody's pull request, and `rehull check` renders it: it must not keep
//! that waiting, nor take its stack or its memory.

use std::io;

use handlebars::Template;
use handlebars::template::{HelperTemplate, TemplateElement};

/// Twice of what EC2 takes: room for comments and for what is left out by `{{#if}}`.
const TEXT_MAX_BYTES: usize = 2 * super::USER_DATA_MAX;
/// Blocks and brackets inside each other: the parser and the renderer call themselves for each. The built-in sets need 2.
const DEPTH_MAX: usize = 12;
/// Loops inside each other: a list of lists. Each level multiplies.
const LOOPS_MAX: usize = 2;
/// Where rendering ends. More than EC2 takes, so that what is only too large is told with its biggest parts.
const RENDERED_MAX_BYTES: usize = 16 * super::USER_DATA_MAX;

/// What is too much, and where, from 1.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct TooMuch {
    pub(super) line: Option<usize>,
    pub(super) why: String,
}

fn too_much(line: Option<usize>, why: String) -> TooMuch {
    TooMuch { line, why }
}

/// Judges the text before anything parses it.
pub(super) fn check_text(text: &str) -> Result<(), TooMuch> {
    if text.len() > TEXT_MAX_BYTES {
        let bytes = text.len();
        return Err(too_much(
            None,
            format!("a template of {bytes} bytes, the limit is {TEXT_MAX_BYTES}"),
        ));
    }
    // How deep each open block is: `{{else if}}` makes its own one deeper.
    let mut open: Vec<usize> = Vec::new();
    for (at, _) in text.match_indices("{{") {
        let rest = text.get(at..).unwrap_or_default();
        let raw = rest.starts_with("{{{{");
        let tag = rest.trim_start_matches('{').trim_start_matches('~').trim_start();
        let word = tag.trim_start_matches(['#', '^', '*', '>']).trim_start();
        let opens = tag.starts_with('#') || raw || tag.starts_with('^') && word.starts_with(is_word);
        if tag.starts_with('/') {
            open.pop();
        } else if opens {
            open.push(1);
        } else if let (Some(deep), Some(rest)) = (open.last_mut(), word.strip_prefix("else"))
            && rest.starts_with(char::is_whitespace)
        {
            *deep = deep.saturating_add(1);
        }
        let inside = rest.split("}}").next().unwrap_or_default();
        let deep = open.iter().sum::<usize>().max(brackets(inside));
        if deep > DEPTH_MAX {
            let line = text.get(..at).unwrap_or_default().matches('\n').count();
            let why = format!("blocks or brackets more than {DEPTH_MAX} deep in each other");
            return Err(too_much(Some(line.saturating_add(1)), why));
        }
    }
    Ok(())
}

fn is_word(letter: char) -> bool {
    letter.is_alphanumeric() || letter == '_' || letter == '@'
}

/// How many are open at once at most.
fn brackets(tag: &str) -> usize {
    let mut open: usize = 0;
    let mut most = 0;
    for letter in tag.chars() {
        match letter {
            '(' | '[' => open = open.saturating_add(1),
            ')' | ']' => open = open.saturating_sub(1),
            _ => {}
        }
        most = open.max(most);
    }
    most
}

/// Judges what was parsed.
pub(super) fn check_parsed(template: &Template) -> Result<(), TooMuch> {
    check_loops(template, 0)
}

fn check_loops(template: &Template, loops: usize) -> Result<(), TooMuch> {
    for (index, element) in template.elements.iter().enumerate() {
        let line = template.mapping.get(index).map(|place| place.0);
        #[expect(
            clippy::wildcard_enum_match_arm,
            reason = "text, comments, variables and partials neither repeat nor hold anything"
        )]
        match element {
            TemplateElement::HelperBlock(block) => check_block(block, line, loops)?,
            TemplateElement::PartialBlock(block) => {
                if let Some(inner) = &block.template {
                    check_loops(inner, loops)?;
                }
            }
            // A partial of its own may include others, which include others: no text is too short to fill a disk.
            TemplateElement::DecoratorExpression(_) | TemplateElement::DecoratorBlock(_) => {
                let why = "parts that a template defines by itself are not read".to_owned();
                return Err(too_much(line, why));
            }
            _ => {}
        }
    }
    Ok(())
}

fn check_block(block: &HelperTemplate, line: Option<usize>, loops: usize) -> Result<(), TooMuch> {
    let repeats = block.name.as_name() == Some("each");
    let loops = loops.saturating_add(usize::from(repeats));
    if loops > LOOPS_MAX {
        let why = format!("`{{{{#each}}}}` more than {LOOPS_MAX} deep in each other");
        return Err(too_much(line, why));
    }
    let mut inner = block.template.iter().chain(&block.inverse);
    inner.try_for_each(|inner| check_loops(inner, loops))
}

/// Takes what is rendered, up to a limit.
#[derive(Default)]
pub(super) struct Page {
    bytes: Vec<u8>,
}

impl Page {
    pub(super) fn into_text(self) -> String {
        // Handlebars writes `&str` only.
        String::from_utf8(self.bytes).unwrap_or_default()
    }
}

impl io::Write for &mut Page {
    fn write(&mut self, piece: &[u8]) -> io::Result<usize> {
        if self.bytes.len().saturating_add(piece.len()) > RENDERED_MAX_BYTES {
            let why = format!("it renders to more than {RENDERED_MAX_BYTES} bytes");
            return Err(io::Error::other(why));
        }
        self.bytes.extend_from_slice(piece);
        Ok(piece.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
