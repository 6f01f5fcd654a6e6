mock_provider "aws" {
  source = "./tests/mocks"
}

variables {
  cluster      = "dev"
  vpc_id       = "vpc-00000000000000000"
  subnet_ids   = ["subnet-a", "subnet-b", "subnet-c"]
  client_cidrs = { network = "10.0.0.0/16" }
}

run "the_balancer_asks_whether_an_apiserver_is_ready" {
  command = plan

  module {
    source = "./modules/control-plane"
  }

  assert {
    condition     = one(aws_lb_target_group.api.health_check).protocol == "HTTPS" && one(aws_lb_target_group.api.health_check).path == "/readyz"
    error_message = "A port that is open is not an apiserver that is ready."
  }
}

run "connections_are_kept_while_it_serves_and_closed_when_it_is_gone" {
  command = plan

  module {
    source = "./modules/control-plane"
  }

  assert {
    condition     = tonumber(aws_lb_target_group.api.deregistration_delay) >= 120 && aws_lb_target_group.api.connection_termination
    error_message = "Clients are cut before the balancer's data plane let go, or hang on a dead apiserver."
  }

  assert {
    condition     = one(aws_lb_target_group.api.target_health_state).enable_unhealthy_connection_termination == false
    error_message = "The balancer would reset the requests that an apiserver is just finishing."
  }
}

run "a_delay_that_cuts_new_connections_is_refused" {
  command = plan

  module {
    source = "./modules/control-plane"
  }

  variables {
    deregistration_delay_seconds = 5
  }

  expect_failures = [var.deregistration_delay_seconds]
}

run "a_name_too_long_for_a_balancer_is_refused" {
  command = plan

  module {
    source = "./modules/control-plane"
  }

  variables {
    cluster = "a-cluster-with-a-name-of-29-ab"
  }

  expect_failures = [var.cluster]
}
