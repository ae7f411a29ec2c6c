"""Artifacts by digest on disk: objects, trees, views, roots, verification."""

from __future__ import annotations

from zoo.store.store import Store

__all__ = ["Store"]
