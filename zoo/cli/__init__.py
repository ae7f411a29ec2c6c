"""What a person types: one small module a command; the only room that prints."""

from __future__ import annotations
