"""The network of the demo model: a small llama (RMSNorm, RoPE, grouped queries, SwiGLU) in JAX."""

from __future__ import annotations

from dataclasses import dataclass

import jax
import jax.numpy as jnp

Params = dict[str, jax.Array]


@dataclass(frozen=True, slots=True)
class Shape:
    """How large the network is; every width is a multiple of 32, as q8_0 blocks need."""

    vocabulary: int = 1280
    width: int = 192
    layers: int = 4
    heads: int = 6
    kv_heads: int = 2
    hidden: int = 512
    head_width: int = 32
    rope_base: float = 10000.0
    epsilon: float = 1e-5


SHAPE = Shape()


def matrices(shape: Shape) -> dict[str, tuple[int, int]]:
    """The names (as in GGUF) and sizes (in, out; in GGUF out, in) of all matrices of one layer."""
    queries, keys = shape.heads * shape.head_width, shape.kv_heads * shape.head_width
    return {
        "attn_q": (shape.width, queries),
        "attn_k": (shape.width, keys),
        "attn_v": (shape.width, keys),
        "attn_output": (queries, shape.width),
        "ffn_gate": (shape.width, shape.hidden),
        "ffn_up": (shape.width, shape.hidden),
        "ffn_down": (shape.hidden, shape.width),
    }


def initial(shape: Shape, seed: int) -> Params:
    """Random weights to begin with; the two that write to the residual stream begin at zero."""
    key = jax.random.key(seed)
    params = {"token_embd": 0.02 * jax.random.normal(key, (shape.vocabulary, shape.width))}
    params["output_norm"] = jnp.ones(shape.width)
    for layer in range(shape.layers):
        params[f"blk.{layer}.attn_norm"] = jnp.ones(shape.width)
        params[f"blk.{layer}.ffn_norm"] = jnp.ones(shape.width)
        for name, (rows, columns) in matrices(shape).items():
            key, use = jax.random.split(key)
            scale = 0.0 if name in {"attn_output", "ffn_down"} else rows**-0.5
            params[f"blk.{layer}.{name}"] = scale * jax.random.normal(use, (rows, columns))
    return params


def normed(x: jax.Array, weight: jax.Array, epsilon: float) -> jax.Array:
    """RMSNorm over the last axis."""
    return x * jax.lax.rsqrt(jnp.mean(x * x, axis=-1, keepdims=True) + epsilon) * weight


def turned(x: jax.Array, cosine: jax.Array, sine: jax.Array) -> jax.Array:
    """RoPE on neighbouring pairs, as llama.cpp does for `llama`: nothing to permute on export."""
    even, odd = x[..., 0::2], x[..., 1::2]
    return jnp.stack((even * cosine - odd * sine, even * sine + odd * cosine), axis=-1).reshape(x.shape)


def attention(
    params: Params, prefix: str, x: jax.Array, rope: tuple[jax.Array, jax.Array], shape: Shape
) -> jax.Array:
    """Causal self-attention in which several query heads share a key head."""
    batch, length, _ = x.shape
    rows = length * shape.heads // shape.kv_heads

    def split(name: str) -> jax.Array:
        return (x @ params[prefix + name]).reshape(batch, length, -1, shape.head_width).swapaxes(1, 2)

    q = turned(split("attn_q"), *rope).reshape(batch, shape.kv_heads, rows, shape.head_width)
    scores = q @ turned(split("attn_k"), *rope).swapaxes(-1, -2) * shape.head_width**-0.5
    scores = scores.reshape(batch, shape.heads, length, length)
    scores = scores + jnp.where(jnp.tril(jnp.ones((length, length), bool)), 0.0, -1e30)
    shares = jnp.exp(scores - jax.lax.stop_gradient(scores.max(-1, keepdims=True)))
    totals = shares.sum(-1)[..., None]
    mixed = shares.reshape(batch, shape.kv_heads, rows, length) @ split("attn_v")
    mixed = mixed.reshape(batch, shape.heads, length, shape.head_width) / totals
    return mixed.swapaxes(1, 2).reshape(batch, length, -1) @ params[prefix + "attn_output"]


def logits(params: Params, tokens: jax.Array, positions: jax.Array, shape: Shape = SHAPE) -> jax.Array:
    """Scores (batch, length, vocabulary) of the next token, for tokens at positions (batch, length)."""
    rates = shape.rope_base ** (-jnp.arange(0, shape.head_width, 2) / shape.head_width)
    angles = positions[:, None, :, None] * rates
    rope = (jnp.cos(angles), jnp.sin(angles))
    x = (
        jax.nn.one_hot(tokens, shape.vocabulary) @ params["token_embd"]
    )  # its gradient is a matrix product, too
    for layer in range(shape.layers):
        prefix = f"blk.{layer}."
        x = x + attention(params, prefix, normed(x, params[prefix + "attn_norm"], shape.epsilon), rope, shape)
        y = normed(x, params[prefix + "ffn_norm"], shape.epsilon)
        gate = jax.nn.silu(y @ params[prefix + "ffn_gate"])
        x = x + (gate * (y @ params[prefix + "ffn_up"])) @ params[prefix + "ffn_down"]
    return normed(x, params["output_norm"], shape.epsilon) @ params["token_embd"].T


def loss(params: Params, tokens: jax.Array, positions: jax.Array, weights: jax.Array) -> jax.Array:
    """Weighted mean cross-entropy of each next token; `weights` belong to the token that is predicted."""
    scores = logits(params, tokens[:, :-1], positions[:, :-1])
    chosen = jnp.sum(jnp.where(tokens[:, 1:, None] == jnp.arange(scores.shape[-1]), scores, 0.0), axis=-1)
    cost = jax.nn.logsumexp(scores, axis=-1) - chosen
    return jnp.sum(cost * weights[:, 1:]) / jnp.sum(weights[:, 1:])
