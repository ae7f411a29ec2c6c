"""lock → store: plans what is missing, then gets it."""

from __future__ import annotations
