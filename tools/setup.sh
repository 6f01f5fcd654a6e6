#!/usr/bin/env bash
# Provides what building, the demo and the tests need on Debian or Ubuntu; says what it installs, is quick when all is there.
#
#   tools/setup.sh          what `make demo` needs
#   tools/setup.sh test     also what `make test` needs: shellcheck, Python with the pinned moto_server
#   tools/setup.sh check    also what `make check` needs: cargo-deny
#   tools/setup.sh fuzz     what `make fuzz` needs: cargo-fuzz and a nightly Rust
#
# System packages come from apt (as root, or through sudo without a password); elsewhere the missing ones are named.
# Everything else goes into the cache: ${XDG_CACHE_HOME:-$HOME/.cache}/rehull/{moto,tools}.
set -euo pipefail

HERE=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
readonly HERE
readonly CACHE=${XDG_CACHE_HOME:-$HOME/.cache}/rehull
readonly CARGO_DENY=0.20.2
readonly CARGO_FUZZ=0.13.2

say() { printf 'setup: %s\n' "$*"; }
die() {
    printf 'setup: error: %s\n' "$1" >&2
    [[ $# -lt 2 ]] || printf '  help: %s\n' "$2" >&2
    exit 1
}
have() { command -v "$1" >/dev/null 2>&1; }

# Installs the given packages, or ends with the one command a person has to type.
install_packages() {
    local run=()
    have apt-get || die "missing: $*" "install what your distribution calls these Debian packages"
    if [[ $EUID -ne 0 ]]; then
        if ! { have sudo && sudo -n true 2>/dev/null; }; then
            die "missing packages: $*" "run: sudo apt-get install $*"
        fi
        run=(sudo -n)
    fi
    run+=(env DEBIAN_FRONTEND=noninteractive apt-get -qq -o Dpkg::Use-Pty=0)
    say "installing with apt: $*"
    "${run[@]}" install -y --no-install-recommends "$@" >/dev/null 2>&1 && return
    # The package lists may be missing or old on a fresh machine.
    "${run[@]}" update >/dev/null || die "apt-get update failed" "see the lines above; the missing packages are: $*"
    "${run[@]}" install -y --no-install-recommends "$@" >/dev/null || die "apt cannot install: $*" "see the lines above"
}

system_packages() {
    local missing=()
    have cc || missing+=(gcc libc6-dev)
    # aws-lc-sys needs CMake only where it has no ready-made bindings: neither x86-64 nor arm64 Linux.
    case $(uname -m) in x86_64 | aarch64) ;; *) have cmake || missing+=(cmake) ;; esac
    # etcd-client generates its messages at build time; the .proto files that it imports are in libprotobuf-dev.
    have protoc || missing+=(protobuf-compiler)
    [[ -e /usr/include/google/protobuf/descriptor.proto ]] || protoc_has_includes || missing+=(libprotobuf-dev)
    # The sandbox gives every machine its own view of /etc and of its disks.
    have unshare || missing+=(util-linux)
    have mount || missing+=(mount)
    have curl || missing+=(curl ca-certificates)
    have jq || missing+=(jq)
    [[ ${#missing[@]} -eq 0 ]] || install_packages "${missing[@]}"
}

# A protoc from elsewhere (PROTOC, Homebrew, a release archive) keeps its files in ../include.
protoc_has_includes() {
    local protoc
    protoc=$(command -v "${PROTOC:-protoc}") || return 1
    [[ -e $(dirname "$(dirname "$(readlink -f "$protoc")")")/include/google/protobuf/descriptor.proto ]]
}

# The boot scripts are checked as they are, and their routes in a network namespace.
test_packages() {
    local missing=()
    have shellcheck || missing+=(shellcheck)
    have ip || missing+=(iproute2)
    [[ ${#missing[@]} -eq 0 ]] || install_packages "${missing[@]}"
}

rust() {
    local wanted
    wanted=$(sed -n 's/^channel = "\(.*\)"/\1/p' "$HERE/../rust-toolchain.toml")
    if have rustup; then
        # rustup installs what rust-toolchain.toml names on first use; asking here makes the wait visible.
        (cd "$HERE/.." && rustup show active-toolchain >/dev/null 2>&1 && cargo --version >/dev/null 2>&1) && return
        say "installing Rust $wanted with rustup"
        rustup toolchain install "$wanted" --profile minimal --component clippy --component rustfmt >/dev/null
        return
    fi
    # Debian 13 and Ubuntu 24.04 have a package of it.
    if ! have cargo && [[ $(apt-cache policy rustup 2>/dev/null) == *Candidate:\ [0-9]* ]]; then
        install_packages rustup
        rust
        return
    fi
    have cargo || die "Rust is missing" "install rustup (https://rustup.rs), it then takes Rust $wanted from rust-toolchain.toml"
    [[ $(cargo --version) == "cargo $wanted "* ]] || say "note: $(cargo --version) is used, the pinned toolchain is $wanted (rustup would install it)"
}

# Informative only: the built-in provisioner works without it, and tools/terraform.sh says what it skips.
terraform_note() {
    have terraform || say "note: no terraform here; only \`provisioner: terraform\` and the checks of terraform/ need it"
}

find_python() {
    local python
    for python in python3 python3.13 python3.12 python3.11; do
        if have "$python" && "$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
            echo "$python"
            return
        fi
    done
    return 1
}

moto() {
    local venv=$CACHE/moto want python
    want=$(sha256sum "$HERE/requirements-test.txt")
    want=${want%% *}
    # The mark is written last, so a venv without it is an interrupted one. A new Python under the same name breaks the link.
    [[ -x $venv/bin/python && -f $venv/.requirements && $(<"$venv/.requirements") == "$want" ]] && return
    python=$(find_python) || {
        install_packages python3 python3-venv
        python=$(find_python) || die "Python 3.11 or newer is missing" "the tests run the AWS adapters against moto_server"
    }
    "$python" -c 'import ensurepip' 2>/dev/null || install_packages python3-venv
    say "installing moto_server into $venv"
    rm -rf "$venv"
    "$python" -m venv "$venv"
    "$venv/bin/python" -m pip install -q --disable-pip-version-check --no-input --only-binary :all: --require-hashes \
        -r "$HERE/requirements-test.txt"
    "$venv/bin/moto_server" --help >/dev/null || die "moto_server was installed but does not run" "rm -r $venv, then try again"
    printf '%s\n' "$want" >"$venv/.requirements"
}

cargo_tool() {
    local tool=$1 version=$2 root=$CACHE/tools build
    [[ -x $root/bin/$tool && $("$root/bin/$tool" --version) == "$tool $version" ]] && return
    say "installing $tool $version, one or two minutes"
    build=$(mktemp -d)
    # Unoptimised: it builds in a third of the time and then reads a few files. Its own target directory, because the
    # project's one would be filled with crates that the project does not use.
    # Nor with the lints of this project, which CI has clippy tell while it compiles.
    CARGO_TARGET_DIR=$build env -u RUSTC_WORKSPACE_WRAPPER cargo install -q --locked --debug --root "$root" "$tool" --version "$version"
    rm -rf "$build"
}

# libFuzzer is C++, and instrumenting for it is a nightly option.
fuzzing() {
    local toolchain=${FUZZ_TOOLCHAIN:-nightly}
    have c++ || install_packages g++
    have rustup || die "rustup is missing" "cargo-fuzz needs a nightly Rust: https://rustup.rs"
    if ! rustup run "$toolchain" rustc --version >/dev/null 2>&1; then
        say "installing Rust $toolchain with rustup"
        rustup toolchain install "$toolchain" --profile minimal >/dev/null
    fi
    cargo_tool cargo-fuzz "$CARGO_FUZZ"
}

main() {
    local what=${1:-demo} started=$SECONDS
    case $what in
        demo | test | check | fuzz) ;;
        -h | --help)
            sed -n '2,/^set /{/^#/s/^# \{0,1\}//p}' "$0"
            return
            ;;
        *) die "unknown part \`$what\`" "usage: tools/setup.sh [test|check|fuzz]" ;;
    esac
    mkdir -p "$CACHE"
    if have flock; then
        exec 9>"$CACHE/.setup.lock"
        flock 9
    fi
    system_packages
    rust
    terraform_note
    [[ $what != test ]] || test_packages
    [[ $what != test ]] || moto
    [[ $what != fuzz ]] || fuzzing
    [[ $what == demo || $what == fuzz ]] || cargo_tool cargo-deny "$CARGO_DENY"
    say "ready for \`$what\` ($((SECONDS - started)) s)"
}

main "$@"
