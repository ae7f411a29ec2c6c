"""Pinned engine builds: what provides them, and how they are unpacked and started."""

from __future__ import annotations
