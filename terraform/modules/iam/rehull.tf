# rehull itself, in two halves: looking, which a pull request may do, and changing, which only an approved run may.

data "aws_iam_policy_document" "observe" {
  # Describe calls of EC2 know no resource.
  statement {
    sid = "LookAtMachines"
    actions = [
      "autoscaling:DescribeAutoScalingGroups",
      "autoscaling:DescribeScalingActivities",
      "ec2:DescribeInstances",
      "ec2:DescribeLaunchTemplateVersions",
      "ec2:DescribeNetworkInterfaces",
      "ec2:DescribeVolumes",
      "elasticloadbalancing:DescribeTargetHealth",
    ]
    resources = ["*"]
  }

  statement {
    sid       = "ReadStoreAndArtefacts"
    actions   = ["s3:GetObject"]
    resources = ["${local.objects.store}*", "${local.objects.artefacts}*"]
  }

  # Without it S3 answers "denied" where it should answer "there is no such object".
  statement {
    sid       = "ListStoreAndArtefacts"
    actions   = ["s3:ListBucket"]
    resources = distinct([local.buckets.store, local.buckets.artefacts])
  }

  statement {
    sid       = "ReadWhatIsEncrypted"
    actions   = ["kms:Decrypt"]
    resources = [var.kms_key_arns.main]
  }
}

data "aws_iam_policy_document" "change" {
  statement {
    sid       = "LaunchOnlyIntoThisCluster"
    actions   = ["ec2:RunInstances"]
    resources = ["${local.ec2}:instance/*"]

    condition {
      test     = "StringEquals"
      variable = "aws:RequestTag/rehull:cluster"
      values   = [var.cluster]
    }
  }

  # A launch also "uses" what it launches from and into, and makes a root volume and an interface.
  statement {
    sid     = "LaunchFromAndInto"
    actions = ["ec2:RunInstances"]
    resources = [
      "arn:${local.partition}:ec2:${var.region}::image/*",
      "${local.ec2}:launch-template/*",
      "${local.ec2}:network-interface/*",
      "${local.ec2}:security-group/*",
      "${local.ec2}:subnet/*",
      "${local.ec2}:volume/*",
    ]
  }

  statement {
    sid       = "TagWhatIsLaunched"
    actions   = ["ec2:CreateTags"]
    resources = ["${local.ec2}:instance/*", "${local.ec2}:launch-template/*"]

    condition {
      test     = "StringEquals"
      variable = "ec2:CreateAction"
      values   = ["RunInstances", "CreateLaunchTemplate"]
    }
  }

  # The go, the stop and the generation are tags. Only rehull's keys, and only on this cluster's things.
  statement {
    sid       = "TagOwnThings"
    actions   = ["ec2:CreateTags"]
    resources = ["${local.ec2}:instance/*", "${local.ec2}:volume/*"]

    condition {
      test     = "StringEquals"
      variable = "aws:ResourceTag/rehull:cluster"
      values   = [var.cluster]
    }

    condition {
      test     = "ForAllValues:StringLike"
      variable = "aws:TagKeys"
      values   = ["rehull:*"]
    }
  }

  statement {
    sid = "MoveSlotsBetweenOwnMachines"
    actions = [
      "ec2:AttachNetworkInterface",
      "ec2:AttachVolume",
      "ec2:DetachNetworkInterface",
      "ec2:DetachVolume",
    ]
    resources = ["${local.ec2}:instance/*", "${local.ec2}:network-interface/*", "${local.ec2}:volume/*"]

    condition {
      test     = "StringEquals"
      variable = "aws:ResourceTag/rehull:cluster"
      values   = [var.cluster]
    }
  }

  statement {
    sid       = "EndOwnMachines"
    actions   = ["ec2:TerminateInstances"]
    resources = ["${local.ec2}:instance/*"]

    condition {
      test     = "StringEquals"
      variable = "aws:ResourceTag/rehull:cluster"
      values   = [var.cluster]
    }
  }

  # A group carries the tag itself and keeps it from its machines.
  statement {
    sid = "RollOwnGroups"
    actions = [
      "autoscaling:ResumeProcesses",
      "autoscaling:SuspendProcesses",
      "autoscaling:TerminateInstanceInAutoScalingGroup",
      "autoscaling:UpdateAutoScalingGroup",
    ]
    resources = ["arn:${local.partition}:autoscaling:${var.region}:${local.account}:autoScalingGroup:*"]

    condition {
      test     = "StringEquals"
      variable = "aws:ResourceTag/rehull:cluster"
      values   = [var.cluster]
    }
  }

  statement {
    sid       = "TakeOutOwnTargets"
    actions   = ["elasticloadbalancing:DeregisterTargets"]
    resources = ["arn:${local.partition}:elasticloadbalancing:${var.region}:${local.account}:targetgroup/*"]

    condition {
      test     = "StringEquals"
      variable = "aws:ResourceTag/rehull:cluster"
      values   = [var.cluster]
    }
  }

  # Made by rehull, or by Terraform under the same role.
  statement {
    sid       = "MakeLaunchTemplates"
    actions   = ["ec2:CreateLaunchTemplate"]
    resources = ["${local.ec2}:launch-template/*"]

    condition {
      test     = "StringEquals"
      variable = "aws:RequestTag/rehull:cluster"
      values   = [var.cluster]
    }
  }

  statement {
    sid       = "MakeVersionsOfOwnLaunchTemplates"
    actions   = ["ec2:CreateLaunchTemplateVersion"]
    resources = ["${local.ec2}:launch-template/*"]

    condition {
      test     = "StringEquals"
      variable = "aws:ResourceTag/rehull:cluster"
      values   = [var.cluster]
    }
  }

  # The one door to more rights than these: only this cluster's machine roles, and only to EC2.
  statement {
    sid       = "GiveMachinesTheirRole"
    actions   = ["iam:PassRole"]
    resources = [for role in aws_iam_role.machine : role.arn]

    condition {
      test     = "StringEquals"
      variable = "iam:PassedToService"
      values   = ["ec2.amazonaws.com"]
    }
  }

  statement {
    sid     = "WriteStoreArtefactsAndSnapshots"
    actions = ["s3:PutObject"]
    resources = [
      "${local.objects.store}*",
      "${local.objects.artefacts}sha256/*",
      "${local.objects.snapshots}*",
    ]
  }

  # A lease that is given back. The bucket keeps the former version.
  statement {
    sid       = "DeleteFromStore"
    actions   = ["s3:DeleteObject"]
    resources = ["${local.objects.store}*"]
  }

  # Only here: whoever writes a pull request would hold all of etcd by it.
  statement {
    sid       = "ReadOwnEtcdCertificate"
    actions   = ["s3:GetObject"]
    resources = ["${local.objects.client_tls}*"]
  }

  # Encrypting does not take decrypting: rehull writes snapshots, which hold every secret of the cluster, and reads none.
  statement {
    sid       = "WriteWhatIsEncrypted"
    actions   = ["kms:GenerateDataKey"]
    resources = [var.kms_key_arns.main, var.kms_key_arns.snapshots]
  }

  statement {
    sid       = "ReadEncryptedCertificate"
    actions   = ["kms:Decrypt"]
    resources = [var.kms_key_arns.secrets]
  }

  # EC2 attaches a volume with a key of yours in the name of whoever attaches it (EBS user guide, "Requirements for Amazon
  # EBS encryption"). The account's own key of EBS needs nothing.
  dynamic "statement" {
    for_each = var.volume_kms_key_arn == null ? [] : [var.volume_kms_key_arn]

    content {
      sid       = "AttachEncryptedVolumes"
      actions   = ["kms:CreateGrant", "kms:Decrypt", "kms:DescribeKey", "kms:GenerateDataKeyWithoutPlaintext"]
      resources = [statement.value]

      condition {
        test     = "StringEquals"
        variable = "kms:ViaService"
        values   = ["ec2.${var.region}.amazonaws.com"]
      }
    }
  }
}

resource "aws_iam_policy" "observe" {
  name        = "${var.cluster}-rehull-observe"
  description = "What rehull needs to look at ${var.cluster}"
  policy      = data.aws_iam_policy_document.observe.json
}

resource "aws_iam_policy" "change" {
  name        = "${var.cluster}-rehull-change"
  description = "What rehull needs to roll ${var.cluster}"
  policy      = data.aws_iam_policy_document.change.json
}
