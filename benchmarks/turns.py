"""What the benchmarks share: ways that take turns, medians, and ratios with what is aimed at."""

from __future__ import annotations

import argparse
import hashlib
import os
import random
import statistics
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TypeVar

from zoo.digest import Digest

MIB = 1 << 20
SETTLE = 4.0

T = TypeVar("T")


def parser(doc: str | None) -> argparse.ArgumentParser:
    """Make a parser whose help is a benchmark's own text."""
    return argparse.ArgumentParser(description=doc, formatter_class=argparse.RawDescriptionHelpFormatter)


def write_file(path: Path, mib: int, *, seed: int = 0) -> Digest:
    """Write so many MiB of random bytes to the disk, the same each time."""
    source, whole = random.Random(seed), hashlib.sha256()
    with path.open("wb") as out:
        for _ in range(mib):
            piece = source.randbytes(MIB)
            out.write(piece)
            whole.update(piece)
        out.flush()
        os.fsync(out.fileno())
    return Digest.of_hex(whole.hexdigest())


def settle() -> None:
    """Wait until the disk has everything, and some seconds more.

    Nobody should wait for what another one wrote, and memory that was just freed may be faster to write to
    than other memory.
    """
    os.sync()
    time.sleep(SETTLE)


def timed(work: Callable[[], object]) -> float:
    """Do it; the seconds that it took."""
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def in_turns(ways: Mapping[str, Callable[[], T]], rounds: int, *, warm: int = 1) -> dict[str, list[T]]:
    """Let all take turns, so that whatever else the machine does meets all alike; what each gave.

    Args:
        ways: By their names.
        rounds: How often each.
        warm: So many rounds before fill the caches, and are forgotten.
    """
    found: dict[str, list[T]] = {name: [] for name in ways}
    for turn in range(-warm, rounds):
        for name, way in ways.items():
            gave = way()
            if turn >= 0:
                found[name].append(gave)
    return found


def medians(ways: Mapping[str, Callable[[], float]], rounds: int, *, warm: int = 1) -> dict[str, float]:
    """Let all take turns; the median of each."""
    return {name: statistics.median(gave) for name, gave in in_turns(ways, rounds, warm=warm).items()}


def aimed(ratio: float, aim: float | None, what: str = "") -> tuple[str, bool]:
    """Say what is aimed at, and whether the ratio misses it."""
    return ("", False) if aim is None else (f"  (aim: {what}at most {aim:g}x)", ratio > aim)


def told(seconds: Mapping[str, float], ours: str, mib: int, aims: Mapping[str, float] | None = None) -> bool:
    """Print a line for each way: its time, and how many times as long ours takes; whether an aim is missed.

    Args:
        seconds: The median of each.
        ours: The way that is eai's.
        mib: How much each had to do.
        aims: How many times as long as that way ours may take.
    """
    aims, failed = aims or {}, False
    width = max(map(len, (*seconds, *aims)))
    for label, median in seconds.items():
        ratio = seconds[ours] / median
        aim, missed = aimed(ratio, aims.get(label), "eai takes ")
        failed |= missed
        print(f"{label:{width}} {median:6.2f} s  {mib / median:6.0f} MiB/s  eai takes {ratio:5.2f}x{aim}")
    for label in aims.keys() - seconds.keys():
        print(f"{label:{width}} not measured: not on this machine")
    return failed
