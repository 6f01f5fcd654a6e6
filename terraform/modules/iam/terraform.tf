# Terraform in a pipeline: the state of the launch templates, and nothing of `base` and `groups`. Those are applied by people.

locals {
  state = "arn:${local.partition}:s3:::${var.terraform_state.bucket}"
  # S3 locking puts its lock beside the state (Terraform, backend "s3", `use_lockfile`).
  state_object = "${local.state}/${var.terraform_state.templates_key}"
  state_lock   = "${local.state}/${var.terraform_state.templates_key}.tflock"
}

data "aws_iam_policy_document" "terraform_plan" {
  statement {
    sid       = "FindState"
    actions   = ["s3:ListBucket"]
    resources = [local.state]

    condition {
      test     = "StringLike"
      variable = "s3:prefix"
      values   = ["${var.terraform_state.templates_key}*"]
    }
  }

  statement {
    sid       = "ReadState"
    actions   = ["s3:GetObject"]
    resources = [local.state_object]
  }

  # Planning locks as well: a plan against a half-written state proposes what the other run is just creating.
  statement {
    sid       = "LockState"
    actions   = ["s3:DeleteObject", "s3:GetObject", "s3:PutObject"]
    resources = [local.state_lock]
  }

  statement {
    sid       = "LookAtLaunchTemplates"
    actions   = ["ec2:DescribeLaunchTemplates", "ec2:DescribeLaunchTemplateVersions"]
    resources = ["*"]
  }
}

data "aws_iam_policy_document" "terraform_apply" {
  source_policy_documents = [data.aws_iam_policy_document.terraform_plan.json]

  statement {
    sid       = "WriteState"
    actions   = ["s3:PutObject"]
    resources = [local.state_object]
  }
}

resource "aws_iam_policy" "terraform_plan" {
  name        = "${var.cluster}-terraform-plan"
  description = "Plan the launch templates of ${var.cluster}"
  policy      = data.aws_iam_policy_document.terraform_plan.json
}

# Together with rehull's own policy, which may make launch template versions. What it may not do is as important: no deletes.
resource "aws_iam_policy" "terraform_apply" {
  name        = "${var.cluster}-terraform-apply"
  description = "Apply the launch templates of ${var.cluster}"
  policy      = data.aws_iam_policy_document.terraform_apply.json
}
