#!/usr/bin/env bash
# Records what the installed Terraform says (`-json`, standard output) in each situation that the driver tells apart, with the
# built-in provider only: tools/terraform-streams.sh [FOLDER]. Run it for a new version of Terraform, then `cargo test tfrun`.
# TERRAFORM: another program, as TERRAFORM=tofu; its folder is named after it.
# Each file is the stream; its last line is {"exit":N} or {"signal":N}, written by this script.
set -euo pipefail

program=$(command -v "${TERRAFORM:-terraform}")
bin=$(mktemp -d)
ln -s "$program" "$bin/terraform"
export PATH=$bin:$PATH
kind=${program##*/}-
[[ $kind != terraform- ]] || kind=
version=$kind$(terraform version -json | sed -n 's/.*"terraform_version": "\(.*\)",/\1/p')
out=${1:-$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)/crates/rehull-core/src/tfrun/fixtures/$version}
mkdir -p "$out"
out=$(cd "$out" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work" "$bin"' EXIT
cd "$work"
export CHECKPOINT_DISABLE=1 TF_IN_AUTOMATION=1 TF_INPUT=0
unset "${!TF_CLI_ARGS@}" TF_LOG TF_WORKSPACE TF_DATA_DIR TF_CLI_CONFIG_FILE

# ended NAME CODE: closes a recording. Names of this computer and its user are nobody's business.
ended() {
    local how
    if (($2 > 128)); then how="{\"signal\":$(($2 - 128))}"; else how="{\"exit\":$2}"; fi
    sed -e 's/Who:       [^\\]*/Who:       somebody@example/' -e "s#$work#/w#g" -e "s/127.0.0.1:[0-9]*/127.0.0.1:80/g" -e "s/ on [0-9.:]*: no such host/: no such host/" raw > "$out/$1.jsonl"
    echo "$how" >> "$out/$1.jsonl"
    echo "$1: $how"
}
record() {
    local name=$1 code=0
    shift
    terraform "$@" >raw 2>/dev/null </dev/null || code=$?
    ended "$name" "$code"
}
# until_it_says TEXT: of the run in the background.
until_it_says() {
    until grep -q "$1" raw; do sleep 0.05; done
}
plan=(plan -input=false -json -detailed-exitcode)
apply=(apply -input=false -json)

cat > main.tf <<'T'
variable "pin" { default = "3.5.33" }
variable "second" { default = "true" }
variable "hang" { default = "true" }
resource "terraform_data" "first" { input = var.pin }
resource "terraform_data" "second" {
  input            = terraform_data.first.output
  triggers_replace = [var.second]
  provisioner "local-exec" { command = var.second }
}
resource "terraform_data" "third" {
  input = terraform_data.second.output
}
resource "terraform_data" "beside" {
  triggers_replace = [var.hang]
  provisioner "local-exec" { command = var.hang }
}
output "pin" { value = terraform_data.third.output }
T
record init init -input=false -lockfile=readonly -json
record plan-changes "${plan[@]}" -out=P
record apply-done "${apply[@]}" P
record plan-nothing "${plan[@]}" -out=N
record apply-stale "${apply[@]}" P
record plan-error "${plan[@]}" -var=undeclared=1
printf 'not a plan' > B
record apply-bad-plan-file "${apply[@]}" B

# One fails, one does not even begin, one ends well.
terraform "${plan[@]}" -var=second=false -var=pin=3.6.14 -var=hang="sleep 0.1" -out=F >/dev/null || true
record apply-partial "${apply[@]}" F
terraform "${apply[@]}" -auto-approve >/dev/null

# The state changes, and nothing else: a move, an import, and one that is forgotten.
mkdir addresses && cd addresses
cat > main.tf <<'T'
resource "terraform_data" "before" {}
resource "terraform_data" "forgotten" {}
T
terraform init -input=false >/dev/null && terraform "${apply[@]}" -auto-approve >/dev/null
cat > main.tf <<'T'
moved {
  from = terraform_data.before
  to   = terraform_data.after
}
import {
  to = terraform_data.brought
  id = "from-elsewhere"
}
removed {
  from = terraform_data.forgotten
  lifecycle { destroy = false }
}
resource "terraform_data" "after" {}
resource "terraform_data" "brought" {}
T
record plan-state-only "${plan[@]}" -out=P
record apply-state-only "${apply[@]}" P
cd ..

# Held by another run; then that run is interrupted.
terraform "${plan[@]}" -var=hang="exec sleep 60" -out=H >/dev/null || true
setsid terraform "${apply[@]}" H >raw 2>/dev/null </dev/null &
pid=$!
until_it_says '"apply_start"'
cp raw kept
record plan-lock-busy "${plan[@]}"
mv kept raw
terraform "${plan[@]}" -lock-timeout=60s >waiting 2>/dev/null </dev/null &
waiter=$!
until grep -qs state_lock_acquire waiting; do sleep 0.05; done
kill -INT "$waiter"
code=0; wait "$waiter" || code=$?
mv waiting raw
ended plan-lock-interrupted "$code"
kill -KILL -- "-$pid"
wait "$pid" || true
rm -f .terraform.tfstate.lock.info

terraform "${plan[@]}" -var=hang="exec sleep 60" -out=H >/dev/null || true
terraform "${apply[@]}" H >raw 2>/dev/null </dev/null &
pid=$!
until_it_says '"apply_start"'
kill -INT "$pid"
code=0; wait "$pid" || code=$?
ended apply-interrupted "$code"
terraform "${apply[@]}" -auto-approve >/dev/null

terraform "${plan[@]}" -var=hang="exec sleep 60" -out=H >/dev/null || true
setsid terraform "${apply[@]}" H >raw 2>/dev/null </dev/null &
pid=$!
until_it_says '"apply_start"'
kill -KILL -- "-$pid"
code=0; wait "$pid" || code=$?
ended apply-killed "$code"
rm -f .terraform.tfstate.lock.info

# A plan for the state of somebody else.
terraform "${plan[@]}" -var=pin=3.7.1 -out=L >/dev/null || true
mkdir other && cp main.tf other/ && cd other
terraform init -input=false >/dev/null && terraform "${apply[@]}" -auto-approve >/dev/null
mv ../L .
record apply-lineage-mismatch "${apply[@]}" L
cd ..

# A failed plan writes its file all the same.
cat > guard.tf <<'T'
resource "terraform_data" "kept" {
  triggers_replace = [var.pin]
  lifecycle { prevent_destroy = true }
}
T
terraform "${apply[@]}" -auto-approve >/dev/null
record plan-refused "${plan[@]}" -var=pin=3.7.1 -out=R
record apply-incomplete "${apply[@]}" R

# The state cannot be written at the end: its store takes nothing.
python3 - 2>/dev/null <<'P' &
import http.server
class Store(http.server.BaseHTTPRequestHandler):
    def do_GET(self): self.send_response(404); self.end_headers()
    def do_POST(self): self.send_response(403); self.end_headers()
server = http.server.HTTPServer(("127.0.0.1", 0), Store)
open("port", "w").write(str(server.server_port))
server.serve_forever()
P
store=$!
until [[ -s port ]]; do sleep 0.05; done
mkdir nowhere && cd nowhere
cat > main.tf <<T
terraform {
  backend "http" { address = "http://127.0.0.1:$(<../port)/state" }
}
resource "terraform_data" "last" {}
T
terraform init -input=false >/dev/null
terraform "${plan[@]}" -out=P >/dev/null || true
record apply-state-not-saved "${apply[@]}" P
cd ..
kill "$store"

mkdir empty && cd empty
cat > main.tf <<'T'
terraform {
  backend "local" { path = "elsewhere.tfstate" }
}
resource "terraform_data" "only" {}
T
record plan-not-initialised "${plan[@]}"
cd ..
mkdir lacks && cd lacks
cat > main.tf <<'T'
terraform {
  required_providers { aws = { source = "example.invalid/nobody/aws" } }
}
data "aws_region" "here" {}
T
record plan-plugin-missing "${plan[@]}"
cd ..

# A provider that is gone, unreachable, or another one than the lock file says. `init` never starts it, so a script will do.
[[ -z $kind ]] || exit 0 # of Terraform only: nobody has recorded these of another program yet
mirror=$PWD/mirror
package=$mirror/example.invalid/nobody/aws/1.0.0/$(uname -s | tr '[:upper:]' '[:lower:]')_$(uname -m | sed 's/x86_64/amd64/; s/aarch64/arm64/')
mkdir -p "$package"
printf '#!/bin/sh\nexit 1\n' >"$package/terraform-provider-aws_v1.0.0"
chmod +x "$package/terraform-provider-aws_v1.0.0"
printf 'provider_installation {\n  filesystem_mirror { path = "%s" }\n}\n' "$mirror" >mirrored
init=(init -input=false -json -lockfile=readonly)
cd lacks
export TF_CLI_CONFIG_FILE=../mirrored
record init-lock-file-missing "${init[@]}"
terraform init -input=false >/dev/null
record init-with-a-provider "${init[@]}"
rm -rf .terraform
echo "# another build" >>"$package/terraform-provider-aws_v1.0.0"
record init-other-checksum "${init[@]}"
record plan-plugin-gone "${plan[@]}"
mv "$mirror" "$mirror.away" && mkdir "$mirror"
record init-plugin-gone "${init[@]}"
rmdir "$mirror" && mv "$mirror.away" "$mirror"
sed 's/{ source/{ version = "~> 2.0", source/' main.tf >main && mv main main.tf
record init-lock-file-behind "${init[@]}"
sed 's/version = "~> 2.0", //' main.tf >main && mv main main.tf
mv "$mirror/example.invalid/nobody/aws/1.0.0" "$mirror/example.invalid/nobody/aws/1.0.1"
for file in "$mirror"/example.invalid/nobody/aws/1.0.1/*/*; do mv "$file" "${file%0}1"; done
record init-plugin-withdrawn "${init[@]}"
unset TF_CLI_CONFIG_FILE
record init-registry-unreachable "${init[@]}"
cd ..
