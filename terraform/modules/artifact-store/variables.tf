variable "cluster" {
  description = "Name of the cluster, as in the cluster file."
  type        = string
  nullable    = false
}

variable "bucket_name" {
  description = "Name of the first bucket; the others are called after it, with `-snapshots` and `-secrets`."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[a-z0-9][a-z0-9-]{1,51}[a-z0-9]$", var.bucket_name))
    error_message = "3 to 53 lower-case letters, digits and hyphens: S3 takes 63, and `-snapshots` needs ten. Dots break TLS host names."
  }
}

variable "prefixes" {
  description = "Where in its bucket each thing lies; what the cluster file names. Empty, or without leading and with trailing slash."
  type = object({
    store       = optional(string, "store/")
    artefacts   = optional(string, "artefacts/")
    snapshots   = optional(string, "etcd/")
    machine_tls = optional(string, "etcd/")
    client_tls  = optional(string, "rehull/")
  })
  default  = {}
  nullable = false

  validation {
    condition     = alltrue([for prefix in values(var.prefixes) : can(regex("^([A-Za-z0-9._-]+/)*$", prefix))])
    error_message = "A prefix ends in a slash and does not begin with one."
  }

  validation {
    condition     = !startswith(var.prefixes.store, var.prefixes.artefacts) && !startswith(var.prefixes.artefacts, var.prefixes.store)
    error_message = "Machines may read the artefacts, so the store may not overlap them."
  }

  validation {
    condition     = !startswith(var.prefixes.client_tls, var.prefixes.machine_tls) && !startswith(var.prefixes.machine_tls, var.prefixes.client_tls)
    error_message = "Machines may read their certificates, so rehull's own may not overlap them."
  }
}

variable "machine_role_path" {
  description = "IAM path of all machine roles of this cluster, with both slashes; the same value as modules/iam gets."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^/([A-Za-z0-9._-]+/)+$", var.machine_role_path))
    error_message = "A path like /rehull/dev/machine/: the root path would close the buckets to every role of the account."
  }
}

variable "former_versions_days" {
  description = "How long what was deleted or replaced can still be brought back."
  type        = number
  default     = 90
  nullable    = false

  validation {
    condition     = var.former_versions_days >= 7
    error_message = "At least a week."
  }
}

variable "snapshot_days" {
  description = "How long etcd snapshots are kept."
  type        = number
  default     = 90
  nullable    = false

  validation {
    condition     = var.snapshot_days >= 7
    error_message = "At least a week: a rollout may rest for days, and its way back is a snapshot."
  }
}
