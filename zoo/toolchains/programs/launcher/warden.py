"""Becomes a native llama-server, with a sentinel beside it; so signals and exit codes are its own."""

from __future__ import annotations

import os
import sys
from typing import NoReturn

from . import sentinel


def main(words: list[str]) -> NoReturn:
    """Run the program that the first word names; 126 where it cannot be started."""
    pipes, rest = sentinel.take_pipes(words[1:])
    if "--host" not in rest[:-1]:
        sys.exit("error: the program needs `--host SOCKET`")
    sentinel.wait_for_go(pipes)
    sentinel.post(pipes, health=rest[rest.index("--host") + 1])
    command = [words[0], *rest]
    try:
        os.execve(command[0], command, os.environ)  # noqa: S606 - it is the locked program
    except OSError as error:
        sys.stderr.write(f"error: cannot start {command[0]}: {error.strerror}\n")
        sys.exit(126)


if __name__ == "__main__":
    main(sys.argv[1:])
