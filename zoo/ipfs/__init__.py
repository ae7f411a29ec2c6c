"""IPFS formats: CIDs, dag-pb, UnixFS, CAR and the legacy archive; pure, from bytes to values and back.

Two of them serve who checks what others made: `builder.recognise` tells under which profile a file has a
given CID, and `receive.Receiver` makes a file of a CAR as it comes, whatever the order of its blocks.
"""

from __future__ import annotations
