"""What is wanted: the schema of zoofile.toml, its reading, and edits that keep a person's comments."""

from __future__ import annotations
