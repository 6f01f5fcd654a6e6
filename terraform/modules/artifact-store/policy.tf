# What holds whatever an identity's own policies say.

locals {
  machines = "arn:${local.partition}:iam::${data.aws_caller_identity.current.account_id}:role${var.machine_role_path}*"

  # What may only be created, never written over: artefacts are named by their content, snapshots by their time and content.
  written_once = {
    main      = ["${local.arns.main}/${var.prefixes.artefacts}sha256/*"]
    snapshots = ["${local.arns.snapshots}/*"]
    secrets   = []
  }

  # What may only be created or replaced at a known version. The journal is fenced by it: without the header two processes
  # could both believe to hold the lease.
  written_conditionally = {
    main      = ["${local.arns.main}/${var.prefixes.store}*"]
    snapshots = []
    secrets   = []
  }

  # What no machine may touch.
  closed_to_machines = {
    main      = ["${local.arns.main}/${var.prefixes.store}*"]
    snapshots = [local.arns.snapshots, "${local.arns.snapshots}/*"]
    secrets   = ["${local.arns.secrets}/${var.prefixes.client_tls}*"]
  }

  # What machines may read only.
  read_by_machines = {
    main      = ["${local.arns.main}/${var.prefixes.artefacts}sha256/*"]
    snapshots = []
    secrets   = ["${local.arns.secrets}/*"]
  }
}

data "aws_iam_policy_document" "bucket" {
  for_each = local.buckets

  statement {
    sid       = "OnlyEncryptedConnections"
    effect    = "Deny"
    actions   = ["s3:*"]
    resources = [local.arns[each.key], "${local.arns[each.key]}/*"]

    principals {
      type        = "*"
      identifiers = ["*"]
    }

    condition {
      test     = "Bool"
      variable = "aws:SecureTransport"
      values   = ["false"]
    }
  }

  # Parts of a multipart upload carry no such header; its completion does (S3 user guide, "Enforce conditional writes").
  dynamic "statement" {
    for_each = length(local.written_once[each.key]) > 0 ? [local.written_once[each.key]] : []

    content {
      sid       = "WrittenOnce"
      effect    = "Deny"
      actions   = ["s3:PutObject"]
      resources = statement.value

      principals {
        type        = "*"
        identifiers = ["*"]
      }

      condition {
        test     = "Null"
        variable = "s3:if-none-match"
        values   = ["true"]
      }

      condition {
        test     = "Bool"
        variable = "s3:ObjectCreationOperation"
        values   = ["true"]
      }
    }
  }

  dynamic "statement" {
    for_each = length(local.written_conditionally[each.key]) > 0 ? [local.written_conditionally[each.key]] : []

    content {
      sid       = "WrittenConditionally"
      effect    = "Deny"
      actions   = ["s3:PutObject"]
      resources = statement.value

      principals {
        type        = "*"
        identifiers = ["*"]
      }

      # Conditions of a statement hold together: refused is what has neither header.
      condition {
        test     = "Null"
        variable = "s3:if-none-match"
        values   = ["true"]
      }

      condition {
        test     = "Null"
        variable = "s3:if-match"
        values   = ["true"]
      }

      condition {
        test     = "Bool"
        variable = "s3:ObjectCreationOperation"
        values   = ["true"]
      }
    }
  }

  statement {
    sid       = "ClosedToMachines"
    effect    = "Deny"
    actions   = ["s3:*"]
    resources = local.closed_to_machines[each.key]

    principals {
      type        = "*"
      identifiers = ["*"]
    }

    condition {
      test     = "ArnLike"
      variable = "aws:PrincipalArn"
      values   = [local.machines]
    }
  }

  dynamic "statement" {
    for_each = length(local.read_by_machines[each.key]) > 0 ? [local.read_by_machines[each.key]] : []

    content {
      sid       = "MachinesOnlyRead"
      effect    = "Deny"
      actions   = ["s3:PutObject*", "s3:DeleteObject*", "s3:RestoreObject"]
      resources = statement.value

      principals {
        type        = "*"
        identifiers = ["*"]
      }

      condition {
        test     = "ArnLike"
        variable = "aws:PrincipalArn"
        values   = [local.machines]
      }
    }
  }
}

resource "aws_s3_bucket_policy" "this" {
  for_each = local.buckets

  bucket = aws_s3_bucket.this[each.key].id
  policy = data.aws_iam_policy_document.bucket[each.key].json

  # S3 answers "a conflicting operation is in progress" to both at once.
  depends_on = [aws_s3_bucket_public_access_block.this]
}
