#!/usr/bin/env bash
# NVIDIA Jetson with JetPack 6 (Ubuntu 22.04) or newer.
#   bash scripts/jetson.sh          installs eai into .venv
#   bash scripts/jetson.sh demo     from nothing to an answer from a real model
#   bash scripts/jetson.sh test     from nothing to a full run of the tests
# The engine it locks here runs on the board's CPU.
set -euo pipefail
python_hint="JetPack 6 has it as: sudo apt-get install python3.11 python3.11-venv"
# shellcheck source-path=SCRIPTDIR source=common.sh
. "$(dirname "$0")/common.sh"

system_packages() {
    [ "$(uname -m)" = aarch64 ] || fail "this is no Jetson: its machine is $(uname -m)" "try scripts/ubuntu.sh"
    [ -e "${TEGRA_RELEASE:-/etc/nv_tegra_release}" ] ||
        say "warning: no /etc/nv_tegra_release here; going on as on any other aarch64 Ubuntu"
    apt_install ca-certificates libgomp1 libstdc++6
    apt_python
}

test_packages() { apt_install git curl cmake ninja-build g++; }

main "$@"
