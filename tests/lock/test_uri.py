"""Tests for the form of sources."""

from __future__ import annotations

import pytest

from zoo.lock.uri import fault, is_clean

COMMIT = "0123456789abcdef0123456789abcdef01234567"
CID = "bafkreiacd5mwy4a5wkdmvxsk42nsupes5uf4q3dm52k36mvbhgdrez422y"


@pytest.mark.parametrize(
    ("kind", "uri"),
    [
        ("hf", f"hf://unsloth/Qwen3.5_8B-GGUF@{COMMIT}/Q4/x 00001-of-00002.gguf"),
        ("pypi", "pypi://xllamacpp@2026.10.11549/xllamacpp-2026.10-cp310-abi3-manylinux2014_x86_64.whl"),
        ("ipfs", f"ipfs://{CID}"),
        ("ipfs", f"ipfs://{CID}/models/x.gguf"),
        ("url", "https://example.org"),
        ("url", "http://127.0.0.1:8080/a/b.gguf?x=y@z"),
        ("path", "path:models/mine.gguf"),
        ("path", "path:../../shared/mine.gguf"),
        ("bundled", "bundled:demo-1.gguf"),
    ],
)
def test_a_well_formed_source_has_no_fault(kind: str, uri: str) -> None:
    assert fault(kind, uri) is None


@pytest.mark.parametrize(
    ("kind", "uri"),
    [
        ("hf", f"hf://owner@{COMMIT}/x"),
        ("hf", "hf://owner/repo@main/x"),
        ("hf", f"hf://owner/repo@{COMMIT.upper()}/x"),
        ("hf", f"hf://owner/repo@{COMMIT}/"),
        ("hf", f"hf://owner/repo@{COMMIT}/../x"),
        ("hf", f"hf://owner/repo@{COMMIT}/a\n"),
        ("hf", f"hf://../repo@{COMMIT}/x"),
        ("hf", "https://example.org/x"),
        ("pypi", "pypi://xllamacpp@1/../x.whl"),
        ("pypi", "pypi://xllamacpp@1/x.zip"),
        ("pypi", "pypi://xllamacpp/x.whl"),
        ("ipfs", CID),
        ("ipfs", f"ipfs://{CID.upper()}"),
        ("ipfs", f"ipfs://{CID}/../x"),
        ("ipfs", "ipfs://b"),
        ("url", "ftp://example.org/x"),
        ("url", "https://user:secret@example.org/x"),
        ("url", "https://example.org/a b"),
        ("url", "https:///x"),
        ("url", "https://example.org/x\n"),
        ("path", "models/x"),
        ("path", "path:/models/x"),
        ("path", "path:a/../x"),
        ("path", "path:.."),
        ("path", "path:"),
        ("path", "path:C:/x"),
        ("path", "path:a\\x"),
        ("bundled", "bundled:a/b"),
        ("bundled", "bundled:.."),
        ("bundled", "bundled:"),
    ],
)
def test_a_malformed_source_has_a_fault(kind: str, uri: str) -> None:
    assert fault(kind, uri) is not None


def test_credentials_in_a_url_are_named_as_such() -> None:
    assert "password" in str(fault("url", "https://user:secret@example.org/x"))


def test_a_clean_path_stays_below_its_folder() -> None:
    assert is_clean("a/b..c")
    assert not is_clean("../a")
