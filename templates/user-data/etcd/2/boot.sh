#!/usr/bin/env bash
# Boots one etcd machine: fetch and verify, report warm, wait for the go, check tags against disk, start etcd, wait for
# the stop. What differs per launch comes as instance tags (IMDSv2). Needs curl 7.88 or newer, iproute2 and e2fsprogs.
set -euo pipefail
umask 077
# shellcheck source=/dev/null
. /etc/rehull/machine.env

readonly IMDS=${AWS_EC2_METADATA_SERVICE_ENDPOINT:-http://169.254.169.254}/latest
readonly S3=${AWS_ENDPOINT_URL_S3:-$REHULL_S3}
readonly RUN=/run/rehull BIN=/opt/rehull/bin PKI=/etc/etcd/pki DATA=/var/lib/etcd
readonly DEVICE=/dev/disk/by-id/nvme-Amazon_Elastic_Block_Store_${REHULL_VOLUME/-/}
readonly NUMBER='0|[1-9][0-9]{0,8}'
TOKEN='' INSTANCE='' OWED=() JOIN='' GENERATION=''

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

tag() { imds "meta-data/tags/instance/rehull:$1"; }

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

# report PHASE [CODE TEXT]: a report that could not be written is owed and written by the next tick.
report() {
    local body sum
    printf '%s %s\n' "$1" "${3-}"
    body=$(printf '{"format":1,"instance":"%s","phase":"%s","code":"%s","text":"%s","at":"%s"}' \
        "$INSTANCE" "$1" "${2-}" "${3-}" "$(date -u +%FT%TZ)")
    sum=$(printf %s "$body" | sha256sum)
    OWED=("$@")
    if s3 "${REHULL_ARTEFACTS}boot/$REHULL_CLUSTER/$REHULL_SLOT/$INSTANCE.json" "${sum%% *}" -m 20 \
        -o /dev/null -X PUT -H 'content-type: application/json' --data-binary "$body"; then
        OWED=()
    fi
}

tick() {
    sleep 1
    [[ ${#OWED[@]} -eq 0 ]] || report "${OWED[@]}"
}

# The last word of this boot: nothing starts etcd after it.
finish() {
    report "$@"
    until [[ ${#OWED[@]} -eq 0 ]]; do tick; done
    exit 0
}

refuse() { finish refused "$1" "$2"; }

stop_if_asked() {
    tag stop || return 0
    systemctl stop etcd.service
    while mountpoint -q "$DATA"; do umount "$DATA" || sleep 1; done
    finish stopped '' 'etcd was stopped and the volume is unmounted'
}

# read_tag NAME PATTERN [WORDS FOR THE PATTERN]
read_tag() {
    tag "$1" || REPLY=''
    [[ $REPLY =~ ^($2)$ ]] || refuse bad-tags "rehull:$1 is missing or is not ${3-$2}"
}

read_tags() {
    read_tag cluster "${REHULL_CLUSTER//./[.]}" "$REHULL_CLUSTER"
    read_tag slot "${REHULL_SLOT//./[.]}" "$REHULL_SLOT"
    read_tag generation "$NUMBER" 'a number'
    GENERATION=$REPLY
    read_tag join 'bootstrap|existing|reattach'
    JOIN=$REPLY
}

# get KEY FILE: fetched until it is there.
get() {
    until s3 "$1" UNSIGNED-PAYLOAD -o "$2.part"; do
        report fetching '' "cannot fetch $1 yet"
        sleep 2
        stop_if_asked
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
            is_digest "$BIN/$name.part" "$sum" || refuse wrong-digest "the object sha256/$sum has another content"
            mv "$BIN/$name.part" "$BIN/$name"
        fi
        chmod 0755 "$BIN/$name"
    done
    for name in ca.crt server.crt server.key peer.crt peer.key; do
        [[ ! -s $PKI/$name ]] || continue
        get "$REHULL_TLS/$name" "$PKI/$name"
        mv "$PKI/$name.part" "$PKI/$name"
    done
}

address_is_local() { [[ $(ip -4 route get "$REHULL_ADDRESS" 2>/dev/null) == local* ]]; }

# The slot's interface is a secondary one: some images leave it without an address, and all of them would reach the
# other members from the primary address, which those refuse because it is not in this member's certificate.
route_by_source() {
    local mac macs device cidr base peer
    imds meta-data/network/interfaces/macs/ || return 0
    macs=$REPLY
    for mac in $macs; do
        mac=${mac%/}
        imds "meta-data/network/interfaces/macs/$mac/local-ipv4s" || continue
        [[ " ${REPLY//$'\n'/ } " == *" $REHULL_ADDRESS "* ]] || continue
        imds "meta-data/network/interfaces/macs/$mac/subnet-ipv4-cidr-block" || continue
        cidr=$REPLY base=${REPLY%/*}
        device=$(grep -lixF "$mac" /sys/class/net/*/address) || return 0
        device=${device%/address} device=${device##*/}
        ip link set "$device" up
        address_is_local || ip address add "$REHULL_ADDRESS/${cidr#*/}" dev "$device" noprefixroute
        ip route replace "$cidr" dev "$device" src "$REHULL_ADDRESS" table 2379
        ip route replace default via "${base%.*}.$((${base##*.} + 1))" dev "$device" src "$REHULL_ADDRESS" table 2379
        for peer in $REHULL_PEERS; do ip rule add to "$peer" lookup 2379 priority 2379 2>/dev/null || true; done
        ip rule add from "$REHULL_ADDRESS" lookup 2379 priority 2380 2>/dev/null || true
    done
}

mount_volume() {
    local code=0 marker="cluster=$REHULL_CLUSTER slot=$REHULL_SLOT"
    if ! mountpoint -q "$DATA"; then
        blkid -p "$DEVICE" >"$RUN/blkid" 2>&1 || code=$?
        if [[ $code -eq 2 && ! -s $RUN/blkid ]]; then
            # Nobody needs what the spare held before.
            [[ $JOIN == bootstrap || $REHULL_SPARE == "$REHULL_SLOT="* ]] || refuse blank-volume "$REHULL_VOLUME is blank but rehull:join is $JOIN"
            mkfs.ext4 -q "$DEVICE"
        fi
        mkdir -p "$DATA"
        mount -o noatime "$DEVICE" "$DATA" || refuse unclear-volume "$REHULL_VOLUME cannot be mounted"
    fi
    if [[ -e $DATA/.rehull ]]; then
        [[ $(<"$DATA/.rehull") == "$marker" ]] || refuse foreign-volume "$REHULL_VOLUME holds $(tr -cd 'a-zA-Z0-9=. -' <"$DATA/.rehull")"
    elif [[ -n $(find "$DATA" -mindepth 1 -maxdepth 1 ! -name lost+found -print -quit) ]]; then
        refuse foreign-volume "$REHULL_VOLUME holds data that is not rehull's"
    else
        printf '%s\n' "$marker" >"$DATA/.rehull"
    fi
}

# A removed member's data is never used again: every new membership has a directory of its own.
claim_generation() {
    local dir=$DATA/gen-$GENERATION other owner=''
    for other in "$DATA"/gen-*; do
        [[ ${other##*/gen-} =~ ^($NUMBER)$ ]] || continue
        [[ ${other##*/gen-} -le $GENERATION ]] || refuse generation-in-use "$REHULL_VOLUME already holds ${other##*/}"
    done
    [[ ! -e $dir/.rehull ]] || owner=$(<"$dir/.rehull")
    if [[ $JOIN == reattach ]]; then
        [[ -d $dir/member/wal ]] || refuse missing-data "$REHULL_VOLUME has no data in gen-$GENERATION"
    elif [[ $owner != "$INSTANCE" && (-n $owner || -e $dir/member) ]]; then
        refuse generation-in-use "gen-$GENERATION was used by ${owner:-another machine}"
    fi
    mkdir -p "$dir"
    printf '%s\n' "$INSTANCE" >"$dir/.rehull"
    sync "$dir/.rehull" "$dir" "$DATA/.rehull" "$DATA"
    # The generation before stays as a copy of last resort; what is older goes.
    for other in "$DATA"/gen-*; do
        [[ ${other##*/gen-} =~ ^($NUMBER)$ ]] || continue
        [[ ${other##*/gen-} -ge $((GENERATION - 1)) ]] || rm -rf "$other"
    done
}

start() {
    local state=new cluster=$REHULL_INITIAL_CLUSTER
    [[ $JOIN != existing ]] || state=existing
    # etcd refuses to join unless it names exactly the members that are listed.
    tag go || REPLY=''
    [[ $REPLY != *' with-spare' ]] || cluster+=,$REHULL_SPARE
    printf 'REHULL_DATA_DIR=%s\nREHULL_CLUSTER_STATE=%s\nREHULL_INITIAL_CLUSTER=%s\n' \
        "$DATA/gen-$GENERATION" "$state" "$cluster" >"$RUN/etcd.env"
    report starting
    systemctl start etcd.service
    until systemctl is-active -q etcd.service; do
        stop_if_asked
        tick
    done
    report running
}

main() {
    mkdir -p "$RUN"
    imds meta-data/instance-id
    INSTANCE=$REPLY
    stop_if_asked
    read_tags
    report fetching
    fetch
    report warm
    until tag go; do
        stop_if_asked
        tick
    done
    read_tags
    until [[ -e $DEVICE ]] && route_by_source && address_is_local; do
        stop_if_asked
        tick
    done
    mount_volume
    claim_generation
    start
    while :; do
        stop_if_asked
        tick
    done
}

main
