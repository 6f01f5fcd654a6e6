# All but the account come from rehull.auto.tfvars.json, which rehull writes and people do not edit. Terraform drops an
# attribute that is not declared here without a word, so a test compares these types with what rehull writes.

variable "account_id" {
  description = "AWS account of this environment: `aws.account` of the cluster file."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[0-9]{12}$", var.account_id))
    error_message = "Twelve digits, in quotes."
  }
}

variable "rehull_format" {
  description = "Version of the rendered file's form."
  type        = number
  nullable    = false

  validation {
    condition     = var.rehull_format == 1
    error_message = "These modules read format 1. Take rehull and modules from the same release."
  }
}

variable "region" {
  description = "AWS region: `aws.region` of the cluster file."
  type        = string
  nullable    = false
}

variable "cluster" {
  description = "Name of the cluster, as in the cluster file."
  type        = string
  nullable    = false
}

variable "etcd_launch_templates" {
  description = "Launch template of each etcd slot, by member name."
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
  nullable = false
}

variable "group_launch_templates" {
  description = "Launch template of each group of control-plane machines or workers, by group; the group chooses the subnet."
  type = map(object({
    name               = string
    content_digest     = string
    image_id           = string
    instance_type      = string
    instance_profile   = string
    security_group_ids = list(string)
    user_data          = string
  }))
  default  = {}
  nullable = false
}
