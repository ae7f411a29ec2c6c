"""A network of one's own, where the kernel lets a user have one: nothing leads into it, or out of it.

Linux only, and not where a container's rules or a setting of the system refuse it.
"""

from __future__ import annotations

import ctypes
import fcntl
import os
import signal
import socket
import struct
from pathlib import Path

_NEW_USER, _NEW_NET = 0x10000000, 0x40000000  # CLONE_NEWUSER and CLONE_NEWNET of <sched.h>
_SET_FLAGS, _UP = 0x8914, 0x1  # SIOCSIFFLAGS and IFF_UP of <net/if.h>
_REQUEST = "16sh22x"  # struct ifreq
_DIE_WITH_PARENT = 1  # PR_SET_PDEATHSIG of <sys/prctl.h>


def enter(*, loopback: bool) -> bool:
    """Move this process into a network of its own; whether that was granted.

    Call it before any thread is started. Where it is refused, nothing has changed.

    Args:
        loopback: Whether there is one in it that works; there is nothing else.
    """
    child = os.fork()  # who tries it first: there is no way back from half of it
    if child == 0:
        os._exit(0 if _moved(loopback=loopback) else 1)
    return os.waitpid(child, 0)[1] == 0 and _moved(loopback=loopback)


def die_with_parent() -> None:
    """Be killed when the process that started this one ends, however it does; where the system can."""
    prctl = getattr(ctypes.CDLL(None), "prctl", None)
    if prctl is not None:
        prctl(_DIE_WITH_PARENT, signal.SIGKILL)


def _moved(*, loopback: bool) -> bool:
    user, group = os.geteuid(), os.getegid()
    unshare = getattr(ctypes.CDLL(None), "unshare", None)
    if unshare is None:
        return False
    try:
        # Root needs no names of its own for that, and would lose its rights to files of others by them.
        if unshare(_NEW_NET) != 0:
            if unshare(_NEW_USER | _NEW_NET) != 0:
                return False
            # The same user inside as outside: without these lines, files that are made would be nobody's.
            _say("setgroups", "deny")
            _say("uid_map", f"{user} {user} 1")
            _say("gid_map", f"{group} {group} 1")
        if loopback:
            _raise_loopback()
    except OSError:
        return False
    return True


def _say(file: str, text: str) -> None:
    Path("/proc/self", file).write_text(text, "ascii")


def _raise_loopback() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        fcntl.ioctl(any_socket, _SET_FLAGS, struct.pack(_REQUEST, b"lo", _UP))
