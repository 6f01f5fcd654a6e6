# The shell of the control plane's group. Which version it launches and how many machines it has is rehull's from the first
# minute on: a plan of this state is empty before, during and after a rollout.

resource "aws_autoscaling_group" "this" {
  name                = var.name
  vpc_zone_identifier = var.subnet_ids
  min_size            = var.initial_size
  max_size            = var.initial_size
  desired_capacity    = var.initial_size
  target_group_arns   = var.target_group_arns

  # Never "ELB": every apiserver answers "not ready" while etcd has no quorum, and the group would end all of them at once
  # just when somebody needs them.
  health_check_type         = "EC2"
  health_check_grace_period = var.health_check_grace_seconds

  # Whatever else replaces a machine here (a lost zone, a retired host) adds the new one first.
  instance_maintenance_policy {
    min_healthy_percentage = 100
    max_healthy_percentage = 200
  }

  # rehull waits for machines, with better reasons than a count; Terraform would taint the group when a launch fails.
  wait_for_capacity_timeout = "0"

  launch_template {
    id      = var.launch_template.id
    version = tostring(var.launch_template.version)
  }

  dynamic "tag" {
    for_each = local.tags

    content {
      key                 = tag.key
      value               = tag.value.value
      propagate_at_launch = tag.value.on_machines
    }
  }

  lifecycle {
    prevent_destroy = true

    # What rehull owns: the version on the plain and on the mixed-instances path, all sizes, and what it suspends while it
    # works.
    ignore_changes = [
      launch_template[0].version,
      mixed_instances_policy[0].launch_template[0].launch_template_specification[0].version,
      desired_capacity,
      min_size,
      max_size,
      suspended_processes,
    ]
  }
}

locals {
  # `rehull:cluster` stays off the machines: on an instance it says "an etcd slot", and one without a slot stops rehull.
  tags = merge(
    { for key, value in var.tags : key => { value = value, on_machines = true } },
    {
      Name             = { value = var.name, on_machines = true }
      "rehull:group"   = { value = var.name, on_machines = true }
      "rehull:cluster" = { value = var.cluster, on_machines = false }
    },
  )
}
