//! What the provider would refuse.

use super::Wrong;

pub(super) const ARGUMENTS: &[Wrong] = &[
    (
        "resource \"aws_etcd\" \"a\" {\n}",
        1,
        "has no resource `aws_etcd`",
    ),
    (
        "resource \"aws_launch_templat\" \"a\" {\n}",
        1,
        "did you mean `aws_launch_template`?",
    ),
    (
        "data \"aws_amis\" \"a\" {\n}",
        1,
        "has no data `aws_amis`, did you mean `aws_ami`?",
    ),
    (
        "resource \"aws_ebs_volume\" \"a\" {\n  availability_zone = \"a\"\n  sise = 1\n}",
        3,
        "`aws_ebs_volume.sise` is no argument, did you mean `size`?",
    ),
    (
        "resource \"aws_ebs_volume\" \"a\" {\n  size = 1\n}",
        1,
        "`aws_ebs_volume` needs `availability_zone`",
    ),
    (
        "resource \"aws_ebs_volume\" \"a\" {\n  availability_zone = null\n}",
        2,
        "has to have a value",
    ),
    (
        "resource \"aws_ebs_volume\" \"a\" {\n  availability_zone = \"a\"\n  arn = \"x\"\n}",
        3,
        "`aws_ebs_volume.arn` is what the provider tells and cannot be set",
    ),
    (
        "resource \"aws_ebs_volume\" \"a\" {\n  availability_zone = \"a\"\n  size = \"big\"\n}",
        3,
        "`size` takes a number, and this is a string",
    ),
    (
        "resource \"aws_ebs_volume\" \"a\" {\n  availability_zone = \"a\"\n  encrypted = 1\n}",
        3,
        "`encrypted` takes true or false, and this is a number",
    ),
    (
        "resource \"aws_ebs_volume\" \"a\" {\n  availability_zone = [\"a\"]\n}",
        2,
        "`availability_zone` takes a string, and this is a list",
    ),
    (
        "resource \"aws_ebs_volume\" \"a\" {\n  availability_zone = \"a\"\n  tags = [\"a\"]\n}",
        3,
        "`tags` takes a map of: a string, and this is a list",
    ),
    (
        "resource \"aws_ebs_volume\" \"a\" {\n  availability_zone = \"a\"\n  tags = { a = [1] }\n}",
        3,
        "`tags` takes a string, and this is a list",
    ),
    (
        "resource \"aws_ebs_volume\" \"a\" {\n  availability_zone = \"a\"\n  size = var.big ? 64 : \"small\"\n}",
        3,
        "`size` takes a number, and this is a string",
    ),
    (
        "resource \"aws_network_interface\" \"a\" {\n  subnet_id = \"a\"\n  private_ips = \"10.0.0.1\"\n}",
        3,
        "`private_ips` takes a list of: a string, and this is a string",
    ),
    (
        "resource \"aws_network_interface\" \"a\" {\n  subnet_id = \"a\"\n  private_ips = { for i in [1] : i => i }\n}",
        3,
        "and this is a map",
    ),
    (
        "resource \"aws_launch_template\" \"a\" {\n  metadata_options = {}\n}",
        2,
        "`aws_launch_template.metadata_options` is a block, not an argument",
    ),
    (
        "resource \"aws_launch_template\" \"a\" {\n  tags {\n  }\n}",
        2,
        "`aws_launch_template.tags` is an argument, not a block",
    ),
    (
        "resource \"aws_launch_template\" \"a\" {\n  metadata_option {\n  }\n}",
        2,
        "is no block, did you mean `metadata_options`?",
    ),
    (
        "resource \"aws_launch_template\" \"a\" {\n  monitoring {\n  }\n  monitoring {\n  }\n}",
        1,
        "takes at most 1 block `monitoring`, and here are 2",
    ),
    (
        "resource \"aws_lb_listener\" \"a\" {\n  load_balancer_arn = \"a\"\n}",
        1,
        "`aws_lb_listener` needs at least 1 block `default_action`",
    ),
    (
        "resource \"aws_lb_listener\" \"a\" {\n  load_balancer_arn = \"a\"\n  default_action {\n    target_group_arn = \"a\"\n  }\n}",
        3,
        "`aws_lb_listener.default_action` needs `type`",
    ),
    // Gone or to go: in the released schema, in the later one.
    (
        "resource \"aws_s3_bucket\" \"a\" {\n  acl = \"private\"\n}",
        2,
        "`aws_s3_bucket.acl` is deprecated",
    ),
    (
        "resource \"aws_s3_bucket\" \"a\" {\n  logging {\n    target_bucket = \"a\"\n  }\n}",
        2,
        "`aws_s3_bucket.logging` is deprecated",
    ),
    (
        "resource \"aws_eip\" \"a\" {\n  vpc = true\n}",
        2,
        "`aws_eip.vpc` is no argument",
    ),
    (
        "resource \"aws_launch_template\" \"a\" {\n  elastic_gpu_specifications {\n    type = \"a\"\n  }\n}",
        2,
        "is no block",
    ),
    (
        "resource \"aws_autoscaling_group\" \"a\" {\n  min_size = 1\n  max_size = 1\n  dynamic \"tags\" {\n    for_each = []\n    content {}\n  }\n}",
        4,
        "`aws_autoscaling_group.tags` is no block, did you mean `tag`?",
    ),
    (
        "resource \"aws_autoscaling_group\" \"a\" {\n  min_size = 1\n  max_size = 1\n  dynamic \"tag\" {\n    for_each = []\n    content {\n      key = \"a\"\n      value = \"b\"\n    }\n  }\n}",
        6,
        "`aws_autoscaling_group.tag` needs `propagate_at_launch`",
    ),
    (
        "resource \"aws_autoscaling_group\" \"a\" {\n  min_size = 1\n  max_size = 1\n  dynamic \"tag\" {\n    content {\n      key = \"a\"\n      value = \"b\"\n      propagate_at_launch = true\n    }\n  }\n}",
        4,
        "needs `for_each`",
    ),
    (
        "resource \"aws_autoscaling_group\" \"a\" {\n  min_size = 1\n  max_size = 1\n  lifecycle {\n    ignore_changes = [launch_template[0].number]\n  }\n}",
        5,
        "names `number`, which does not exist",
    ),
    (
        "resource \"aws_eip\" \"a\" {\n  lifecycle {\n    prevent_destruction = true\n  }\n}",
        3,
        "a lifecycle has no `prevent_destruction`",
    ),
    (
        "provider \"aws\" {\n  access_key = \"AKIA\"\n}",
        2,
        "`provider.access_key` is no argument",
    ),
];
