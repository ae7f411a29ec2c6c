"""Where bytes come from: one small interface, one module a kind of source."""

from __future__ import annotations
