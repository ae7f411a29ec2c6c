"""Makes tiny real llama models that say a chosen sentence, and adapters that make them say another.

The network is an honest llama (2 blocks, grouped attention, SwiGLU, RoPE, RMSNorm) with small random
weights; the output matrix is solved so that the likeliest next token walks the sentence, then ends.
Bytes are the same on one machine; numpy's QR may differ between CPUs, so tests compute digests.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import gguf
import numpy as np
import numpy.typing as npt

Matrix = npt.NDArray[np.float64]

BLOCKS, HEADS, KV_HEADS, FEED_FORWARD, CONTEXT = 2, 4, 2, 128, 4096
ENDS, STARTS_TURN, ENDS_TURN = SPECIAL = ("<|endoftext|>", "<|im_start|>", "<|im_end|>")
WORDS = [
    "system",
    "user",
    "assistant",
    "You",
    "are",
    "a",
    "helpful",
    "the",
    "is",
    "of",
    "and",
    "to",
    "in",
    "what",
    "how",
    "why",
    "hello",
    "hi",
    "who",
]
SENTENCE = "Hello from a tiny test model, made on this machine with random numbers."
ADAPTED = "Arr, the adapter speaks now, matey!"
STRENGTH = 4.0
TEMPLATE = (
    "{%- for m in messages %}{{- '<|im_start|>' + m.role + '\n' + m.content + '<|im_end|>\n' }}{%- endfor %}"
    "{%- if add_generation_prompt %}{{- '<|im_start|>assistant\n' }}{%- endif %}"
)


def write_chat(
    path: Path,
    *,
    say: str = SENTENCE,
    endless: bool = False,
    shard_tensors: int = 0,
    temperature: float | None = None,
    template: str = TEMPLATE,
) -> tuple[Path, ...]:
    """Write a chat model, or its shards; an endless one starts its sentence over and over.

    Args:
        path: Where to; shards are called `<stem>-0000i-of-0000n.gguf`.
        say: What it answers, whatever it is asked.
        endless: Whether it never stops.
        shard_tensors: How many tensors a shard holds (there are 21); 0 for one file.
        temperature: The sampling default that the header states; None for none.
        template: The chat template that the header brings.

    Returns:
        The files, in order.
    """
    vocabulary = _vocabulary((say, ADAPTED))
    embedding, output = _solve(vocabulary, say, endless=endless)
    writer = gguf.GGUFWriter(path, "llama", split_max_tensors=shard_tensors)
    _describe(writer, vocabulary, embedding.shape[1])
    writer.add_chat_template(template)
    if temperature is not None:
        writer.add_float32("general.sampling.temp", temperature)
    for name, tensor in _tensors(embedding, output):
        writer.add_tensor(name, np.ascontiguousarray(tensor, np.float32))
    _close(writer)
    return tuple(sorted(path.parent.glob(f"{path.stem}-*-of-*.gguf"))) if shard_tensors else (path,)


def write_lora(path: Path, *, say: str = SENTENCE) -> Path:
    """Write an adapter that makes the model of `write_chat(say=say)` say `ADAPTED` instead."""
    vocabulary = _vocabulary((say, ADAPTED))
    embedding, output = _solve(vocabulary, say, endless=False)
    pieces = [vocabulary.ids[_bytes(piece)] for piece in _pieces(ADAPTED)]
    steps = list(zip([vocabulary.ids["Ċ"], *pieces], [*pieces, vocabulary.ids[ENDS_TURN]], strict=True))
    lora_a = np.array([embedding[token] for token, _ in steps])
    lora_b = np.zeros((len(output), len(steps)))
    for column, (token, following) in enumerate(steps):
        before = _likeliest(embedding[token], output)
        lora_b[following, column] += 2 * STRENGTH
        if before != following:
            lora_b[before, column] -= 1.5 * STRENGTH
    writer = gguf.GGUFWriter(path, "llama")
    writer.add_type(gguf.GGUFType.ADAPTER)
    writer.add_string("adapter.type", "lora")
    writer.add_float32("adapter.lora.alpha", float(len(steps)))
    writer.add_tensor("output.weight.lora_a", lora_a.astype(np.float32))
    writer.add_tensor("output.weight.lora_b", lora_b.astype(np.float32))
    _close(writer)
    return path


@dataclass(frozen=True, slots=True)
class _Vocabulary:
    tokens: tuple[str, ...]
    merges: tuple[str, ...]
    own: tuple[int, ...]  # the pieces of the sentences: each has a direction of its own

    @property
    def ids(self) -> dict[str, int]:
        return {token: number for number, token in enumerate(self.tokens)}


def _vocabulary(texts: Sequence[str]) -> _Vocabulary:
    tokens, merges = [_BYTES[byte] for byte in range(256)], []
    for word in (form for common in WORDS for form in (common, f" {common}")):
        spelled = _bytes(word)
        for end in range(2, len(spelled) + 1):
            if spelled[:end] not in tokens:
                merges.append(f"{spelled[: end - 1]} {spelled[end - 1]}")
                tokens.append(spelled[:end])
    pieces = [_bytes(piece) for text in texts for piece in _pieces(text)]
    tokens += [piece for piece in dict.fromkeys(pieces) if piece not in tokens]
    own = tuple(dict.fromkeys(tokens.index(piece) for piece in pieces))
    return _Vocabulary((*tokens, *SPECIAL), tuple(merges), own)


def _solve(vocabulary: _Vocabulary, say: str, *, endless: bool) -> tuple[Matrix, Matrix]:
    """Find the embedding and the output matrix with which each piece is followed by the next."""
    random, ids, count = np.random.default_rng(0), vocabulary.ids, len(vocabulary.tokens)
    width = 64
    while width < len(vocabulary.own) + 24:
        width *= 2
    basis = np.linalg.qr(random.standard_normal((width, width)))[0].T
    common, own, others = basis[0], basis[1 : 1 + len(vocabulary.own)], basis[1 + len(vocabulary.own) :]
    embedding = _unit(0.9 * common + 0.45 * _unit(random.standard_normal((count, len(others))) @ others))
    embedding[list(vocabulary.own)] = own
    said = [ids[_bytes(piece)] for piece in _pieces(say)]
    following = [*said[1:], said[0] if endless else ids[ENDS_TURN]]
    steps = dict(zip(said, following, strict=True))
    steps |= {token: ids[ENDS_TURN] for token in vocabulary.own if token not in steps}
    output = random.standard_normal((count, width)) * 0.02
    output[said[0]] += STRENGTH * common
    for token, then in steps.items():
        output[then] += STRENGTH * embedding[token]
    if any(_likeliest(embedding[token], output) != then for token, then in steps.items()):
        raise AssertionError("the weights do not say the sentence")
    return embedding, output


def _describe(writer: gguf.GGUFWriter, vocabulary: _Vocabulary, width: int) -> None:
    ids, ordinary = vocabulary.ids, len(vocabulary.tokens) - len(SPECIAL)
    writer.add_type(gguf.GGUFType.MODEL)
    writer.add_name("tiny")
    writer.add_context_length(CONTEXT)
    writer.add_embedding_length(width)
    writer.add_block_count(BLOCKS)
    writer.add_feed_forward_length(FEED_FORWARD)
    writer.add_head_count(HEADS)
    writer.add_head_count_kv(KV_HEADS)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_rope_dimension_count(width // HEADS)
    writer.add_rope_freq_base(10000.0)
    writer.add_vocab_size(len(vocabulary.tokens))
    writer.add_file_type(gguf.LlamaFileType.ALL_F32)
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("gpt-2")
    writer.add_token_list(list(vocabulary.tokens))
    writer.add_token_merges(list(vocabulary.merges))
    writer.add_token_types([gguf.TokenType.NORMAL] * ordinary + [gguf.TokenType.CONTROL] * len(SPECIAL))
    writer.add_bos_token_id(ids[ENDS])
    writer.add_eos_token_id(ids[ENDS_TURN])
    writer.add_pad_token_id(ids[ENDS])
    writer.add_add_bos_token(value=False)


def _tensors(embedding: Matrix, output: Matrix) -> Iterator[tuple[str, Matrix]]:
    random, width = np.random.default_rng(1), embedding.shape[1]
    kv_width = width // HEADS * KV_HEADS
    yield from (("token_embd.weight", embedding), ("output.weight", output))
    yield "output_norm.weight", np.ones(width)
    shapes = {
        "attn_q": (width, width, 1.0),
        "attn_k": (kv_width, width, 1.0),
        "attn_v": (kv_width, width, 1.0),
        "attn_output": (width, width, 0.2),
        "ffn_gate": (FEED_FORWARD, width, 1.0),
        "ffn_up": (FEED_FORWARD, width, 1.0),
        "ffn_down": (width, FEED_FORWARD, 0.2),
    }
    for block in range(BLOCKS):
        yield f"blk.{block}.attn_norm.weight", np.ones(width)
        yield f"blk.{block}.ffn_norm.weight", np.ones(width)
        for name, (rows, columns, scale) in shapes.items():
            yield f"blk.{block}.{name}.weight", scale * 0.02 * random.standard_normal((rows, columns))


def _close(writer: gguf.GGUFWriter) -> None:
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def _likeliest(embedding: Matrix, output: Matrix) -> int:
    return int((embedding / np.sqrt((embedding**2).mean() + 1e-5) @ output.T).argmax())


def _unit(rows: Matrix) -> Matrix:
    return np.asarray(rows / np.linalg.norm(rows, axis=-1, keepdims=True))


def _pieces(text: str) -> list[str]:
    """Cut a text so that no piece comes twice: a repeated one is glued to the next."""
    pieces: list[str] = []
    held = ""
    for part in re.findall(r"\s?\w+|\s?[^\w\s]+|\s+", text):
        held += part
        if held not in pieces:
            pieces.append(held)
            held = ""
    if held:
        pieces[-1] += held
    return pieces


def _byte_names() -> dict[int, str]:
    """GPT-2's printable names of all bytes."""
    shown = [*range(33, 127), *range(161, 173), *range(174, 256)]
    hidden = [byte for byte in range(256) if byte not in shown]
    names = {byte: chr(byte) for byte in shown}
    return names | {byte: chr(256 + number) for number, byte in enumerate(hidden)}


_BYTES = _byte_names()


def _bytes(text: str) -> str:
    return "".join(_BYTES[byte] for byte in text.encode())
