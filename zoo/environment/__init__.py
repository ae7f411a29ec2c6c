"""lock + store → links and command lines for this platform."""

from __future__ import annotations
