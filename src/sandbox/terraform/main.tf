# A stand-in for terraform/environments/*/templates, for a sandbox without the AWS provider: launch templates as `terraform_data`
# with the attributes of `aws_launch_template`. The sandbox makes a version of each whose description it does not know yet.
#
# Its variables and its backend are those of the real module.

terraform {
  required_version = ">= 1.11, < 2.0"

  backend "s3" {
    use_lockfile = true
  }
}

variable "rehull_format" {
  type = number

  validation {
    condition     = var.rehull_format == 1
    error_message = "This module reads format 1."
  }
}

variable "cluster" {
  type = string
}

variable "region" {
  type = string
}

variable "etcd_launch_templates" {
  type = map(object({
    name               = string
    content_digest     = string
    image_id           = string
    instance_type      = string
    instance_profile   = string
    security_group_ids = list(string)
    subnet_id          = string
    user_data          = string
  }))
}

variable "group_launch_templates" {
  type = map(object({
    name               = string
    content_digest     = string
    image_id           = string
    instance_type      = string
    instance_profile   = string
    security_group_ids = list(string)
    user_data          = string
  }))
  default = {}
}

locals {
  groups = { for group, template in var.group_launch_templates : group => merge(template, { subnet_id = null }) }
}

resource "terraform_data" "launch_template" {
  for_each = merge(var.etcd_launch_templates, local.groups)

  input = {
    name          = each.value.name
    description   = "rehull ${each.value.content_digest}"
    image_id      = each.value.image_id
    instance_type = each.value.instance_type
    user_data     = base64encode(each.value.user_data)

    iam_instance_profile = [{ name = each.value.instance_profile }]

    network_interfaces = [{
      device_index          = 0
      subnet_id             = each.value.subnet_id
      security_groups       = each.value.security_group_ids
      delete_on_termination = true
    }]

    metadata_options = [{
      http_endpoint               = "enabled"
      http_tokens                 = "required"
      http_put_response_hop_limit = 1
      instance_metadata_tags      = each.value.subnet_id == null ? "disabled" : "enabled"
    }]

    tags = {
      "rehull:cluster"                                                = var.cluster
      (each.value.subnet_id == null ? "rehull:group" : "rehull:slot") = each.key
    }
  }
}

output "etcd_launch_templates" {
  value = { for slot, made in terraform_data.launch_template : slot => made.output }
}
