"""zoofile → lock: asks the sources what a name is."""

from __future__ import annotations
