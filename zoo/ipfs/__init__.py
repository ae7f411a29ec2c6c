"""IPFS formats: CIDs, dag-pb, UnixFS, CAR and the legacy archive; pure, from bytes to values and back."""

from __future__ import annotations
