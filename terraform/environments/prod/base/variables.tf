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

variable "bucket_name" {
  description = "Name of the cluster's first bucket, unique in the world."
  type        = string
  nullable    = false
}

variable "network" {
  description = "Ranges of the network and of each zone's subnets."
  type = object({
    cidr = string
    zones = map(object({
      private_cidr = string
      public_cidr  = string
    }))
  })
  nullable = false
}

variable "etcd" {
  description = "Slots by member name, their volumes, and from where rehull asks etcd."
  type = object({
    slots = map(object({
      zone    = string
      address = string
      spare   = optional(bool, false)
    }))
    volume = object({
      type           = optional(string, "gp3")
      size_gib       = number
      iops           = optional(number, 3000)
      throughput_mib = optional(number, 125)
      kms_key_arn    = optional(string)
    })
    client_cidrs = optional(map(string), {})
  })
  nullable = false
}

variable "api_client_cidrs" {
  description = "Ranges outside the network that may use the Kubernetes API."
  type        = map(string)
  default     = {}
  nullable    = false
}

variable "github" {
  description = "Repository and environment whose jobs roll this cluster."
  type = object({
    environment = string
    repository = object({
      owner    = string
      owner_id = string
      name     = string
      id       = string
    })
    provider_arn = optional(string)
  })
  nullable = false
}

variable "terraform_state" {
  description = "Bucket of all states of this environment, made by hand before the first `terraform init`, and the key of `templates` in it."
  type = object({
    bucket        = string
    templates_key = string
  })
  nullable = false
}
