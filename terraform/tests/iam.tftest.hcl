mock_provider "aws" {
  source = "./tests/mocks"
}

variables {
  cluster           = "dev"
  region            = "ap-northeast-1"
  machine_role_path = "/rehull/dev/machine/"
  machine_roles = {
    etcd   = { secret_prefixes = ["etcd/"] }
    worker = { secret_prefixes = ["worker/"] }
  }
  locations = {
    store       = { bucket = "rehull-dev", prefix = "store/" }
    artefacts   = { bucket = "rehull-dev", prefix = "artefacts/" }
    snapshots   = { bucket = "rehull-dev-snapshots", prefix = "etcd/" }
    machine_tls = { bucket = "rehull-dev-secrets", prefix = "etcd/" }
    client_tls  = { bucket = "rehull-dev-secrets", prefix = "rehull/" }
  }
  kms_key_arns = {
    main      = "arn:aws:kms:ap-northeast-1:111122223333:key/main"
    snapshots = "arn:aws:kms:ap-northeast-1:111122223333:key/snapshots"
    secrets   = "arn:aws:kms:ap-northeast-1:111122223333:key/secrets"
  }
  terraform_state = { bucket = "rehull-dev-terraform", templates_key = "dev/templates.tfstate" }
}

run "a_machine_reads_binaries_and_its_own_roles_certificates" {
  module {
    source = "./modules/iam"
  }

  assert {
    condition = toset(flatten([for statement in data.aws_iam_policy_document.machine["worker"].statement : statement.resources if contains(statement.actions, "s3:GetObject")])) == toset([
      "arn:aws:s3:::rehull-dev/artefacts/sha256/*",
      "arn:aws:s3:::rehull-dev-secrets/worker/*",
    ])
    error_message = "A worker reads other objects than these."
  }

  assert {
    condition     = flatten([for statement in data.aws_iam_policy_document.machine["etcd"].statement : tolist(statement.resources) if contains(statement.actions, "s3:PutObject")]) == ["arn:aws:s3:::rehull-dev/artefacts/boot/dev/*"]
    error_message = "A machine writes more than its boot report."
  }

  assert {
    condition     = alltrue([for role in aws_iam_role.machine : role.path == "/rehull/dev/machine/"])
    error_message = "The buckets would not know a machine's role."
  }

  assert {
    condition     = !contains(flatten([for policy in data.aws_iam_policy_document.machine : [for statement in policy.statement : tolist(statement.resources)]]), "arn:aws:kms:ap-northeast-1:111122223333:key/snapshots")
    error_message = "A machine could decrypt snapshots."
  }
}

run "looking_changes_nothing" {
  module {
    source = "./modules/iam"
  }

  assert {
    condition = alltrue([for action in flatten([for statement in data.aws_iam_policy_document.observe.statement : tolist(statement.actions)]) :
      anytrue([for verb in ["autoscaling:Describe", "ec2:Describe", "elasticloadbalancing:Describe", "s3:Get", "s3:List", "kms:Decrypt"] : startswith(action, verb)])
    ])
    error_message = "A pull request could change something."
  }
}

run "nobody_reads_snapshots" {
  module {
    source = "./modules/iam"
  }

  assert {
    condition = alltrue([for policy in concat([data.aws_iam_policy_document.observe, data.aws_iam_policy_document.change], values(data.aws_iam_policy_document.machine)) :
      alltrue([for statement in policy.statement :
        !anytrue([for resource in statement.resources : startswith(resource, "arn:aws:s3:::rehull-dev-snapshots") || endswith(resource, "key/snapshots")]) ||
        length(setsubtract(statement.actions, ["s3:PutObject", "kms:GenerateDataKey"])) == 0
      ])
    ])
    error_message = "A snapshot holds every secret of the cluster, and somebody may read it."
  }
}

run "rehull_ends_and_moves_only_this_clusters_things" {
  module {
    source = "./modules/iam"
  }

  assert {
    condition = alltrue([for statement in data.aws_iam_policy_document.change.statement :
      anytrue([for condition in statement.condition : condition.variable == "aws:ResourceTag/rehull:cluster" && condition.values == tolist(["dev"])])
      if length(setintersection(statement.actions, ["ec2:TerminateInstances", "ec2:AttachVolume", "ec2:DetachVolume", "ec2:AttachNetworkInterface", "ec2:DetachNetworkInterface", "ec2:CreateLaunchTemplateVersion", "autoscaling:UpdateAutoScalingGroup", "autoscaling:TerminateInstanceInAutoScalingGroup", "autoscaling:SuspendProcesses", "autoscaling:ResumeProcesses", "elasticloadbalancing:DeregisterTargets"])) > 0
    ])
    error_message = "Another cluster's machine could be ended or robbed."
  }
}

run "rehull_gives_away_machine_roles_only" {
  module {
    source = "./modules/iam"
  }

  assert {
    condition = alltrue([for statement in data.aws_iam_policy_document.change.statement :
      !contains(statement.resources, "*") && one(statement.condition).variable == "iam:PassedToService"
      if contains(statement.actions, "iam:PassRole")
    ])
    error_message = "Any role could be passed to a machine."
  }
}

run "a_plan_writes_the_lock_and_nothing_else" {
  module {
    source = "./modules/iam"
  }

  assert {
    condition     = toset(flatten([for statement in data.aws_iam_policy_document.terraform_plan.statement : statement.resources if contains(statement.actions, "s3:PutObject")])) == toset(["arn:aws:s3:::rehull-dev-terraform/dev/templates.tfstate.tflock"])
    error_message = "A pull request could write the state."
  }
}

run "a_prefix_without_its_slash_is_refused" {
  command = plan

  module {
    source = "./modules/iam"
  }

  variables {
    machine_roles = { etcd = { secret_prefixes = ["etcd"] } }
  }

  expect_failures = [var.machine_roles]
}
