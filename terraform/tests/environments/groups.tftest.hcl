# Run in each environment's own folder with its own data.

mock_provider "aws" {
  source = "./tests/mocks"
}

override_data {
  target = data.terraform_remote_state.base
  values = {
    outputs = {
      subnet_ids    = { ap-northeast-1a = "subnet-a", ap-northeast-1c = "subnet-c", ap-northeast-1d = "subnet-d" }
      control_plane = { target_group_arn = "arn:aws:elasticloadbalancing:ap-northeast-1:111122223333:targetgroup/api/0000000000000000" }
    }
  }
}

override_data {
  target = data.terraform_remote_state.templates
  values = {
    outputs = {
      group_launch_templates = {
        control-plane = { id = "lt-00000000000000001", name = "control-plane", version = 3, content_digest = "sha256:1" }
        workers       = { id = "lt-00000000000000002", name = "workers", version = 5, content_digest = "sha256:2" }
      }
    }
  }
}

run "every_group_is_made_and_named_after_its_cluster" {
  assert {
    condition     = output.group_names == { for key in concat(keys(var.control_plane_groups), keys(var.worker_groups)) : key => "${var.cluster}-${key}" }
    error_message = "A group is missing or named after somebody else."
  }
}
