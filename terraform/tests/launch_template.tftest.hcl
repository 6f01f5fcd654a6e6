mock_provider "aws" {
  source = "./tests/mocks"
}

variables {
  cluster          = "dev"
  tags_in_metadata = true
  tags             = { "rehull:slot" = "etcd-a" }
  launch_template = {
    name               = "dev-etcd-a"
    content_digest     = "sha256:1111111111111111111111111111111111111111111111111111111111111111"
    image_id           = "ami-8acc23d5688586c15"
    instance_type      = "m6i.large"
    instance_profile   = "dev-etcd"
    security_group_ids = ["sg-b240d1d7f1d810eae"]
    subnet_id          = "subnet-56bdf0204ff9d445e"
    user_data          = "#cloud-config\n"
  }
}

run "the_description_is_how_rehull_knows_a_version" {
  module {
    source = "./modules/launch-template"
  }

  assert {
    condition     = aws_launch_template.this.description == "rehull sha256:1111111111111111111111111111111111111111111111111111111111111111"
    error_message = "rehull would not find its version."
  }

  assert {
    condition     = base64decode(aws_launch_template.this.user_data) == "#cloud-config\n"
    error_message = "The machine would boot something else than what was rendered."
  }

  assert {
    condition     = output.latest_version == 7
    error_message = "The number of the newest version is not told."
  }
}

run "a_new_content_is_a_new_version_of_the_same_template" {
  module {
    source = "./modules/launch-template"
  }

  variables {
    launch_template = {
      name               = "dev-etcd-a"
      content_digest     = "sha256:2222222222222222222222222222222222222222222222222222222222222222"
      image_id           = "ami-8acc23d5688586c15"
      instance_type      = "m6i.large"
      instance_profile   = "dev-etcd"
      security_group_ids = ["sg-b240d1d7f1d810eae"]
      subnet_id          = "subnet-56bdf0204ff9d445e"
      user_data          = "#cloud-config\n# another\n"
    }
  }

  assert {
    condition     = aws_launch_template.this.id == run.the_description_is_how_rehull_knows_a_version.id
    error_message = "The template was replaced: its former versions, and the way back, would be gone."
  }

  assert {
    condition     = aws_launch_template.this.update_default_version == false
    error_message = "The default version moves with every change."
  }
}

run "keys_of_the_role_are_behind_a_session_token" {
  command = plan

  module {
    source = "./modules/launch-template"
  }

  assert {
    condition     = one(aws_launch_template.this.metadata_options).http_tokens == "required" && one(aws_launch_template.this.metadata_options).http_put_response_hop_limit == 1
    error_message = "IMDSv1 answers, or the metadata service answers containers."
  }

  assert {
    condition     = one(aws_launch_template.this.metadata_options).instance_metadata_tags == "enabled"
    error_message = "An etcd machine cannot read what it is for."
  }
}

run "tags_with_a_slash_need_metadata_without_tags" {
  command = plan

  module {
    source = "./modules/launch-template"
  }

  variables {
    tags_in_metadata = false
  }

  assert {
    condition     = one(aws_launch_template.this.metadata_options).instance_metadata_tags == "disabled"
    error_message = "EC2 would refuse to launch a machine with kubernetes.io/cluster/… in its tags."
  }
}

run "user_data_of_16384_bytes_is_taken" {
  command = plan

  module {
    source = "./modules/launch-template"
  }

  variables {
    launch_template = {
      name               = "dev-etcd-a"
      content_digest     = "sha256:1111111111111111111111111111111111111111111111111111111111111111"
      image_id           = "ami-8acc23d5688586c15"
      instance_type      = "m6i.large"
      instance_profile   = "dev-etcd"
      security_group_ids = ["sg-b240d1d7f1d810eae"]
      user_data          = join("", [for n in range(1024) : "0123456789abcdef"])
    }
  }

  assert {
    condition     = length(aws_launch_template.this.user_data) == 21848
    error_message = "The text of this test has another length."
  }
}

run "user_data_of_16385_bytes_is_refused" {
  command = plan

  module {
    source = "./modules/launch-template"
  }

  variables {
    launch_template = {
      name               = "dev-etcd-a"
      content_digest     = "sha256:1111111111111111111111111111111111111111111111111111111111111111"
      image_id           = "ami-8acc23d5688586c15"
      instance_type      = "m6i.large"
      instance_profile   = "dev-etcd"
      security_group_ids = ["sg-b240d1d7f1d810eae"]
      user_data          = "${join("", [for n in range(1024) : "0123456789abcdef"])}!"
    }
  }

  expect_failures = [var.launch_template]
}

run "an_image_that_is_not_pinned_is_refused" {
  command = plan

  module {
    source = "./modules/launch-template"
  }

  variables {
    launch_template = {
      name               = "dev-etcd-a"
      content_digest     = "sha256:1111111111111111111111111111111111111111111111111111111111111111"
      image_id           = "resolve:ssm:/aws/service/ami"
      instance_type      = "m6i.large"
      instance_profile   = "dev-etcd"
      security_group_ids = ["sg-b240d1d7f1d810eae"]
      user_data          = "#cloud-config\n"
    }
  }

  expect_failures = [var.launch_template]
}
