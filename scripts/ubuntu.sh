#!/usr/bin/env bash
# Ubuntu 22.04 or newer, Debian 12 or newer.
#   bash scripts/ubuntu.sh          installs eai into .venv
#   bash scripts/ubuntu.sh demo     from nothing to an answer from a real model
#   bash scripts/ubuntu.sh test     from nothing to a full run of the tests
# --dry-run before these says what would be done, and changes nothing.
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=common.sh
. "$(dirname "$0")/common.sh"

system_packages() {
    command -v apt-get >/dev/null || fail "this script is for Ubuntu and Debian" "see the other scripts beside it"
    # The engine is linked with the system's OpenMP and C++ libraries.
    apt_install ca-certificates libgomp1 libstdc++6
    apt_python
}

# Ubuntu has Chromium as a snap only, which not every machine can run.
test_packages() {
    apt_install git curl cmake ninja-build g++ debootstrap
    command -v chromium >/dev/null || command -v google-chrome >/dev/null ||
        apt_install chromium ||
        say "no Chromium could be installed: the tests that need a browser are skipped"
}

main "$@"
