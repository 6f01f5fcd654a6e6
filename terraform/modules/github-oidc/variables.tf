variable "cluster" {
  description = "Name of the cluster; part of the roles' names."
  type        = string
  nullable    = false
}

variable "environment" {
  description = "GitHub environment whose jobs may apply. Jobs that plan use the environment of this name with `-plan`."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[A-Za-z0-9_-]+$", var.environment)) && !endswith(var.environment, "-plan")
    error_message = "Letters, digits, _ and - only, and not ending in -plan."
  }
}

variable "repository" {
  description = <<-TEXT
    The repository, with the numbers that never change: `gh api repos/OWNER/NAME --jq '.owner.id, .id'`.
  TEXT
  type = object({
    owner    = string
    owner_id = string
    name     = string
    id       = string
  })
  nullable = false

  validation {
    condition     = can(regex("^[0-9]+$", var.repository.owner_id)) && can(regex("^[0-9]+$", var.repository.id))
    error_message = "`owner_id` and `id` are numbers, in quotes."
  }

  validation {
    condition     = can(regex("^[A-Za-z0-9-]+$", var.repository.owner)) && can(regex("^[A-Za-z0-9._-]+$", var.repository.name))
    error_message = "Owner and name without slash, colon or star."
  }
}

variable "provider_arn" {
  description = "GitHub's OpenID Connect provider, if the account has one already; null makes it."
  type        = string
  default     = null
}

variable "policy_arns" {
  description = "Policies of the plan role and of the apply role, by a name that stays."
  type = object({
    plan  = map(string)
    apply = map(string)
  })
  nullable = false
}

variable "apply_session_seconds" {
  description = "How long a session of the apply role lasts. A rollout that outlives it is resumed by the next one."
  type        = number
  default     = 14400
  nullable    = false

  validation {
    condition     = var.apply_session_seconds >= 3600 && var.apply_session_seconds <= 43200
    error_message = "IAM takes one to twelve hours."
  }
}
