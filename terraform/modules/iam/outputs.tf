output "instance_profiles" {
  description = "Name of the instance profile of each kind of machine: `etcd.instanceProfile` of the cluster file."
  value       = { for kind, profile in aws_iam_instance_profile.machine : kind => profile.name }
}

output "policy_arns" {
  description = "Policies by who needs them: `plan` for pull requests, `apply` for approved runs. The input of modules/github-oidc."
  value = {
    plan = {
      observe   = aws_iam_policy.observe.arn
      terraform = aws_iam_policy.terraform_plan.arn
    }
    apply = {
      observe   = aws_iam_policy.observe.arn
      change    = aws_iam_policy.change.arn
      terraform = aws_iam_policy.terraform_apply.arn
    }
  }
}
