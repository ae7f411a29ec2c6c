"""Programs that run outside of eai's own process; this folder alone is put on their PYTHONPATH."""

from __future__ import annotations
