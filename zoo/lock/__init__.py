"""zoo.lock: schema, canonical writer, freshness, merge, diff. Pure: no network, no store."""

from __future__ import annotations
