"""Starts one engine and ties its life to eai's: stdlib and the locked engine only, nothing of eai.

    python -S -P -B -m launcher                [--alive-fd N] [--ready-fd N] [--go-fd N] LLAMA-SERVER-FLAGS…
    python -S -P -B -m launcher.warden PROGRAM [--alive-fd N] [--ready-fd N] [--go-fd N] LLAMA-SERVER-FLAGS…

The first serves from the `xllamacpp` package that PYTHONPATH names; the second becomes PROGRAM. Both
read the pipe `--alive-fd` and are killed at its end, and write `ready` to `--ready-fd` as soon as they
answer requests. That pipe stays open as long as the engine lives. With `--go-fd` they load the model
only when a byte can be read there.
"""

from __future__ import annotations
