output "id" {
  description = "Id of the launch template."
  value       = aws_launch_template.this.id
}

output "name" {
  description = "Name of the launch template."
  value       = aws_launch_template.this.name
}

output "latest_version" {
  description = "Number of the newest version, for `groups` and for people. rehull takes it from the list of EC2, by the content digest in the description."
  value       = aws_launch_template.this.latest_version
}

output "content_digest" {
  description = "Content digest of the newest version."
  value       = var.launch_template.content_digest
}
