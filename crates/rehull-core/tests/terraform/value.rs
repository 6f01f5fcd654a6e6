//! Whether what is written fits a type. Only what stands there is judged: what a reference or a function gives is
//! Terraform's to say.

use hcl_edit::Span as _;
use hcl_edit::expr::Expression;

use crate::files::File;
use crate::types::{Type, key_text};

/// What does not fit, with its place.
pub(crate) fn misfits(file: &File, name: &str, expression: &Expression, wanted: &Type) -> Vec<String> {
    let refuse = |got: &str| {
        let what = format!("`{name}` takes {wanted}, and this is {got}");
        vec![file.problem(expression.span(), &what)]
    };
    match expression {
        Expression::Parenthesis(inner) => misfits(file, name, inner.inner(), wanted),
        Expression::Conditional(either) => {
            let mut found = misfits(file, name, &either.true_expr, wanted);
            found.extend(misfits(file, name, &either.false_expr, wanted));
            found
        }
        Expression::Array(elements) => match wanted {
            Type::Any => Vec::new(),
            Type::Many(of) => elements
                .iter()
                .flat_map(|element| misfits(file, name, element, of))
                .collect(),
            _ => refuse("a list"),
        },
        Expression::Object(_) => in_object(file, name, expression, wanted),
        Expression::ForExpr(each) => match (each.key_expr.is_some(), wanted) {
            (_, Type::Any) => Vec::new(),
            (true, Type::Map(of)) | (false, Type::Many(of)) => misfits(file, name, &each.value_expr, of),
            (true, Type::Object(_)) => Vec::new(),
            (true, _) => refuse("a map"),
            (false, _) => refuse("a list"),
        },
        Expression::Bool(_) => match wanted {
            Type::Bool | Type::String | Type::Any => Vec::new(),
            _ => refuse("true or false"),
        },
        Expression::Number(_) => match wanted {
            Type::Number | Type::String | Type::Any => Vec::new(),
            _ => refuse("a number"),
        },
        Expression::String(text) => match wanted {
            Type::String | Type::Any => Vec::new(),
            Type::Number if text.parse::<u64>().is_ok() => Vec::new(),
            Type::Bool if ["true", "false"].contains(&text.as_str()) => Vec::new(),
            _ => refuse("a string"),
        },
        Expression::StringTemplate(_) | Expression::HeredocTemplate(_) => match wanted {
            Type::Many(_) | Type::Map(_) | Type::Object(_) => refuse("a string"),
            _ => Vec::new(),
        },
        _ => Vec::new(),
    }
}

fn in_object(file: &File, name: &str, expression: &Expression, wanted: &Type) -> Vec<String> {
    let items = expression.as_object().into_iter().flatten();
    match wanted {
        Type::Any => Vec::new(),
        Type::Map(of) => items
            .flat_map(|(_, value)| misfits(file, name, value.expr(), of))
            .collect(),
        Type::Object(attributes) => {
            let (mut found, mut given) = (Vec::new(), Vec::new());
            for (key, value) in items {
                // A computed key is Terraform's to say.
                let Some(key) = key_text(key) else { return found };
                match attributes.get(&key) {
                    Some((of, _)) => found.extend(misfits(file, &format!("{name}.{key}"), value.expr(), of)),
                    None => found.push(file.problem(
                        value.expr().span(),
                        &format!(
                            "`{name}` has no attribute `{key}`, and Terraform would drop it without a word"
                        ),
                    )),
                }
                given.push(key);
            }
            let missing = attributes
                .iter()
                .filter(|(key, (_, optional))| !optional && !given.contains(key));
            found.extend(missing.map(|(key, _)| {
                file.problem(
                    expression.span(),
                    &format!("`{name}` needs the attribute `{key}`"),
                )
            }));
            found
        }
        _ => vec![file.problem(
            expression.span(),
            &format!("`{name}` takes {wanted}, and this is an object"),
        )],
    }
}
