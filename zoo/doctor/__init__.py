"""What of this machine and this project keeps eai from serving, and what a person can do about it."""

from __future__ import annotations
