output "vpc_id" {
  description = "Id of the network."
  value       = aws_vpc.this.id
}

output "private_subnet_ids" {
  description = "Subnet for machines, by zone."
  value       = { for zone, subnet in aws_subnet.private : zone => subnet.id }
}

output "public_subnet_ids" {
  description = "Subnet with a public way in and out, by zone."
  value       = { for zone, subnet in aws_subnet.public : zone => subnet.id }
}
