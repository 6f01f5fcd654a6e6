#!/usr/bin/env bash
# Records plans of the real Terraform for the tests of the gate, with its built-in provider: no network, no account.
#
#   tools/record-plans.sh [FOLDER]     default: crates/rehull-core/src/tfplan/fixtures/recorded
#
# Each case is applied once where it needs a state, changed, planned, and written as `show -json` says it.
set -euo pipefail

folder=$(realpath "${1:-crates/rehull-core/src/tfplan/fixtures/recorded}")
terraform=${TERRAFORM:-terraform}
export CHECKPOINT_DISABLE=1 TF_IN_AUTOMATION=1 TF_INPUT=0
unset "${!TF_CLI_ARGS@}" "${!TF_VAR_@}" TF_WORKSPACE TF_DATA_DIR TF_LOG TF_CLI_CONFIG_FILE
mkdir -p "$folder"
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

begin() { # NAME: an empty root module; its text comes on stdin
  name=$1
  mkdir "$scratch/$name"
  cd "$scratch/$name"
  config
}
config() { cat >main.tf; }
apply() { "$terraform" init -no-color >log && "$terraform" apply -auto-approve -no-color "$@" >>log; }
plan() { # writes the fixture; a plan that fails has a file all the same
  "$terraform" init -no-color >log
  "$terraform" plan -no-color -out=p "$@" >>log 2>&1 || grep -q '^Error' log || { cat log >&2; exit 1; }
  "$terraform" show -json -no-color p >"$folder/$name.json"
  echo >>"$folder/$name.json"
  echo "$name"
}

begin create <<<'resource "terraform_data" "a" { input = "x" }'
plan

begin no-change <<<'resource "terraform_data" "a" { input = "x" }'
apply
plan

begin update <<<'resource "terraform_data" "a" { input = "x" }'
apply
config <<<'resource "terraform_data" "a" { input = "y" }'
plan

begin delete-no-config <<<'resource "terraform_data" "a" { input = "x" }'
apply
config <<<''
plan

begin destroy-mode <<<'resource "terraform_data" "a" { input = "x" }'
apply
plan -destroy

begin replace-cannot-update <<<'resource "terraform_data" "a" { triggers_replace = [1] }'
apply
config <<<'resource "terraform_data" "a" { triggers_replace = [2] }'
plan

begin replace-create-first <<'HCL'
resource "terraform_data" "a" {
  triggers_replace = [1]
  lifecycle { create_before_destroy = true }
}
HCL
apply
sed -i 's/\[1\]/[2]/' main.tf
plan

begin replace-tainted <<<'resource "terraform_data" "a" { input = "x" }'
apply
"$terraform" taint terraform_data.a >>log
plan

begin replace-by-request <<<'resource "terraform_data" "a" { input = "x" }'
apply
plan -replace=terraform_data.a

begin replace-by-triggers <<'HCL'
resource "terraform_data" "a" { input = "x" }
resource "terraform_data" "b" {
  lifecycle { replace_triggered_by = [terraform_data.a] }
}
HCL
apply
sed -i 's/"x"/"y"/' main.tf
plan

begin delete-count-index <<'HCL'
resource "terraform_data" "a" {
  count = 2
  input = "x"
}
HCL
apply
sed -i 's/= 2/= 1/' main.tf
plan

begin delete-each-key <<'HCL'
resource "terraform_data" "a" {
  for_each = toset(["a", "b.c"])
  input    = each.key
}
HCL
apply
sed -i 's/, "b.c"//' main.tf
plan

begin delete-wrong-repetition <<'HCL'
resource "terraform_data" "a" {
  count = 1
  input = "x"
}
HCL
apply
config <<'HCL'
resource "terraform_data" "a" {
  for_each = toset(["k"])
  input    = "x"
}
HCL
plan

begin delete-no-module <<<'module "m" { source = "./m" }'
mkdir m
echo 'resource "terraform_data" "a" { input = "x" }' >m/main.tf
apply
config <<<''
plan

begin move <<<'resource "terraform_data" "a" { input = "x" }'
apply
config <<'HCL'
resource "terraform_data" "b" { input = "x" }
moved {
  from = terraform_data.a
  to   = terraform_data.b
}
HCL
plan

begin import <<'HCL'
resource "terraform_data" "a" {}
import {
  to = terraform_data.a
  id = "an-id"
}
HCL
plan

begin forget <<<'resource "terraform_data" "a" { input = "x" }'
apply
config <<'HCL'
removed {
  from = terraform_data.a
  lifecycle { destroy = false }
}
HCL
plan

begin errored <<'HCL'
resource "terraform_data" "a" {
  triggers_replace = [1]
  lifecycle { prevent_destroy = true }
}
HCL
apply
sed -i 's/\[1\]/[2]/' main.tf
plan

begin targeted <<'HCL'
resource "terraform_data" "a" { input = "x" }
resource "terraform_data" "b" { input = "x" }
HCL
plan -target=terraform_data.a

begin check-fails <<'HCL'
resource "terraform_data" "a" { input = "x" }
check "the_input" {
  assert {
    condition     = terraform_data.a.input == "y"
    error_message = "the input is not y"
  }
}
HCL
plan

begin output-only <<<'output "a" { value = "x" }'
apply
sed -i 's/"x"/"y"/' main.tf
plan

begin sensitive <<'HCL'
variable "password" {
  type      = string
  sensitive = true
}
variable "region" { default = "ap-northeast-1" }
resource "terraform_data" "a" {
  input = { password = var.password, list = ["plain", sensitive("canary-hunter2-list")], number = 12345678901234567890 }
}
output "all" {
  value     = terraform_data.a.input
  sensitive = true
}
HCL
apply -var=password=canary-hunter2-before
sed -i 's/"plain"/"plainer"/' main.tf
plan -var=password=canary-hunter2-after

begin provisioner <<'HCL'
module "m" { source = "./m" }
HCL
mkdir m
cat >m/main.tf <<'HCL'
resource "terraform_data" "a" {
  provisioner "local-exec" { command = "true" }
}
HCL
plan

begin deferred-read <<'HCL'
resource "terraform_data" "a" { input = "x" }
data "terraform_remote_state" "other" {
  backend = "local"
  config  = { path = "${terraform_data.a.output}.tfstate" }
}
HCL
plan

# The new object is made, then what depends on it fails, so the old one is left behind.
begin deposed <<'HCL'
resource "terraform_data" "a" {
  triggers_replace = [1]
  lifecycle { create_before_destroy = true }
}
resource "terraform_data" "b" {
  triggers_replace = [terraform_data.a.id]
  lifecycle { create_before_destroy = true }
}
HCL
apply
sed -i 's/\[1\]/[2]/; s/\(.*a\.id.*\)/\1\n  provisioner "local-exec" { command = "false" }/' main.tf
if apply 2>>log; then echo "deposed: the apply should have failed" >&2; exit 1; fi
sed -i '/provisioner/d' main.tf
plan

# Launch templates as stand-ins, as the sandbox without the AWS provider has them: three slots, one version up.
templates() { # VERSION DIGIT WRAP: WRAP is `sensitive` or nothing
  cat <<HCL
module "etcd" {
  source    = "./etcd"
  slots     = { for slot in ["etcd-a", "etcd-b", "etcd-c"] : slot => {
    name          = "dev-\${slot}"
    description   = "rehull sha256:\${join("", [for n in range(64) : "$2"])}"
    image_id      = "ami-0123456789abcdef0"
    instance_type = "m6i.large"
    user_data     = $3(base64encode("#cloud-config\n# \${slot} $1\n"))

    iam_instance_profile = [{ name = "dev-etcd" }]
    network_interfaces   = [{ device_index = 0, subnet_id = "subnet-1", security_groups = ["sg-1", "sg-2"] }]
    metadata_options     = [{ http_tokens = "required", instance_metadata_tags = "enabled" }]
  } }
}
output "launch_templates" { value = module.etcd.versions }
HCL
}
etcd_module() {
  mkdir etcd
  cat >etcd/main.tf <<'HCL'
variable "slots" { type = any }
resource "terraform_data" "launch_template" {
  for_each = nonsensitive(toset(keys(var.slots)))
  input    = var.slots[each.key]
}
output "versions" {
  value = { for slot, template in terraform_data.launch_template : slot => { id = template.id, latest = nonsensitive(trimprefix(template.output.description, "rehull ")) } }
}
HCL
}

for wrap in "" sensitive; do
  begin "upgrade${wrap:+-$wrap}" < <(templates 3.5.33 1 "$wrap")
  etcd_module
  apply
  templates 3.6.14 2 "$wrap" >main.tf
  plan
done

begin upgrade-done < <(templates 3.6.14 2 "")
etcd_module
apply
plan

begin upgrade-adds-another < <(templates 3.5.33 1 "")
etcd_module
apply
{ templates 3.6.14 2 ""; echo 'resource "terraform_data" "other" { input = "x" }'; } >main.tf
plan

begin upgrade-of-others-content < <(templates 3.5.33 1 "")
etcd_module
apply
templates 3.6.14-evil 2 "" >main.tf
plan
