"""A static file server that costs next to nothing: sendfile, ranges, keep-alive, one thread a connection.

usage: python benchmarks/fileserver.py FILE     prints its port, and serves FILE at every path
"""

from __future__ import annotations

import os
import re
import socket
import sys
import threading

_RANGE = re.compile(rb"(?i)\r\nrange: bytes=(\d+)-(\d*)")
_BLOCK = 1 << 20


def main(path: str) -> None:
    """Serve a file until killed."""
    listener = socket.create_server(("127.0.0.1", 0))
    print(listener.getsockname()[1], flush=True)
    while True:
        connection, _ = listener.accept()
        threading.Thread(target=_serve, args=(connection, path), daemon=True).start()


def _serve(connection: socket.socket, path: str) -> None:
    with connection, open(path, "rb") as file:  # noqa: PTH123 - the hot path of a benchmark
        size, waiting = os.fstat(file.fileno()).st_size, b""
        while True:
            while b"\r\n\r\n" not in waiting:
                if not (data := connection.recv(65536)):
                    return
                waiting += data
            head, _, waiting = waiting.partition(b"\r\n\r\n")
            if not _answer(connection, file.fileno(), size, head):
                return


def _answer(connection: socket.socket, fd: int, size: int, head: bytes) -> bool:
    match = _RANGE.search(head)
    start = int(match[1]) if match else 0
    stop = int(match[2]) + 1 if match and match[2] else size
    lines = [b"HTTP/1.1 206 Partial Content" if match else b"HTTP/1.1 200 OK"]
    if match:
        lines.append(b"Content-Range: bytes %d-%d/%d" % (start, stop - 1, size))
    lines += [b"Content-Length: %d" % (stop - start), b'ETag: "it"', b"", b""]
    try:
        connection.sendall(b"\r\n".join(lines))
        while start < stop:
            start += os.sendfile(connection.fileno(), fd, start, min(_BLOCK, stop - start))
    except (BrokenPipeError, ConnectionResetError):
        return False
    return True


if __name__ == "__main__":
    main(sys.argv[1])
