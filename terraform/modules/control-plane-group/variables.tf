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
  description = "Subnets of the machines, one per zone that the balancer serves."
  type        = list(string)
  nullable    = false

  validation {
    condition     = length(var.subnet_ids) >= 1
    error_message = "At least one subnet."
  }
}

variable "initial_size" {
  description = "Number of machines when the group is made. Afterwards sizes are rehull's."
  type        = number
  default     = 3
  nullable    = false

  validation {
    condition     = var.initial_size >= 1 && floor(var.initial_size) == var.initial_size
    error_message = "A whole number, at least 1."
  }
}

variable "target_group_arns" {
  description = "Target groups that the machines are registered in."
  type        = list(string)
  nullable    = false

  validation {
    condition     = length(var.target_group_arns) >= 1
    error_message = "Without a target group nobody reaches the apiservers."
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

variable "health_check_grace_seconds" {
  description = "How long EC2's own checks of a new machine are not looked at."
  type        = number
  default     = 120
  nullable    = false
}

variable "tags" {
  description = "More tags of the machines, for example `kubernetes.io/cluster/NAME`."
  type        = map(string)
  default     = {}
  nullable    = false

  validation {
    condition     = alltrue([for key in keys(var.tags) : !startswith(key, "rehull:")])
    error_message = "Tags below `rehull:` are rehull's own."
  }
}
