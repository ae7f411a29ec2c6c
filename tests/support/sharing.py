"""`eai store serve` as a process."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import zoo


@contextmanager
def store_served(home: Path, *words: str) -> Iterator[str]:
    """Serve the store of a data folder; gives the address once every object can be had by CID."""
    process = subprocess.Popen(
        [sys.executable, "-m", "zoo", "store", "serve", "--port", "0", *words],
        env={
            "PATH": os.environ["PATH"],
            "PYTHONPATH": str(Path(zoo.__file__).parents[1]),
            "EAI_HOME": str(home),
            "HOME": str(home),
        },
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stderr is not None
    try:
        url = process.stdout.readline().strip()
        said = [url]
        while url and "by CID" not in said[-1]:
            said.append(process.stderr.readline())
        assert url, process.stderr.read()
        yield url
    finally:
        process.send_signal(signal.SIGTERM)
        _, rest = process.communicate(timeout=30)
    assert process.returncode == 0, rest
    assert "Traceback" not in rest
