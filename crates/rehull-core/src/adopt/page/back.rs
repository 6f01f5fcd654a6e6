//! How each step is taken back, the last one first.

use super::Page;
use crate::adopt::machines;
use crate::adopt::terraform::REMOVED;
use crate::domain::desired::{StoreLocation, TemplateRef};
use crate::domain::fleet::tag;
use crate::journal::keys::IDENTITY;

pub(super) fn text(page: &Page<'_>) -> String {
    let region = &page.desired.aws.region;
    let mut out = "\n## To take steps back\n\nThe last one first, and only before the first `rehull apply`: afterwards a machine is rehull's, and no old state knows it.\n\n".to_owned();
    let record = match &page.desired.store {
        StoreLocation::S3(at) => format!(
            "aws s3api delete-object --region {region} --bucket {} --key {}{IDENTITY}",
            at.bucket, at.prefix
        ),
        StoreLocation::Local { path } => format!("rm {path}/{IDENTITY}"),
    };
    out.push_str(&format!("- The record: `{record}`\n"));
    let ids: Vec<&str> = machines(page.members).map(|(_, machine)| machine).collect();
    let keys = format!("Key={} Key={}", tag::CLUSTER, tag::SLOT);
    out.push_str(&format!(
        "- The names: `aws ec2 delete-tags --region {region} --resources {} --tags {keys} Key={}`\n",
        ids.join(" "),
        tag::GO
    ));
    let slots = page.desired.etcd.slots.iter();
    let parts: Vec<String> = slots
        .map(|slot| format!("{} {}", slot.interface, slot.volume))
        .collect();
    out.push_str(&format!(
        "- Interfaces and volumes: `aws ec2 delete-tags --region {region} --resources {} --tags {keys}`\n",
        parts.join(" ")
    ));
    if !page.taken.handover.imports.is_empty() {
        out.push_str("- The new root module, in it: `terraform state rm aws_network_interface.slot aws_ebs_volume.slot`, which forgets and destroys nothing\n");
    }
    if !page.taken.resources.is_empty() {
        out.push_str(&format!(
            "- The old root module, if nobody has applied it since: put the blocks back, delete its copy of `{REMOVED}`, and \
             `terraform state push -force before.tfstate`; `terraform plan` then says that nothing changes\n"
        ));
    }
    if matches!(page.desired.etcd.template, TemplateRef::BuiltIn(_)) {
        out.push_str("- The volumes: `sudo rm /var/lib/etcd/.rehull` on each machine, where its data volume is mounted\n");
    }
    out
}
