"""Serve a model as eai's launcher does, on a TCP port: `python tcp_engine.py PORT LLAMA-SERVER-FLAGS…`.

For peers, which reach engines over TCP. PYTHONPATH has the launcher's folder and the wheel's.
"""

from __future__ import annotations

import importlib
import os
import signal
import sys

from launcher import flags

engine = importlib.import_module("xllamacpp")
params = flags.params(engine, ["--host", "127.0.0.1", *sys.argv[2:]])
params.port = int(sys.argv[1])
server = engine.Server(params)
reader, writer = os.pipe()
os.set_blocking(writer, False)
signal.set_wakeup_fd(writer)
signal.signal(signal.SIGTERM, lambda *_: None)
os.read(reader, 1)
os._exit(0)
