//! Where in the text of a module a block may begin, told without a parser: what Terraform would take for one is never missed,
//! wherever a heredoc ends. A text that only looks like one is found as well; prose does not.

/// The first of [`beginnings`].
pub(super) fn first(text: &str, word: &str) -> Option<usize> {
    beginnings(text, word).next()
}

/// Where in this text a block of this type may begin: never too few places, whatever stands in heredocs. It begins where a
/// line, another block or a comment does, and labels, comments and its body follow.
pub(super) fn beginnings<'t>(text: &'t str, word: &'t str) -> impl Iterator<Item = usize> + 't {
    let places = text.match_indices(word).map(|(at, _)| at);
    places.filter(move |at| {
        let (before, rest) = text.split_at(*at);
        let rest = rest.strip_prefix(word).unwrap_or_default();
        is_free(before) && !rest.starts_with(goes_on) && is_block(rest) && !is_in_a_comment(before)
    })
}

/// Where in this text an argument of this name may be set: never too few places, as with blocks.
pub(super) fn arguments<'t>(text: &'t str, word: &'t str) -> impl Iterator<Item = usize> + 't {
    let places = text.match_indices(word).map(|(at, _)| at);
    places.filter(move |at| {
        let (before, rest) = text.split_at(*at);
        let rest = rest.strip_prefix(word).unwrap_or_default();
        is_free(before) && !rest.starts_with(goes_on) && is_set(rest) && !is_in_a_comment(before)
    })
}

/// Comments may stand before the `=`.
fn is_set(mut rest: &str) -> bool {
    loop {
        rest = rest.trim_start_matches(|letter: char| letter != '\n' && letter.is_whitespace());
        let Some(comment) = rest.strip_prefix("/*") else {
            return rest.starts_with('=');
        };
        let Some((_, behind)) = comment.split_once("*/") else {
            return true;
        };
        rest = behind;
    }
}

/// A block may begin behind this.
fn is_free(before: &str) -> bool {
    let line = before.rsplit('\n').next().unwrap_or_default().trim_end();
    line.is_empty() || line.ends_with(['{', '}']) || line.ends_with("*/")
}

/// A word goes on with this letter: whatever is not plain may be one to Terraform.
fn goes_on(letter: char) -> bool {
    letter.is_alphanumeric() || "_-".contains(letter) || !letter.is_ascii()
}

/// Words, quoted labels and comments stand between the name of a block and its body, and a line ends only in a comment.
fn is_block(mut rest: &str) -> bool {
    loop {
        rest = rest.trim_start_matches(|letter: char| letter != '\n' && letter.is_whitespace());
        if let Some(comment) = rest.strip_prefix("/*") {
            let Some((_, behind)) = comment.split_once("*/") else {
                return true;
            };
            rest = behind;
        } else if let Some(label) = rest.strip_prefix('"') {
            let Some(behind) = behind_label(label) else {
                return false;
            };
            rest = behind;
        } else if rest.starts_with(|first: char| first != '-' && !first.is_ascii_digit() && goes_on(first)) {
            rest = rest.trim_start_matches(goes_on);
        } else {
            return rest.starts_with('{');
        }
    }
}

/// What follows the quote that ends it, which is in the same line.
fn behind_label(label: &str) -> Option<&str> {
    let mut is_escaped = false;
    for (at, letter) in label.char_indices() {
        match letter {
            '\n' => return None,
            '"' if !is_escaped => return label.get(at.saturating_add(1)..),
            _ => is_escaped = letter == '\\' && !is_escaped,
        }
    }
    None
}

/// For certain: up to here there was nothing that could be read in two ways, no heredoc and no text but plain ones. A file
/// need not be one that Terraform accepts: of one with a mistake in it `init` asks the backend all the same (seen with
/// 1.11.4). A comment that is said to be one too seldom is named once too often.
pub(super) fn is_in_a_comment(before: &str) -> bool {
    let mut rest = before;
    while let Some((_, from)) = rest.find(['#', '/', '"', '<']).map(|at| rest.split_at(at)) {
        let behind = if let Some(comment) = from.strip_prefix("/*") {
            let Some((_, behind)) = comment.split_once("*/") else {
                return true;
            };
            Some(behind)
        } else if from.starts_with('#') || from.starts_with("//") {
            let Some((_, behind)) = from.split_once('\n') else {
                return true;
            };
            Some(behind)
        } else if let Some(text) = from.strip_prefix('"') {
            behind_plain(text)
        } else if from.starts_with("<<") {
            None
        } else {
            from.get(1..)
        };
        let Some(behind) = behind else {
            return false;
        };
        rest = behind;
    }
    false
}

/// What follows a text in quotes, if it has no escapes and nothing but names in what is filled in.
fn behind_plain(text: &str) -> Option<&str> {
    let mut rest = text;
    loop {
        let (_, from) = rest.split_at(rest.find(['"', '\\', '\n', '$', '%'])?);
        if let Some(behind) = from.strip_prefix('"') {
            return Some(behind);
        }
        let (filled, behind) = from.strip_prefix("${")?.split_once('}')?;
        let is_name = |letter: char| letter.is_ascii_alphanumeric() || "_.-*[] ".contains(letter);
        if !filled.chars().all(is_name) {
            return None;
        }
        rest = behind;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_argument_is_set_however_it_is_written() {
        for text in [
            "source = 1",
            "{ source=1",
            "/* x */ source\t= 1",
            "source /* x\n*/ = 1",
            "source /* x",
        ] {
            assert!(arguments(text, "source").next().is_some(), "{text}");
        }
        for text in [
            "# source = 1",
            "x = source = 1",
            "sources = 1",
            "source of it",
            "source\n= 1",
            "source {",
        ] {
            assert_eq!(arguments(text, "source").next(), None, "{text}");
        }
    }

    #[test]
    fn a_provisioner_is_a_block_however_it_is_written() {
        for text in [
            "provisioner \"local-exec\" {",
            "  provisioner local-exec {",
            "\tprovisioner\t\"local-exec\"{",
            "provisioner\"local-exec\"{",
            "provisioner \"a\\\"b\" {",
            "removed { provisioner \"local-exec\" {",
            "/* x */ provisioner \"local-exec\" {",
            "provisioner /* x */ \"local-exec\" {",
            "provisioner /* {\n} */ \"local-exec\" /* \n\n */ {",
            "provisioner /* x",
            "provisioner \u{e9}x {",
            // Not for certain in a comment.
            "a = \"x\n/* y\"\nprovisioner x {",
            "a = \"\\\"/*\"\n/*\nprovisioner x {",
            "a = \"$${\"\n/*\nprovisioner x {",
            "a = \"${\"}\"}\"\n/*\nprovisioner x {",
            "a = \"%{ if x }\"\n/*\nprovisioner x {",
            "a = <<EOT\n/*\nEOT\nprovisioner x {",
            "# /*\nprovisioner x {",
            "a = \"/*\"\nprovisioner x {",
            "/* x\n*/\nprovisioner x {",
            "/*/ */\nprovisioner x {",
        ] {
            assert!(first(text, "provisioner").is_some(), "{text}");
        }
        for text in [
            "# provisioner \"local-exec\" {",
            "// provisioner \"local-exec\" {",
            "  provisioner = \"ebs.csi.aws.com\"",
            "  provisioner: \"x\"",
            "provisioners \"x\" {",
            "description = \"no provisioner\"",
            "provisioner",
            "provisioner local-exec\n{",
            "provisioner \"x\n\" {",
            "  provisioner x, as {",
            "/*\n  provisioner \"local-exec\" {\n",
            "/* <<EOT\n  provisioner \"local-exec\" {\n",
            "a = \"${var.x[0]}-/*\" # \"\n// <<EOT\nb = 6 / 2 < 4 /* x */ /*\nprovisioner x {\n",
        ] {
            assert_eq!(first(text, "provisioner"), None, "{text}");
        }
        let prose = "locals {\n  a = <<EOT\n    ephemeral storage is 10Gi, of ${var.a}\n  EOT\n}\n";
        assert_eq!(first(prose, "ephemeral"), None);
        assert_eq!(first("x\nephemeral \"a\" \"b\" {\n", "ephemeral"), Some(2));
    }
}
