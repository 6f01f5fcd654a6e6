# One role and one profile per kind of machine. All of them live below one path, which the buckets close themselves to.

data "aws_iam_policy_document" "machine_trust" {
  statement {
    sid     = "Instances"
    actions = ["sts:AssumeRole"]

    principals {
      type        = "Service"
      identifiers = ["ec2.amazonaws.com"]
    }
  }
}

data "aws_iam_policy_document" "machine" {
  for_each = var.machine_roles

  statement {
    sid       = "FetchBinaries"
    actions   = ["s3:GetObject"]
    resources = ["${local.objects.artefacts}sha256/*"]
  }

  # Where it stands in its boot. The name of an instance cannot be put into a policy, so the prefix is the cluster's; what
  # stands in a report is checked against the instance that it is about.
  statement {
    sid       = "WriteBootReports"
    actions   = ["s3:PutObject"]
    resources = ["${local.objects.artefacts}boot/${var.cluster}/*"]
  }

  statement {
    sid       = "FetchOwnCertificates"
    actions   = ["s3:GetObject"]
    resources = [for prefix in each.value.secret_prefixes : "${local.buckets.machine_tls}/${prefix}*"]
  }

  statement {
    sid       = "ReadWhatIsEncrypted"
    actions   = ["kms:Decrypt"]
    resources = [var.kms_key_arns.main, var.kms_key_arns.secrets]
  }

  statement {
    sid       = "EncryptBootReports"
    actions   = ["kms:GenerateDataKey"]
    resources = [var.kms_key_arns.main]
  }
}

resource "aws_iam_role" "machine" {
  for_each = var.machine_roles

  name               = "${var.cluster}-${each.key}"
  path               = var.machine_role_path
  description        = "${each.key} machines of ${var.cluster}"
  assume_role_policy = data.aws_iam_policy_document.machine_trust.json
}

resource "aws_iam_role_policy" "machine" {
  for_each = var.machine_roles

  name   = "rehull-machine"
  role   = aws_iam_role.machine[each.key].id
  policy = data.aws_iam_policy_document.machine[each.key].json
}

resource "aws_iam_instance_profile" "machine" {
  for_each = var.machine_roles

  name = "${var.cluster}-${each.key}"
  path = var.machine_role_path
  role = aws_iam_role.machine[each.key].name
}
