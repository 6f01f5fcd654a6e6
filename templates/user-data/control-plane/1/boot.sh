#!/usr/bin/env bash
# Boots one control-plane machine: fetch and verify, then start apiserver, controller-manager and scheduler. The two talk
# to the apiserver beside them, never through the load balancer. Needs curl 7.88 or newer.
set -euo pipefail
umask 077
# shellcheck source=/dev/null
. /etc/rehull/machine.env

readonly IMDS=${AWS_EC2_METADATA_SERVICE_ENDPOINT:-http://169.254.169.254}/latest
readonly S3=${AWS_ENDPOINT_URL_S3:-$REHULL_S3}
readonly RUN=/run/rehull BIN=/opt/rehull/bin CONF=/etc/kubernetes PKI=/etc/kubernetes/pki
TOKEN='' INSTANCE='' ADDRESS=''

# imds PATH: the answer in REPLY; 1 = there is no such thing. Everything unclear is asked again.
imds() {
    local answer
    while :; do
        answer=$(curl -s -m 5 -w '\n%{http_code}' -H "X-aws-ec2-metadata-token: $TOKEN" "$IMDS/$1") || answer=''
        REPLY=${answer%$'\n'*}
        case ${answer##*$'\n'} in
            200) return 0 ;;
            404) return 1 ;;
            401) TOKEN=$(curl -sf -m 5 -X PUT -H 'X-aws-ec2-metadata-token-ttl-seconds: 21600' "$IMDS/api/token") || true ;;
        esac
        sleep 0.3
    done
}

field() { sed -n "s/.*\"$1\" *: *\"\([^\"]*\)\".*/\1/p" <<<"$REPLY"; }

# s3 KEY SHA256 [CURL OPTION...], as the machine's own role. Keys reach curl through a pipe: not in argv, not on disk.
s3() {
    local url=$S3/$1 hash=$2
    shift 2
    imds meta-data/iam/security-credentials/ || return 1
    imds "meta-data/iam/security-credentials/${REPLY%%$'\n'*}" || return 1
    curl -sSf --connect-timeout 5 -m 600 --aws-sigv4 "aws:amz:$REHULL_REGION:s3" -H "x-amz-content-sha256: $hash" "$@" \
        -K <(printf 'user = "%s:%s"\nheader = "x-amz-security-token: %s"\n' \
            "$(field AccessKeyId)" "$(field SecretAccessKey)" "$(field Token)") "$url"
}

# report PHASE [CODE TEXT]: for whoever looks why a machine does not come up; nothing waits for it.
report() {
    local body sum
    printf '%s %s\n' "$1" "${3-}"
    body=$(printf '{"format":1,"instance":"%s","phase":"%s","code":"%s","text":"%s","at":"%s"}' \
        "$INSTANCE" "$1" "${2-}" "${3-}" "$(date -u +%FT%TZ)")
    sum=$(printf %s "$body" | sha256sum)
    s3 "${REHULL_ARTEFACTS}boot/$REHULL_CLUSTER/control-plane/$INSTANCE.json" "${sum%% *}" -m 20 \
        -o /dev/null -X PUT -H 'content-type: application/json' --data-binary "$body" || true
}

# get KEY FILE: fetched until it is there.
get() {
    until s3 "$1" UNSIGNED-PAYLOAD -o "$2.part"; do
        report fetching '' "cannot fetch $1 yet"
        sleep 2
    done
}

is_digest() { [[ -f $1 && $(sha256sum <"$1") == "$2  -" ]]; }

fetch() {
    local pair name sum
    mkdir -p "$BIN" "$PKI"
    for pair in $REHULL_BINARIES; do
        name=${pair%%=*} sum=${pair#*=}
        if ! is_digest "$BIN/$name" "$sum"; then
            get "${REHULL_ARTEFACTS}sha256/$sum" "$BIN/$name"
            if ! is_digest "$BIN/$name.part" "$sum"; then
                report refused wrong-digest "the object sha256/$sum has another content"
                exit 0
            fi
            mv "$BIN/$name.part" "$BIN/$name"
        fi
        chmod 0755 "$BIN/$name"
    done
    for name in ca.crt apiserver.{crt,key} etcd-ca.crt etcd-client.{crt,key} service-account.{pub,key} \
        controller-manager.{crt,key} scheduler.{crt,key} $REHULL_FILES; do
        [[ ! -s $PKI/$name ]] || continue
        get "$REHULL_TLS/$name" "$PKI/$name"
        mv "$PKI/$name.part" "$PKI/$name"
    done
}

# No certificate can name the addresses of a group's machines, so the server is known by a name.
kubeconfig() {
    cat >"$CONF/$1.conf" <<EOF
apiVersion: v1
kind: Config
clusters:
- name: local
  cluster:
    server: https://$ADDRESS:6443
    tls-server-name: kubernetes
    certificate-authority: $PKI/ca.crt
users:
- name: $1
  user:
    client-certificate: $PKI/$1.crt
    client-key: $PKI/$1.key
contexts:
- name: local
  context:
    cluster: local
    user: $1
current-context: local
EOF
}

main() {
    mkdir -p "$RUN"
    imds meta-data/instance-id
    INSTANCE=$REPLY
    imds meta-data/local-ipv4
    ADDRESS=$REPLY
    report fetching
    fetch
    kubeconfig controller-manager
    kubeconfig scheduler
    printf 'REHULL_ADDRESS=%s\n' "$ADDRESS" >"$RUN/address.env"
    report starting
    systemctl start kube-apiserver.service kube-controller-manager.service kube-scheduler.service
    report running
}

main
