"""A proxy over one tiny model of every kind."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from models.chat import write_chat, write_lora
from models.eyes import write_projector
from models.templates import THINKS, TOOLS
from models.vectors import write_vectors
from support.serving import Proxies, Proxy, environment, served

from zoo.digest import Digest
from zoo.environment.model import Adapter

CALL = '<tool_call>\n{"name": "get_weather", "arguments": {"city": "Paris"}}\n</tool_call>'
THOUGHT, SAID = "Let me think about it.", "Forty two is what I say!"
PIRATE = Adapter(name="adapters/pirate.gguf", digest=Digest.of_hex("ad" * 32), scale=0.0)


@contextmanager
def every_kind(folder: Path, **server: object) -> Iterator[Proxy]:
    """Serve `chat` (sees, and has an adapter that is off), `tools`, `thinker`, `embedder` and `ranker`."""
    (chat,) = write_chat(folder / "chat.gguf")
    (tools,) = write_chat(folder / "tools.gguf", say=CALL, template=TOOLS)
    (thinker,) = write_chat(
        folder / "thinker.gguf", say=f"<think>\n{THOUGHT}\n</think>\n\n{SAID}", template=THINKS
    )
    vectors, ranker = write_vectors(folder / "vectors.gguf"), write_vectors(folder / "ranker.gguf", rank=True)
    sees = ("--mmproj", str(write_projector(folder / "eyes.gguf")))
    speaks = ("--lora-scaled", f"{write_lora(folder / 'lora.gguf')}:0.0")
    with tempfile.TemporaryDirectory(prefix="eai") as short:
        proxies = Proxies(Path(short))
        proxy = proxies.start(
            environment(
                served(chat, "chat", *sees, *speaks, main=True, multimodal=True, lora_config=(PIRATE,)),
                served(tools, "tools"),
                served(thinker, "thinker"),
                served(vectors, "embedder", "--embeddings", task="embed"),
                served(ranker, "ranker", "--reranking", task="rerank"),
                memory="1GiB",
                **server,
            )
        )
        try:
            proxy.until_ready()
            yield proxy
        finally:
            proxies.close()
