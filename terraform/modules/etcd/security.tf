# 2379 for clients, 2380 between members: the numbers are registered (IANA) and part of every member's URL.

resource "aws_security_group" "members" {
  name        = "${var.cluster}-etcd"
  description = "etcd members of ${var.cluster}"
  vpc_id      = var.vpc_id

  tags = { Name = "${var.cluster}-etcd" }

  lifecycle {
    # It is on every interface of every slot; a replacement would wait for all of them to go.
    prevent_destroy = true
  }
}

resource "aws_vpc_security_group_ingress_rule" "between_members" {
  for_each = { client = 2379, peer = 2380 }

  description                  = "etcd ${each.key} traffic between members"
  security_group_id            = aws_security_group.members.id
  referenced_security_group_id = aws_security_group.members.id
  ip_protocol                  = "tcp"
  from_port                    = each.value
  to_port                      = each.value
}

resource "aws_vpc_security_group_ingress_rule" "from_groups" {
  for_each = var.client_security_group_ids

  description                  = "etcd clients: ${each.key}"
  security_group_id            = aws_security_group.members.id
  referenced_security_group_id = each.value
  ip_protocol                  = "tcp"
  from_port                    = 2379
  to_port                      = 2379
}

# rehull asks every member itself, from wherever it runs.
resource "aws_vpc_security_group_ingress_rule" "from_ranges" {
  for_each = var.client_cidrs

  description       = "etcd clients: ${each.key}"
  security_group_id = aws_security_group.members.id
  cidr_ipv4         = each.value
  ip_protocol       = "tcp"
  from_port         = 2379
  to_port           = 2379
}

resource "aws_vpc_security_group_egress_rule" "all" {
  description       = "Members reach each other, S3 and the time"
  security_group_id = aws_security_group.members.id
  cidr_ipv4         = "0.0.0.0/0"
  ip_protocol       = "-1"
}
