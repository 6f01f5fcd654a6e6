output "target_group_arn" {
  description = "Target group of the apiservers."
  value       = aws_lb_target_group.api.arn
}

output "dns_name" {
  description = "Name of the balancer, for kubeconfigs and certificates."
  value       = aws_lb.api.dns_name
}

output "zone_id" {
  description = "Hosted zone of that name, for alias records."
  value       = aws_lb.api.zone_id
}

output "security_group_id" {
  description = "Security group of the control-plane machines."
  value       = aws_security_group.machines.id
}
