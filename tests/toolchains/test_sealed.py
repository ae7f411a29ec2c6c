"""A step of a build has no network, and is otherwise the program itself."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence

from zoo.toolchains.cmake import PROGRAMS

_SEALED = (sys.executable, "-S", "-P", "-B", "-m", "launcher.sealed")
_MAY = "import ctypes; u = ctypes.CDLL(None).unshare; raise SystemExit(u(0x40000000) and u(0x50000000) and 1)"
_CONNECT = """
import socket, sys
try:
    socket.create_connection(("127.0.0.1", int(sys.argv[1])), 5).close()
except OSError as error:
    print(error.strerror)
else:
    print("connected")
"""


def sealed(*command: str, alive: Sequence[str] = ()) -> subprocess.CompletedProcess[str]:
    env = {"PYTHONPATH": str(PROGRAMS), "KEPT": "yes"}
    return subprocess.run([*_SEALED, *alive, *command], env=env, capture_output=True, text=True, check=False)


def test_a_step_of_a_build_has_no_network_where_the_kernel_allows_to_take_it(
    listener: tuple[int, list[object]],
) -> None:
    may = subprocess.run([sys.executable, "-c", _MAY], check=False, capture_output=True).returncode == 0

    said = sealed(sys.executable, "-c", _CONNECT, str(listener[0])).stdout.strip()

    assert (said != "connected") == may


def test_a_step_is_the_program_itself_as_the_user_with_the_environment_that_was_given() -> None:
    shows = "import os; print(os.getuid(), os.environ['KEPT'], 'PYTHONPATH' in os.environ); os._exit(7)"

    ran = sealed(sys.executable, "-u", "-c", shows)

    assert ran.stdout.split() == [str(os.getuid()), "yes", "False"]
    assert ran.returncode == 7


def test_a_program_that_cannot_be_started_is_told() -> None:
    ran = sealed("/nowhere/cmake")

    assert ran.returncode == 126
    assert ran.stderr == "cannot start /nowhere/cmake: No such file or directory\n"
