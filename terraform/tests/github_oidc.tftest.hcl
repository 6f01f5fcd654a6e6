mock_provider "aws" {
  source = "./tests/mocks"
}

variables {
  cluster     = "prod"
  environment = "prod"
  repository  = { owner = "octo-org", owner_id = "123456", name = "octo-repo", id = "456789" }
  policy_arns = {
    plan  = { observe = "arn:aws:iam::111122223333:policy/observe" }
    apply = { observe = "arn:aws:iam::111122223333:policy/observe", change = "arn:aws:iam::111122223333:policy/change" }
  }
}

run "each_role_trusts_one_environment_of_one_repository_by_its_numbers" {
  module {
    source = "./modules/github-oidc"
  }

  assert {
    condition     = output.subjects.plan == "repo:octo-org@123456/octo-repo@456789:environment:prod-plan"
    error_message = "The plan role trusts somebody else."
  }

  assert {
    condition     = output.subjects.apply == "repo:octo-org@123456/octo-repo@456789:environment:prod"
    error_message = "The apply role trusts somebody else."
  }

  assert {
    condition = alltrue(flatten([for trust in data.aws_iam_policy_document.trust : [for statement in trust.statement :
      alltrue([for condition in statement.condition : condition.test == "StringEquals"]) &&
      toset([for condition in statement.condition : condition.variable]) == toset(["token.actions.githubusercontent.com:aud", "token.actions.githubusercontent.com:sub"])
    ]]))
    error_message = "A trust is a pattern, or does not look at audience and subject."
  }
}

run "a_pull_request_has_no_policy_that_changes" {
  module {
    source = "./modules/github-oidc"
  }

  assert {
    condition     = toset(keys(aws_iam_role_policy_attachment.this)) == toset(["plan/observe", "apply/observe", "apply/change"])
    error_message = "A policy is on the wrong role."
  }
}

run "a_provider_that_the_account_has_is_not_made_again" {
  module {
    source = "./modules/github-oidc"
  }

  state_key = "second"

  variables {
    provider_arn = "arn:aws:iam::111122223333:oidc-provider/token.actions.githubusercontent.com"
  }

  assert {
    condition     = length(aws_iam_openid_connect_provider.github) == 0
    error_message = "IAM takes one provider per issuer."
  }
}

run "names_instead_of_numbers_are_refused" {
  command = plan

  module {
    source = "./modules/github-oidc"
  }

  variables {
    repository = { owner = "octo-org", owner_id = "octo-org", name = "octo-repo", id = "456789" }
  }

  expect_failures = [var.repository]
}

run "an_environment_that_looks_like_a_plan_is_refused" {
  command = plan

  module {
    source = "./modules/github-oidc"
  }

  variables {
    environment = "prod-plan"
  }

  expect_failures = [var.environment]
}
