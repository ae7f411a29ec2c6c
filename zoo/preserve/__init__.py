"""Preserving: from the store to IPFS, checked by reading back, and only then into the lock."""

from __future__ import annotations
