//! The files of a module as Terraform reads them, in both syntaxes.
//!
//! Terraform's language is read by a parser of its own, which ends a heredoc where Terraform does not: at a line that goes
//! on behind the marker; and it does not see the end of an empty one (hcl-edit 0.10). So a block could be text to one of the
//! two and none to the other. Two rules keep them together: whatever begins as a block of [`JUDGED`] has to be one to the
//! parser as well, and no heredoc stands in what is looked into. From its first line on, such a block is then the same to both.

use std::fs;
use std::path::{Path, PathBuf};

use hcl_edit::Span as _;
use hcl_edit::expr::{Expression, ObjectKey};
use hcl_edit::structure::{Attribute, Block, Body};
use hcl_edit::visit::{Visit, visit_block, visit_expr};

use super::begins::beginnings;
use super::error::TerraformError;
use super::keys::Json;
use super::scan;
use super::unfit::Unfit;

/// Blocks that are looked for.
const JUDGED: [&str; 5] = ["data", "dynamic", "module", "provider", "terraform"];
/// Data sources whose content is looked into.
pub(super) const STATE: &str = "terraform_remote_state";

/// One file that could be read.
pub(super) enum Source {
    /// Its text and what the parser has found.
    Hcl(String, Body),
    /// The other syntax.
    Json(Json),
}

/// Every file of this folder that Terraform reads. One of which it cannot be told what it holds may hold anything.
pub(super) fn of(folder: &Path) -> Result<Vec<(PathBuf, Source)>, Unfit> {
    let files = scan::files(folder)?.into_iter();
    files
        .map(|file| read(&file).map(|source| (file, source)))
        .collect()
}

/// One file, whatever it is written in.
pub(super) fn read(file: &Path) -> Result<Source, Unfit> {
    let bytes = fs::read(file).map_err(TerraformError::file(file))?;
    let place = file.display();
    let refused = |found: String, help: &str| {
        let why = format!("{found}: what Terraform would make of it cannot be told from here");
        Unfit::new(why, help)
    };
    let broken = "mend it if Terraform cannot read it either; else write it another way";
    if file.extension().is_some_and(|end| end == "json") {
        let json = Json::read(&bytes);
        return json
            .map(Source::Json)
            .map_err(|error| refused(format!("what cannot be read stands in {place} ({error})"), broken));
    }
    let text = scan::text(&bytes);
    let body = hcl_edit::parser::parse_body(&text).map_err(|error| {
        let line = error.location().line();
        refused(format!("what cannot be read stands in {place}:{line}"), broken)
    })?;
    match misread(&text, &body) {
        Some(Misread { what, at, help }) => {
            let line = line(&text, at);
            Err(refused(format!("{what} stands in {place}:{line}"), help))
        }
        None => Ok(Source::Hcl(text, body)),
    }
}

/// The number of the line in which this byte is.
pub(super) fn line(text: &str, at: usize) -> usize {
    let before = text.bytes().take(at).filter(|byte| *byte == b'\n').count();
    before.saturating_add(1)
}

/// What the parser and Terraform may read differently.
struct Misread {
    what: String,
    at: usize,
    help: &'static str,
}

/// Where what may be a block to Terraform is none to the parser, or has in it what they read differently.
fn misread(text: &str, body: &Body) -> Option<Misread> {
    for word in JUDGED {
        let known: Vec<usize> = blocks(body, word).into_iter().map(start).collect();
        if let Some(at) = beginnings(text, word).find(|at| !known.contains(at)) {
            return Some(Misread {
                what: format!("what begins like a `{word}` block in a text or a comment"),
                at,
                help: "let another word begin that line, a `#` in a comment",
            });
        }
        let looked_into = |block: &&Block| match word {
            "data" => block.labels.first().is_some_and(|kind| kind.as_str() == STATE),
            // Of the one the name is asked, of the other one argument, whose place is compared.
            "dynamic" | "module" => false,
            _ => true,
        };
        let mut looked_into = blocks(body, word).into_iter().filter(looked_into);
        if let Some(block) = looked_into.find(|block| has_heredoc(block)) {
            return Some(Misread {
                what: format!("a `{word}` block with a heredoc"),
                at: start(block),
                help: "write the text outside of it, in `locals` for example, or in one line",
            });
        }
    }
    None
}

fn start(block: &Block) -> usize {
    block.span().map_or(0, |span| span.start)
}

/// All blocks of this type, however deep.
pub(super) fn blocks<'b>(body: &'b Body, ident: &str) -> Vec<&'b Block> {
    let all = body.blocks().flat_map(|block| {
        let itself = block.has_ident(ident).then_some(block);
        itself.into_iter().chain(blocks(&block.body, ident))
    });
    all.collect()
}

/// In any value of it.
pub(super) fn has_heredoc(block: &Block) -> bool {
    struct Heredocs(bool);
    impl Visit for Heredocs {
        fn visit_expr(&mut self, node: &Expression) {
            self.0 |= matches!(node, Expression::HeredocTemplate(_));
            visit_expr(self, node);
        }
    }
    let mut heredocs = Heredocs(false);
    visit_block(&mut heredocs, block);
    heredocs.0
}

impl Source {
    /// What stands in blocks of this type, however deep, by their labels.
    pub(super) fn under(&self, ident: &str) -> Vec<Json> {
        match self {
            Self::Hcl(_, body) => blocks(body, ident).into_iter().map(of_block).collect(),
            Self::Json(json) => json.under(ident).into_iter().cloned().collect(),
        }
    }

    /// All of it, as the JSON syntax would have it.
    pub(super) fn whole(&self) -> Json {
        match self {
            Self::Hcl(_, body) => of_body(body),
            Self::Json(json) => json.clone(),
        }
    }
}

/// The same as the JSON syntax would have it: blocks by type and labels.
fn of_body(body: &Body) -> Json {
    let attribute = |attribute: &Attribute| (attribute.key.as_str().to_owned(), of_value(&attribute.value));
    let block = |block: &Block| (block.ident.as_str().to_owned(), of_block(block));
    Json::Object(
        body.attributes()
            .map(attribute)
            .chain(body.blocks().map(block))
            .collect(),
    )
}

fn of_block(block: &Block) -> Json {
    let labels = block.labels.iter().rev();
    labels.fold(of_body(&block.body), |inner, label| {
        Json::Object(vec![(label.as_str().to_owned(), inner)])
    })
}

/// What is computed is [`Json::Plain`]: so is an object of which one name is.
fn of_value(value: &Expression) -> Json {
    if let Some(text) = value.as_str() {
        return Json::Text(text.to_owned());
    }
    if let Some(items) = value.as_array() {
        return Json::List(items.iter().map(of_value).collect());
    }
    let Some(object) = value.as_object() else {
        return Json::Plain;
    };
    let entries: Option<Vec<(String, Json)>> = object
        .iter()
        .map(|(key, value)| {
            let name = match key {
                ObjectKey::Ident(name) => name.as_str(),
                ObjectKey::Expression(name) => name.as_str()?,
            };
            Some((name.to_owned(), of_value(value.expr())))
        })
        .collect();
    entries.map_or(Json::Plain, Json::Object)
}

#[cfg(test)]
mod tests {
    use tempfile::TempDir;

    use super::*;

    fn source(text: &str) -> Result<Source, String> {
        let dir = TempDir::new().unwrap();
        let file = dir.path().join("a.tf");
        fs::write(&file, text).unwrap();
        read(&file).map_err(|unfit| {
            let (found, _) = unfit.why.rsplit_once(": ").unwrap();
            found.replace(&format!("{}/", dir.path().display()), "")
        })
    }

    /// Why this file is not read, without its folder.
    fn said(text: &str) -> Option<String> {
        source(text).err()
    }

    /// Seen with Terraform 1.11.4: `init` and a plan ran what stood between the two heredocs.
    #[test]
    fn what_only_terraform_takes_for_a_block_is_not_read() {
        for before in [
            // An empty one, whose end the parser does not see.
            "locals {\n  a = <<EOT\nEOT\n}\n",
            // To the parser the first one ends here, and the second one hides what follows.
            "locals {\n  a = <<EOT\ntext\nEOT # x\n  b = <<EOT2\nEOT\n}\n",
        ] {
            for (word, block) in [
                ("terraform", "terraform {\n  backend \"kubernetes\" {}\n}\n"),
                ("data", "data \"terraform_remote_state\" \"x\" {\n}\n"),
                (
                    "provider",
                    "provider \"aws\" {\n  dynamic \"ignore_tags\" {}\n}\n",
                ),
                ("data", "check \"a\" { data \"external\" \"x\" {} }\n"),
            ] {
                for after in ["EOT", "EOT2"] {
                    let text = format!("{before}{block}locals {{\n  c = <<{after}\nx\n{after}\n}}\n");
                    match source(&text) {
                        Ok(source) => assert_eq!(source.under(word).len(), 1, "{text}"),
                        Err(found) => assert!(found.contains(" stands in "), "{text}: {found}"),
                    }
                }
            }
        }
        for hidden in [
            "locals {\n  a = <<EOT\nEOT\n}\nterraform {\n}\nlocals {\n  c = <<EOT\nx\nEOT\n}\n",
            "locals {\n  a = <<EOT\ntext\nEOT # x\n  b = <<EOT2\nEOT\n}\nterraform {\n}\nlocals {\n  c = <<EOT2\nEOT2\n}\n",
        ] {
            let found = said(hidden).unwrap_or_default();
            assert!(
                found.starts_with("what begins like a `terraform` block"),
                "{found}"
            );
        }
    }

    #[test]
    fn all_of_our_own_modules_are_read() {
        let mut folders = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join("terraform")];
        let mut read = 0_usize;
        while let Some(folder) = folders.pop() {
            let entries = fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path());
            folders.extend(entries.filter(|path| path.is_dir() && !path.ends_with(".terraform")));
            read += of(&folder).unwrap().len();
        }
        assert!(read > 50, "{read}");
    }

    /// Its settings would be another's, or none at all.
    #[test]
    fn a_heredoc_in_a_block_that_is_looked_into_is_refused() {
        let inner = "  a = <<EOT\nEOT\n  profile = \"x\"\n  b = <<EOT\nx\nEOT\n";
        for (text, word) in [
            (format!("provider \"aws\" {{\n{inner}}}\n"), "provider"),
            (
                format!("terraform {{\n  backend \"s3\" {{\n{inner}  }}\n}}\n"),
                "terraform",
            ),
            (
                format!("data \"terraform_remote_state\" \"x\" {{\n{inner}}}\n"),
                "data",
            ),
        ] {
            let wanted = format!("a `{word}` block with a heredoc stands in a.tf:1");
            assert_eq!(said(&text), Some(wanted), "{text}");
        }
        assert_eq!(said(&format!("data \"aws_ami\" \"x\" {{\n{inner}}}\n")), None);
    }

    #[test]
    fn what_both_read_alike_is_read() {
        for text in [
            "locals {\n  a = <<-EOT\n    data you want\n    terraform plan\n    EOT\n  data = { x = 1 }\n}\n",
            "# data \"a\" \"b\" {}\nresource \"a\" \"b\" { # provider \"x\" {\n  provider = aws.west\n}\n",
            "terraform {\n  required_version = \">= 1.11\"\n}\nprovider aws {}\ndata \"a\" \"b\" {}\n",
            "check \"c\" {\n  data \"http\" \"x\" {}\n}\n",
            "resource \"a\" \"b\" {\n  c = \"${data.d.e.f}/x\"\n  g = \"${terraform.workspace}-${var.x}\"\n}\n",
            "resource \"a\" \"b\" {\n  c = jsonencode({\n    d = \"${data.e.f.g}{h}\"\n  })\n}\n",
            // As `terraform-aws-modules/s3-bucket` has them.
            "locals {\n  a = \"arn:aws:s3:::${data.aws_caller_identity.current.account_id}/*\"\n}\n",
            "locals {\n  a = [\n    \"${data.aws_partition.this.partition}/*\", { b = 1 }\n  ]\n}\n",
            // What people write into user data, descriptions and comments.
            "locals {\n  a = <<-EOT\n    terraform init -backend-config=\"bucket=${var.bucket}\"\n  EOT\n}\n",
            "locals {\n  a = <<-EOT\n    data of the members lies, as {\"bucket\": \"name\"}.\n  EOT\n}\n",
            "/*\n  To use it:\n  provider \"aws\" {\n    region = \"x\"\n  }\n*/\noutput \"a\" {}\n",
            "locals {\n  a = \"*/\"\n}\n/*\n  terraform {\n  }\n*/ output \"a\" {}\n",
            "\u{feff}terraform {\n}\n",
        ] {
            assert_eq!(said(text), None, "{text}");
        }
        assert_eq!(
            said("locals {\n  a = <<EOT\nterraform {\nEOT\n}\n").as_deref(),
            Some("what begins like a `terraform` block in a text or a comment stands in a.tf:3")
        );
        let broken = said("resource {\n").unwrap_or_default();
        assert!(
            broken.starts_with("what cannot be read stands in a.tf:"),
            "{broken}"
        );
    }

    #[test]
    fn what_to_do_is_said_of_what_is_there() {
        let help = |text: &str| {
            let dir = TempDir::new().unwrap();
            let file = dir.path().join("a.tf");
            fs::write(&file, text).unwrap();
            read(&file).err().unwrap().help
        };
        assert!(help("locals {\n  a = <<EOT\nterraform {\nEOT\n}\n").starts_with("let another word begin"));
        assert!(
            help("provider \"a\" {\n  b = <<EOT\nx\nEOT\n}\n").starts_with("write the text outside of it")
        );
        assert!(help("resource {\n").starts_with("mend it if"));
    }
}
