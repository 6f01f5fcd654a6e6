# What outlives an etcd machine. A slot is a member's name, its address and its disk: rehull moves both from machine to
# machine, so that clients, peers and certificates never notice. Terraform makes the parts and never attaches them.

locals {
  # rehull finds the parts by these keys and refuses a volume that says another cluster.
  tags = { for name in keys(var.slots) : name => {
    Name             = "${var.cluster}-${name}"
    "rehull:cluster" = var.cluster
    "rehull:slot"    = name
  } }
}

resource "aws_network_interface" "slot" {
  for_each = var.slots

  description     = "etcd member ${each.key} of ${var.cluster}"
  subnet_id       = each.value.subnet_id
  private_ips     = [each.value.address]
  security_groups = [aws_security_group.members.id]

  tags = local.tags[each.key]

  lifecycle {
    # A new interface is a new MAC and, in between, a member without an address. Another address is another member.
    prevent_destroy = true
  }
}

resource "aws_ebs_volume" "slot" {
  for_each = var.slots

  availability_zone = each.value.zone
  type              = var.volume.type
  size              = var.volume.size_gib
  iops              = var.volume.iops
  throughput        = var.volume.type == "gp3" ? var.volume.throughput_mib : null
  encrypted         = true
  kms_key_id        = var.volume.kms_key_arn

  tags = local.tags[each.key]

  lifecycle {
    # The member's data. Growing works in place; everything else that would make a new disk is refused here already.
    prevent_destroy = true

    # rehull counts a member's data directories in this tag before it attaches the volume.
    ignore_changes = [tags["rehull:generation"], tags_all["rehull:generation"]]
  }
}
