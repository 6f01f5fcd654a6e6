variable "account_id" {
  description = "AWS account of this environment: `aws.account` of the cluster file."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[0-9]{12}$", var.account_id))
    error_message = "Twelve digits, in quotes."
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

variable "terraform_state" {
  description = "Bucket of all states of this environment, and the keys of the two that this one reads."
  type = object({
    bucket        = string
    base_key      = string
    templates_key = string
  })
  nullable = false
}

variable "control_plane_groups" {
  description = "Groups of control-plane machines by name, which is also the name in `group_launch_templates`."
  type = map(object({
    zones        = list(string)
    initial_size = optional(number, 3)
    tags         = optional(map(string), {})
  }))
  default  = {}
  nullable = false
}

variable "worker_groups" {
  description = "Groups of workers by name, which is also the name in `group_launch_templates`."
  type = map(object({
    zones = list(string)
    initial_size = object({
      min     = number
      desired = number
      max     = number
    })
    mixed_instances = optional(object({
      instance_types               = list(string)
      on_demand_base               = optional(number, 0)
      on_demand_percent_above_base = optional(number, 100)
      capacity_rebalance           = optional(bool, false)
    }))
    lifecycle_hooks = optional(map(object({
      transition        = string
      heartbeat_seconds = optional(number, 900)
      default_result    = optional(string, "CONTINUE")
    })), {})
    tags = optional(map(string), {})
  }))
  default  = {}
  nullable = false
}
