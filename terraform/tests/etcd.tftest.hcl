mock_provider "aws" {
  source = "./tests/mocks"
}

variables {
  cluster = "dev"
  vpc_id  = "vpc-00000000000000000"
  volume  = { size_gib = 32 }
  slots = {
    etcd-a = { zone = "ap-northeast-1a", subnet_id = "subnet-a", address = "10.0.1.10" }
    etcd-b = { zone = "ap-northeast-1c", subnet_id = "subnet-b", address = "10.0.2.10" }
    etcd-c = { zone = "ap-northeast-1d", subnet_id = "subnet-c", address = "10.0.3.10" }
  }
}

run "a_slot_is_an_interface_and_an_encrypted_volume_in_one_zone" {
  command = plan

  module {
    source = "./modules/etcd"
  }

  assert {
    condition     = alltrue([for volume in aws_ebs_volume.slot : volume.encrypted])
    error_message = "A volume is not encrypted."
  }

  assert {
    condition     = aws_ebs_volume.slot["etcd-b"].availability_zone == "ap-northeast-1c" && aws_network_interface.slot["etcd-b"].subnet_id == "subnet-b"
    error_message = "The parts of etcd-b are not where the slot is."
  }

  assert {
    condition     = one(aws_network_interface.slot["etcd-c"].private_ips) == "10.0.3.10"
    error_message = "The interface of etcd-c does not carry the member's address."
  }
}

run "rehull_finds_both_parts_by_their_tags" {
  command = plan

  module {
    source = "./modules/etcd"
  }

  assert {
    condition = alltrue([for name, tags in merge(
      { for name, part in aws_ebs_volume.slot : "volume/${name}" => part.tags },
      { for name, part in aws_network_interface.slot : "interface/${name}" => part.tags },
      ) :
      tags["rehull:cluster"] == "dev" && tags["rehull:slot"] == split("/", name)[1]
    ])
    error_message = "A part does not say whose it is."
  }
}

run "the_output_speaks_the_words_of_the_cluster_file" {
  command = apply

  module {
    source = "./modules/etcd"
  }

  assert {
    condition     = keys(output.slots["etcd-a"]) == ["address", "interface", "launchTemplate", "name", "subnet", "volume", "zone"]
    error_message = "The keys are not those of `etcd.slots`."
  }

  assert {
    condition     = output.slots["etcd-a"].volume == aws_ebs_volume.slot["etcd-a"].id && output.slots["etcd-a"].launchTemplate == "dev-etcd-a"
    error_message = "The output names other parts than those that were made."
  }
}

run "two_members_are_refused" {
  command = plan

  module {
    source = "./modules/etcd"
  }

  variables {
    slots = {
      etcd-a = { zone = "ap-northeast-1a", subnet_id = "subnet-a", address = "10.0.1.10" }
      etcd-b = { zone = "ap-northeast-1c", subnet_id = "subnet-b", address = "10.0.2.10" }
    }
  }

  expect_failures = [var.slots]
}

run "a_zone_that_holds_the_quorum_is_refused" {
  command = plan

  module {
    source = "./modules/etcd"
  }

  variables {
    slots = {
      etcd-a = { zone = "ap-northeast-1a", subnet_id = "subnet-a", address = "10.0.1.10" }
      etcd-b = { zone = "ap-northeast-1a", subnet_id = "subnet-a", address = "10.0.1.11" }
      etcd-c = { zone = "ap-northeast-1d", subnet_id = "subnet-c", address = "10.0.3.10" }
    }
  }

  expect_failures = [var.slots]
}

run "a_spare_is_not_counted_as_a_member" {
  command = plan

  module {
    source = "./modules/etcd"
  }

  variables {
    slots = {
      etcd-a = { zone = "ap-northeast-1a", subnet_id = "subnet-a", address = "10.0.1.10" }
      etcd-b = { zone = "ap-northeast-1c", subnet_id = "subnet-b", address = "10.0.2.10" }
      etcd-c = { zone = "ap-northeast-1d", subnet_id = "subnet-c", address = "10.0.3.10" }
      etcd-s = { zone = "ap-northeast-1a", subnet_id = "subnet-a", address = "10.0.1.20", spare = true }
    }
  }

  assert {
    condition     = length(aws_ebs_volume.slot) == 4
    error_message = "The spare has no volume."
  }
}

run "the_whole_internet_is_no_client" {
  command = plan

  module {
    source = "./modules/etcd"
  }

  variables {
    client_cidrs = { everybody = "0.0.0.0/0" }
  }

  expect_failures = [var.client_cidrs]
}
