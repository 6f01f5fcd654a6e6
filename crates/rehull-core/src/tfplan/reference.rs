//! The rules in words, for `docs/terraform-gate.md`, and as facts that an approval covers.

use std::collections::BTreeMap;

use super::contract::{Mode, Terms};
use super::decision::{Belongs, Setting};
use super::digest::sha256;
use super::gate::general::GENERAL;
use super::gate::kept;
use super::gate::rules::{InPlace, RULES, UNKNOWN};
use super::gate::setters::{Given, OF_A_BUCKET, OF_BUCKETS, ROWS, Row};
use super::gate::template::{DECLARED, Said};
use super::read::Header;

/// The tables of `docs/terraform-gate.md`.
#[must_use]
pub fn reference() -> String {
    let mut out = String::from(
        "### What an upgrade may change\n\nOf a launch template of a slot or role, in place:\n\n",
    );
    out.push_str("| attribute | only if |\n|---|---|\n");
    for (name, said) in DECLARED {
        out.push_str(&format!("| `{name}` | {} |\n", words(*said)));
    }
    out.push_str("\n### What an upgrade leaves as it is, and judges\n\nOf the same launch template, because each of its versions repeats it:\n\n");
    out.push_str("| attribute | only if | or else |\n|---|---|---|\n");
    for row in kept::ROWS {
        out.push_str(&format!(
            "| `{}` | {} | {} |\n",
            row.attribute, row.only_if, row.or_else
        ));
    }
    out.push_str("\n### By type of resource\n\n");
    out.push_str("| rule | types | it holds | made | changed in place | destroyed or replaced | instead |\n");
    out.push_str("|---|---|---|---|---|---|---|\n");
    for rule in RULES {
        out.push_str(&row(rule.id, &rule.types.join(", "), rule));
    }
    out.push_str(&row(UNKNOWN.id, "every other type", &UNKNOWN));
    out.push_str(&settings());
    out.push_str("\n### Whatever the type\n\n| rule | refuses | what to do |\n|---|---|---|\n");
    for rule in GENERAL {
        out.push_str(&format!(
            "| `{}` | {} | {} |\n",
            rule.id, rule.refuses, rule.remedy
        ));
    }
    out
}

fn settings() -> String {
    let mut out = String::from(
        "\n### Made with what it belongs to\n\nWhat these name has to be made by the same plan, each of them, and plainly named:\n\n",
    );
    out.push_str("| type | argument | made by | where it is there already |\n|---|---|---|---|\n");
    let kinds = |row: &Row| match row.kind {
        "" => OF_A_BUCKET.join(", "),
        kind => kind.to_owned(),
    };
    for row in [&OF_BUCKETS].into_iter().chain(ROWS) {
        let inside = row.inside.map(|inside| format!(".{inside}")).unwrap_or_default();
        let makers: Vec<&str> = match row.given {
            Given::Always | Given::Perhaps => row.makers.iter().map(|(maker, _)| *maker).collect(),
            Given::PerhapsAsList => vec!["nothing: no plan has the whole list"],
        };
        out.push_str(&format!(
            "| {} | `{}{inside}` | {} | {} |\n",
            kinds(row),
            row.argument,
            makers.join(", "),
            row.why
        ));
    }
    out
}

fn row(id: &str, types: &str, rule: &super::Rule) -> String {
    let yes = |allowed: bool| if allowed { "yes" } else { "refused" };
    let in_place = match rule.in_place {
        InPlace::Any => "yes".to_owned(),
        InPlace::Only(names) => names.join(", "),
        InPlace::Never => "refused".to_owned(),
    };
    let (made, gone) = (yes(rule.create), yes(rule.destroy));
    format!(
        "| `{id}` | {types} | {} | {made} | {in_place} | {gone} | {} |\n",
        rule.holds, rule.remedy
    )
}

fn words(said: Said) -> &'static str {
    match said {
        Said::UserData => {
            "its bytes have the digest of the rendered user data; also where the plan does not change it"
        }
        Said::Description => "it is `rehull ` and the content digest; also where the plan does not change it",
        Said::Image => "it is the image of the render; also where the plan does not change it",
        Said::InstanceType => "it is the type of the render; also where the plan does not change it",
        Said::Profile => "it is the profile of the render; also where the plan does not change it",
        Said::SecurityGroups => {
            "they are the groups of the render, as a set; also where the plan does not change them"
        }
        Said::Subnet => "it is the subnet of the render; also where the plan does not change it",
        Said::Interfaces => {
            "nothing but subnet and security groups differ; in each they are those of the render, also where the plan does not change them"
        }
        Said::Tags => {
            "each value that differs is the content digest or the version, and no tag goes away; `Name`, `rehull:…` and `aws:…` stay as they are, but for the content digest in `rehull:digest`"
        }
        Said::Counted => "it is known after the apply",
    }
}

/// Everything beside the changes that an approval covers. None of it is secret.
pub(super) fn facts(terms: &Terms, setting: &Setting, header: &Header) -> BTreeMap<String, String> {
    let mut facts = BTreeMap::new();
    let mut fact = |name: &str, value: &str| facts.insert(name.to_owned(), value.to_owned());
    fact("program", terms.tool.as_str());
    fact(
        "program version",
        header.tool_version.as_deref().unwrap_or_default(),
    );
    fact(
        "format",
        header
            .format_version
            .as_deref()
            .and_then(|text| text.split('.').next())
            .unwrap_or_default(),
    );
    fact("lock file", setting.lock_file.as_str());
    match &setting.of {
        Belongs::Rollout(envelope) => {
            fact("envelope", envelope.as_str());
        }
        Belongs::Module(place) => {
            fact("cluster", place.cluster.as_str());
            fact("account", place.account.as_str());
            fact("region", place.region.as_str());
            fact("module", &place.module);
        }
        Belongs::Nothing => {}
    }
    for (source, version) in &setting.providers {
        fact(&format!("provider {source}"), version);
    }
    fact(
        "allowed providers",
        &terms.providers.iter().cloned().collect::<Vec<_>>().join(" "),
    );
    // What may be changed at all is part of what a person approved, so other rules are another approval.
    fact("rules", sha256(reference().as_bytes()).as_str());
    match &terms.mode {
        Mode::Infrastructure => fact("mode", "infrastructure"),
        Mode::Upgrade(contract) => {
            fact("mode", "upgrade");
            fact("launch templates", contract.templates.kind());
            for role in &contract.roles {
                let mut said = |what: &str, value: &str| fact(&format!("{}: {what}", role.role), value);
                said("launch template", role.launch_template.as_str());
                said("version", &role.version);
                said("user data", role.user_data.as_str());
                said("content", role.content.as_str());
                said("image", role.image.as_str());
                said("instance type", &role.instance_type);
                said("instance profile", &role.instance_profile);
                said(
                    "security groups",
                    &role.security_groups.iter().cloned().collect::<Vec<_>>().join(" "),
                );
                said(
                    "subnet",
                    role.subnet
                        .as_ref()
                        .map_or("its group's", |subnet| subnet.as_str()),
                );
            }
            None
        }
    };
    facts
}
