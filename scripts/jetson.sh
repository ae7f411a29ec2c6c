#!/usr/bin/env bash
# NVIDIA Jetson: Xavier, Orin and Thor, with JetPack 6 (Ubuntu 22.04) or newer.
#   bash scripts/jetson.sh          installs eai into .venv, and builds llama.cpp for the board's GPU
#   bash scripts/jetson.sh demo     from nothing to an answer from a real model
#   bash scripts/jetson.sh test     from nothing to a full run of the tests
# --dry-run before these says what would be done, and changes nothing.
set -euo pipefail
python_hint="JetPack 6 has it as: sudo apt-get install python3.11 python3.11-venv"
# shellcheck source-path=SCRIPTDIR source=common.sh
. "$(dirname "$0")/common.sh"

device_tree=${DEVICE_TREE:-/proc/device-tree}

system_packages() {
    [ "$(uname -m)" = aarch64 ] || fail "this is no Jetson: its machine is $(uname -m)" "try scripts/ubuntu.sh"
    grep -aqE 'tegra(194|234|264)' "$device_tree/compatible" 2>/dev/null ||
        fail "this is no Jetson that is known: $device_tree/compatible names no Xavier, Orin or Thor" \
            "scripts/ubuntu.sh installs eai for any other aarch64 Ubuntu, to compute on its CPU"
    command -v nvcc >/dev/null || [ -x "${CUDA_HOME:-/usr/local/cuda}/bin/nvcc" ] ||
        fail "CUDA's compiler, nvcc, is not installed" \
            "sudo apt-get install nvidia-jetpack, or only cuda-toolkit from the same repository"
    apt_install ca-certificates libgomp1 libstdc++6 cmake ninja-build g++
    apt_python
}

test_packages() { apt_install git curl; }

# Official builds have no code for the GPU of a Jetson: of those that are built here, each board takes its own.
engine_of_demo() {
    printf '\n[toolchain.llama-cpp]\nversion = "latest"\nfrom = "source"\nvariant = "jetson"\n'
}

# Built once, with as many jobs as the memory allows; every project that asks for the same shares it.
build_engine() (
    say "building llama.cpp for this board. It takes from 10 minutes to an hour, once"
    [ -z "$dry_run" ] || return 0
    project=$(mktemp -d)
    trap 'rm -rf "$project"' EXIT
    engine_of_demo >"$project/zoofile.toml"
    printf '\n[models.toy]\nbundled = "eai-toy.gguf"\n' >>"$project/zoofile.toml"
    "$venv/bin/eai" lock --project "$project"
    "$venv/bin/eai" toolchain build --project "$project" >/dev/null
    say "built; a project uses it with these lines in its zoofile.toml:"
    sed -n '/^\[toolchain/,/^$/p' "$project/zoofile.toml" |
        sed "s/\"latest\"/\"$(sed -n 's/^version = "\(b[0-9]*\)"$/\1/p' "$project/zoo.lock")\"/" >&2
)

main "$@"
