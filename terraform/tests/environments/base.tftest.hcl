# Run in each environment's own folder with its own data.

mock_provider "aws" {
  source = "./tests/mocks"
}

run "the_cluster_file_can_be_written_from_the_output" {
  assert {
    condition     = length(output.cluster_file.etcd.slots) == length([for slot in var.etcd.slots : slot if !slot.spare])
    error_message = "A slot is missing."
  }

  assert {
    condition     = alltrue([for slot in output.cluster_file.etcd.slots : slot.subnet == output.subnet_ids[slot.zone]])
    error_message = "A slot is not in its zone's subnet."
  }

  assert {
    condition     = output.cluster_file.etcd.instanceProfile == "${var.cluster}-etcd"
    error_message = "The etcd machines have another kind's profile."
  }

  assert {
    condition     = output.cluster_file.snapshots.bucket != output.cluster_file.artefacts.bucket
    error_message = "Snapshots lie where machines read."
  }
}
