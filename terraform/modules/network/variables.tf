variable "name" {
  description = "Name of the network, for example the cluster's."
  type        = string
  nullable    = false
}

variable "region" {
  description = "Region of the network, for example `ap-northeast-1`."
  type        = string
  nullable    = false
}

variable "cidr" {
  description = "IPv4 range of the whole network."
  type        = string
  nullable    = false

  validation {
    condition     = can(cidrnetmask(var.cidr))
    error_message = "Write an IPv4 range, for example 10.0.0.0/16."
  }
}

variable "zones" {
  description = "Ranges of the private and the public subnet of each availability zone, by the zone's name."
  type = map(object({
    private_cidr = string
    public_cidr  = string
  }))
  nullable = false

  validation {
    condition     = length(var.zones) >= 1 && alltrue([for zone in var.zones : can(cidrnetmask(zone.private_cidr)) && can(cidrnetmask(zone.public_cidr))])
    error_message = "Name at least one zone, each with two IPv4 ranges."
  }
}
