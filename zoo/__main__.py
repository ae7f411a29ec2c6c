"""`python -m zoo` is `eai`."""

from __future__ import annotations

from zoo.cli.main import entry

if __name__ == "__main__":
    entry()
