# The shell of one group of workers, of one instance type or of several. Which version it launches and how many machines it
# has belongs to rehull and to the autoscaler: a plan of this state is empty before, during and after a rollout.

resource "aws_autoscaling_group" "this" {
  name                = var.name
  vpc_zone_identifier = var.subnet_ids
  min_size            = var.initial_size.min
  max_size            = var.initial_size.max
  desired_capacity    = var.initial_size.desired
  capacity_rebalance  = local.is_mixed ? var.mixed_instances.capacity_rebalance : false

  health_check_type         = "EC2"
  health_check_grace_period = var.health_check_grace_seconds

  # Whatever else replaces a machine here (a lost zone, a retired host) adds the new one first.
  instance_maintenance_policy {
    min_healthy_percentage = 100
    max_healthy_percentage = 200
  }

  # rehull waits for nodes, with better reasons than a count; Terraform would taint the group when a launch fails.
  wait_for_capacity_timeout = "0"

  dynamic "launch_template" {
    for_each = local.is_mixed ? [] : [var.launch_template]

    content {
      id      = launch_template.value.id
      version = tostring(launch_template.value.version)
    }
  }

  dynamic "mixed_instances_policy" {
    for_each = local.is_mixed ? [var.mixed_instances] : []

    content {
      instances_distribution {
        on_demand_base_capacity                  = mixed_instances_policy.value.on_demand_base
        on_demand_percentage_above_base_capacity = mixed_instances_policy.value.on_demand_percent_above_base
        spot_allocation_strategy                 = "price-capacity-optimized"
      }

      launch_template {
        launch_template_specification {
          launch_template_id = var.launch_template.id
          version            = tostring(var.launch_template.version)
        }

        dynamic "override" {
          for_each = mixed_instances_policy.value.instance_types

          content {
            instance_type = override.value
          }
        }
      }
    }
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
    # What rehull owns: the version on the plain and on the mixed-instances path, all sizes, and what it suspends while it
    # works. The autoscaler moves `desired_capacity`, too.
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

# A hook holds a machine until somebody says that it is done. Whose job that is stands in the cluster file; a hook that
# nobody answers only delays.
resource "aws_autoscaling_lifecycle_hook" "this" {
  for_each = var.lifecycle_hooks

  name                   = each.key
  autoscaling_group_name = aws_autoscaling_group.this.name
  lifecycle_transition   = "autoscaling:EC2_INSTANCE_${upper(each.value.transition)}"
  heartbeat_timeout      = each.value.heartbeat_seconds
  default_result         = each.value.default_result
}

locals {
  is_mixed = var.mixed_instances != null

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
