output "etcd_launch_templates" {
  description = "Launch template of each etcd slot: id, name, number and content digest of the newest version. For people: rehull asks EC2."
  value = { for slot, made in module.etcd : slot => {
    id             = made.id
    name           = made.name
    version        = made.latest_version
    content_digest = made.content_digest
  } }
}

output "group_launch_templates" {
  description = "The same of each group. Read by `groups`."
  value = { for group, made in module.group : group => {
    id             = made.id
    name           = made.name
    version        = made.latest_version
    content_digest = made.content_digest
  } }
}
