variable "cluster" {
  description = "Name of the cluster, as in the cluster file."
  type        = string
  nullable    = false
}

variable "launch_template" {
  description = <<-TEXT
    Content of the newest version, as rehull rendered it. `subnet_id` is null where a group chooses the subnet.
    `user_data` is plain text.
  TEXT
  type = object({
    name               = string
    content_digest     = string
    image_id           = string
    instance_type      = string
    instance_profile   = string
    security_group_ids = list(string)
    subnet_id          = optional(string)
    user_data          = string
  })
  nullable = false

  validation {
    condition     = can(regex("^[a-zA-Z0-9().\\-/_]{3,128}$", var.launch_template.name))
    error_message = "EC2 takes names of 3 to 128 letters, digits and ().-/_ only."
  }

  validation {
    condition     = can(regex("^sha256:[0-9a-f]{64}$", var.launch_template.content_digest))
    error_message = "A content digest is sha256: and 64 hexadecimal digits. Let rehull render this file."
  }

  validation {
    condition     = can(regex("^ami-[0-9a-f]+$", var.launch_template.image_id))
    error_message = "An image is pinned by its id."
  }

  validation {
    condition     = length(var.launch_template.security_group_ids) >= 1
    error_message = "A machine without a security group would get the network's default one."
  }

  validation {
    # 16,384 bytes before base64 (EC2 user guide); in base64 that is 21,848 characters, of which the last two are `=`.
    condition = (
      length(base64encode(var.launch_template.user_data)) < 21848 ||
      (length(base64encode(var.launch_template.user_data)) == 21848 && endswith(base64encode(var.launch_template.user_data), "=="))
    )
    error_message = "EC2 takes 16,384 bytes of user data; a longer one fails only when a machine is launched."
  }
}

variable "tags_in_metadata" {
  description = <<-TEXT
    Whether a machine can read its tags: etcd machines learn from them what they are for. Off where tags carry a `/`, as
    `kubernetes.io/cluster/…` does: EC2 would refuse the launch (EC2 user guide, "Work with instance tags in instance
    metadata").
  TEXT
  type        = bool
  nullable    = false
}

variable "tags" {
  description = "Tags of the launch template itself, beside the cluster's."
  type        = map(string)
  default     = {}
  nullable    = false
}
