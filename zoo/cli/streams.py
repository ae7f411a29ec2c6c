"""Makes the three standard streams fit for use, whatever eai was started with."""

from __future__ import annotations

import os
import sys

_STREAMS = (("stdin", "r"), ("stdout", "w"), ("stderr", "w"))


def ready() -> None:
    """Open onto nothing what is closed, and let no character be an error.

    Where a stream is closed, as some starters of services leave it, the next file that is opened would
    get its number, and with it whatever an engine or a library writes to that.
    """
    for number, (name, mode) in enumerate(_STREAMS):
        if getattr(sys, name) is None:
            lead_nowhere(number)
            setattr(sys, name, open(number, mode, encoding="utf-8", closefd=False))  # noqa: SIM115 - no path
    reconfigure = getattr(sys.stdout, "reconfigure", None)
    if reconfigure is not None:
        # Paths may hold bytes that are no text, and `→` is not in every encoding.
        unicode = sys.stdout.encoding.lower().replace("-", "") == "utf8"
        reconfigure(errors="surrogateescape" if unicode else "replace")


def lead_nowhere(number: int) -> None:
    """Let all that is written to a descriptor go nowhere."""
    opened = os.open(os.devnull, os.O_RDWR)
    if opened == number:
        os.set_inheritable(number, True)  # noqa: FBT003 - positional in the stdlib
        return
    os.dup2(opened, number)
    os.close(opened)
