#!/usr/bin/env bash
# Checks terraform/: its format, and what it does as far as that can be known without an account.
#
#   tools/terraform.sh fmt      terraform fmt -check
#   tools/terraform.sh test     terraform validate and terraform test of all modules and environments, resources mocked;
#                               the schemas come from tools/schema-provider, a stand-in for the AWS provider, built with Go
#   tools/terraform.sh provider builds the stand-in and says where it is, for tests that run Terraform themselves
#   tools/terraform.sh real     the same with the real AWS provider, where `terraform init` can install it; then
#                               environments/dev against the sandbox's APIs: made, upgraded, looked at again, destroyed;
#                               and an upgrade of a running cluster whose launch templates it makes
#
# What is missing on this machine is said, and then it is skipped.
#
# REHULL_AWS_PROVIDER        folder of a mirror that has the AWS provider's plugin, as `terraform init -plugin-dir` takes it;
#                            unset, Terraform looks where it always does
# REHULL_REQUIRE_TERRAFORM   if set, nothing that fmt and test need may be missing; CI sets it
# REHULL_TOOLBOX             the stand-in is built into this folder (default: the toolbox in the user's cache)
set -euo pipefail

ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
readonly ROOT
readonly TOOLBOX=${REHULL_TOOLBOX:-${XDG_CACHE_HOME:-$HOME/.cache}/rehull/toolbox}
# A release that does not exist, so that a lock file can never confuse the two.
readonly STAND_IN=6.999.0
readonly FIXTURES=$ROOT/crates/rehull-core/tests/terraform

# A shell's TF_CLI_ARGS_plan=-destroy would change what is tested.
while read -r name; do unset "$name"; done < <(compgen -v | grep '^TF_' || true)
export CHECKPOINT_DISABLE=1 TF_IN_AUTOMATION=1
export REHULL_AWS_SCHEMA=$FIXTURES/schema/aws-5.100.json REHULL_AWS_SCHEMA_LATER=$FIXTURES/schema/later.json

die() {
    printf 'terraform: error: %s\n' "$1" >&2
    [[ $# -lt 2 ]] || printf '  help: %s\n' "$2" >&2
    exit 1
}

# skip WHY HELP
skip() {
    [[ -z ${REHULL_REQUIRE_TERRAFORM:-} ]] || die "$1" "$2"
    printf 'terraform: skipped: %s (%s)\n' "$1" "$2"
    exit 0
}

need_terraform() {
    local version
    command -v terraform >/dev/null || skip "there is no terraform here" "install Terraform 1.11 or newer"
    version=$(terraform version -json 2>/dev/null | sed -n 's/.*"terraform_version": "\([^"]*\)".*/\1/p')
    [[ $(printf '%s\n' 1.11.0 "${version:-0}" | sort -V | head -1) == 1.11.0 ]] ||
        skip "this is Terraform ${version:-of an unknown version}" "install Terraform 1.11 or newer"
}

check_format() {
    need_terraform
    local unformatted
    unformatted=$(terraform fmt -check -recursive "$ROOT/terraform") ||
        die "not as \`terraform fmt\` writes it: ${unformatted//$'\n'/ }" "run: terraform fmt -recursive terraform"
}

# Where the stand-in is, built anew when its source has changed.
stand_in() {
    local source=$ROOT/tools/schema-provider sum mirror binary part
    sum=$(cat "$source"/{main.go,objects.go,go.mod,go.sum} | sha256sum)
    mirror=$TOOLBOX/schema-provider/${sum:0:12}
    binary=$mirror/registry.terraform.io/hashicorp/aws/$STAND_IN/$(platform)/terraform-provider-aws_v${STAND_IN}_x5
    if [[ ! -x $binary ]]; then
        command -v go >/dev/null || skip "the stand-in for the AWS provider is not built" "install Go 1.26 or newer"
        echo "terraform: building the stand-in for the AWS provider, a minute or two the first time" >&2
        mkdir -p "${binary%/*}"
        # Tests that run side by side may each be the first.
        part=$(mktemp "$binary.XXXXXX")
        (cd "$source" && go build -trimpath -o "$part" .) >&2 || die "the stand-in does not build" "see the lines above"
        chmod 0755 "$part"
        mv -f "$part" "$binary"
    fi
    printf '%s\n' "$mirror"
}

platform() {
    local machine
    case $(uname -m) in x86_64) machine=amd64 ;; aarch64 | arm64) machine=arm64 ;; *) machine=$(uname -m) ;; esac
    printf '%s_%s\n' "$(uname -s | tr '[:upper:]' '[:lower:]')" "$machine"
}

# run FOLDER WORD...: silent unless it fails.
run() {
    local folder=$1 output
    shift
    output=$(cd "$folder" && terraform "$@" -no-color 2>&1) || {
        printf '%s\n' "$output" >&2
        die "\`terraform $1\` failed in ${folder#"$WORK"/}"
    }
}

# test_all [OPTION OF INIT...]
test_all() {
    local folder state passed=0
    WORK=$(mktemp -d)
    trap 'rm -rf "$WORK"' EXIT
    cp -r "$ROOT/terraform/." "$WORK"
    # `terraform test` has to take down what it made, which is what prevent_destroy is there to refuse. That it stands
    # where it has to is a test in crates/rehull-core/tests/terraform.
    find "$WORK/modules" -name '*.tf' -exec sed -i.was 's/prevent_destroy = true/prevent_destroy = false/' {} +
    for folder in "$WORK"/modules/* "$WORK"/environments/*/*; do
        state=${folder##*/}
        if [[ $folder == */environments/* ]]; then
            mkdir "$folder/tests"
            cp -r "$WORK/tests/mocks" "$folder/tests/"
            cp "$WORK/tests/environments/$state.tftest.hcl" "$folder/tests/"
            [[ $state != templates ]] || cp "$FIXTURES/rehull.auto.tfvars.json" "$folder/"
        fi
        run "$folder" init -backend=false -input=false "$@"
        run "$folder" validate
        if [[ $folder == */environments/* ]]; then
            run "$folder" test
        fi
        passed=$((passed + 1))
    done
    run "$WORK" init -backend=false -input=false "$@"
    run "$WORK" test
    echo "terraform: $passed modules and environments are valid; $(cat "$WORK"/tests/*.tftest.hcl | grep -c '^run ') tests of modules and those of each environment passed ($(terraform version | head -1), $PROVIDER)"
}

# Everything with the real provider, or why not.
real() {
    local probe said from=()
    [[ -z ${REHULL_AWS_PROVIDER:-} ]] || from=("-plugin-dir=$REHULL_AWS_PROVIDER")
    probe=$(mktemp -d)
    cp "$ROOT/terraform/modules/network/versions.tf" "$probe"
    said=$(cd "$probe" && terraform init -backend=false -input=false -no-color "${from[@]}" 2>&1) || {
        rm -rf "$probe"
        said=$(grep -m1 -A3 'Could not\|Error:' <<<"$said" | sed 's/^│ *//' | tr '\n' ' ')
        [[ -z ${REHULL_AWS_PROVIDER:-} ]] ||
            die "the AWS provider is not in $REHULL_AWS_PROVIDER: $said" "give the folder that holds registry.terraform.io/, or unset REHULL_AWS_PROVIDER"
        printf 'terraform: skipped: the AWS provider cannot be installed from here: %s\n' "$said"
        printf 'terraform: not run: validate and test with the real provider; environments/dev against the sandbox, and an upgrade through it\n'
        return
    }
    PROVIDER="the real AWS provider $(sed -n 's/^ *version *= "\(.*\)"/\1/p' "$probe/.terraform.lock.hcl")"
    rm -rf "$probe"
    test_all "${from[@]}"
    # Of the whole workspace, as everywhere: one package alone has other features, and all of the AWS SDK would be built again.
    # One after the other: each keeps all cores busy, and an upgrade has limits.
    (cd "$ROOT" && cargo test -q ${CI:+--locked} --workspace --test live -- --ignored --exact --nocapture --test-threads 1 \
        terraform::provider::what_a_dynamic_block_tells_the_real_provider_is_in_no_plan \
        terraform::provider::an_environment_is_made_upgraded_and_taken_down_by_the_real_provider \
        e2e::terraform::provider::one_pin_becomes_a_rollout_and_an_empty_plan_by_the_real_provider)
}

main() {
    case ${1:-} in
        fmt) check_format ;;
        test)
            need_terraform
            local mirror
            mirror=$(stand_in)
            [[ -d $mirror ]] || { printf '%s\n' "$mirror" && return; }
            PROVIDER="schemas of the AWS provider 5.100 and what changed up to 6 by a stand-in"
            test_all "-plugin-dir=$mirror"
            ;;
        provider)
            need_terraform
            stand_in
            ;;
        real)
            need_terraform
            real
            ;;
        -h | --help) sed -n '2,/^set /{/^#/s/^# \{0,1\}//p}' "$0" ;;
        *) die "unknown part \`${1:-}\`" "usage: tools/terraform.sh fmt|test|provider|real" ;;
    esac
}

main "$@"
