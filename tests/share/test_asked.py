"""What a request to a gateway asks for, by its URL or by its Accept."""

from __future__ import annotations

import pytest

from zoo.share.asked import CAR_TYPE, RAW_TYPE, Asked, Bytes, Unanswerable, asked


@pytest.mark.parametrize(
    ("query", "accept", "expected"),
    [
        ({"format": "raw"}, None, Asked(form="raw")),
        ({"format": "raw"}, f"{CAR_TYPE}; dups=y", Asked(form="raw")),
        ({"format": "car"}, f"{CAR_TYPE}; version=1; order=dfs; dups=y", Asked(form="car", dups=True)),
        ({"format": "car", "car-dups": "n"}, f"{CAR_TYPE};dups=y", Asked(form="car")),
        ({}, f"text/html, {RAW_TYPE};q=0.9", Asked(form="raw", by_header=True)),
        ({}, f"{CAR_TYPE};version=2, {CAR_TYPE.upper()}", Asked(form="car", by_header=True)),
        ({"format": "car", "dag-scope": "block"}, None, Asked(form="car", root_only=True)),
        ({"format": "car", "dag-scope": "entity"}, None, Asked(form="car")),
        (
            {"format": "car", "dag-scope": "block", "entity-bytes": "-7:*"},
            None,
            Asked(form="car", bytes=Bytes(-7, None)),
        ),
        ({"format": "raw", "dag-scope": "nonsense"}, None, Asked(form="raw")),
    ],
)
def test_what_is_asked_for(query: dict[str, str], accept: str | None, expected: Asked) -> None:
    assert asked(query, accept) == expected
    again = dict(part.split("=") for part in expected.query.split("&"))
    assert asked(again, None).query == expected.query


@pytest.mark.parametrize(
    ("query", "accept", "status"),
    [
        ({}, None, 400),
        ({}, "*/*", 406),
        ({}, f"{CAR_TYPE}; version=2", 406),
        ({"format": "tar"}, RAW_TYPE, 406),
        ({"format": "car", "car-version": "2"}, None, 406),
        ({"format": "car", "car-order": "bfs"}, None, 406),
        ({"format": "car"}, f"{CAR_TYPE}; dups=perhaps", 406),
        ({"format": "car", "dag-scope": "x"}, None, 400),
        ({"format": "car", "entity-bytes": "*:5"}, None, 400),
    ],
)
def test_what_cannot_be_answered(query: dict[str, str], accept: str | None, status: int) -> None:
    with pytest.raises(Unanswerable) as caught:
        asked(query, accept)
    assert caught.value.status == status
