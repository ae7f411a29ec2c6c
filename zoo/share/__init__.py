"""store → network: this machine's objects for others, read-only, as a trustless gateway and by digest."""

from __future__ import annotations
