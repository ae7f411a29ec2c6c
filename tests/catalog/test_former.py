"""What older installations call a model becomes the entry of a zoofile."""

from __future__ import annotations

import pytest

from zoo.catalog import entries, former
from zoo.errors import UsageError, ZoofileError
from zoo.zoofile.config_yaml import read

CID = "bafkreiacd5mwy4a5wkdmvxsk42nsupes5uf4q3dm52k36mvbhgdrez422y"


def test_a_model_of_the_catalogue_goes_by_its_name_and_its_cid() -> None:
    assert former.featured("qwen3-embedding-0.6b").table == {"aliases": [CID]}
    assert former.preserved(CID) == former.featured("qwen3-embedding-0.6b")


def test_a_cid_that_the_catalogue_does_not_know_names_itself() -> None:
    other = "b" + "a" * 58
    assert former.preserved(other) == former.Former(other, {"ipfs": other})


def test_every_entry_of_the_catalogue_is_taken_or_refused_with_its_engine() -> None:
    for entry in entries().values():
        if entry.supported:
            assert former.featured(entry.name).name == entry.name
        else:
            with pytest.raises(UsageError, match=f"{entry.name} is for the engine {entry.backend}"):
                former.featured(entry.name)


def test_a_file_of_the_hub_keeps_its_quantisation_in_its_name() -> None:
    made = former.hub("o/R-GGUF", file="sub/R-Q4_K_M.gguf", pattern=None, mmproj="m.gguf", task="chat")
    assert made.name == "r-q4_k_m"
    assert made.table == {"hf": "o/R-GGUF", "file": "sub/R-Q4_K_M.gguf", "mmproj": "m.gguf", "task": "chat"}
    assert former.hub("o/R-GGUF", file=None, pattern="Q8_0", mmproj=None, task=None).name == "r-gguf-q8_0"


@pytest.mark.parametrize(("file", "pattern"), [(None, None), ("a.gguf", "Q8_0")])
def test_a_repository_alone_names_no_model(file: str | None, pattern: str | None) -> None:
    with pytest.raises(UsageError, match="holds many files"):
        former.hub("o/r", file=file, pattern=pattern, mmproj=None, task=None)


def test_keys_of_a_config_are_aliases_and_two_keys_for_one_model_are_one() -> None:
    config = read(
        "models:\n  a: {model: lfm2-1.2b, on_demand: true}\n  b: {model: lfm2-1.2b}\n"
        "  lfm2-1.2b: {model: lfm2-1.2b, on_demand: true}\n"
    )
    (only,), left = former.of_config(config)
    cid = entries()["lfm2-1.2b"].cid
    assert only == former.Former("lfm2-1.2b", {"aliases": [cid, "a", "b"], "main": True})
    assert left == []


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ("{model: nobody}", "'nobody' is not in the catalogue"),
        ("{task: chat}", "it names no model"),
        ("{hf_repo: o/r, model: x, backend: mlx-lm}", "o/r is for the engine mlx-lm"),
        ("{model: flux-dev, lora: x, base_model: y}", "`lora` and `base_model` belong to MLX's image models"),
    ],
)
def test_what_cannot_be_served_is_left_out_and_said(entry: str, message: str) -> None:
    made, left = former.of_config(read(f"models:\n  good: {{model: lfm2-1.2b}}\n  bad: {entry}\n"))
    assert [each.name for each in made] == ["lfm2-1.2b"]
    assert left[0].startswith(f"config.yaml:3: models.bad is left out: {message}")
    with pytest.raises(ZoofileError, match="no model that eai can serve"):
        former.of_config(read(f"models:\n  bad: {entry}\n"))
