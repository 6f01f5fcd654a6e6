#!/usr/bin/env bash
# Fills the toolbox: the real binaries of etcd and Kubernetes that the sandbox and the live tests run.
#
#   tools/toolbox.sh                            every version of etcd that is known here
#   tools/toolbox.sh etcd 3.5.33 3.6.14         these versions
#   tools/toolbox.sh kubernetes                 every version of the control plane that is known here
#   tools/toolbox.sh kubernetes 1.33.13         this version
#
# Result: $REHULL_TOOLBOX/etcd/<version>/{etcd,etcdctl,etcdutl,manifest.json}
#         $REHULL_TOOLBOX/kubernetes/<version>/{kube-apiserver,kube-controller-manager,kube-scheduler,manifest.json}
# (default toolbox: ${XDG_CACHE_HOME:-$HOME/.cache}/rehull/toolbox; etcd 3.4 has no etcdutl).
#
# Sources of a version, first that works: already in the toolbox; for etcd the official release archive, checked against
# the SHA-256 below; built by `go build` from the published Go modules (checked by Go's checksum database); for etcd 3.4,
# which has no usable module path, the distribution's packages, downloaded and unpacked (installing them would start a
# service). A directory appears complete or not at all, so an interrupted run leaves nothing half done.
set -euo pipefail

readonly ETCD_VERSIONS=(3.4.23 3.5.21 3.5.33 3.6.14 3.7.1)
# For Kubernetes no archive: nobody but its publisher was found who vouches for the sums of these two.
readonly KUBERNETES_VERSIONS=(1.33.13 1.34.2)
readonly ARCHIVES=https://github.com/etcd-io/etcd/releases/download
readonly TOOLBOX=${REHULL_TOOLBOX:-${XDG_CACHE_HOME:-$HOME/.cache}/rehull/toolbox}

say() { printf 'toolbox: %s\n' "$*"; }
warn() { printf 'toolbox: %s\n' "$*" >&2; }
die() {
    printf 'toolbox: error: %s\n' "$1" >&2
    [[ $# -lt 2 ]] || printf '  help: %s\n' "$2" >&2
    exit 2
}

# SHA-256 of the release archives as other projects pin them, looked up and not computed here: 3.5.21, 3.5.33 and 3.6.14 in
# kubespray's checksums.yml, 3.7.1 in the Chef cookbook `etcd`. For the arm64 sums of 3.5.33 and 3.6.14 kubespray is
# the only project found. For 3.4.23 none was found, so its archive is not used: a checksum that nobody else vouches
# for protects nothing.
archive_sha256() {
    case $1-$2 in
        3.5.21-amd64) echo adddda4b06718e68671ffabff2f8cee48488ba61ad82900e639d108f2148501c ;;
        3.5.21-arm64) echo 95bf6918623a097c0385b96f139d90248614485e781ec9bee4768dbb6c79c53f ;;
        3.5.33-amd64) echo 5025b5b24d81a9616b6e284ccd439b9a3df055ef8fdcdc142af3ec8f6a3b3c95 ;;
        3.5.33-arm64) echo 0764c5c0acef155f4bfa0487791cc5776adef66315bf16ec0653883bfd463a90 ;;
        3.6.14-amd64) echo ffe840ff9295808e88cce2794a18a5ac87f12a5203c8314d0bf6aa119b41bac5 ;;
        3.6.14-arm64) echo fa1b80565ee6fc2df1ae6f57a508b221f3ecc7d591c317c581cd8281b0842b3e ;;
        3.7.1-amd64) echo e8cd3fa8064c98137c5dbd78b76f969417ace84efb83c481041d7a52ffdd8fb9 ;;
        3.7.1-arm64) echo d7e25e08f694b6ed7792fc7b7a891fe2c3f3d3dccfe2f3bfdb1547b0eb75b6da ;;
        *) return 1 ;;
    esac
}

binaries_of() {
    case $1-$2 in
        etcd-3.4.*) echo etcd etcdctl ;;
        etcd-*) echo etcd etcdctl etcdutl ;;
        kubernetes-*) echo kube-apiserver kube-controller-manager kube-scheduler ;;
    esac
}

sources_of() {
    case $1-$2 in
        etcd-3.4.*) echo debian ;;
        etcd-*) echo archive go ;;
        kubernetes-*) echo modules ;;
    esac
}

machine_arch() {
    case $(uname -m) in
        x86_64) echo amd64 ;;
        aarch64 | arm64) echo arm64 ;;
        *) uname -m ;;
    esac
}

is_installed() {
    local tool=$1 version=$2 binary
    [[ -s $TOOLBOX/$tool/$version/manifest.json ]] || return 1
    for binary in $(binaries_of "$tool" "$version"); do
        [[ -x $TOOLBOX/$tool/$version/$binary ]] || return 1
    done
}

# Each from_* fills the directory $2 with the binaries of version $1, or ends non-zero having said why.
# They run in a subshell with `set -e` on: as the condition of an `if` a failed command inside would go unnoticed.

from_archive() {
    local version=$1 into=$2 arch sum name binary
    arch=$(machine_arch)
    sum=$(archive_sha256 "$version" "$arch") || return 1
    command -v curl >/dev/null || return 1
    name=etcd-v$version-linux-$arch
    if ! curl -fsSL --connect-timeout 5 --max-time 300 -o "$into/archive" "$ARCHIVES/v$version/$name.tar.gz" 2>/dev/null; then
        warn "etcd $version: the release archive cannot be fetched from here, trying the next source"
        rm -f "$into/archive"
        return 1
    fi
    # Falling back here would hide an attack, so a wrong digest ends the run.
    printf '%s  %s\n' "$sum" "$into/archive" | sha256sum --check --quiet - ||
        die "the archive of etcd $version does not have the pinned SHA-256 $sum" "nothing was installed; find out who changed it before trying again"
    for binary in $(binaries_of etcd "$version"); do
        tar -xzf "$into/archive" -C "$into" --strip-components=1 --no-same-owner "$name/$binary"
    done
    rm -f "$into/archive"
}

# Runs with its output going to the log, so it speaks through the descriptor of main.
build_failed() {
    local text
    text=$(grep -v '^go: downloading' "$2" | tail -n 3 | tr '\n' ' ') || true
    warn "$1: go build failed: $text" 2>&8
}

# `GOFLAGS=-p=1` from outside is kept.
module_go() { CGO_ENABLED=0 GOWORK=off GOFLAGS="-mod=mod -trimpath -buildvcs=false ${GOFLAGS:-}" go "$@"; }

from_go() {
    local version=$1 into=$2 binary module work
    command -v go >/dev/null || return 1
    warn "etcd $version: building from its Go modules, about a minute on two cores"
    work=$into/module
    mkdir "$work"
    # One throw-away module that requires the three commands at one version.
    (
        trap 'build_failed "etcd $version" "$into/log"' ERR
        cd "$work"
        module_go mod init rehull.invalid/toolbox
        for module in server etcdctl etcdutl; do module_go mod edit "-require=go.etcd.io/etcd/$module/v3@v$version"; done
        for binary in $(binaries_of etcd "$version"); do
            module=$binary
            [[ $binary != etcd ]] || module=server
            # The version is a constant of the module; only the commit is set by etcd's own build script.
            module_go build -ldflags "-s -w -X go.etcd.io/etcd/api/v3/version.GitSHA=go-module" \
                -o "$into/$binary" "go.etcd.io/etcd/$module/v3"
        done
    ) >"$into/log" 2>&1 9>&-
    rm -rf "$work" "$into/log"
}

# The module of Kubernetes requires its own libraries at versions that do not exist and finds them in its own tree;
# outside of it each is replaced by the one that was published with this release.
from_modules() {
    local version=$1 into=$2 work
    command -v go >/dev/null || return 1
    warn "kubernetes $version: building from its Go modules, five to ten minutes on two cores"
    work=$into/module
    mkdir "$work"
    (
        trap 'build_failed "kubernetes $version" "$into/log"' ERR
        cd "$work"
        published=$(module_go mod download -json "k8s.io/kubernetes@v$version" | sed -n 's/^\t"GoMod": "\(.*\)",\{0,1\}$/\1/p')
        module_go mod init rehull.invalid/toolbox
        module_go mod edit "-require=k8s.io/kubernetes@v$version"
        # Language version and runtime settings are the main module's, so they have to be what the release is built with.
        module_go mod edit "-go=$(awk '$1 == "go" { print $2 }' "$published")"
        sed -n 's/^godebug \([a-z0-9]*=[a-z0-9.]*\)$/-godebug=\1/p' "$published" | xargs -r go mod edit
        sed -n "s|^\t\{0,1\}\(k8s.io/[a-z-]*\) => ./staging/.*|-replace=\1=\1@v0.${version#1.}|p" "$published" | xargs -r go mod edit
        minor=${version#1.}
        stamps="-s -w"
        # Unstamped, /version would say v0.0.0-master.
        for place in k8s.io/component-base/version k8s.io/client-go/pkg/version; do
            stamps+=" -X $place.gitVersion=v$version -X $place.gitMajor=1 -X $place.gitMinor=${minor%%.*} -X $place.gitCommit=go-module"
        done
        commands=()
        for binary in $(binaries_of kubernetes "$version"); do commands+=("k8s.io/kubernetes/cmd/$binary"); done
        module_go build -ldflags "$stamps" -o "$into/" "${commands[@]}"
    ) >"$into/log" 2>&1 9>&-
    rm -rf "$work" "$into/log"
}

candidate() { apt-cache madison "$1" 2>/dev/null | awk -v want="$2-" 'index($3, want) == 1 { print $3; exit }'; }

refresh_package_lists() {
    if [[ $EUID -eq 0 ]]; then
        apt-get -qq update >/dev/null 2>&1 || true
    elif command -v sudo >/dev/null && sudo -n true 2>/dev/null; then
        sudo -n apt-get -qq update >/dev/null 2>&1 || true
    fi
}

from_debian() {
    local version=$1 into=$2 package binary full work
    command -v apt-get >/dev/null && command -v dpkg >/dev/null || return 1
    work=$into/packages
    mkdir "$work"
    for binary in etcd etcdctl; do
        package=etcd-server
        [[ $binary == etcd ]] || package=etcd-client
        full=$(candidate "$package" "$version")
        if [[ -z $full ]]; then
            refresh_package_lists
            full=$(candidate "$package" "$version")
        fi
        if [[ -z $full ]]; then
            warn "etcd $version: no package $package $version here (Debian 12 has it)"
            return 1
        fi
        (cd "$work" && apt-get -qq -o APT::Sandbox::User=root download "$package=$full" && dpkg -x "$package"_*.deb .)
        mv "$work/usr/bin/$binary" "$into/$binary"
    done
    rm -rf "$work"
}

# A binary that does not run, or is another version than its directory says, must not reach a test.
verify() {
    local tool=$1 version=$2 dir=$3 binary said
    for binary in $(binaries_of "$tool" "$version"); do
        case $binary in
            etcd | kube-*) said=$("$dir/$binary" --version 2>&1 | head -n 1 || true) ;;
            *) said=$(ETCDCTL_API=3 "$dir/$binary" version 2>&1 | head -n 1 || true) ;;
        esac
        [[ $said == *": $version" || $said == "Kubernetes v$version" ]] ||
            die "$binary $version does not run or says another version: ${said:-nothing}"
    done
}

write_manifest() {
    local tool=$1 version=$2 dir=$3 source=$4 binary sum separator=''
    {
        printf '{\n  "format": 1,\n  "version": "%s",\n  "source": "%s",\n  "sha256": {' "$version" "$source"
        for binary in $(binaries_of "$tool" "$version"); do
            sum=$(sha256sum "$dir/$binary")
            printf '%s\n    "%s": "%s"' "$separator" "$binary" "${sum%% *}"
            separator=,
        done
        printf '\n  }\n}\n'
    } >"$dir/manifest.json"
}

install_tool() {
    local tool=$1 version=$2 source staging status binary started=$SECONDS
    if is_installed "$tool" "$version"; then
        say "$tool $version: already there"
        return
    fi
    for source in $(sources_of "$tool" "$version"); do
        staging=$(mktemp -d "$TOOLBOX/.staging.XXXXXX")
        set +e
        (
            set -e
            "from_$source" "$version" "$staging"
        )
        status=$?
        set -e
        # 2 is `die`: something is wrong that another source must not paper over.
        [[ $status -ne 2 ]] || exit 2
        if [[ $status -eq 0 ]]; then
            chmod 0755 "$staging"
            for binary in $(binaries_of "$tool" "$version"); do chmod 0755 "$staging/$binary"; done
            verify "$tool" "$version" "$staging"
            write_manifest "$tool" "$version" "$staging" "$source"
            mkdir -p "$TOOLBOX/$tool"
            rm -rf "${TOOLBOX:?}/$tool/$version"
            mv -T "$staging" "$TOOLBOX/$tool/$version"
            say "$tool $version: installed from $source in $((SECONDS - started)) s"
            return
        fi
        rm -rf "$staging"
    done
    case $tool-$version in
        etcd-3.4.*) die "no source for etcd $version works here" \
            "it needs apt with the Debian 12 packages; or put etcd and etcdctl of the official release into $TOOLBOX/etcd/$version with a manifest.json" ;;
        etcd-*) die "no source for etcd $version works here" \
            "install Go 1.26 or newer with access to its module proxy, or allow HTTPS to github.com" ;;
        kubernetes-*) die "no source for kubernetes $version works here" \
            "install Go 1.26 or newer with access to its module proxy; or put the three binaries of the official release into $TOOLBOX/kubernetes/$version with a manifest.json" ;;
    esac
}

# Uninterruptible leftovers (SIGKILL) are removed by the next run; the lock says nobody else is using them.
clean_staging() { rm -rf "${TOOLBOX:?}"/.staging.*; }

main() {
    local tool=${1:-etcd} version known=() wanted=()
    case $tool in
        -h | --help)
            sed -n '2,/^set /{/^#/s/^# \{0,1\}//p}' "$0"
            return
            ;;
        etcd) known=("${ETCD_VERSIONS[@]}") ;;
        kubernetes) known=("${KUBERNETES_VERSIONS[@]}") ;;
        *) die "\`$tool\` is not a tool of the toolbox" "usage: tools/toolbox.sh [etcd|kubernetes [VERSION...]]" ;;
    esac
    [[ $# -eq 0 ]] || shift
    wanted=("$@")
    [[ ${#wanted[@]} -gt 0 ]] || wanted=("${known[@]}")
    for version in "${wanted[@]}"; do
        [[ " ${known[*]} " == *" $version "* ]] || die "$tool $version is not known here" "known: ${known[*]}"
    done
    mkdir -p "$TOOLBOX"
    if command -v flock >/dev/null; then
        exec 9>"$TOOLBOX/.lock"
        flock -n 9 || { warn "waiting for another run to finish" && flock 9; }
    fi
    exec 8>&2
    trap clean_staging EXIT
    trap 'exit 130' INT TERM
    for version in "${wanted[@]}"; do install_tool "$tool" "$version"; done
}

main "$@"
