# shellcheck shell=bash
# What the scripts of every system share. A script sources this file, defines `system_packages`
# (installs what the system itself must have) and `test_packages` (the same for the tests), and calls
# `main "$@"`. It may define `build_engine` (what follows an installation) and `engine_of_demo` (the lines
# of zoofile.toml that the demo's engine needs).

: "${python_hint:=install Python 3.11 or newer with its venv module, then start this script again}"

dry_run=
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
venv=$root/.venv

say() { printf '%s\n' "$*" >&2; }

fail() { # MESSAGE [HINT]
    say "error: $1"
    [ $# -lt 2 ] || say "hint: $2"
    exit 1
}

# Do what changes something, or with --dry-run only say it.
run() {
    if [ -n "$dry_run" ]; then
        say "would run: $*"
    else
        "$@"
    fi
}

as_root() {
    if [ -n "$dry_run" ]; then
        say "would run as root: $*"
    elif [ "$(id -u)" -eq 0 ]; then
        "$@"
    elif command -v sudo >/dev/null; then
        say "sudo is needed for: $*"
        sudo "$@"
    else
        fail "root is needed for: $*" "run that as root, then start this script again"
    fi
}

# Print the first Python that is new enough and can make virtual environments.
python_for_venv() {
    local name
    for name in python3.14 python3.13 python3.12 python3.11 python3; do
        if "$name" -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
            command -v "$name"
            return 0
        fi
    done
    return 1
}

# One package of Debian or Ubuntu at a time, and only those that are missing.
apt_install() {
    local missing=() name
    for name in "$@"; do
        dpkg-query -W -f '${Status}' "$name" 2>/dev/null | grep -q 'ok installed' || missing+=("$name")
    done
    [ ${#missing[@]} -gt 0 ] || return 0
    say "missing: ${missing[*]}"
    as_root apt-get update -qq
    as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" >&2
}

# The distribution's own python3 where it is new enough, else the python3.11 that it has beside it.
apt_python() {
    python_for_venv >/dev/null && return 0
    apt_install python3 python3-venv
    python_for_venv >/dev/null && return 0
    as_root apt-get install -y -qq --no-install-recommends python3.11 python3.11-venv >&2 || true
}

make_venv() {
    local python
    if ! python=$(python_for_venv); then
        [ -n "$dry_run" ] || fail "no Python 3.11 or newer with venv was found" "$python_hint"
        python=python3  # which the system's packages would bring
    fi
    if ! "$venv/bin/python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
        run "$python" -m venv --clear "$venv"
    fi
    # --group, which the tests need, came with pip 25.1.
    run "$venv/bin/python" -m pip install --quiet --upgrade 'pip>=25.1'
}

build_engine() { :; }

engine_of_demo() { :; }

install() {
    system_packages
    make_venv
    run "$venv/bin/python" -m pip install --quiet --editable "$root" "$@"
    [ -n "$dry_run" ] || say "eai is installed: $venv/bin/eai"
    build_engine
}

demo() {
    install
    if [ -n "$dry_run" ]; then
        say "would run: eai init --demo && eai lock && eai up, and ask the model something"
        return 0
    fi
    local project port
    project=$(mktemp -d)
    port=$("$venv/bin/python" -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
    # shellcheck disable=SC2064 # the project of now is meant
    trap "'$venv/bin/eai' down --project '$project' >/dev/null 2>&1; rm -rf '$project'" EXIT
    say "+ eai init --demo && eai lock && eai up"
    "$venv/bin/eai" init --demo "$project"
    engine_of_demo >>"$project/zoofile.toml"
    "$venv/bin/eai" lock --project "$project"
    "$venv/bin/eai" up --detach --port "$port" --project "$project"
    "$venv/bin/python" "$root/scripts/ask.py" "http://127.0.0.1:$port" "${DEMO_QUESTION:-What is a lock file?}"
}

# The tests talk to a real IPFS node where Go is there to build one; they say so where it is not.
make_kubo() {
    local skipped='the tests that need a Kubo node are skipped'
    if ! command -v go >/dev/null; then
        say "no Go here: $skipped"
    elif (cd "$root/tests/kubo" && go build -o "$venv/bin/ipfs" github.com/ipfs/kubo/cmd/ipfs); then
        export EAI_TEST_KUBO=$venv/bin/ipfs
    else
        say "Go could not build tests/kubo: $skipped"
    fi
}

# A second opinion on what eai makes of IPFS comes from programs for Node, where there is one.
make_node_peers() {
    local skipped='the tests that need Helia and ipfs-car are skipped'
    if ! command -v npm >/dev/null || ! node -e 'process.exit(parseInt(process.versions.node) < 20 ? 1 : 0)'; then
        say "no Node of version 20 or newer with npm here: $skipped"
    elif ! (cd "$root/tests/node" && npm ci >/dev/null); then
        say "npm could not install tests/node: $skipped"
    fi
}

# Engines that are built from source are built before the tests, once on a machine: it takes minutes.
make_engines() {
    local skipped='the tests that need engines built from source are skipped' name
    for name in cmake ninja c++; do
        command -v "$name" >/dev/null && continue
        say "no $name here: $skipped"
        return 0
    done
    (cd "$root/tests" && "$venv/bin/python" -m support.native) || say "the engines could not be built: $skipped"
}

run_tests() {
    test_packages
    install --group "$root/pyproject.toml:dev"
    if [ -n "$dry_run" ]; then
        say "would run: pytest -n auto $*, with what Go, Node and CMake make for it where they are"
        return 0
    fi
    make_kubo
    make_node_peers
    make_engines
    (cd "$root" && "$venv/bin/python" -m pytest -n auto "$@")
}

usage() {
    say "usage: bash scripts/$(basename "$0") [--dry-run] [install | demo | test [PYTEST ARGUMENTS]]"
    exit 2
}

main() {
    if [ "${1:-}" = --dry-run ]; then
        dry_run=1
        shift
    fi
    local verb=${1:-install}
    [ $# -eq 0 ] || shift
    case $verb in
        install) install ;;
        demo) demo ;;
        test) run_tests "$@" ;;
        *) usage ;;
    esac
}
