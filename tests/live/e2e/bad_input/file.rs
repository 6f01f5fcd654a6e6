//! Mistakes that the cluster file shows by itself: all are found before anybody is asked anything.

use super::{Desk, Row};

pub(super) fn rows(desk: &Desk) -> Vec<Row> {
    let mut rows = shape(desk);
    rows.extend(slots(desk));
    rows.extend(templates(desk));
    rows
}

fn shape(desk: &Desk) -> Vec<Row> {
    vec![
        Row::new("unknown key", 2)
            .edit("  strategy: remove-then-add", "  stratgy: remove-then-add")
            .says(&["unknown key `stratgy`", "did you mean `strategy`?"])
            .at("stratgy"),
        Row::new("a floating template version", 2)
            .edit(&desk.line("launchTemplate:"), "      launchTemplate: \"$Latest\"")
            .says(&["`$Latest` floats", "numbered version"])
            .at("$Latest"),
        Row::new("a floating etcd version", 2)
            .edit("version: 3.5.33", "version: latest")
            .says(&["config::", "`latest`"])
            .at("version: latest"),
        Row::new("a local store away from loopback", 2)
            .edit(
                &desk.line("aws:"),
                "aws: { account: \"111122223333\", region: ap-northeast-1 }",
            )
            .says(&["a local store is only for a cluster on this machine", "use `s3`"])
            .at("local:"),
        Row::new("a lease shorter than its calls", 2)
            .edit("leaseTtl: 10s", "leaseTtl: 9s")
            .says(&["`leaseTtl` must be at least 10s"])
            .at("leaseTtl"),
        Row::new("a file of a newer format", 2)
            .edit("format: 1", "format: 2")
            .says(&["format 2 is not known", "newer rehull"])
            .at("format: 2"),
        Row::new("no file at all", 2)
            .typed("apply nowhere.yaml --yes")
            .says(&["cannot read `nowhere.yaml`", "No such file"]),
    ]
}

fn slots(desk: &Desk) -> Vec<Row> {
    let third = desk.sandbox.info.slots[2].name.clone();
    let last: String = {
        let start = format!("    - name: {third}\n");
        let text = std::fs::read_to_string(desk.sandbox.info.cluster_file()).unwrap();
        let from = text.find(&start).unwrap();
        text[from..text.find("rollout:").unwrap()].to_owned()
    };
    let (zone_a, zone_b) = (desk.value("zone", 0), desk.value("zone", 1));
    let (volume_a, volume_b) = (desk.value("volume", 0), desk.value("volume", 1));
    vec![
        Row::new("two members", 2)
            .edit(&last, "")
            .says(&["2 members tolerate no failure", "take 3"])
            .at("  slots:"),
        Row::new("two slots of one name", 2)
            .edit("name: etcd-b", "name: etcd-a")
            .says(&[
                "two slots have the same name `etcd-a`",
                "first here",
                "again here",
            ])
            .at("name: etcd-a"),
        Row::new("two slots on one volume", 2)
            .edit(&volume_b, &volume_a)
            .says(&["two slots have the same volume", "data of one member"])
            .at(&volume_a),
        Row::new("two slots in one zone", 2)
            .edit(&format!("zone: {zone_b}"), &format!("zone: {zone_a}"))
            .says(&["would take 2 of 3 members", "at most 1 of 3 members in one zone"])
            .at(&format!("zone: {zone_a}")),
    ]
}

fn templates(desk: &Desk) -> Vec<Row> {
    let own = |name: &str, text: &str| std::fs::write(desk.dir().join(name), text).unwrap();
    own("misspelt.hbs", "#cloud-config\nhostname: {{slot.nmae}}\n");
    own("unclosed.hbs", "#cloud-config\nhostname: x\n{{#if slot.name}}\n");
    own("broken.hbs", "#cloud-config\nhostname: {{#if}\n");
    own("no-header.hbs", "hostname: {{slot.name}}\n");
    own("no-yaml.hbs", "#cloud-config\nruncmd: [ {{slot.name}}\n");
    let big = "x".repeat(17_000);
    let text = format!("#cloud-config\nwrite_files:\n  - path: /etc/big\n    content: {big}\n");
    own("big.hbs", &text);
    let row = |name, file: &str| Row::new(name, 2).edit("builtIn: 2", &format!("file: {file}"));
    vec![
        row("a template with an unknown variable", "misspelt.hbs").says(&[
            "misspelt.hbs:2:",
            "no variable `slot.nmae`",
            "did you mean `slot.name`?",
        ]),
        row("a template that does not parse", "unclosed.hbs").says(&[
            "unclosed.hbs:4:1",
            "the template ends inside a block",
            "close it",
        ]),
        row("a template with a broken expression", "broken.hbs").says(&[
            "broken.hbs:2:",
            "invalid handlebars syntax",
            "rehull render --variables",
        ]),
        row("a template without its first line", "no-header.hbs").says(&[
            "the user data of etcd-a is no cloud-config, line 1 (`hostname: etcd-a`)",
            "#cloud-config",
            "rehull render FILE --slot",
        ]),
        row("a template that renders to no YAML", "no-yaml.hbs").says(&[
            "the user data of etcd-a is no cloud-config, line 3: ",
            "expected ',' or ']'",
        ]),
        row("user data that is too big", "big.hbs").says(&[
            "EC2 takes 16384",
            "biggest: /etc/big 17000",
            "artefact bucket",
        ]),
        row("a template that is not there", "nowhere.hbs").says(&[
            "cannot read `nowhere.hbs`",
            "`etcd.template.file` of ",
            "begin at its own folder",
        ]),
        Row::new("a built-in template set that does not exist", 2)
            .edit("builtIn: 2", "builtIn: 7")
            .says(&["there is no built-in set 7", "has `1`"])
            .at("builtIn: 7"),
    ]
}
