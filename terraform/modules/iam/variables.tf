variable "cluster" {
  description = "Name of the cluster, as in the cluster file."
  type        = string
  nullable    = false
}

# Not asked of the provider: major 5 calls it `name`, later releases of 6 deprecate all but `region`, which 5 does not have.
variable "region" {
  description = "AWS region of the cluster, for example `ap-northeast-1`: what has a region is allowed in no other one."
  type        = string
  nullable    = false
}

variable "machine_role_path" {
  description = "IAM path of all machine roles of this cluster, with both slashes; the same value as modules/artifact-store gets."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^/([A-Za-z0-9._-]+/)+$", var.machine_role_path))
    error_message = "A path like /rehull/dev/machine/."
  }
}

variable "machine_roles" {
  description = <<-TEXT
    Kinds of machines by name, each with the prefixes of its certificates in the bucket of secrets. A prefix that two kinds
    share is readable by both.
  TEXT
  type = map(object({
    secret_prefixes = list(string)
  }))
  nullable = false

  validation {
    condition     = alltrue(flatten([for role in var.machine_roles : [for prefix in role.secret_prefixes : endswith(prefix, "/")]]))
    error_message = "A prefix ends in a slash: `etcd` would also open `etcd-backup/`."
  }

  validation {
    condition     = alltrue([for role in var.machine_roles : length(role.secret_prefixes) >= 1])
    error_message = "Each kind of machine has certificates of its own."
  }
}

variable "locations" {
  description = "Places of the store, the artefacts, the snapshots and the certificates: the output `locations` of modules/artifact-store."
  type = object({
    store       = object({ bucket = string, prefix = string })
    artefacts   = object({ bucket = string, prefix = string })
    snapshots   = object({ bucket = string, prefix = string })
    machine_tls = object({ bucket = string, prefix = string })
    client_tls  = object({ bucket = string, prefix = string })
  })
  nullable = false
}

variable "kms_key_arns" {
  description = "Keys of the buckets: the output `kms_key_arns` of modules/artifact-store."
  type = object({
    main      = string
    snapshots = string
    secrets   = string
  })
  nullable = false
}

variable "volume_kms_key_arn" {
  description = "Key of the etcd volumes, if it is not the account's key of EBS."
  type        = string
  default     = null
}

variable "terraform_state" {
  description = "Where the state of `templates` lies: bucket and key."
  type = object({
    bucket        = string
    templates_key = string
  })
  nullable = false
}
