output "role_arns" {
  description = "ARN of the `plan` and of the `apply` role, for the workflows."
  value       = { for name, role in aws_iam_role.this : name => role.arn }
}

output "subjects" {
  description = "The subject that each role trusts. Compare it with what GitHub sends: `gh api repos/OWNER/NAME/actions/oidc/customization/sub`."
  value       = local.subjects
}

output "provider_arn" {
  description = "GitHub's OpenID Connect provider, for the other environments of this account."
  value       = local.provider_arn
}
