"""Who works on something, and whether it still lives."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import replace

import pytest

from zoo.store.owner import Owner


def test_this_process_lives() -> None:
    me = Owner.me()
    assert me.pid == os.getpid()
    assert me.alive() is True


def test_an_owner_is_read_back_from_its_name() -> None:
    assert Owner.parse(str(Owner.me())) == Owner.me()


@pytest.mark.parametrize("text", ["", "free", "a-b-c", "a-1", "a-1-2-3", "a--1-2"])
def test_other_names_are_no_owners(text: str) -> None:
    assert Owner.parse(text) is None


def test_a_later_process_with_the_same_number_is_another_one() -> None:
    me = Owner.me()
    assert replace(me, started=me.started - 1).alive() is False


def test_a_process_of_another_machine_cannot_be_seen() -> None:
    assert replace(Owner.me(), machine="0" * 16).alive() is None


def test_a_process_that_has_ended_is_dead_even_before_its_parent_looks() -> None:
    child = subprocess.Popen(
        [sys.executable, "-c", "from zoo.store.owner import Owner; print(Owner.me(), flush=True); input()"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert child.stdin is not None
    assert child.stdout is not None
    owner = Owner.parse(child.stdout.readline().strip())
    assert owner is not None
    assert owner.alive() is True
    child.stdin.close()
    assert child.stdout.read() == ""  # it has ended, or is about to
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
    assert owner.alive() is False  # a zombie
    child.wait()
    assert owner.alive() is False
    child.stdout.close()
