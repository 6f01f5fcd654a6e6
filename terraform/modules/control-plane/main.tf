# The way to the apiservers: a network load balancer that asks each of them whether it is ready. The machines behind it come
# and go in modules/control-plane-group.

resource "aws_lb" "api" {
  name                       = "${var.cluster}-api"
  internal                   = var.internal
  load_balancer_type         = "network"
  subnets                    = var.subnet_ids
  security_groups            = [aws_security_group.balancer.id]
  enable_deletion_protection = true

  tags = { Name = "${var.cluster}-api" }

  lifecycle {
    # Every kubeconfig names it.
    prevent_destroy = true
  }
}

resource "aws_lb_target_group" "api" {
  name        = "${var.cluster}-api"
  port        = var.port
  protocol    = "TCP"
  target_type = "instance"
  vpc_id      = var.vpc_id

  # Off, an address of the balancer reaches the apiserver of its own zone only, and one machine out takes a zone out of
  # the balancer's name (NLB user guide, "Cross-zone load balancing").
  load_balancing_cross_zone_enabled = var.cross_zone
  # With it, a machine that reaches itself through the balancer times out (NLB user guide, "Requests time out for
  # connections from a target to its load balancer"): components on these machines talk to their own apiserver.
  preserve_client_ip = var.preserve_client_ip

  # New connections were seen up to 120 s after the deregistration (aws/containers-roadmap#470). rehull keeps the apiserver
  # serving for that long; the balancer must not be the one that cuts them earlier.
  deregistration_delay = var.deregistration_delay_seconds
  # At the end of the delay what is still open is closed. Else clients hang on an apiserver that is gone
  # (kubernetes-sigs/cluster-api-provider-aws#5800, kubernetes/kops#14738).
  connection_termination = true

  # The opposite while it still serves: an apiserver that says "not ready" is finishing its requests, and the balancer
  # would reset them (kubernetes-sigs/cluster-api-provider-aws#5475).
  target_health_state {
    enable_unhealthy_connection_termination = false
    unhealthy_draining_interval             = var.deregistration_delay_seconds
  }

  # HTTPS, not TCP: a port answers long before, and long after, the apiserver is ready.
  health_check {
    protocol            = "HTTPS"
    port                = "traffic-port"
    path                = "/readyz"
    matcher             = "200"
    interval            = var.health_check.interval_seconds
    timeout             = var.health_check.timeout_seconds
    healthy_threshold   = var.health_check.healthy_threshold
    unhealthy_threshold = var.health_check.unhealthy_threshold
  }

  tags = { Name = "${var.cluster}-api", "rehull:cluster" = var.cluster }

  lifecycle {
    # Its machines are registered here and nowhere else.
    prevent_destroy = true
  }
}

resource "aws_lb_listener" "api" {
  load_balancer_arn = aws_lb.api.arn
  port              = var.port
  protocol          = "TCP"

  default_action {
    type             = "forward"
    target_group_arn = aws_lb_target_group.api.arn
  }
}
