"""Write trained weights as a GGUF file for llama.cpp, with the tokenizer and a chat template inside."""

from __future__ import annotations

import argparse
from pathlib import Path

import gguf
import numpy as np
from network import SHAPE, Params
from tokenizer import SPECIAL, Tokenizer
from train import CONTEXT, load

DESCRIPTION = (
    "A toy: a very small language model that comes with eai (Eternal Zoo), for demos and tests. "
    "It knows a little about eai and about zoo animals; it is of no use for real work."
)
# ChatML. Content may be a text or a list of parts; any role that isn't known asks like a user.
TEMPLATE = """\
{%- for message in messages -%}
{%- set role = message.role if message.role in ['system', 'assistant'] else 'user' -%}
{{- '<|im_start|>' + role + '\\n' -}}
{%- if message.content is string -%}
{{- message.content | trim -}}
{%- elif message.content -%}
{%- for part in message.content -%}
{%- if part.type == 'text' -%}{{- part.text | trim -}}{%- endif -%}
{%- if not loop.last -%}{{- '\\n' -}}{%- endif -%}
{%- endfor -%}
{%- endif -%}
{{- '<|im_end|>\\n' -}}
{%- endfor -%}
{%- if add_generation_prompt -%}{{- '<|im_start|>assistant\\n' -}}{%- endif -%}
"""


def describe(writer: gguf.GGUFWriter) -> None:
    """What the file says of itself and of the shape of its network."""
    writer.add_type(gguf.GGUFType.MODEL)
    writer.add_name("eai toy")
    writer.add_basename("eai-toy")
    writer.add_description(DESCRIPTION)
    writer.add_author("the eai project")
    writer.add_license("mit")
    writer.add_languages(["en"])
    writer.add_tags(["toy", "demo", "text-generation"])
    writer.add_sampling_temp(0.4)
    writer.add_sampling_top_p(0.9)
    writer.add_vocab_size(SHAPE.vocabulary)
    writer.add_context_length(CONTEXT)
    writer.add_embedding_length(SHAPE.width)
    writer.add_block_count(SHAPE.layers)
    writer.add_feed_forward_length(SHAPE.hidden)
    writer.add_head_count(SHAPE.heads)
    writer.add_head_count_kv(SHAPE.kv_heads)
    writer.add_rope_dimension_count(SHAPE.head_width)
    writer.add_rope_freq_base(SHAPE.rope_base)
    writer.add_layer_norm_rms_eps(SHAPE.epsilon)
    writer.add_file_type(gguf.LlamaFileType.MOSTLY_Q8_0)
    writer.add_quantization_version(gguf.GGML_QUANT_VERSION)


def add_tokenizer(writer: gguf.GGUFWriter, tokenizer: Tokenizer) -> None:
    """The vocabulary, its merges, and how a chat becomes one text."""
    kinds = [
        gguf.TokenType.CONTROL if token in SPECIAL else gguf.TokenType.NORMAL for token in tokenizer.tokens
    ]
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("gpt-2")
    writer.add_token_list(tokenizer.tokens)
    writer.add_token_types(kinds)
    writer.add_token_merges([" ".join(pair) for pair in tokenizer.merges])
    writer.add_bos_token_id(tokenizer.numbers["<|endoftext|>"])
    writer.add_eos_token_id(tokenizer.numbers["<|im_end|>"])
    writer.add_eot_token_id(tokenizer.numbers["<|im_end|>"])
    writer.add_pad_token_id(tokenizer.numbers["<|endoftext|>"])
    writer.add_add_bos_token(value=False)
    writer.add_chat_template(TEMPLATE)


def add_weights(writer: gguf.GGUFWriter, weights: Params) -> None:
    """Matrices as q8_0, norms as f32; without an output matrix llama.cpp takes the embedding."""
    q8 = gguf.GGMLQuantizationType.Q8_0
    for name, value in weights.items():
        matrix = np.asarray(value, np.float32)
        if matrix.ndim == 1:
            writer.add_tensor(f"{name}.weight", matrix)
        else:
            rows = matrix if name == "token_embd" else np.ascontiguousarray(matrix.T)
            writer.add_tensor(f"{name}.weight", gguf.quants.quantize(rows, q8), raw_dtype=q8)


def export(source: Path, target: Path) -> None:
    """Turn train.py's weights.npz into a GGUF file; the same weights give the same bytes."""
    weights, tokenizer = load(source)
    writer = gguf.GGUFWriter(target, "llama")
    describe(writer)
    add_tokenizer(writer, tokenizer)
    add_weights(writer, weights)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def main() -> None:
    """Ask for the two paths and write the file."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("weights", type=Path, help="weights.npz of train.py")
    parser.add_argument("gguf", type=Path, help="the file to write")
    options = parser.parse_args()
    export(options.weights, options.gguf)
    print(f"{options.gguf}: {options.gguf.stat().st_size} bytes")


if __name__ == "__main__":
    main()
