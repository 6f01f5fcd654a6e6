# Who may do what. Machines: fetch binaries and their own role's certificates, and write one report. rehull: the calls that
# its adapters make, on this cluster's things; a test compares the two lists.

data "aws_caller_identity" "current" {}

data "aws_partition" "current" {}

locals {
  partition = data.aws_partition.current.partition
  account   = data.aws_caller_identity.current.account_id

  ec2 = "arn:${local.partition}:ec2:${var.region}:${local.account}"

  # Objects, as ARN patterns.
  objects = { for name, place in var.locations : name => "arn:${local.partition}:s3:::${place.bucket}/${place.prefix}" }
  buckets = { for name, place in var.locations : name => "arn:${local.partition}:s3:::${place.bucket}" }
}
