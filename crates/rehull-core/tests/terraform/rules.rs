//! What rehull depends on, and what a reviewer would otherwise have to look for each time.

use hcl_edit::Span as _;
use hcl_edit::expr::Expression;
use hcl_edit::structure::Block;
use hcl_edit::visit::{Visit, visit_expr};

use crate::files::{File, Folder, label};
use crate::types::Type;
use crate::value::misfits;

/// What holds data, an identity, or names that others know: its end is never part of a plan.
const KEPT: [&str; 7] = [
    "aws_ebs_volume",
    "aws_kms_key",
    "aws_lb",
    "aws_lb_target_group",
    "aws_network_interface",
    "aws_s3_bucket",
    "aws_security_group",
];

/// What rehull owns on a group.
const OWNED: [&str; 6] = [
    "launch_template[0].version",
    "mixed_instances_policy[0].launch_template[0].launch_template_specification[0].version",
    "desired_capacity",
    "min_size",
    "max_size",
    "suspended_processes",
];

/// Parts of a name that smell of a secret.
const SECRET: [&str; 7] = [
    "password",
    "passwd",
    "secret",
    "token",
    "credential",
    "credentials",
    "private",
];

pub(crate) const VERSIONS: &str = include_str!("../../../../terraform/modules/etcd/versions.tf");

/// Broken rules of one folder.
pub(crate) fn check(folder: &Folder) -> Vec<String> {
    let mut found = Vec::new();
    for (file, block) in folder.blocks("variable") {
        found.extend(variable(file, block));
    }
    for (file, block) in folder.blocks("output") {
        found.extend(described(file, block));
    }
    for (file, block) in folder.blocks("resource") {
        found.extend(resource(file, block));
    }
    for file in &folder.files {
        let mut floating = Floating {
            file,
            found: Vec::new(),
        };
        floating.visit_body(&file.body);
        found.extend(floating.found);
    }
    found.extend(layout(folder));
    found
}

fn variable(file: &File, block: &Block) -> Vec<String> {
    let name = label(block, 0);
    let refuse = |what: &str| file.problem(block.span(), &format!("variable `{name}` {what}"));
    let mut found: Vec<String> = described(file, block).into_iter().collect();
    match block
        .body
        .get_attribute("type")
        .map(|given| Type::of(&given.value))
    {
        None => found.push(refuse("has no type")),
        Some(Err(why)) => found.push(refuse(&format!("has a type that is not understood: {why}"))),
        Some(Ok(wanted)) if is_loose(&wanted) => {
            found.push(refuse("takes `any`, so nothing about it is checked"));
        }
        Some(Ok(wanted)) => {
            let default = block.body.get_attribute("default");
            let default = default.filter(|default| !default.value.is_null());
            found.extend(
                default
                    .into_iter()
                    .flat_map(|default| misfits(file, &name, &default.value, &wanted)),
            );
        }
    }
    // Null means "left out" only where that is the default; elsewhere it would reach a place that expects a value.
    let null_is_default = block
        .body
        .get_attribute("default")
        .is_some_and(|default| default.value.is_null());
    let nullable = block
        .body
        .get_attribute("nullable")
        .and_then(|given| given.value.as_bool());
    if !null_is_default && nullable != Some(false) {
        found.push(refuse("takes null: say `nullable = false`, or `default = null`"));
    }
    let is_secret = name.split('_').any(|word| SECRET.contains(&word));
    let is_hidden = ["sensitive", "ephemeral"].into_iter().any(|key| {
        block
            .body
            .get_attribute(key)
            .and_then(|given| given.value.as_bool())
            == Some(true)
    });
    if is_secret && !is_hidden {
        found.push(refuse(
            "sounds like a secret: it would stand in plans; say `ephemeral = true` or `sensitive = true`",
        ));
    }
    found
}

fn is_loose(wanted: &Type) -> bool {
    match wanted {
        Type::Any => true,
        Type::Many(of) | Type::Map(of) => is_loose(of),
        Type::Object(attributes) => attributes.values().any(|(of, _)| is_loose(of)),
        Type::String | Type::Number | Type::Bool => false,
    }
}

fn described(file: &File, block: &Block) -> Option<String> {
    let kind = block.ident.as_str();
    let said = block
        .body
        .get_attribute("description")
        .is_some_and(|given| given.value.as_str() != Some(""));
    (!said).then(|| {
        file.problem(
            block.span(),
            &format!("{kind} `{}` has no description", label(block, 0)),
        )
    })
}

fn resource(file: &File, block: &Block) -> Vec<String> {
    let kind = label(block, 0);
    let refuse = |what: &str| file.problem(block.span(), &format!("`{kind}.{}` {what}", label(block, 1)));
    let mut found = Vec::new();
    let lifecycle = || block.body.get_blocks("lifecycle");
    let is_kept = lifecycle().any(|lifecycle| {
        lifecycle
            .body
            .get_attribute("prevent_destroy")
            .and_then(|given| given.value.as_bool())
            == Some(true)
    });
    if KEPT.contains(&kind.as_str()) && !is_kept {
        found.push(refuse(
            "holds data, an identity or a known name: say `prevent_destroy = true`",
        ));
    }
    match kind.as_str() {
        "aws_ebs_volume" if !is_set(block, "encrypted", "true") => {
            found.push(refuse("has to say `encrypted = true`"));
        }
        "aws_autoscaling_group" => {
            let ignored: Vec<String> = lifecycle()
                .filter_map(|lifecycle| lifecycle.body.get_attribute("ignore_changes"))
                .flat_map(|given| given.value.as_array().into_iter().flatten())
                .map(|path| path.to_string().trim().to_owned())
                .collect();
            let missing = OWNED
                .into_iter()
                .filter(|owned| !ignored.iter().any(|path| path == owned));
            found.extend(missing.map(|owned| refuse(&format!("has to ignore `{owned}`, which is rehull's"))));
        }
        "aws_launch_template" => found.extend(launch_template(block, &refuse)),
        "aws_instance" => found.push(refuse(
            "would be launched by Terraform: machines are launched by rehull or a group",
        )),
        "aws_s3_object" => found.push(refuse(
            "would delete the version before: artefacts are published by rehull",
        )),
        "aws_volume_attachment" | "aws_network_interface_attachment" => {
            found.push(refuse("would fight with rehull, which moves the parts of a slot"));
        }
        _ => {}
    }
    for provisioner in block.body.get_blocks("provisioner") {
        found.push(file.problem(
            provisioner.span(),
            "a provisioner runs a command on whoever applies",
        ));
    }
    found
}

/// The same constants that rehull's own launch templates have (`src/adapters/aws/launch_templates.rs`).
fn launch_template(block: &Block, refuse: &dyn Fn(&str) -> String) -> Vec<String> {
    let mut found = Vec::new();
    let metadata = block.body.get_blocks("metadata_options").next();
    for (key, value) in [
        ("http_endpoint", "\"enabled\""),
        ("http_tokens", "\"required\""),
        ("http_put_response_hop_limit", "1"),
    ] {
        if !metadata.is_some_and(|block| is_set(block, key, value)) {
            found.push(refuse(&format!(
                "has to say `{key} = {value}` in `metadata_options`"
            )));
        }
    }
    if !is_set(block, "update_default_version", "false") {
        found.push(refuse(
            "has to say `update_default_version = false`: nothing may float",
        ));
    }
    if !is_set(block, "user_data", "base64encode(var.launch_template.user_data)") {
        found.push(refuse("has to boot what rehull rendered and nothing else: `base64encode(var.launch_template.user_data)`"));
    }
    found
}

fn is_set(block: &Block, key: &str, value: &str) -> bool {
    block
        .body
        .get_attribute(key)
        .is_some_and(|given| given.value.to_string().trim() == value)
}

/// Versions that float, wherever they stand as a value.
struct Floating<'a> {
    file: &'a File,
    found: Vec<String>,
}

impl Visit for Floating<'_> {
    fn visit_expr(&mut self, expression: &Expression) {
        if let Some(text @ ("$Latest" | "$Default")) = expression.as_str() {
            let what = format!("`{text}` floats: name the number of a version");
            self.found.push(self.file.problem(expression.span(), &what));
        }
        visit_expr(self, expression);
    }
}

/// The same four files everywhere, and one text about versions.
fn layout(folder: &Folder) -> Vec<String> {
    if folder.path == "terraform" {
        return Vec::new();
    }
    let name = |file: &File| file.path.rsplit('/').next().unwrap_or_default().to_owned();
    let names: Vec<String> = folder.files.iter().map(name).collect();
    let needed = ["main.tf", "outputs.tf", "variables.tf", "versions.tf"];
    let missing = needed
        .into_iter()
        .filter(|needed| !names.iter().any(|name| name == needed));
    let mut found: Vec<String> = missing
        .map(|missing| format!("{}: has no {missing}", folder.path))
        .collect();
    let versions = folder.files.iter().find(|file| name(file) == "versions.tf");
    if versions.is_some_and(|file| file.text != VERSIONS) {
        found.push(format!(
            "{}/versions.tf: differs from the others: versions are pinned once",
            folder.path
        ));
    }
    for (kind, home) in [("variable", "variables.tf"), ("output", "outputs.tf")] {
        for (file, block) in folder.blocks(kind).filter(|(file, _)| name(file) != home) {
            found.push(file.problem(
                block.span(),
                &format!("{kind} `{}` belongs into {home}", label(block, 0)),
            ));
        }
    }
    found
}
