//! The checks are checked: each of these is wrong, and is refused with its line and its reason.

mod arguments;

use crate::files::{File, Folder};
use crate::{modules, references, rules};

/// Lines of a module, which line is wrong, and a part of what has to be said about it.
type Wrong = (&'static str, usize, &'static str);

const REFERENCES: &[Wrong] = &[
    (
        "locals {\n  a = var.cluster\n}\noutput \"a\" {\n  value = local.a\n}",
        2,
        "`var.cluster` is not declared",
    ),
    (
        "variable \"cluster\" {\n}\noutput \"a\" {\n  value = \"${var.clustr}-${var.cluster}\"\n}",
        4,
        "did you mean `cluster`?",
    ),
    (
        "output \"a\" {\n  value = local.a\n}",
        2,
        "`local.a` is not declared",
    ),
    (
        "output \"a\" {\n  value = module.etcd.slots\n}",
        2,
        "`module.etcd` is not declared",
    ),
    (
        "output \"a\" {\n  value = aws_eip.a.id\n}",
        2,
        "`aws_eip.a` is not declared",
    ),
    (
        "output \"a\" {\n  value = data.aws_region.a.region\n}",
        2,
        "`data.aws_region.a` is not declared",
    ),
    (
        "resource \"aws_eip\" \"a\" {\n}\noutput \"a\" {\n  value = aws_eip.a[0].addres\n}",
        4,
        "`aws_eip.a` has no attribute `addres`, did you mean `address`?",
    ),
    (
        "data \"aws_region\" \"a\" {\n}\noutput \"a\" {\n  value = data.aws_region.a.name\n}",
        4,
        "`data.aws_region.a.name` is deprecated",
    ),
    // In one of the majors only.
    (
        "data \"aws_region\" \"a\" {\n}\noutput \"a\" {\n  value = data.aws_region.a.region\n}",
        4,
        "`data.aws_region.a` has no attribute `region`",
    ),
    (
        "data \"aws_region\" \"a\" {\n}\noutput \"a\" {\n  value = data.aws_region.a.id\n}",
        4,
        "`data.aws_region.a.id` is deprecated",
    ),
    (
        "output \"a\" {\n  value = [for slot in [1] : slto]\n}",
        2,
        "`slto` means nothing here",
    ),
    (
        "output \"a\" {\n  value = [for slot in slots : slot]\n}",
        2,
        "`slots` means nothing here",
    ),
    (
        "variable \"a\" {\n  type = string\n\n  validation {\n    condition = var.a != \"\"\n  }\n}",
        1,
        "`var.a` is declared for nothing",
    ),
    (
        "data \"aws_region\" \"a\" {\n}",
        1,
        "`data.aws_region.a` is declared for nothing",
    ),
    (
        "resource \"aws_autoscaling_group\" \"a\" {\n  dynamic \"tag\" {\n    for_each = {}\n    content {\n      key = tga.key\n    }\n  }\n}",
        5,
        "`tga.key` is not declared",
    ),
];

const MODULES: &[Wrong] = &[
    (
        "module \"a\" {\n  source = \"../nowhere\"\n}",
        1,
        "the source of module `a` is no folder here",
    ),
    (
        "module \"a\" {\n  source = \"../callee\"\n  slots = {}\n  slot = 1\n}",
        4,
        "has no variable `slot`, did you mean `slots`?",
    ),
    (
        "module \"a\" {\n  source = \"../callee\"\n}",
        1,
        "needs the variable `slots`",
    ),
    (
        "module \"a\" {\n  source = \"../callee\"\n  slots = []\n}",
        3,
        "and this is a list",
    ),
    (
        "module \"a\" {\n  source = \"../callee\"\n  slots = {\n    a = { zone = \"a\", spere = true }\n  }\n}",
        4,
        "`slots` has no attribute `spere`, and Terraform would drop it without a word",
    ),
    (
        "module \"a\" {\n  source = \"../callee\"\n  slots = { for a in [1] : a => { spare = true } }\n}",
        3,
        "`slots` needs the attribute `zone`",
    ),
];

const RULES: &[Wrong] = &[
    (
        "variable \"a\" {\n  type = string\n  nullable = false\n}",
        1,
        "variable `a` has no description",
    ),
    (
        "variable \"a\" {\n  description = \"A.\"\n  nullable = false\n}",
        1,
        "variable `a` has no type",
    ),
    (
        "variable \"a\" {\n  description = \"A.\"\n  type = map(any)\n  nullable = false\n}",
        1,
        "takes `any`, so nothing about it is checked",
    ),
    (
        "variable \"a\" {\n  description = \"A.\"\n  type = string\n}",
        1,
        "takes null",
    ),
    (
        "variable \"a\" {\n  description = \"A.\"\n  type = number\n  default = \"many\"\n  nullable = false\n}",
        4,
        "`a` takes a number, and this is a string",
    ),
    (
        "variable \"etcd_password\" {\n  description = \"A.\"\n  type = string\n  nullable = false\n}",
        1,
        "sounds like a secret",
    ),
    (
        "output \"a\" {\n  value = 1\n}",
        1,
        "output `a` has no description",
    ),
    (
        "resource \"aws_s3_bucket\" \"a\" {\n}",
        1,
        "say `prevent_destroy = true`",
    ),
    (
        "resource \"aws_ebs_volume\" \"a\" {\n  encrypted = false\n  lifecycle {\n    prevent_destroy = true\n  }\n}",
        1,
        "has to say `encrypted = true`",
    ),
    (
        "resource \"aws_autoscaling_group\" \"a\" {\n  lifecycle {\n    ignore_changes = [desired_capacity]\n  }\n}",
        1,
        "has to ignore `launch_template[0].version`, which is rehull's",
    ),
    (
        "resource \"aws_launch_template\" \"a\" {\n  metadata_options {\n    http_tokens = \"optional\"\n  }\n}",
        1,
        "has to say `http_tokens = \"required\"`",
    ),
    (
        "resource \"aws_launch_template\" \"a\" {\n  user_data = base64encode(\"#!/bin/sh\")\n}",
        1,
        "has to boot what rehull rendered and nothing else",
    ),
    (
        "resource \"aws_instance\" \"a\" {\n}",
        1,
        "would be launched by Terraform",
    ),
    (
        "resource \"aws_s3_object\" \"a\" {\n}",
        1,
        "would delete the version before",
    ),
    (
        "resource \"aws_volume_attachment\" \"a\" {\n}",
        1,
        "would fight with rehull",
    ),
    (
        "resource \"aws_eip\" \"a\" {\n  provisioner \"local-exec\" {\n  }\n}",
        2,
        "a provisioner runs a command",
    ),
    ("locals {\n  version = \"$Latest\"\n}", 2, "`$Latest` floats"),
    (
        "locals {\n  versions = [1, \"$Default\"]\n}",
        2,
        "`$Default` floats",
    ),
];

fn folder(name: &str, text: &str) -> Folder {
    let path = format!("terraform/modules/{name}");
    Folder {
        files: vec![File::parse(&format!("{path}/main.tf"), text)],
        path,
    }
}

fn callee() -> Folder {
    folder(
        "callee",
        "variable \"slots\" {\n  type = map(object({ zone = string, spare = optional(bool) }))\n}\n",
    )
}

#[track_caller]
fn each_is_refused(table: &[Wrong], check: fn(&Folder, &[Folder]) -> Vec<String>) {
    for (text, line, reason) in table {
        let found = check(&folder("snippet", text), &[callee()]);
        let place = format!("terraform/modules/snippet/main.tf:{line}: ");
        assert!(
            found
                .iter()
                .any(|problem| problem.starts_with(&place) && problem.contains(reason)),
            "not refused in line {line} because {reason}:\n{text}\nbut: {found:#?}"
        );
    }
}

#[test]
fn an_argument_that_the_provider_would_refuse_is_refused_here() {
    each_is_refused(arguments::ARGUMENTS, |folder, _| crate::arguments::check(folder));
}

#[test]
fn a_reference_that_leads_nowhere_is_refused() {
    each_is_refused(REFERENCES, references::check);
}

#[test]
fn an_attribute_that_terraform_would_drop_without_a_word_is_refused() {
    each_is_refused(MODULES, modules::check);
}

#[test]
fn a_broken_rule_is_named() {
    each_is_refused(RULES, |folder, _| rules::check(folder));
}

#[test]
fn what_is_right_is_not_refused() {
    let text = r#"
variable "names" {
  description = "Names."
  type        = map(string)
  nullable    = false
}

locals {
  all = { for key, name in var.names : upper(key) => "${name}-${key}" if name != "" }
}

resource "aws_eip" "a" {
  for_each = local.all

  domain = "vpc"
  tags   = { Name = each.value, "kubernetes.io/role" = each.key }

  lifecycle {
    ignore_changes = [tags["rehull:generation"], domain]
  }
}

module "b" {
  source = "../callee"

  slots = { for key, eip in aws_eip.a : key => { zone = eip.public_ip } }
}

output "ids" {
  description = "Ids."
  value       = [for eip in aws_eip.a : eip.allocation_id]
}
"#;
    let folder = folder("snippet", text);
    let mut found = crate::arguments::check(&folder);
    found.extend(references::check(&folder, &[callee()]));
    found.extend(modules::check(&folder, &[callee()]));
    found.extend(
        rules::check(&folder)
            .into_iter()
            .filter(|problem| !problem.contains("belongs into") && !problem.contains(": has no ")),
    );
    crate::none(&found);
}
