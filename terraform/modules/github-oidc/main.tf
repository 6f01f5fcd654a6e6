# Two roles for one environment: one that a pull request may have, and one that only this environment's jobs may have. The
# subject names owner and repository by their numbers, too: a name that was given up can be taken by somebody else.

locals {
  issuer = "token.actions.githubusercontent.com"

  # The default form of repositories made, renamed or transferred since 15 July 2026, and of those that opted in
  # (https://docs.github.com/en/actions/reference/security/oidc#immutable-subject-claims). A job that names an environment
  # has the environment in its subject instead of the branch.
  repository = "repo:${var.repository.owner}@${var.repository.owner_id}/${var.repository.name}@${var.repository.id}"
  subjects = {
    plan  = "${local.repository}:environment:${var.environment}-plan"
    apply = "${local.repository}:environment:${var.environment}"
  }

  provider_arn = var.provider_arn != null ? var.provider_arn : one(aws_iam_openid_connect_provider.github[*].arn)

  attachments = merge([
    for role, arns in var.policy_arns : { for name, arn in arns : "${role}/${name}" => { role = role, arn = arn } }
  ]...)
}

# An account has one provider per issuer. No thumbprint: AWS checks GitHub's certificate by its authorities (IAM API
# reference, CreateOpenIDConnectProvider).
resource "aws_iam_openid_connect_provider" "github" {
  count = var.provider_arn == null ? 1 : 0

  url            = "https://${local.issuer}"
  client_id_list = ["sts.amazonaws.com"]
}

data "aws_iam_policy_document" "trust" {
  for_each = local.subjects

  statement {
    sid     = "GitHubEnvironment"
    actions = ["sts:AssumeRoleWithWebIdentity"]

    principals {
      type        = "Federated"
      identifiers = [local.provider_arn]
    }

    condition {
      test     = "StringEquals"
      variable = "${local.issuer}:aud"
      values   = ["sts.amazonaws.com"]
    }

    # Equal, never "like": a pattern that is one character too wide trusts every branch and every fork.
    condition {
      test     = "StringEquals"
      variable = "${local.issuer}:sub"
      values   = [each.value]
    }
  }
}

resource "aws_iam_role" "this" {
  for_each = local.subjects

  name                 = "${var.cluster}-github-${each.key}"
  description          = "GitHub Actions, ${each.value}"
  assume_role_policy   = data.aws_iam_policy_document.trust[each.key].json
  max_session_duration = each.key == "apply" ? var.apply_session_seconds : 3600
}

resource "aws_iam_role_policy_attachment" "this" {
  for_each = local.attachments

  role       = aws_iam_role.this[each.value.role].name
  policy_arn = each.value.arn
}
