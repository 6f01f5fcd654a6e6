//! Where the modules come from that this one calls: `init` fetches them before there is a plan, with programs of this
//! computer. Of a Mercurial repository in the checkout it runs the hooks (seen with Terraform 1.11.4), and what lies at an
//! absolute path or behind an address that is computed nobody has looked at. So every `source` of a folder is read, and one
//! that is not known is refused; which folders these are is told by [`modules`](super::modules). What stands in a module that is
//! fetched only by `init` is not read before it.

use std::path::{Path, PathBuf};

use hcl_edit::Span as _;
use hcl_edit::structure::{Block, Body};

use super::begins;
use super::keys::Json;
use super::scan;
use super::sources::{self, Source};
use super::unfit::Unfit;

const MODULE: &str = "module";
const SOURCE: &str = "source";
/// Addresses of what is fetched begin so, if they are none of a registry: those over HTTPS and SSH, whose other end is known
/// by certificate or key. The last ones are written short, and mean the first.
const FETCHED: [&str; 8] = [
    "https://",
    "git::https://",
    "git::ssh://",
    "s3::https://",
    "git::git@",
    "git@",
    "github.com/",
    "gitlab.com/",
];
/// What may be asked of whoever has it. Of the rest one names a profile, whose file may name a program for the credentials, one
/// another address (`checksum=file:…`).
const ASKED: [&str; 6] = ["archive", "depth", "filename", "ref", "region", "version"];
/// These are no registries: Terraform takes what they have for repositories, and of one of them OpenTofu asks what kind it is.
const NO_REGISTRIES: [&str; 3] = ["bitbucket.org", "github.com", "gitlab.com"];
/// A block of a test.
const RUN: &str = "run";

const HELP: &str = "known are a path that begins with `./` or `../`, an address of a registry, and `git::https://`, `git::ssh://`, `https://` and `s3::https://`, written out and with no more behind a `?` than `ref`, `depth`, `archive`, `filename`, `version` and `region`";

/// One call.
#[derive(Clone, Debug)]
pub(super) struct Call {
    /// Its name; of a test all names that lead to it, as the list of `init` has them.
    pub(super) name: String,
    /// Its `source`.
    pub(super) from: String,
    pub(super) place: Place,
    /// Where it stands.
    pub(super) file: PathBuf,
}

/// Whatever the module in this folder calls.
///
/// # Errors
/// What one calls is not known, or cannot be told.
pub(super) fn calls(folder: &Path) -> Result<Vec<Call>, Unfit> {
    let mut calls = Vec::new();
    for (file, source) in sources::of(folder)? {
        is_sure(&file, &source)?;
        for called in source.under(MODULE) {
            for (name, module) in called.entries() {
                calls.extend(sources_of(name, module, &file)?);
            }
        }
    }
    Ok(calls)
}

/// Whatever the tests of the root module in this folder call.
///
/// # Errors
/// What one calls is not known, or cannot be told.
pub(super) fn calls_of_tests(root: &Path) -> Result<Vec<Call>, Unfit> {
    let mut calls = Vec::new();
    for (inside, file) in scan::tests(root)? {
        let source = sources::read(&file)?;
        is_sure(&file, &source)?;
        for module in source.under(MODULE) {
            // Without its run it has no name in a list.
            calls.extend(sources_of("", &module, &file)?);
        }
        for runs in source.under(RUN) {
            for (run, said) in runs.entries() {
                let name = format!("{inside}.{run}");
                for module in said.of(MODULE) {
                    calls.extend(sources_of(&name, module, &file)?);
                }
            }
        }
    }
    Ok(calls)
}

fn sources_of(name: &str, module: &Json, file: &Path) -> Result<Vec<Call>, Unfit> {
    let refused = |found: String| {
        let why = format!(
            "{found} in {}: `init` would fetch it before anybody could look at it",
            file.display()
        );
        Unfit::new(why, HELP)
    };
    let call = |from: &Json| {
        let Json::Text(from) = from else {
            return Err(refused(format!("`{MODULE} \"{name}\"` computes its `{SOURCE}`")));
        };
        let place = Place::of(from)
            .ok_or_else(|| refused(format!("`{MODULE} \"{name}\"` has the source `{from}`")))?;
        Ok(Call {
            name: name.to_owned(),
            from: from.clone(),
            place,
            file: file.to_owned(),
        })
    };
    module.of(SOURCE).into_iter().map(call).collect()
}

fn is_sure(file: &Path, source: &Source) -> Result<(), Unfit> {
    let Source::Hcl(text, body) = source else {
        return Ok(());
    };
    unsure(text, body).map_or(Ok(()), |line| {
        let why = format!(
            "what may be the `{SOURCE}` of a `{MODULE}` block stands in a text at {}:{line}",
            file.display()
        );
        let help = "let another word begin that line, or write the text outside of the block, in `locals` for example";
        Err(Unfit::new(why, help))
    })
}

/// What is known of an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// A folder of the checkout, seen from whoever calls it.
    Path,
    /// A registry or a server.
    Fetched,
}

impl Place {
    /// `None`: of any other kind, or computed.
    pub(super) fn of(from: &str) -> Option<Self> {
        if from.contains("${") || from.contains("%{") {
            return None;
        }
        // `..` by itself is none to Terraform.
        if ["./", "../"].iter().any(|start| from.starts_with(start)) {
            return Some(Self::Path);
        }
        if !asks_what_is_known(from) {
            return None;
        }
        let is_fetched = FETCHED.iter().any(|start| from.starts_with(start)) || is_of_registry(from);
        is_fetched.then_some(Self::Fetched)
    }
}

/// Names are compared as they stand: whoever is asked reads them with escapes, `aws_profil%65` too, and none of these has any.
fn asks_what_is_known(from: &str) -> bool {
    let mut parts = from.split(['?', '&', ';', '#']);
    parts.next();
    parts.all(|part| {
        let (name, _) = part.split_once('=').unwrap_or((part, ""));
        ASKED.contains(&name)
    })
}

/// `namespace/name/provider`, perhaps behind a host and before a folder of it.
fn is_of_registry(from: &str) -> bool {
    let (package, inside) = from.split_once("//").unwrap_or((from, ""));
    let is_word = |part: &str| {
        let is_letter = |letter: char| letter.is_ascii_alphanumeric() || "-_".contains(letter);
        part.starts_with(|first: char| first.is_ascii_alphanumeric()) && part.chars().all(is_letter)
    };
    let is_host = |part: &str| {
        let (name, port) = part.split_once(':').unwrap_or((part, "443"));
        name.contains('.') && name.split('.').all(is_word) && port.chars().all(|digit| digit.is_ascii_digit())
    };
    let parts: Vec<&str> = package.split('/').collect();
    let is_package = match parts.as_slice() {
        [namespace, name, provider] => [namespace, name, provider].into_iter().all(|part| is_word(part)),
        [host, namespace, name, provider] => {
            is_host(host)
                && !NO_REGISTRIES.contains(&host.to_ascii_lowercase().as_str())
                && [namespace, name, provider].into_iter().all(|part| is_word(part))
        }
        _ => false,
    };
    is_package && !inside.contains([':', '?'])
}

/// In a block with a heredoc the parser and Terraform may not agree what is text: whatever begins there like the argument has
/// to be it for the parser as well. Its line, if it is not.
fn unsure(text: &str, body: &Body) -> Option<usize> {
    let modules = sources::blocks(body, MODULE);
    let first = modules.iter().find(|block| sources::has_heredoc(block))?;
    let from = first.span().map_or(0, |span| span.start);
    let known: Vec<usize> = all_blocks(body).into_iter().filter_map(source_of).collect();
    let mut places = begins::arguments(text, SOURCE).filter(|at| *at >= from);
    let at = places.find(|at| !known.contains(at))?;
    Some(sources::line(text, at))
}

fn all_blocks(body: &Body) -> Vec<&Block> {
    let all = body.blocks();
    all.flat_map(|block| std::iter::once(block).chain(all_blocks(&block.body)))
        .collect()
}

/// Where the argument begins in this block.
fn source_of(block: &Block) -> Option<usize> {
    let mut attributes = block.body.attributes();
    let source = attributes.find(|attribute| attribute.key.as_str() == SOURCE)?;
    source.span().map(|span| span.start)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use tempfile::TempDir;

    use super::*;

    /// Why a root module with these files is refused, without its folder.
    fn said(files: &[(&str, &str)]) -> Option<String> {
        let dir = TempDir::new().unwrap();
        for (name, text) in files {
            let file = dir.path().join("root").join(name);
            fs::create_dir_all(file.parent().unwrap()).unwrap();
            fs::write(file, text).unwrap();
        }
        let unfit = calls(&dir.path().join("root")).err()?;
        Some(unfit.why.replace(&format!("{}/root/", dir.path().display()), ""))
    }

    fn call(source: &str) -> String {
        format!("module \"a\" {{\n  source = {source}\n}}\n")
    }

    /// Seen with Terraform 1.11.4 and Mercurial 6: the hooks of the repository ran, with the credentials.
    #[test]
    fn a_module_whose_fetching_may_run_something_is_refused_before_init() {
        for source in [
            "hg::file:///checkout/x.hg",
            "hg::https://example.com/x",
            "file:///checkout/x",
            "git::file:///checkout/x.git",
            "git::ext::sh -c x",
            "git::/checkout/x.git",
            "git::git://example.com/x",
            "git::http://example.com/x",
            "http://example.com/x.zip",
            "gcs::https://www.googleapis.com/storage/v1/x",
            "/checkout/x",
            "~/x",
            "C:\\\\x",
            "bitbucket.org/a/b",
            "bitbucket.org/a/b/c",
            "BitBucket.org/a/b/c",
            "s3::https://s3.amazonaws.com/b/x.zip?aws_profile=x",
            "s3::https://s3.amazonaws.com/b/x.zip?aws_profil%65=x",
            "s3::https://s3.amazonaws.com/b/x.zip?ref=a&aws_profil%65=x",
            "s3::https://s3.amazonaws.com/b/x.zip//sub?ref=a?aws_profil%65=x",
            "git::https://example.com/x.git?sshkey=a",
            "https://example.com/x.zip?checksum=file:hg::y",
            "..",
            ".",
            "h\\u0067::file:///checkout/x.hg",
            " ./x",
            "a/b",
            "",
        ] {
            let found = said(&[("main.tf", &call(&format!("\"{source}\"")))]).unwrap_or_default();
            assert!(
                found.starts_with("`module \"a\"` has the source `"),
                "{source}: {found}"
            );
            assert!(found.ends_with("` in main.tf: `init` would fetch it before anybody could look at it"));
        }
        for computed in ["var.from", "\"${var.from}/x\"", "\"./${var.x}\"", "local.x"] {
            let found = said(&[("main.tf", &call(computed))]).unwrap_or_default();
            assert!(found.contains("computes its `source`"), "{computed}: {found}");
        }
        let json = r#"{"module": {"a": {"sourc\u0065": "${var.x}"}}}"#;
        assert!(said(&[("main.tf.json", json)]).is_some());
        let twice = r#"{"module": [{"a": {"source": "./x", "source": "hg::x"}}]}"#;
        assert!(said(&[("main.tf.json", twice)]).is_some());
    }

    #[test]
    fn modules_of_the_checkout_of_registries_and_over_https_and_ssh_are_called_as_ever() {
        for source in [
            "./etcd",
            "../../modules/etcd",
            "terraform-aws-modules/vpc/aws",
            "terraform-aws-modules/iam/aws//modules/iam-role",
            "app.terraform.io/example_corp/k8s-cluster/azurerm",
            "registry.example.com:8443/a/b/aws",
            "github.com/hashicorp/example",
            "git@github.com:hashicorp/example.git",
            "git::git@github.com:hashicorp/example.git?ref=v1",
            "git::https://example.com/network.git//modules/vpc?ref=v1.2.0",
            "git::ssh://git@example.com/network.git",
            "https://example.com/vpc-module.zip?archive=zip",
            "s3::https://s3-eu-west-1.amazonaws.com/examplecorp/vpc.zip",
            "s3::https://s3.amazonaws.com/b/x.zip?region=eu-west-1&version=a",
            "git::https://example.com/network.git?depth=1&ref=feature%2Fx",
        ] {
            assert_eq!(
                said(&[("main.tf", &call(&format!("\"{source}\"")))]),
                None,
                "{source}"
            );
        }
        let other = "resource \"aws_s3_object\" \"a\" {\n  source = \"/etc/motd\"\n}\n";
        assert_eq!(said(&[("main.tf", other)]), None, "a source of something else");
    }

    #[test]
    fn all_of_our_own_modules_call_what_is_known() {
        let environments = Path::new(env!("CARGO_MANIFEST_DIR")).join("terraform/environments");
        let mut judged = 0_usize;
        for environment in fs::read_dir(environments).unwrap() {
            for state in fs::read_dir(environment.unwrap().path()).unwrap() {
                let root = state.unwrap().path();
                assert!(
                    super::super::modules::before_init(&root).is_ok(),
                    "{}",
                    root.display()
                );
                judged += 1;
            }
        }
        assert!(judged >= 9, "{judged}");
        let with_tests = Path::new(env!("CARGO_MANIFEST_DIR")).join("terraform");
        assert!(calls_of_tests(&with_tests).unwrap().len() > 10);
        assert!(super::super::modules::before_init(&with_tests).is_ok());
    }

    /// Where a heredoc ends the parser and Terraform may read differently, and what follows with it.
    #[test]
    fn a_source_that_only_terraform_takes_for_one_is_not_fetched() {
        let hidden = "module \"a\" {\n  b = <<EOT\nEOT\n  source = \"hg::x\"\n  c = <<EOT\nx\nEOT\n}\n";
        let found = said(&[("main.tf", hidden)]).unwrap_or_default();
        assert!(!found.is_empty());
        let behind = "module \"a\" {\n  b = <<EOT\ntext\nEOT # x\n  source = \"hg::x\"\n  c = <<EOT2\nEOT\n  source = \"./x\"\n  d = <<EOT2\nEOT2\n}\n";
        assert!(said(&[("main.tf", behind)]).is_some());
        let plain = "module \"a\" {\n  source = \"./x\"\n  b = <<-EOT\n    the source of it\n    x = source\n  EOT\n}\n";
        assert_eq!(said(&[("main.tf", plain)]), None);
        let text = "module \"a\" {\n  source = \"./x\"\n  b = <<-EOT\n    source = \"y\"\n  EOT\n}\n";
        let found = said(&[("main.tf", text)]).unwrap_or_default();
        assert!(found.ends_with(" stands in a text at main.tf:4"), "{found}");
    }
}
