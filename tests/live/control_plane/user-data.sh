#!/bin/bash
# A control-plane machine, as plainly as one can be written: binaries and keys from S3 with its own role, three units.
# Words in @ are filled in by the test.
set -euo pipefail
umask 077

readonly IMDS=$AWS_EC2_METADATA_SERVICE_ENDPOINT/latest BIN=/opt/kubernetes/bin PKI=/etc/kubernetes/pki
token=$(curl -sf -X PUT -H 'x-aws-ec2-metadata-token-ttl-seconds: 600' "$IMDS/api/token")
meta() { curl -sf -H "x-aws-ec2-metadata-token: $token" "$IMDS/meta-data/$1"; }
role=$(meta iam/security-credentials/)
credentials=$(meta "iam/security-credentials/$role")
field() { sed -n "s/.*\"$1\":\"\([^\"]*\)\".*/\1/p" <<<"$credentials"; }
region=$(meta placement/region)
address=$(meta local-ipv4)
# Loopback may not be an endpoint of a service, so the machine tells others an address that leads nowhere.
advertised=10.99.${address#127.*.}

fetch() {
    curl -sSf --retry 20 --retry-all-errors --retry-delay 1 --aws-sigv4 "aws:amz:$region:s3" \
        -K <(printf 'user = "%s:%s"\nheader = "x-amz-security-token: %s"\n' \
            "$(field AccessKeyId)" "$(field SecretAccessKey)" "$(field Token)") \
        -o "$2" "$AWS_ENDPOINT_URL_S3/$1"
}

mkdir -p "$BIN" "$PKI"
for pair in @binaries@; do
    name=${pair%%=*} sum=${pair#*=}
    fetch "@artefacts@/artefacts/sha256/$sum" "$BIN/$name"
    printf '%s  %s\n' "$sum" "$BIN/$name" | sha256sum --check --quiet -
    chmod 0755 "$BIN/$name"
done
for name in ca.crt apiserver.crt apiserver.key etcd-ca.crt etcd-client.crt etcd-client.key service-account.key \
    service-account.pub controller-manager.crt controller-manager.key scheduler.crt scheduler.key; do
    fetch "@secrets@/$name" "$PKI/$name"
done

kubeconfig() {
    cat >"/etc/kubernetes/$1.conf" <<END
apiVersion: v1
kind: Config
clusters: [{ name: local, cluster: { server: "https://$address:6443", certificate-authority: $PKI/ca.crt } }]
users: [{ name: me, user: { client-certificate: $PKI/$1.crt, client-key: $PKI/$1.key } }]
contexts: [{ name: it, context: { cluster: local, user: me } }]
current-context: it
END
}
kubeconfig controller-manager
kubeconfig scheduler

unit() {
    local name=$1
    shift
    {
        printf '[Unit]\nDescription=%s\n\n[Service]\nType=exec\nExecStart=%s/%s' "$name" "$BIN" "$name"
        printf ' \\\n  %s' "$@"
        printf '\nRestart=always\nRestartSec=15\nTimeoutStopSec=20\n\n[Install]\nWantedBy=multi-user.target\n'
    } >"/etc/systemd/system/$name.service"
    systemctl enable --now "$name.service"
}

unit kube-apiserver \
    --bind-address="$address" --secure-port=6443 --advertise-address="$advertised" \
    --etcd-servers=@etcd@ --etcd-cafile="$PKI/etcd-ca.crt" \
    --etcd-certfile="$PKI/etcd-client.crt" --etcd-keyfile="$PKI/etcd-client.key" \
    --tls-cert-file="$PKI/apiserver.crt" --tls-private-key-file="$PKI/apiserver.key" --client-ca-file="$PKI/ca.crt" \
    --service-account-issuer=https://kubernetes.default.svc --service-account-key-file="$PKI/service-account.pub" \
    --service-account-signing-key-file="$PKI/service-account.key" --service-cluster-ip-range=10.96.0.0/16 \
    --authorization-mode=Node,RBAC --shutdown-delay-duration=2s --shutdown-watch-termination-grace-period=1s
unit kube-controller-manager \
    --kubeconfig=/etc/kubernetes/controller-manager.conf --bind-address="$address" --secure-port=10257 --leader-elect=true \
    --use-service-account-credentials=true --service-account-private-key-file="$PKI/service-account.key" \
    --root-ca-file="$PKI/ca.crt"
unit kube-scheduler \
    --kubeconfig=/etc/kubernetes/scheduler.conf --authentication-kubeconfig=/etc/kubernetes/scheduler.conf \
    --authorization-kubeconfig=/etc/kubernetes/scheduler.conf --bind-address="$address" --secure-port=10259 \
    --leader-elect=true
