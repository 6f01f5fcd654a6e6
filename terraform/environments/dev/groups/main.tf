# The shells of the groups, made once the first launch template versions exist. Afterwards a plan is empty whatever rehull
# and the autoscaler do with them.

locals {
  base      = data.terraform_remote_state.base.outputs
  templates = data.terraform_remote_state.templates.outputs.group_launch_templates
}

data "terraform_remote_state" "base" {
  backend = "s3"

  config = {
    bucket = var.terraform_state.bucket
    key    = var.terraform_state.base_key
    region = var.region
  }
}

data "terraform_remote_state" "templates" {
  backend = "s3"

  config = {
    bucket = var.terraform_state.bucket
    key    = var.terraform_state.templates_key
    region = var.region
  }
}

module "control_plane" {
  source   = "../../../modules/control-plane-group"
  for_each = var.control_plane_groups

  cluster           = var.cluster
  name              = "${var.cluster}-${each.key}"
  subnet_ids        = [for zone in each.value.zones : local.base.subnet_ids[zone]]
  initial_size      = each.value.initial_size
  target_group_arns = [local.base.control_plane.target_group_arn]
  launch_template   = local.templates[each.key]
  tags              = each.value.tags
}

module "workers" {
  source   = "../../../modules/worker-group"
  for_each = var.worker_groups

  cluster         = var.cluster
  name            = "${var.cluster}-${each.key}"
  subnet_ids      = [for zone in each.value.zones : local.base.subnet_ids[zone]]
  initial_size    = each.value.initial_size
  launch_template = local.templates[each.key]
  mixed_instances = each.value.mixed_instances
  lifecycle_hooks = each.value.lifecycle_hooks
  tags            = each.value.tags
}
