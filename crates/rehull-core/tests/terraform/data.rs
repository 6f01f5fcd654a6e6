//! The data of an environment against what its state declares. Terraform only warns of a variable that nobody declares, and
//! drops an attribute that nobody declares without a word.

use hcl_edit::Span as _;

use crate::arguments::nearest;
use crate::files::{File, Folder, read, text};
use crate::modules::variables;
use crate::rendered::example;
use crate::value::misfits;

/// What is wrong with the values that a file gives; `elsewhere` are set by another file.
fn check(file: &File, folder: &Folder, elsewhere: &[String]) -> Vec<String> {
    let declared = variables(folder);
    let mut found = Vec::new();
    for given in file.body.attributes() {
        let name = given.key.as_str();
        if let Some((wanted, _)) = declared.get(name) {
            found.extend(misfits(file, name, &given.value, wanted));
        } else {
            let near = nearest(name, declared.keys());
            let what = format!("{} declares no variable `{name}`{near}", folder.path);
            found.push(file.problem(given.span(), &what));
        }
    }
    let missing = declared.iter().filter(|(name, (_, optional))| {
        !optional && !file.body.has_attribute(name) && !elsewhere.contains(name)
    });
    found.extend(missing.map(|(name, _)| format!("{}: does not set `{name}`", file.path)));
    found
}

#[test]
fn every_environment_sets_what_its_states_declare_and_nothing_else() {
    let rendered: serde_json::Value = serde_json::from_str(&example()).unwrap();
    let rendered: Vec<String> = rendered.as_object().unwrap().keys().cloned().collect();
    let mut found = Vec::new();
    for folder in read()
        .iter()
        .filter(|folder| folder.path.starts_with("terraform/environments/"))
    {
        let path = format!("{}/terraform.tfvars", folder.path);
        let elsewhere = if folder.name() == "templates" {
            rendered.as_slice()
        } else {
            &[]
        };
        found.extend(check(&File::parse(&path, &text(&path)), folder, elsewhere));
    }
    crate::none(&found);
}

#[test]
fn data_that_terraform_would_only_warn_of_or_drop_is_refused() {
    let main = "variable \"slots\" {\n  type = map(object({ zone = string }))\n}\nvariable \"region\" {\n  type = string\n}\n";
    let folder = Folder {
        path: "state".to_owned(),
        files: vec![File::parse("state/main.tf", main)],
    };
    let data = "slots = {\n  a = { zone = \"a\", address = \"10.0.0.1\" }\n}\nregoin = \"a\"\n";
    let found = check(&File::parse("state/terraform.tfvars", data), &folder, &[]);
    assert_eq!(
        found,
        [
            "state/terraform.tfvars:2: `slots` has no attribute `address`, and Terraform would drop it without a word",
            "state/terraform.tfvars:4: state declares no variable `regoin`, did you mean `region`?",
            "state/terraform.tfvars: does not set `region`",
        ]
    );
}
