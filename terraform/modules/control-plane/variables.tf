variable "cluster" {
  description = "Name of the cluster, as in the cluster file."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[a-z0-9]([a-z0-9-]{0,26}[a-z0-9])?$", var.cluster))
    error_message = "At most 28 lower-case letters, digits and hyphens: a balancer's name has 32, and four are `-api`."
  }
}

variable "vpc_id" {
  description = "Network of the balancer and the machines."
  type        = string
  nullable    = false
}

variable "subnet_ids" {
  description = "Subnets of the balancer, one per zone. A machine in a zone without one gets no traffic."
  type        = list(string)
  nullable    = false

  validation {
    condition     = length(var.subnet_ids) >= 1
    error_message = "At least one subnet."
  }
}

variable "internal" {
  description = "Whether the balancer has private addresses only."
  type        = bool
  default     = true
  nullable    = false
}

variable "port" {
  description = "Port of the apiservers and of the balancer."
  type        = number
  default     = 6443
  nullable    = false
}

variable "client_cidrs" {
  description = "IPv4 ranges whose hosts may use the API, by a name that stays."
  type        = map(string)
  nullable    = false

  validation {
    condition     = alltrue([for range in var.client_cidrs : can(cidrnetmask(range))])
    error_message = "IPv4 ranges, for example 10.0.0.0/8."
  }
}

variable "cross_zone" {
  description = "Whether each address of the balancer reaches the apiservers of all zones. Traffic between zones is billed."
  type        = bool
  default     = true
  nullable    = false
}

variable "preserve_client_ip" {
  description = "Whether apiservers see their clients' addresses (audit log)."
  type        = bool
  default     = true
  nullable    = false
}

variable "deregistration_delay_seconds" {
  description = "How long a deregistered apiserver keeps its connections; also how long one that is not ready does."
  type        = number
  default     = 120
  nullable    = false

  validation {
    condition     = var.deregistration_delay_seconds >= 30 && var.deregistration_delay_seconds <= 3600
    error_message = "Between 30 s (below, connections are cut that the balancer itself has just opened) and an hour."
  }
}

variable "health_check" {
  description = <<-TEXT
    How the balancer asks `/readyz`. An apiserver's --shutdown-delay-duration has to be longer than
    interval × unhealthy threshold.
  TEXT
  type = object({
    interval_seconds    = optional(number, 10)
    timeout_seconds     = optional(number, 6)
    healthy_threshold   = optional(number, 2)
    unhealthy_threshold = optional(number, 2)
  })
  default  = {}
  nullable = false

  validation {
    condition     = var.health_check.timeout_seconds < var.health_check.interval_seconds
    error_message = "A check has to end before the next one begins."
  }
}
