# Three buckets, because they have three circles of readers: what rehull writes and machines fetch, snapshots that no machine
# may read, and keys that each role reads its own part of. Each has a key of its own, so that a wrong bucket policy alone
# opens nothing. rehull publishes the artefacts, not Terraform: `aws_s3_object` would delete the version before.

data "aws_caller_identity" "current" {}

data "aws_partition" "current" {}

locals {
  buckets = {
    main      = var.bucket_name
    snapshots = "${var.bucket_name}-snapshots"
    secrets   = "${var.bucket_name}-secrets"
  }

  partition = data.aws_partition.current.partition
  arns      = { for purpose, name in local.buckets : purpose => "arn:${local.partition}:s3:::${name}" }
}

resource "aws_kms_key" "this" {
  for_each = local.buckets

  description         = "Bucket ${each.value} of cluster ${var.cluster}"
  enable_key_rotation = true
  # The longest that KMS offers: nothing in the bucket can be read after it.
  deletion_window_in_days = 30

  lifecycle {
    prevent_destroy = true
  }
}

resource "aws_kms_alias" "this" {
  for_each = local.buckets

  name          = "alias/${each.value}"
  target_key_id = aws_kms_key.this[each.key].key_id
}

resource "aws_s3_bucket" "this" {
  for_each = local.buckets

  bucket = each.value

  lifecycle {
    # The journal, every snapshot, every certificate.
    prevent_destroy = true
  }
}

resource "aws_s3_bucket_versioning" "this" {
  for_each = local.buckets

  bucket = aws_s3_bucket.this[each.key].id

  versioning_configuration {
    status = "Enabled"
  }
}

resource "aws_s3_bucket_server_side_encryption_configuration" "this" {
  for_each = local.buckets

  bucket = aws_s3_bucket.this[each.key].id

  rule {
    # One request to KMS per bucket key instead of one per object; the journal is written every few seconds.
    bucket_key_enabled = true

    apply_server_side_encryption_by_default {
      sse_algorithm     = "aws:kms"
      kms_master_key_id = aws_kms_key.this[each.key].arn
    }
  }
}

resource "aws_s3_bucket_ownership_controls" "this" {
  for_each = local.buckets

  bucket = aws_s3_bucket.this[each.key].id

  rule {
    # No ACLs: who may do what stands in policies only.
    object_ownership = "BucketOwnerEnforced"
  }
}

resource "aws_s3_bucket_public_access_block" "this" {
  for_each = local.buckets

  bucket = aws_s3_bucket.this[each.key].id

  block_public_acls       = true
  block_public_policy     = true
  ignore_public_acls      = true
  restrict_public_buckets = true
}

resource "aws_s3_bucket_lifecycle_configuration" "this" {
  for_each = local.buckets

  bucket = aws_s3_bucket.this[each.key].id

  rule {
    id     = "former-versions"
    status = "Enabled"

    filter {
      prefix = ""
    }

    noncurrent_version_expiration {
      noncurrent_days = var.former_versions_days
    }

    abort_incomplete_multipart_upload {
      days_after_initiation = 7
    }
  }

  # Only snapshots end by themselves. A binary may be what a machine boots from tomorrow, however old it is.
  dynamic "rule" {
    for_each = each.key == "snapshots" ? [var.snapshot_days] : []

    content {
      id     = "old-snapshots"
      status = "Enabled"

      filter {
        prefix = var.prefixes.snapshots
      }

      expiration {
        days = rule.value
      }
    }
  }

  # S3 refuses rules about former versions of a bucket that keeps none.
  depends_on = [aws_s3_bucket_versioning.this]
}
