"""The commands of the README that make pictures do so, before the real engine."""

from __future__ import annotations

import base64
import json
import re
import subprocess
import tempfile
from pathlib import Path

import pytest
from models.flux import write_flux
from support.drawing import drawn, draws, painted
from support.serving import Proxies, environment

pytestmark = pytest.mark.engine

README = Path(__file__).parent.parent / "README.md"


def test_a_picture_is_made_and_edited_as_the_readme_says(tmp_path: Path) -> None:
    _, _, section = README.read_text().partition("\n## Pictures\n")
    (block,) = re.findall(r"^```sh\n(.*?)^```$", section.partition("\n## ")[0], re.DOTALL | re.MULTILINE)
    with tempfile.TemporaryDirectory(prefix="eai") as short:
        proxies = Proxies(Path(short))
        proxy = proxies.start(environment(draws(write_flux(tmp_path), main=True), memory="1GiB"))
        try:
            proxy.until_ready()
            script = block.replace("http://localhost:8080", proxy.url).replace("1024x1024", "64x64")
            said = subprocess.run(
                ("bash", "-euc", script), cwd=tmp_path, capture_output=True, text=True, check=True, timeout=60
            ).stdout
        finally:
            proxies.close()

    assert painted(drawn((tmp_path / "cat.png").read_bytes()))
    assert painted(drawn(base64.b64decode(json.loads(said)["data"][0]["b64_json"])))
