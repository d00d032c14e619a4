#!/bin/sh
# The commands that the tests of the chart use, built with Go into ~/.cache/keywatch/bin:
# helm, promtool and compose-spec, and with `--kubernetes` also etcd and kube-apiserver (some minutes more).
# What is there already is left as it is. Needs Go 1.26.
set -eu
HELM=v3.22.0 PROMETHEUS=v0.316.0 COMPOSE=v2.16.2 KUBERNETES=1.37.2 ETCD=v3.7.3
BIN="${KEYWATCH_TOOLS:-$HOME/.cache/keywatch/bin}"
mkdir -p "$BIN"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

get() { # name, package@version
    [ -x "$BIN/$1" ] && return
    echo "building $1 ($2)"
    GOBIN="$work" go install -buildvcs=false "$2"
    for built in "$work"/*; do mv "$built" "$BIN/$1"; done
}

# Their go.mod files replace parts of themselves, which `go install` refuses: a module of our own says the same.
build() { # name, package, module@version, replacements, linker flags
    [ -x "$BIN/$1" ] && return
    echo "building $1 ($3)"
    mkdir "$work/$1"
    (
        cd "$work/$1"
        go mod init "keywatch.test/$1" 2>/dev/null
        for replaced in $4; do go mod edit -replace "$replaced"; done
        go mod edit -require "$3"
        go build -mod=mod -buildvcs=false -ldflags "${5:-}" -o "$BIN/$1" "$2"
    )
}

get helm "helm.sh/helm/v3/cmd/helm@$HELM"
get promtool "github.com/prometheus/prometheus/cmd/promtool@$PROMETHEUS"
get compose-spec "github.com/compose-spec/compose-go/v2/cmd@$COMPOSE"
[ "${1:-}" = --kubernetes ] || exit 0
build etcd go.etcd.io/etcd/server/v3 "go.etcd.io/etcd/server/v3@$ETCD" ""
staged=$(go mod download -json "k8s.io/kubernetes@v$KUBERNETES" | sed -n 's/.*"GoMod": "\(.*\)".*/\1/p' |
    xargs sed -n "s|^[[:space:]]*\(k8s.io/[^ ]*\) => ./staging.*|\1=\1@v0.${KUBERNETES#1.}|p")
build kube-apiserver k8s.io/kubernetes/cmd/kube-apiserver "k8s.io/kubernetes@v$KUBERNETES" "$staged" \
    "-X k8s.io/component-base/version.gitVersion=v$KUBERNETES"
