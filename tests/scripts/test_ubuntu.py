"""scripts/ubuntu.sh in a bare Debian: from nothing to an answer, and no word of root where none is needed."""

from __future__ import annotations

from support.debian import Root

SCRIPT = "/eai/scripts/ubuntu.sh"


def test_a_dry_run_says_what_is_missing_and_changes_nothing(bare: Root) -> None:
    done = bare.run("bash", SCRIPT, "--dry-run", "demo", user="nobody")
    assert done.returncode == 0, done.stderr
    assert "missing: ca-certificates libgomp1" in done.stderr
    assert "would run as root: apt-get update -qq" in done.stderr
    assert "would run: python3 -m venv --clear /eai/.venv" in done.stderr
    assert "eai is installed" not in done.stderr
    assert not (bare.path / "eai" / ".venv").exists()


def test_who_may_not_install_packages_is_told_which_command_needs_root(bare: Root) -> None:
    done = bare.run("bash", SCRIPT, user="nobody")
    assert done.returncode == 1
    assert "error: root is needed for: apt-get update -qq" in done.stderr
    assert "hint: run that as root, then start this script again" in done.stderr


def test_from_nothing_to_an_answer_and_then_without_root(bare: Root) -> None:
    done = bare.run("bash", SCRIPT, "demo")
    assert done.returncode == 0, done.stderr
    assert "lock" in done.stdout.lower()

    (bare.path / "usr" / "bin" / "apt-get").chmod(0o644)  # whoever calls it now is told so
    again = bare.run("bash", SCRIPT, "install")
    assert again.returncode == 0, again.stderr
    assert again.stderr.splitlines()[-1] == "eai is installed: /eai/.venv/bin/eai"
    assert "missing:" not in again.stderr
