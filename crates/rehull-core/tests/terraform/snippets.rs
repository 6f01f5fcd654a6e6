//! The checks are checked: each of these is wrong, and is refused with its line and its reason.

use crate::files::{File, Folder};
use crate::{arguments, modules, references, rules};

/// Lines of a module, which line is wrong, and a part of what has to be said about it.
type Wrong = (&'static str, usize, &'static str);

const ARGUMENTS: &[Wrong] = &[
    (
        "resource \"aws_etcd\" \"a\" {\n}",
        1,
        "has no resource `aws_etcd`",
    ),
    (
        "resource \"aws_launch_templat\" \"a\" {\n}",
        1,
        "did you mean `aws_launch_template`?",
    ),
    (
        "data \"aws_amis\" \"a\" {\n}",
        1,
        "has no data `aws_amis`, did you mean `aws_ami`?",
    ),
    (
        "resource \"aws_ebs_volume\" \"a\" {\n  availability_zone = \"a\"\n  sise = 1\n}",
        3,
        "`aws_ebs_volume.sise` is no argument, did you mean `size`?",
    ),
    (
        "resource \"aws_ebs_volume\" \"a\" {\n  size = 1\n}",
        1,
        "`aws_ebs_volume` needs `availability_zone`",
    ),
    (
        "resource \"aws_ebs_volume\" \"a\" {\n  availability_zone = null\n}",
        2,
        "has to have a value",
    ),
    (
        "resource \"aws_ebs_volume\" \"a\" {\n  availability_zone = \"a\"\n  arn = \"x\"\n}",
        3,
        "`aws_ebs_volume.arn` is what the provider tells and cannot be set",
    ),
    (
        "resource \"aws_ebs_volume\" \"a\" {\n  availability_zone = \"a\"\n  size = \"big\"\n}",
        3,
        "`size` takes a number, and this is a string",
    ),
    (
        "resource \"aws_ebs_volume\" \"a\" {\n  availability_zone = \"a\"\n  encrypted = 1\n}",
        3,
        "`encrypted` takes true or false, and this is a number",
    ),
    (
        "resource \"aws_ebs_volume\" \"a\" {\n  availability_zone = [\"a\"]\n}",
        2,
        "`availability_zone` takes a string, and this is a list",
    ),
    (
        "resource \"aws_ebs_volume\" \"a\" {\n  availability_zone = \"a\"\n  tags = [\"a\"]\n}",
        3,
        "`tags` takes a map of: a string, and this is a list",
    ),
    (
        "resource \"aws_ebs_volume\" \"a\" {\n  availability_zone = \"a\"\n  tags = { a = [1] }\n}",
        3,
        "`tags` takes a string, and this is a list",
    ),
    (
        "resource \"aws_ebs_volume\" \"a\" {\n  availability_zone = \"a\"\n  size = var.big ? 64 : \"small\"\n}",
        3,
        "`size` takes a number, and this is a string",
    ),
    (
        "resource \"aws_network_interface\" \"a\" {\n  subnet_id = \"a\"\n  private_ips = \"10.0.0.1\"\n}",
        3,
        "`private_ips` takes a list of: a string, and this is a string",
    ),
    (
        "resource \"aws_network_interface\" \"a\" {\n  subnet_id = \"a\"\n  private_ips = { for i in [1] : i => i }\n}",
        3,
        "and this is a map",
    ),
    (
        "resource \"aws_launch_template\" \"a\" {\n  metadata_options = {}\n}",
        2,
        "`aws_launch_template.metadata_options` is a block, not an argument",
    ),
    (
        "resource \"aws_launch_template\" \"a\" {\n  tags {\n  }\n}",
        2,
        "`aws_launch_template.tags` is an argument, not a block",
    ),
    (
        "resource \"aws_launch_template\" \"a\" {\n  metadata_option {\n  }\n}",
        2,
        "is no block, did you mean `metadata_options`?",
    ),
    (
        "resource \"aws_launch_template\" \"a\" {\n  monitoring {\n  }\n  monitoring {\n  }\n}",
        1,
        "takes at most 1 block `monitoring`, and here are 2",
    ),
    (
        "resource \"aws_lb_listener\" \"a\" {\n  load_balancer_arn = \"a\"\n}",
        1,
        "`aws_lb_listener` needs at least 1 block `default_action`",
    ),
    (
        "resource \"aws_lb_listener\" \"a\" {\n  load_balancer_arn = \"a\"\n  default_action {\n    target_group_arn = \"a\"\n  }\n}",
        3,
        "`aws_lb_listener.default_action` needs `type`",
    ),
    // Gone or to go: in the released schema, in the later one.
    (
        "resource \"aws_s3_bucket\" \"a\" {\n  acl = \"private\"\n}",
        2,
        "`aws_s3_bucket.acl` is deprecated",
    ),
    (
        "resource \"aws_eip\" \"a\" {\n  vpc = true\n}",
        2,
        "`aws_eip.vpc` is no argument",
    ),
    (
        "resource \"aws_launch_template\" \"a\" {\n  elastic_gpu_specifications {\n    type = \"a\"\n  }\n}",
        2,
        "is no block",
    ),
    (
        "resource \"aws_autoscaling_group\" \"a\" {\n  min_size = 1\n  max_size = 1\n  dynamic \"tags\" {\n    for_each = []\n    content {}\n  }\n}",
        4,
        "`aws_autoscaling_group.tags` is no block, did you mean `tag`?",
    ),
    (
        "resource \"aws_autoscaling_group\" \"a\" {\n  min_size = 1\n  max_size = 1\n  dynamic \"tag\" {\n    for_each = []\n    content {\n      key = \"a\"\n      value = \"b\"\n    }\n  }\n}",
        6,
        "`aws_autoscaling_group.tag` needs `propagate_at_launch`",
    ),
    (
        "resource \"aws_autoscaling_group\" \"a\" {\n  min_size = 1\n  max_size = 1\n  dynamic \"tag\" {\n    content {\n      key = \"a\"\n      value = \"b\"\n      propagate_at_launch = true\n    }\n  }\n}",
        4,
        "needs `for_each`",
    ),
    (
        "resource \"aws_autoscaling_group\" \"a\" {\n  min_size = 1\n  max_size = 1\n  lifecycle {\n    ignore_changes = [launch_template[0].number]\n  }\n}",
        5,
        "names `number`, which does not exist",
    ),
    (
        "resource \"aws_eip\" \"a\" {\n  lifecycle {\n    prevent_destruction = true\n  }\n}",
        3,
        "a lifecycle has no `prevent_destruction`",
    ),
    (
        "provider \"aws\" {\n  access_key = \"AKIA\"\n}",
        2,
        "`provider.access_key` is no argument",
    ),
];

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
    each_is_refused(ARGUMENTS, |folder, _| arguments::check(folder));
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
    let mut found = arguments::check(&folder);
    found.extend(references::check(&folder, &[callee()]));
    found.extend(modules::check(&folder, &[callee()]));
    found.extend(
        rules::check(&folder)
            .into_iter()
            .filter(|problem| !problem.contains("belongs into") && !problem.contains(": has no ")),
    );
    crate::none(&found);
}
