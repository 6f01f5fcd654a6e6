mock_provider "aws" {
  source = "./tests/mocks"
}

variables {
  cluster           = "dev"
  bucket_name       = "rehull-dev"
  machine_role_path = "/rehull/dev/machine/"
}

run "every_bucket_is_private_encrypted_and_versioned" {
  module {
    source = "./modules/artifact-store"
  }

  assert {
    condition     = toset([for bucket in aws_s3_bucket.this : bucket.bucket]) == toset(["rehull-dev", "rehull-dev-snapshots", "rehull-dev-secrets"])
    error_message = "Other buckets than the three."
  }

  assert {
    condition     = alltrue([for block in aws_s3_bucket_public_access_block.this : block.block_public_acls && block.block_public_policy && block.ignore_public_acls && block.restrict_public_buckets])
    error_message = "A bucket could be opened to the public."
  }

  assert {
    condition     = alltrue([for versions in aws_s3_bucket_versioning.this : one(versions.versioning_configuration).status == "Enabled"])
    error_message = "What is overwritten would be lost."
  }

  assert {
    condition     = alltrue([for rule in aws_s3_bucket_server_side_encryption_configuration.this : one(one(rule.rule).apply_server_side_encryption_by_default).sse_algorithm == "aws:kms"])
    error_message = "A bucket has no key of its own."
  }
}

run "every_bucket_takes_encrypted_connections_only" {
  module {
    source = "./modules/artifact-store"
  }

  assert {
    condition = alltrue([for policy in data.aws_iam_policy_document.bucket : anytrue([for statement in policy.statement :
      statement.effect == "Deny" && one(statement.condition).variable == "aws:SecureTransport" if statement.sid == "OnlyEncryptedConnections"
    ])])
    error_message = "A bucket answers without TLS."
  }
}

run "artefacts_and_snapshots_are_written_once_and_the_store_conditionally" {
  module {
    source = "./modules/artifact-store"
  }

  assert {
    condition = anytrue([for statement in data.aws_iam_policy_document.bucket["main"].statement :
      statement.effect == "Deny" && contains(statement.resources, "arn:aws:s3:::rehull-dev/artefacts/sha256/*") &&
      contains([for condition in statement.condition : condition.variable], "s3:if-none-match")
      if statement.sid == "WrittenOnce"
    ])
    error_message = "An artefact could be written over."
  }

  assert {
    condition = anytrue([for statement in data.aws_iam_policy_document.bucket["main"].statement :
      statement.effect == "Deny" && contains(statement.resources, "arn:aws:s3:::rehull-dev/store/*") &&
      toset([for condition in statement.condition : condition.variable]) == toset(["s3:if-match", "s3:if-none-match", "s3:ObjectCreationOperation"])
      if statement.sid == "WrittenConditionally"
    ])
    error_message = "The journal could be written without a fence."
  }

  assert {
    condition     = contains([for statement in data.aws_iam_policy_document.bucket["snapshots"].statement : statement.sid], "WrittenOnce")
    error_message = "A snapshot could be written over."
  }
}

run "no_machine_reads_snapshots_or_the_store" {
  module {
    source = "./modules/artifact-store"
  }

  assert {
    condition = alltrue([for purpose, resource in { main = "arn:aws:s3:::rehull-dev/store/*", snapshots = "arn:aws:s3:::rehull-dev-snapshots/*" } :
      anytrue([for statement in data.aws_iam_policy_document.bucket[purpose].statement :
        statement.effect == "Deny" && contains(statement.actions, "s3:*") && contains(statement.resources, resource) &&
        one(statement.condition).values == tolist(["arn:aws:iam::111122223333:role/rehull/dev/machine/*"])
        if statement.sid == "ClosedToMachines"
      ])
    ])
    error_message = "A machine's role could read what it must not."
  }
}

run "prefixes_that_overlap_are_refused" {
  command = plan

  module {
    source = "./modules/artifact-store"
  }

  variables {
    prefixes = { store = "artefacts/store/" }
  }

  expect_failures = [var.prefixes]
}

run "the_root_path_of_roles_is_refused" {
  command = plan

  module {
    source = "./modules/artifact-store"
  }

  variables {
    machine_role_path = "/"
  }

  expect_failures = [var.machine_role_path]
}
