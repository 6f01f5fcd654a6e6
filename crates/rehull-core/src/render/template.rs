//! Handlebars in strict mode: a missing variable is an error with its place, never an empty string.

use std::sync::LazyLock;

use handlebars::{Context, Handlebars, RenderErrorReason, TemplateError, no_escape};
use serde_json::Value;

use super::RenderError;
use super::bounds::{self, Page, TooMuch};
use super::builtin::PARTS;
use super::variables::Variable;
use crate::config::printable;
use crate::domain::desired::TemplateRef;

/// Of what the library says: it may quote the whole template.
const SAID_MAX_CHARS: usize = 400;

/// What a template is rendered for.
#[derive(Clone, Copy)]
pub(super) struct Role {
    /// Folder of its built-in sets.
    pub(super) name: &'static str,
    /// What there is.
    pub(super) variables: &'static [Variable],
}

pub(super) fn render(
    role: Role,
    template: &TemplateRef,
    text: &str,
    values: &Value,
) -> Result<String, RenderError> {
    let name = match template {
        TemplateRef::BuiltIn(set) => format!("{}/{set}/cloud-config.yaml", role.name),
        TemplateRef::File(path) => path.clone(),
    };
    let parts = PARSED.as_ref().map_err(Clone::clone)?;
    if PARTS.iter().any(|part| part.name == name && part.text == text) {
        return rendered(role, parts, &name, values);
    }
    bounds::check_text(text).map_err(|found| too_much(&name, found))?;
    let mut engine = parts.clone();
    engine
        .register_template_string(&name, text)
        .map_err(|error| unparsed(&name, text, &error))?;
    if let Some(template) = engine.get_template(&name) {
        bounds::check_parsed(template).map_err(|found| too_much(&name, found))?;
    }
    rendered(role, &engine, &name, values)
}

fn rendered(role: Role, engine: &Handlebars<'_>, name: &str, values: &Value) -> Result<String, RenderError> {
    let mut page = Page::default();
    Context::wraps(values)
        .and_then(|context| engine.render_with_context_to_write(name, &context, &mut page))
        .map_err(|error| unrendered(role, name, &error))?;
    Ok(page.into_text())
}

fn too_much(name: &str, found: TooMuch) -> RenderError {
    RenderError::Template {
        template: name.to_owned(),
        line: found.line,
        column: None,
        why: found.why,
        help: "the built-in templates show how little is needed; `rehull render --variables` lists what there is"
            .to_owned(),
    }
}

/// All built-in parts. Parsing them for every slot anew was two thirds of the time that `rehull check` takes.
static PARSED: LazyLock<Result<Handlebars<'static>, RenderError>> = LazyLock::new(|| {
    let mut engine = Handlebars::new();
    engine.set_strict_mode(true);
    engine.register_escape_fn(no_escape);
    for part in PARTS {
        engine
            .register_partial(part.name, part.text)
            .map_err(|error| unparsed(part.name, part.text, &error))?;
    }
    Ok(engine)
});

/// The parser lists all that it expected; a person needs to know what is missing.
fn unparsed(name: &str, text: &str, error: &TemplateError) -> RenderError {
    let (line, column) = error.pos().unzip();
    let at_end = line.is_some_and(|line| line > text.lines().count());
    let (why, help) = if at_end {
        let why = "the template ends inside a block".to_owned();
        (why, "close it: each `{{#…}}` needs its `{{/…}}`".to_owned())
    } else {
        (said(&error.reason()), String::new())
    };
    RenderError::Template {
        template: name.to_owned(),
        line,
        column,
        why,
        help,
    }
}

fn unrendered(role: Role, name: &str, error: &handlebars::RenderError) -> RenderError {
    let (why, help) = if let RenderErrorReason::MissingVariable(Some(wanted)) = error.reason() {
        (
            said(&format_args!("there is no variable `{wanted}`")),
            nearest(role.variables, wanted),
        )
    } else {
        (said(&error.reason()), String::new())
    };
    RenderError::Template {
        template: error.template_name.clone().unwrap_or_else(|| name.to_owned()),
        line: error.line_no,
        column: error.column_no,
        why,
        help,
    }
}

/// A sentence of the library's; it may quote the template.
fn said(reason: &dyn std::fmt::Display) -> String {
    printable(&reason.to_string(), SAID_MAX_CHARS)
}

fn nearest(variables: &[Variable], wanted: &str) -> String {
    let bare = wanted.trim_start_matches("this.");
    let best = variables.iter().map(|known| {
        let last = known.name.rsplit('.').next().unwrap_or(known.name);
        let wrong =
            strsim::damerau_levenshtein(bare, known.name).min(strsim::damerau_levenshtein(bare, last));
        (wrong, known.name)
    });
    match best.min() {
        Some((wrong, known)) if wrong * 3 <= bare.len() => format!("did you mean `{known}`?"),
        _ => "`rehull render --variables` lists them".to_owned(),
    }
}
