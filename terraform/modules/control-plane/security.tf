resource "aws_security_group" "balancer" {
  name        = "${var.cluster}-api-balancer"
  description = "Load balancer of the apiservers of ${var.cluster}"
  vpc_id      = var.vpc_id

  tags = { Name = "${var.cluster}-api-balancer" }

  lifecycle {
    # A network load balancer takes its first security group at creation only: another one is another balancer.
    prevent_destroy = true
  }
}

resource "aws_vpc_security_group_ingress_rule" "clients" {
  for_each = var.client_cidrs

  description       = "API clients: ${each.key}"
  security_group_id = aws_security_group.balancer.id
  cidr_ipv4         = each.value
  ip_protocol       = "tcp"
  from_port         = var.port
  to_port           = var.port
}

resource "aws_vpc_security_group_egress_rule" "to_machines" {
  description                  = "Requests and health checks"
  security_group_id            = aws_security_group.balancer.id
  referenced_security_group_id = aws_security_group.machines.id
  ip_protocol                  = "tcp"
  from_port                    = var.port
  to_port                      = var.port
}

resource "aws_security_group" "machines" {
  name        = "${var.cluster}-control-plane"
  description = "Control-plane machines of ${var.cluster}"
  vpc_id      = var.vpc_id

  tags = { Name = "${var.cluster}-control-plane" }

  lifecycle {
    # It is on every machine of the group, and etcd knows its clients by it.
    prevent_destroy = true
  }
}

resource "aws_vpc_security_group_ingress_rule" "from_balancer" {
  description                  = "Requests and health checks of the balancer"
  security_group_id            = aws_security_group.machines.id
  referenced_security_group_id = aws_security_group.balancer.id
  ip_protocol                  = "tcp"
  from_port                    = var.port
  to_port                      = var.port
}

resource "aws_vpc_security_group_egress_rule" "from_machines" {
  description       = "Control-plane machines reach etcd, kubelets, webhooks and S3"
  security_group_id = aws_security_group.machines.id
  cidr_ipv4         = "0.0.0.0/0"
  ip_protocol       = "-1"
}
