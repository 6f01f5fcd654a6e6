# Launch template versions and nothing else: this is all that an upgrade plans and applies, and it reads no other state, so
# that what is pending elsewhere cannot block it. Its input is what rehull renders; its plan is `update` on launch templates.

module "etcd" {
  source   = "../../../modules/launch-template"
  for_each = var.etcd_launch_templates

  cluster          = var.cluster
  launch_template  = each.value
  tags             = { "rehull:slot" = each.key }
  tags_in_metadata = true
}

module "group" {
  source   = "../../../modules/launch-template"
  for_each = var.group_launch_templates

  cluster          = var.cluster
  launch_template  = each.value
  tags             = { "rehull:group" = each.key }
  tags_in_metadata = false
}
