output "slots" {
  description = "The slots in the words of the cluster file, to be copied below `etcd.slots` (and `etcd.spare`)."
  value = { for name, slot in var.slots : name => {
    name           = name
    zone           = slot.zone
    subnet         = slot.subnet_id
    interface      = aws_network_interface.slot[name].id
    volume         = aws_ebs_volume.slot[name].id
    address        = slot.address
    launchTemplate = "${var.cluster}-${name}"
  } }
}

output "security_group_id" {
  description = "Security group of the members: `etcd.securityGroups` of the cluster file."
  value       = aws_security_group.members.id
}
