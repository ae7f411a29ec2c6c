"""The featured models as data, and their look-up."""

from __future__ import annotations
