"""What NVIDIA's program is asked, and what of its answer is believed."""

from __future__ import annotations

import pytest

from zoo.toolchains import smi


def test_a_question_names_its_columns() -> None:
    assert smi.query("gpu", "name", "memory.total") == (
        "nvidia-smi",
        "--query-gpu=name,memory.total",
        "--format=csv,noheader,nounits",
    )


def test_only_rows_of_the_table_are_read() -> None:
    said = (
        "NVIDIA L4, 23034\nNVIDIA-SMI has failed because it couldn't communicate with the driver.\n a ,b, c\n"
    )
    assert list(smi.rows(said, 2)) == [("NVIDIA L4", "23034")]
    assert list(smi.rows(None, 2)) == []


@pytest.mark.parametrize(
    ("cell", "size"), [("23034", 23034 << 20), ("[N/A]", None), ("-1", None), ("²", None), ("", None)]
)
def test_a_cell_counts_mebibytes(cell: str, size: int | None) -> None:
    assert smi.mib(cell) == size


def test_a_program_that_fails_or_is_not_there_says_nothing() -> None:
    assert smi.run(("/bin/sh", "-c", "echo 1, 1")) == "1, 1\n"
    assert smi.run(("/bin/sh", "-c", "echo 1, 1; exit 9")) is None
    assert smi.run(("no-such-program",)) is None


def test_nothing_of_this_users_environment_reaches_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "7")
    assert smi.run(("/bin/sh", "-c", "echo $CUDA_VISIBLE_DEVICES")) == "\n"
