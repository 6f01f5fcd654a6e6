# What rehull owns on a group is not Terraform's: after a rollout, in the middle of one, and whatever the autoscaler did.

mock_provider "aws" {
  source = "./tests/mocks"
}

variables {
  cluster           = "dev"
  name              = "dev-workers"
  subnet_ids        = ["subnet-a", "subnet-b", "subnet-c"]
  initial_size      = { min = 3, desired = 3, max = 6 }
  launch_template   = { id = "lt-00000000000000000", version = 1 }
  target_group_arns = ["arn:aws:elasticloadbalancing:ap-northeast-1:111122223333:targetgroup/dev-api/0000000000000000"]
}

run "workers_are_made_with_the_version_they_are_given" {
  module {
    source = "./modules/worker-group"
  }

  assert {
    condition     = one(aws_autoscaling_group.this.launch_template).version == "1" && length(aws_autoscaling_group.this.mixed_instances_policy) == 0
    error_message = "The group does not launch version 1 of its template."
  }
}

run "afterwards_version_and_sizes_of_workers_are_left_alone" {
  command = plan

  module {
    source = "./modules/worker-group"
  }

  variables {
    initial_size    = { min = 1, desired = 2, max = 9 }
    launch_template = { id = "lt-00000000000000000", version = 2 }
  }

  assert {
    condition     = one(aws_autoscaling_group.this.launch_template).version == "1"
    error_message = "Terraform would move the group to another version."
  }

  assert {
    condition     = aws_autoscaling_group.this.min_size == 3 && aws_autoscaling_group.this.desired_capacity == 3 && aws_autoscaling_group.this.max_size == 6
    error_message = "Terraform would change the group's sizes."
  }
}

run "a_mixed_group_is_made_with_the_version_it_is_given" {
  module {
    source = "./modules/worker-group"
  }

  state_key = "mixed"

  variables {
    mixed_instances = { instance_types = ["m6i.large", "m6a.large"], on_demand_percent_above_base = 0 }
  }

  assert {
    condition     = one(one(one(aws_autoscaling_group.this.mixed_instances_policy).launch_template).launch_template_specification).version == "1"
    error_message = "The group does not launch version 1 of its template."
  }

  assert {
    condition     = length(aws_autoscaling_group.this.launch_template) == 0
    error_message = "EC2 takes one of both paths only."
  }
}

run "afterwards_the_version_of_a_mixed_group_is_left_alone" {
  command = plan

  module {
    source = "./modules/worker-group"
  }

  state_key = "mixed"

  variables {
    mixed_instances = { instance_types = ["m6i.large", "m6a.large"], on_demand_percent_above_base = 0 }
    launch_template = { id = "lt-00000000000000000", version = 2 }
  }

  assert {
    condition     = one(one(one(aws_autoscaling_group.this.mixed_instances_policy).launch_template).launch_template_specification).version == "1"
    error_message = "Terraform would move the group to another version."
  }
}

run "the_control_plane_is_made_with_the_version_it_is_given" {
  module {
    source = "./modules/control-plane-group"
  }

  state_key = "control-plane"

  variables {
    initial_size = 3
  }

  assert {
    condition     = aws_autoscaling_group.this.health_check_type == "EC2"
    error_message = "A lost quorum of etcd would end every apiserver."
  }
}

run "afterwards_version_and_sizes_of_the_control_plane_are_left_alone" {
  command = plan

  module {
    source = "./modules/control-plane-group"
  }

  state_key = "control-plane"

  variables {
    initial_size    = 5
    launch_template = { id = "lt-00000000000000000", version = 2 }
  }

  assert {
    condition     = one(aws_autoscaling_group.this.launch_template).version == "1" && aws_autoscaling_group.this.max_size == 3
    error_message = "Terraform would change what rehull owns."
  }
}

run "the_clusters_tag_is_on_the_group_and_not_on_its_machines" {
  command = plan

  module {
    source = "./modules/worker-group"
  }

  assert {
    condition = alltrue([for tag in aws_autoscaling_group.this.tag : tag.propagate_at_launch == (tag.key != "rehull:cluster")])

    error_message = "rehull would take a worker for an etcd machine without a slot, and stop."
  }
}

run "a_floating_version_is_refused" {
  command = plan

  module {
    source = "./modules/worker-group"
  }

  variables {
    launch_template = { id = "lt-00000000000000000", version = 0 }
  }

  expect_failures = [var.launch_template]
}

run "a_tag_of_rehull_cannot_be_set_by_hand" {
  command = plan

  module {
    source = "./modules/worker-group"
  }

  variables {
    tags = { "rehull:slot" = "etcd-a" }
  }

  expect_failures = [var.tags]
}
