# Run in each environment's own folder, with the file that rehull rendered beside it.

mock_provider "aws" {
  source = "./tests/mocks"
}

run "every_rendered_slot_has_a_template_and_tells_its_number" {
  assert {
    condition     = toset(keys(output.etcd_launch_templates)) == toset(keys(var.etcd_launch_templates)) && length(var.etcd_launch_templates) > 0
    error_message = "A slot has no launch template."
  }

  assert {
    condition     = alltrue([for slot, made in output.etcd_launch_templates : made.version == 7 && made.name == var.etcd_launch_templates[slot].name && made.content_digest == var.etcd_launch_templates[slot].content_digest])
    error_message = "rehull would read another version than the one that was made."
  }
}

run "what_looks_like_a_template_to_terraform_reaches_the_machine_as_it_is" {
  assert {
    condition     = strcontains(var.etcd_launch_templates["etcd-a"].user_data, "echo etcd-a $${HOME} %%{HOME}")
    error_message = "Terraform has replaced something in the user data."
  }
}

run "a_form_from_another_release_is_refused" {
  command = plan

  variables {
    rehull_format = 2
  }

  expect_failures = [var.rehull_format]
}
