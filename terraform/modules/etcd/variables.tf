variable "cluster" {
  description = "Name of the cluster, as in the cluster file; it never changes."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[a-z0-9]([a-z0-9-]*[a-z0-9])?$", var.cluster))
    error_message = "Lower-case letters, digits and hyphens, as the cluster file demands."
  }
}

variable "vpc_id" {
  description = "Network of the members."
  type        = string
  nullable    = false
}

variable "slots" {
  description = <<-TEXT
    One slot per member, by the member's name: zone, subnet in that zone, address in that subnet. A slot with
    `spare = true` is one more, for the strategy `learner-first`.
  TEXT
  type = map(object({
    zone      = string
    subnet_id = string
    address   = string
    spare     = optional(bool, false)
  }))
  nullable = false

  validation {
    condition     = contains([1, 3, 5, 7], length([for slot in var.slots : slot if !slot.spare]))
    error_message = "1, 3, 5 or 7 members: two tolerate no loss, four no more than three (etcd FAQ, \"Why an odd number of cluster members?\")."
  }

  validation {
    condition     = length([for slot in var.slots : slot if slot.spare]) <= 1
    error_message = "At most one spare."
  }

  validation {
    condition     = length(distinct([for slot in var.slots : slot.address])) == length(var.slots)
    error_message = "Two slots have the same address."
  }

  validation {
    condition     = alltrue([for slot in var.slots : can(cidrnetmask("${slot.address}/32"))])
    error_message = "Addresses are IPv4."
  }

  validation {
    # The quorum has to survive the loss of any one zone.
    condition = length([for slot in var.slots : slot if !slot.spare]) == 1 || alltrue([
      for zone in distinct([for slot in var.slots : slot.zone]) :
      length([for slot in var.slots : slot if slot.zone == zone && !slot.spare]) <= floor(length([for slot in var.slots : slot if !slot.spare]) / 2)
    ])
    error_message = "One zone holds so many members that its loss would take the quorum with it."
  }
}

variable "volume" {
  description = <<-TEXT
    Data volume of each slot. It holds two generations of data and their snapshots: at least three times the backend
    quota. The defaults are gp3's own baseline; io2 has no throughput of its own. `kms_key_arn` is null for the account's key of EBS.
  TEXT
  type = object({
    type           = optional(string, "gp3")
    size_gib       = number
    iops           = optional(number, 3000)
    throughput_mib = optional(number, 125)
    kms_key_arn    = optional(string)
  })
  nullable = false

  validation {
    condition     = contains(["gp3", "io2"], var.volume.type)
    error_message = "gp3 or io2: burst credits of gp2 run out exactly when a member catches up."
  }

  validation {
    condition     = var.volume.size_gib >= 8
    error_message = "At least 8 GiB."
  }
}

variable "client_security_group_ids" {
  description = "Security groups whose machines may use etcd as clients, by a name that stays: the control plane's above all."
  type        = map(string)
  default     = {}
  nullable    = false
}

variable "client_cidrs" {
  description = "IPv4 ranges that may use etcd as clients, by a name that stays: where rehull runs."
  type        = map(string)
  default     = {}
  nullable    = false

  validation {
    condition     = alltrue([for range in var.client_cidrs : can(cidrnetmask(range)) && range != "0.0.0.0/0"])
    error_message = "IPv4 ranges, and never the whole internet."
  }
}
