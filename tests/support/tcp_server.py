"""Stands in for sd-server: listens on TCP only, after a while, and answers /v1/models like it.

A POST is answered with the body that came; `--fail yes` ends it at once.
"""

from __future__ import annotations

import sys
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

LOADING = 0.1  # seconds


class Handler(BaseHTTPRequestHandler):
    """Answers."""

    def do_GET(self) -> None:
        """Say that it is there."""
        self._say(b'{"data": []}')

    def do_POST(self) -> None:
        """Say again what was said."""
        self._say(self.rfile.read(int(self.headers["Content-Length"])))

    def log_message(self, *_: object) -> None:
        """Say nothing more."""

    def _say(self, body: bytes) -> None:
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


class Server(ThreadingHTTPServer):
    """Shares its port, as sd-server does."""

    allow_reuse_port = True
    daemon_threads = True


def main(words: list[str]) -> None:
    """Serve."""
    if "--fail" in words:
        sys.exit(7)
    time.sleep(LOADING)
    values = dict(zip(words[::2], words[1::2], strict=True))
    server = Server((values["--listen-ip"], int(values["--listen-port"])), Handler)
    sys.stderr.write(f"{time.time()}\n")
    server.serve_forever()


def write(path: Path) -> Path:
    """Make it a program."""
    path.write_text(f"#!{sys.executable}\n{Path(__file__).read_text()}")
    path.chmod(0o755)
    return path


if __name__ == "__main__":
    main(sys.argv[1:])
