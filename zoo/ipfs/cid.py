"""CIDs: the names of blocks, as values, bytes and text.

Only what can name a model's bytes is let in: codecs raw and dag-pb, SHA-256 and BLAKE3 with all 32
bytes of their digest, and short identity CIDs. The rest is recognised, and refused by name.
Spec: multiformats/cid and multiformats/multihash. The texts are small and hot, so they are read
here and not with the `multiformats` package, which takes thirty times as long and lets cut digests pass.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from zoo.errors import IntegrityError, Malformed
from zoo.ipfs import bases
from zoo.ipfs.wire import read_bytes, read_varint, varint

RAW, DAG_PB = 0x55, 0x70
IDENTITY, SHA2_256, BLAKE3 = 0x00, 0x12, 0x1E

DIGEST_SIZE = 32
IDENTITY_MAX = 128
"""The most bytes that an identity CID may hold (IPIP-512)."""
TEXT_MAX = 256
BYTES_MAX = 4 * 10 + IDENTITY_MAX

_CODECS = {
    0x51: "cbor",
    0x71: "dag-cbor",
    0x72: "libp2p-key",
    0x78: "git-raw",
    0x0129: "dag-json",
    0x0202: "car",
    0xF101: "fil-commitment-unsealed",
}
_HASHES = {0x11: "sha1", 0x13: "sha2-512", 0x16: "sha3-256", 0x1B: "keccak-256", 0xB220: "blake2b-256"}
_V0 = bytes((SHA2_256, DIGEST_SIZE))
_V0_TEXT_SIZE = 46


@dataclass(frozen=True, slots=True)
class Cid:
    """The name of a block: what form it has, and the hash of its bytes.

    Attributes:
        version: 0 or 1. Version 0 is always dag-pb with SHA-256.
        codec: `RAW` or `DAG_PB`.
        hash: `SHA2_256`, `BLAKE3` or `IDENTITY`.
        digest: 32 bytes; for `IDENTITY` the block itself, at most 128 bytes.
    """

    version: int
    codec: int
    hash: int
    digest: bytes

    @property
    def inline(self) -> bytes | None:
        """The block, where the CID itself holds it."""
        return self.digest if self.hash == IDENTITY else None

    def __bytes__(self) -> bytes:
        multihash = varint(self.hash) + varint(len(self.digest)) + self.digest
        return multihash if self.version == 0 else bytes((1, self.codec)) + multihash

    def __str__(self) -> str:
        raw = bytes(self)
        return bases.to_base(raw, bases.BASE58) if self.version == 0 else "b" + bases.to_base32(raw)


def of(block: bytes | memoryview, codec: int, *, version: int = 1) -> Cid:
    """Name a block by its SHA-256."""
    return Cid(version, codec, SHA2_256, hashlib.sha256(block).digest())


def check(cid: Cid, block: bytes) -> None:
    """See that a block is the one that a CID names.

    Raises:
        IntegrityError: It is another one.
    """
    if cid.hash == SHA2_256:
        digest = hashlib.sha256(block).digest()
    elif cid.hash == BLAKE3:
        import blake3  # noqa: PLC0415 - hardly any CID uses it

        digest = blake3.blake3(block).digest()
    else:
        digest = block
    if digest != cid.digest:
        raise IntegrityError(f"a block of {len(block)} bytes is not the one that {cid} names")


def read(buffer: bytes, at: int = 0) -> tuple[Cid, int]:
    """Decode the CID at an offset; give it and the offset behind it.

    Raises:
        Malformed: It is none, or one that can name no part of a file.
    """
    if buffer[at : at + 2] == _V0:
        digest, end = read_bytes(buffer, at + 1)
        return Cid(0, DAG_PB, SHA2_256, digest), end
    version, at = read_varint(buffer, at)
    if version != 1:
        raise Malformed(f"a CID has version {version}; there are 0 and 1")
    codec, at = read_varint(buffer, at)
    if codec not in {RAW, DAG_PB}:
        raise Malformed(f"a CID has codec {_named(codec, _CODECS)}; files are made of raw and dag-pb")
    code, at = read_varint(buffer, at)
    digest, at = read_bytes(buffer, at)
    _check_hash(code, digest)
    return Cid(1, codec, code, digest), at


def _check_hash(code: int, digest: bytes) -> None:
    if code not in {SHA2_256, BLAKE3, IDENTITY}:
        raise Malformed(f"a CID has hash {_named(code, _HASHES)}; sha2-256 and blake3 are trusted here")
    if code == IDENTITY and len(digest) > IDENTITY_MAX:
        raise Malformed(f"an identity CID holds {len(digest)} bytes; {IDENTITY_MAX} is the most")
    if code != IDENTITY and len(digest) != DIGEST_SIZE:
        raise Malformed(f"a CID has {len(digest)} bytes of a digest of {DIGEST_SIZE}: it is cut")


def _named(code: int, names: dict[int, str]) -> str:
    return f"{names[code]} ({code:#x})" if code in names else f"{code:#x}"


def from_bytes(buffer: bytes) -> Cid:
    """Decode bytes that are a CID and nothing else.

    Raises:
        Malformed: As `read` does, or bytes follow.
    """
    cid, end = read(buffer)
    if end != len(buffer):
        raise Malformed("bytes follow a CID")
    return cid


def parse(text: str) -> Cid:
    """Read a CID's text: base58 `Qm…`, or multibase `b`, `B`, `k`, `K` or `z`.

    Raises:
        Malformed: With the text, what is wrong with it, and a hint.
    """
    try:
        return _parse(text)
    except Malformed as error:
        shown = text if len(text) <= TEXT_MAX else f"{text[:40]}…"
        raise Malformed(
            f"{shown!r} is no CID that can be used: {error.message}",
            hint="a CID looks like bafybei…, bafkrei… or Qm…, and names a file or a directory",
        ) from None


def _parse(text: str) -> Cid:
    if len(text) > TEXT_MAX:
        raise Malformed(f"it has {len(text)} characters")
    if text.startswith("Qm") and len(text) == _V0_TEXT_SIZE:
        return from_bytes(bases.from_base(text, bases.BASE58))
    cid = from_bytes(_multibase(text[:1], text[1:]))
    if cid.version == 0:
        raise Malformed("a CID of version 0 is written without a base's letter")
    return cid


def _multibase(letter: str, rest: str) -> bytes:
    if letter in {"B", "K"} and rest == rest.upper():
        letter, rest = letter.lower(), rest.lower()
    if letter == "b":
        return bases.from_base32(rest)
    if letter == "k":
        return bases.from_base(rest, bases.BASE36)
    if letter == "z":
        return bases.from_base(rest, bases.BASE58)
    raise Malformed("it begins with no base that is known here (base32, base36, base58)")
