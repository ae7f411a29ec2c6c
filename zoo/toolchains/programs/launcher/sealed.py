"""Becomes a step of a build: cut off from every network where the kernel allows, and ended with eai.

    python -S -P -B -m launcher.sealed --alive-fd N PROGRAM ARGUMENTS…

Where no network namespace may be made, the step runs all the same: its environment and its flags leave
it nothing to fetch.
"""

from __future__ import annotations

import os
import sys
from typing import NoReturn

from . import enclosure, sentinel


def main(words: list[str]) -> NoReturn:
    """Run the program that the words name; 126 where it cannot be started."""
    pipes, command = sentinel.take_pipes(words)
    sentinel.post(pipes)
    enclosure.enter(loopback=False)
    os.environ.pop("PYTHONPATH", None)  # it led to this module, and is nothing to the build
    try:
        os.execve(command[0], command, os.environ)  # noqa: S606 - a tool that eai has looked for
    except OSError as error:
        sys.stderr.write(f"cannot start {command[0]}: {error.strerror}\n")
        sys.exit(126)


if __name__ == "__main__":
    main(sys.argv[1:])
