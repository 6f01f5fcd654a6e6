# One launch template whose versions are what an upgrade applies, and all that it applies. Which version a machine runs is
# rehull's: it finds the number in EC2 by the description and names it in every launch.
#
# Everything in here comes from what rehull rendered or is a constant that the launch templates have, too, which rehull makes
# itself where there is no Terraform: the content digest stands for all of it.

resource "aws_launch_template" "this" {
  name = var.launch_template.name
  # rehull knows a version by this description.
  description = "rehull ${var.launch_template.content_digest}"

  image_id      = var.launch_template.image_id
  instance_type = var.launch_template.instance_type
  user_data     = base64encode(var.launch_template.user_data)

  # Nothing may float: a scale-out in the middle of a rollout would boot the default version, whatever it is by then
  # (hashicorp/terraform-provider-aws#22464).
  update_default_version = false

  iam_instance_profile {
    name = var.launch_template.instance_profile
  }

  # The machine's own interface goes with the machine; the one that a slot keeps is attached later and stays.
  network_interfaces {
    device_index          = 0
    subnet_id             = var.launch_template.subnet_id
    security_groups       = var.launch_template.security_group_ids
    delete_on_termination = true
  }

  metadata_options {
    http_endpoint = "enabled"
    # Session tokens (IMDSv2): a request that was only tricked out of a process does not get the role's keys.
    http_tokens = "required"
    # The metadata service answers the machine itself and nothing behind it.
    http_put_response_hop_limit = 1
    instance_metadata_tags      = var.tags_in_metadata ? "enabled" : "disabled"
  }

  tags = merge(var.tags, { "rehull:cluster" = var.cluster })
}
