//! The page for the person who hands the cluster over: every step in order, with what to type and what must be seen.

mod back;
mod untold;

use super::layout::Layout;
use super::machines;
use super::members::Member;
use super::terraform::{PARTS, REMOVED, Taken, import_address};
use crate::domain::desired::{Desired, StoreLocation, TemplateRef};
use crate::domain::fleet::tag;
use crate::domain::ids::EtcdClusterId;
use crate::journal::keys::IDENTITY;

/// Marks a machine that runs a member and was never launched by rehull.
const ADOPTED: &str = "adopted";

pub(super) struct Page<'a> {
    pub(super) desired: &'a Desired,
    pub(super) cluster_file: &'a str,
    pub(super) members: &'a [Member<'a>],
    pub(super) taken: &'a Taken,
    pub(super) etcd_cluster: EtcdClusterId,
    pub(super) notes: &'a [&'static Layout],
}

/// Each on a line of its own, as a block of code.
fn lines(all: impl Iterator<Item = String>) -> String {
    let mut out = String::new();
    for one in all {
        out.push_str("    ");
        out.push_str(&one);
        out.push('\n');
    }
    out
}

/// Plan, proof and apply. What is refused is not applied by whoever pastes all of it.
fn proven(root: &str) -> impl Iterator<Item = String> {
    let plan = "terraform plan -out=handover.plan && terraform show -json handover.plan > handover-plan.json";
    let proof = format!("rehull adopt --verify-plan handover-plan.json --root {root} --out THIS_FOLDER");
    let apply = "terraform apply handover.plan && rm handover.plan handover-plan.json";
    [plan.to_owned(), format!("{proof} && {apply}")].into_iter()
}

const AGAIN: &str = "A second plan is empty: make it, and let the same proof say that it is settled.";

impl Page<'_> {
    pub(super) fn text(&self) -> String {
        let mut steps = vec![self.look()];
        steps.extend(untold::step(&self.desired.aws.region, self.members));
        steps.push(self.prepare());
        if matches!(self.desired.etcd.template, TemplateRef::BuiltIn(_)) {
            steps.push(self.mark());
        }
        if !self.taken.resources.is_empty() {
            steps.push(self.forget());
        }
        if !self.taken.handover.imports.is_empty() {
            steps.push(self.import());
        }
        steps.extend([self.tags(), self.identity(), self.first_plan()]);
        let mut out = format!(
            "# Handing the etcd cluster of `{}` over to rehull\n\n\
             Written by `rehull adopt`, which has changed nothing. Every step may be done a second time without harm, and until the first\n\
             `rehull apply` every step can be taken back, as the end of this page says. Let nobody else apply the old root module meanwhile.\n\
             Names of files are relative to this folder.\n",
            self.desired.cluster
        );
        for (index, step) in steps.iter().enumerate() {
            out.push_str(&format!("\n## {}. {step}", index.saturating_add(1)));
        }
        out.push_str(&back::text(self));
        for note in self.notes {
            out.push_str(&format!(
                "\n## Note: {}\n\n{}. Later: {}.\n",
                note.looks,
                upper(note.why),
                note.way
            ));
        }
        out
    }

    fn look(&self) -> String {
        let slots = self.desired.etcd.slots.iter();
        let rows = lines(slots.map(|slot| format!("{}  {}", slot.name, slot.peer_url())));
        format!(
            "Look\n\n    etcdctl member list --hex -w json\n\n\
             `cluster_id` is `{}`, every member is `started`, and names and peer URLs are exactly these:\n\n{rows}\n\
             A peer URL that names a host is changed first, one member at a time: `etcdctl member update ID --peer-urls=…`. \
             Take a snapshot (`etcdctl snapshot save`) and keep it.\n",
            self.etcd_cluster
        )
    }

    fn prepare(&self) -> String {
        let tls = &self.desired.etcd.machine_tls;
        let keys = lines(self.desired.etcd.slots.iter().map(|slot| {
            let (bucket, prefix) = (&tls.location.bucket, &tls.location.prefix);
            format!("s3://{bucket}/{prefix}{}/{}/", slot.name, tls.revision)
        }));
        format!(
            "Lay the ground\n\n\
             - `{}` goes into your repository; `rehull check` finds no mistake in it.\n\
             - Buckets, roles and the instance profile `{}` exist (modules `artifact-store` and `iam`).\n\
             - Each member's `ca.crt`, `server.crt`, `server.key`, `peer.crt`, `peer.key` lie where its next machine fetches them, \
             made by the authority that the members trust now, with the member's address as a subject alternative name:\n\n{keys}\n\
             - `{}` boots with cloud-init, and has bash, curl 7.88 or newer, iproute2 and e2fsprogs.\n",
            self.cluster_file, self.desired.etcd.machine.instance_profile, self.desired.etcd.machine.image
        )
    }

    /// The boot script takes no volume that somebody else has written on, unless somebody says whose it is.
    fn mark(&self) -> String {
        let mut out = "Say whose the volumes are\n\nThe next machine refuses a volume that holds what is not rehull's. On each machine, \
             with `/var/lib/etcd` replaced by where its data volume is mounted:\n\n"
            .to_owned();
        for slot in &self.desired.etcd.slots {
            out.push_str(&format!(
                "    # on {}\n    printf 'cluster={} slot={}\\n' | sudo tee /var/lib/etcd/.rehull\n",
                slot.name, self.desired.cluster, slot.name
            ));
        }
        out.push_str(
            "\netcd warns of a file that it does not know, and goes on. The file system must lie on the volume itself, without a partition \
             table (`lsblk -f`), and have room for two copies of the data: the next member writes into a folder of its own, and what is \
             there stays until a person deletes it.\n",
        );
        out
    }

    fn forget(&self) -> String {
        let list = lines(self.taken.resources.iter().cloned());
        let again = if self.taken.handover.stays.is_empty() {
            "A second plan is empty. Nothing else was in this module by which it could be known, so the proof then says that it cannot tell (exit \
             code 3): look with `terraform state list`, which lists none of them."
        } else {
            AGAIN
        };
        format!(
            "Take them out of the old root module\n\n\
             Copy `{REMOVED}` there and, in the same change, delete the blocks of\n\n{list}\n\
             Where something refers to them (records, outputs), put the ids of `{}` instead. Then:\n\n\
             \x20   test -e before.tfstate || (umask 077 && terraform state pull > before.tfstate)\n\
             {}\n\
             The proof says that {} objects are forgotten, and nothing is made, changed, replaced or destroyed. {again} `before.tfstate` is the \
             way back and holds secrets: keep it where only you can read it, and delete it after the first rollout.\n",
            self.cluster_file,
            lines(proven("old")),
            self.taken.handover.forgets.len()
        )
    }

    fn import(&self) -> String {
        format!(
            "Take addresses and disks into a root module of their own\n\n\
             `{PARTS}` has them as they are, with rehull's tags. Put it beside your other root modules with a `state.s3.tfbackend`. Then, in it:\n\n\
             \x20   terraform init -backend-config=state.s3.tfbackend\n\
             {}\n\
             The proof says that {} objects are imported and change in nothing but tags. {AGAIN}\n",
            lines(proven("new")),
            self.taken.handover.imports.len()
        )
    }

    fn tags(&self) -> String {
        let region = &self.desired.aws.region;
        let cluster = &self.desired.cluster;
        let mut out = "Name the machines\n\nrehull sees machines by their tags, and changes only what carries them:\n\n".to_owned();
        for (name, machine) in machines(self.members) {
            out.push_str(&format!(
                "    aws ec2 create-tags --region {region} --resources {machine} --tags Key={},Value={cluster} Key={},Value={name} Key={},Value={ADOPTED}\n",
                tag::CLUSTER, tag::SLOT, tag::GO
            ));
        }
        for slot in &self.desired.etcd.slots {
            let parts = [
                ("aws_network_interface", slot.interface.as_str()),
                ("aws_ebs_volume", slot.volume.as_str()),
            ];
            for (kind, id) in parts {
                // Those that are imported get their tags by Terraform.
                if !self
                    .taken
                    .handover
                    .imports
                    .contains_key(&import_address(kind, slot.name.as_str()))
                {
                    out.push_str(&format!(
                        "    aws ec2 create-tags --region {region} --resources {id} --tags Key={},Value={cluster} Key={},Value={}\n",
                        tag::CLUSTER, tag::SLOT, slot.name
                    ));
                }
            }
        }
        out
    }

    fn identity(&self) -> String {
        let put = match &self.desired.store {
            StoreLocation::S3(at) => format!(
                "aws s3api put-object --region {} --bucket {} --key {}{IDENTITY} --body identity.json --if-none-match '*'",
                self.desired.aws.region, at.bucket, at.prefix
            ),
            StoreLocation::Local { path } => format!("cp -n identity.json {path}/{IDENTITY}"),
        };
        format!(
            "Record which cluster it is\n\n\
             Every command of rehull compares the cluster that it meets with this record. It is written only where there is none: a second \
             try fails, and changes nothing:\n\n    {put}\n"
        )
    }

    fn first_plan(&self) -> String {
        let file = self.cluster_file;
        format!(
            "See the first plan\n\n    rehull etcd status {file}\n    rehull plan {file}\n\n\
             It replaces every machine, because nobody knows what the present ones were booted with: begin with the version that runs now or \
             a patch of it ({}), and let the minor version be the second rollout. The old machines do not know rehull's request to stop: each \
             is terminated `stopDeadline` after it, with leadership moved away before, and its own shutdown ends etcd. Then \
             `rehull apply {file}`, as ever.\n",
            self.desired.etcd.version
        )
    }
}

fn upper(text: &str) -> String {
    let mut letters = text.chars();
    let first = letters.next().map(|letter| letter.to_uppercase().to_string());
    format!("{}{}", first.unwrap_or_default(), letters.as_str())
}
