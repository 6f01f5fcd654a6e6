//! Why nothing was rendered.

/// Rendering was refused; nothing was written anywhere.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RenderError {
    /// The template itself.
    #[error("{template}{}: {why}", place(*.line, *.column))]
    Template {
        /// File of the cluster's own template, or the built-in part.
        template: String,
        /// From 1, where known.
        line: Option<usize>,
        /// From 1, where known.
        column: Option<usize>,
        /// What is wrong.
        why: String,
        /// What to write instead; may be empty.
        help: String,
    },
    /// A value of the cluster file that a shell or an object key would read as something else.
    #[error("`{value}` cannot be written as `{variable}`: it may hold letters, digits and . _ / : - only")]
    UnsafeText {
        /// Variable.
        variable: String,
        /// Value.
        value: String,
    },
    /// cloud-init would not understand the result.
    #[error("the user data of {of} is no cloud-config{}: {why}", at_line(*.line, said))]
    NotCloudConfig {
        /// Slot, or role.
        of: String,
        /// Line of the rendered text, from 1, where known.
        line: Option<usize>,
        /// What stands there, as far as it fits into a message.
        said: String,
        /// What is wrong.
        why: String,
    },
    /// EC2 would refuse it.
    #[error("the user data of {of} has {bytes} bytes, EC2 takes {}; biggest: {}", super::USER_DATA_MAX, list(.parts))]
    TooBig {
        /// Slot, or role.
        of: String,
        /// Size.
        bytes: usize,
        /// The biggest files in it and their sizes.
        parts: Vec<(String, usize)>,
    },
}

fn place(line: Option<usize>, column: Option<usize>) -> String {
    match (line, column) {
        (Some(line), Some(column)) => format!(":{line}:{column}"),
        (Some(line), None) => format!(":{line}"),
        (None, _) => String::new(),
    }
}

fn at_line(line: Option<usize>, said: &str) -> String {
    match line {
        Some(line) if said.is_empty() => format!(", line {line}"),
        Some(line) => format!(", line {line} (`{said}`)"),
        None => String::new(),
    }
}

fn list(parts: &[(String, usize)]) -> String {
    let named: Vec<String> = parts
        .iter()
        .map(|(name, bytes)| format!("{name} {bytes}"))
        .collect();
    named.join(", ")
}
