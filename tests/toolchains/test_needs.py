from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from zoo.errors import EngineError
from zoo.toolchains import known, needs

MACHINE = needs.Machine("2.36", None, frozenset({"avx2", "fma"}), lambda _: True)
NEEDS = known.Needs(glibc="2.17", cpu=("avx2", "fma"), libraries=("libgomp.so.1",))


def test_a_machine_that_has_all_passes() -> None:
    needs.check(NEEDS, MACHINE)


def test_this_machine_is_looked_at() -> None:
    this = needs.Machine.this()

    assert not this.loads("libnone.so.42")


@pytest.mark.parametrize(
    ("machine", "says"),
    [
        (replace(MACHINE, cpu=frozenset({"avx2"})), "processor with fma"),
        (replace(MACHINE, glibc="2.12"), "glibc 2.17 or newer, and this machine has 2.12"),
        (replace(MACHINE, glibc=None), "this machine has no glibc"),
        (replace(MACHINE, loads=lambda _: False), "no libgomp.so.1"),
        (replace(MACHINE, free_threaded=True), "free-threaded Python"),
    ],
)
def test_what_a_machine_lacks_is_named(machine: needs.Machine, says: str) -> None:
    with pytest.raises(EngineError, match=says) as caught:
        needs.check(NEEDS, machine)

    assert caught.value.hint


def test_a_missing_library_is_said_how_to_get() -> None:
    with pytest.raises(EngineError) as caught:
        needs.check(NEEDS, replace(MACHINE, loads=lambda _: False))

    assert "apt-get install libgomp1" in str(caught.value.hint)


def test_an_old_macos_is_refused() -> None:
    with pytest.raises(EngineError, match=r"macOS 13.0 or newer, and this machine has 12.6"):
        needs.check(known.Needs(macos="13.0"), replace(MACHINE, macos="12.6"))


def test_a_processor_that_cannot_be_asked_is_trusted() -> None:
    needs.check(NEEDS, replace(MACHINE, cpu=None))


def test_the_features_are_read_as_linux_spells_them(tmp_path: Path) -> None:
    cpuinfo = tmp_path / "cpuinfo"
    cpuinfo.write_text("processor\t: 0\nflags\t\t: fpu avx2 fma\n\nprocessor\t: 1\nflags\t\t: fpu\n")

    assert needs.features(cpuinfo) == {"fpu", "avx2", "fma"}
    assert needs.features(tmp_path / "none") is None
