"""Starts one engine and ties its life to eai's: stdlib and the locked engine only, nothing of eai.

    python -S -P -B -m launcher                PIPES LLAMA-SERVER-FLAGS…
    python -S -P -B -m launcher.warden PROGRAM PIPES LLAMA-SERVER-FLAGS…
    python -S -P -B -m launcher.relay  PROGRAM PIPES --host SOCKET SD-SERVER-FLAGS…

The first serves from the `xllamacpp` package that PYTHONPATH names, the second becomes PROGRAM, and the
third runs PROGRAM and passes to it what comes to the unix socket. PIPES are `[--alive-fd N] [--ready-fd N]
[--go-fd N]`: they are killed at the end of the first, and write `ready` to the second as soon as they
answer requests, which stays open as long as the engine lives. With the third they load the model only when
a byte can be read there.
"""

from __future__ import annotations
