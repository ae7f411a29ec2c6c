"""Eternal Zoo: reproducible local AI environments from one lock."""

from __future__ import annotations

__version__ = "0.1.0"
