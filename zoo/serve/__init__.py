"""environment → proxy: HTTP, routing, scheduler, engine processes."""

from __future__ import annotations
