variable "cluster" {
  description = "Name of the cluster, as in the cluster file."
  type        = string
  nullable    = false
}

variable "name" {
  description = "Name of the group; it never changes."
  type        = string
  nullable    = false
}

variable "subnet_ids" {
  description = "Subnets of the machines."
  type        = list(string)
  nullable    = false

  validation {
    condition     = length(var.subnet_ids) >= 1
    error_message = "At least one subnet."
  }
}

variable "initial_size" {
  description = "Sizes when the group is made. Afterwards they belong to rehull and the autoscaler."
  type = object({
    min     = number
    desired = number
    max     = number
  })
  nullable = false

  validation {
    condition     = var.initial_size.min <= var.initial_size.desired && var.initial_size.desired <= var.initial_size.max
    error_message = "min ≤ desired ≤ max."
  }
}

variable "launch_template" {
  description = "Launch template and the number of the version that the group is made with. Afterwards the version is rehull's."
  type = object({
    id      = string
    version = number
  })
  nullable = false

  validation {
    condition     = var.launch_template.version >= 1
    error_message = "A version is a number from 1 on; `$Latest` and `$Default` float."
  }
}

variable "mixed_instances" {
  description = "Several instance types, and how many machines are not spot ones. Null for the launch template's own type only."
  type = object({
    instance_types               = list(string)
    on_demand_base               = optional(number, 0)
    on_demand_percent_above_base = optional(number, 100)
    capacity_rebalance           = optional(bool, false)
  })
  default = null

  validation {
    condition     = var.mixed_instances == null || try(length(var.mixed_instances.instance_types) >= 1, false)
    error_message = "Name at least one instance type, or leave `mixed_instances` out."
  }
}

variable "lifecycle_hooks" {
  description = <<-TEXT
    Lifecycle hooks by name. `transition` is `launching` or `terminating`; the default result is what happens after the
    heartbeat time without an answer.
  TEXT
  type = map(object({
    transition        = string
    heartbeat_seconds = optional(number, 900)
    default_result    = optional(string, "CONTINUE")
  }))
  default  = {}
  nullable = false

  validation {
    condition     = alltrue([for hook in var.lifecycle_hooks : contains(["launching", "terminating"], hook.transition)])
    error_message = "`transition` is launching or terminating."
  }

  validation {
    condition     = alltrue([for hook in var.lifecycle_hooks : contains(["CONTINUE", "ABANDON"], hook.default_result)])
    error_message = "`default_result` is CONTINUE or ABANDON."
  }

  validation {
    condition     = alltrue([for hook in var.lifecycle_hooks : hook.heartbeat_seconds >= 30 && hook.heartbeat_seconds <= 7200])
    error_message = "EC2 Auto Scaling takes heartbeat times from 30 s to two hours."
  }
}

variable "health_check_grace_seconds" {
  description = "How long EC2's own checks of a new machine are not looked at."
  type        = number
  default     = 120
  nullable    = false
}

variable "tags" {
  description = "More tags of the machines, for example `kubernetes.io/cluster/NAME` or the autoscaler's."
  type        = map(string)
  default     = {}
  nullable    = false

  validation {
    condition     = alltrue([for key in keys(var.tags) : !startswith(key, "rehull:")])
    error_message = "Tags below `rehull:` are rehull's own."
  }
}
