"""Becomes a step of a build: cut off from every network where the kernel allows, and ended with eai.

    python -S -P -B -m launcher.sealed --alive-fd N PROGRAM ARGUMENTS…

Where no network namespace may be made, the step runs all the same: its environment and its flags leave
it nothing to fetch.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import sys
from pathlib import Path
from typing import NoReturn

from . import sentinel

_NEWUSER, _NEWNET = 0x10000000, 0x40000000  # unshare(2)


def main(words: list[str]) -> NoReturn:
    """Run the program that the words name; 126 where it cannot be started."""
    pipes, command = sentinel.take_pipes(words)
    sentinel.post(pipes)
    _leave_network()
    os.environ.pop("PYTHONPATH", None)  # it led to this module, and is nothing to the build
    try:
        os.execve(command[0], command, os.environ)  # noqa: S606 - a tool that eai has looked for
    except OSError as error:
        sys.stderr.write(f"cannot start {command[0]}: {error.strerror}\n")
        sys.exit(126)


def _leave_network() -> None:
    """Take a network namespace of our own, in which there is not even a loopback that is up."""
    unshare = getattr(ctypes.CDLL(None), "unshare", None)
    if unshare is None or unshare(_NEWNET) == 0:
        return
    user, group = os.geteuid(), os.getegid()
    if unshare(_NEWUSER | _NEWNET) == 0:
        # Else the build would be nobody, and tools that look up whose a file is would wonder.
        with contextlib.suppress(OSError):
            Path("/proc/self/setgroups").write_text("deny", "ascii")
            Path("/proc/self/uid_map").write_text(f"{user} {user} 1", "ascii")
            Path("/proc/self/gid_map").write_text(f"{group} {group} 1", "ascii")


if __name__ == "__main__":
    main(sys.argv[1:])
