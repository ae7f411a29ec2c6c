#!/usr/bin/env bash
# macOS 13 or newer, Apple silicon or Intel.
#   bash scripts/mac.sh          installs eai into .venv
#   bash scripts/mac.sh demo     from nothing to an answer from a real model
#   bash scripts/mac.sh test     from nothing to a full run of the tests
# --dry-run before these says what would be done, and changes nothing.
set -euo pipefail
python_hint="install Homebrew and run \`brew install python@3.13\`"
# shellcheck source-path=SCRIPTDIR source=common.sh
. "$(dirname "$0")/common.sh"

system_packages() {
    [ "$(uname -s)" = Darwin ] || fail "this is no Mac" "try scripts/ubuntu.sh"
    [ "$(sw_vers -productVersion | cut -d. -f1)" -ge 13 ] ||
        fail "macOS $(sw_vers -productVersion) is too old: the engine needs macOS 13"
    python_for_venv >/dev/null && return 0
    command -v brew >/dev/null && run brew install --quiet python@3.13 >&2
    return 0
}

test_packages() {
    command -v git >/dev/null || fail "git is missing" "run \`xcode-select --install\`"
    # Without these, the tests that build engines say so and are skipped.
    command -v brew >/dev/null && run brew install --quiet cmake ninja >&2
    return 0
}

main "$@"
