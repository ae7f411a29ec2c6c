"""Train the demo model on made-up conversations: Muon for the matrices, Adam for the rest, on a processor."""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from corpus import Corpus, Turn
from network import SHAPE, Params, initial, loss
from tokenizer import SPECIAL, Tokenizer, learn

CONTEXT = 2048
SEED = 20261122
ADAM = 0.15  # of the rate of Muon
WARM = 100  # steps
TOKENS = 1920  # in a step
ASKED = 0.05  # weight of the tokens of questions, against 1 for answers
OPENING = 3  # tokens


class Stage(NamedTuple):
    """Some steps with rows of one length."""

    steps: int
    rows: int
    length: int


class State(NamedTuple):
    """What the optimiser remembers."""

    first: Params
    second: Params


class Batch(NamedTuple):
    """The arguments of `network.loss`, each (rows, length + 1)."""

    tokens: np.ndarray
    positions: np.ndarray
    weights: np.ndarray


class Rows:
    """Makes rows of tokens, each a conversation (now and then a plain text) that ends where the row ends."""

    def __init__(self, tokenizer: Tokenizer, seed: int) -> None:
        self.corpus = Corpus(seed)
        self.rng = Random(seed)
        self.tokenizer = tokenizer
        self.end, self.start, self.stop = (tokenizer.numbers[name] for name in SPECIAL)
        self.line = tokenizer.encode("\n")

    def batch(self, stage: Stage) -> Batch:
        """As many rows as the stage has."""
        rows = [self.row(stage.length + 1) for _ in range(stage.rows)]
        tokens, positions, weights = (np.array(part) for part in zip(*rows, strict=True))
        return Batch(tokens, positions.astype(np.float32), weights.astype(np.float32))

    def row(self, length: int) -> tuple[list[int], list[int], list[float]]:
        """Tokens, their positions and their weights in the loss."""
        tokens: list[int] = []
        weights: list[float] = []
        positions: list[int] = []
        jumps = self.rng.random() < 0.4
        parts = self._document() if self.rng.random() < 0.03 else self._conversation(length)
        while len(tokens) < length:
            part, weight = next(parts)
            # A jump in the positions shows distances that are longer than the row (Zhu et al., PoSE, 2023).
            room = CONTEXT - 1 - (positions[-1] if positions else 0) - length
            may_jump = jumps and tokens[-1:] == self.line
            skip = self.rng.randrange(room) if may_jump and room > 0 and self.rng.random() < 0.3 else 0
            begin = positions[-1] + 1 + skip if positions else 0
            positions += range(begin, begin + len(part))
            tokens += part
            weights += [weight] * len(part)
        return tokens[:length], positions[:length], weights[:length]

    def _message(self, role: str, content: str) -> list[int]:
        dropout = 0.1 if self.rng.random() < 0.15 else 0.0
        inner = self.tokenizer.encode(content, dropout=dropout, rng=self.rng)
        return [self.start, *self.tokenizer.encode(f"{role}\n"), *inner, self.stop, *self.line]

    def _conversation(self, length: int) -> Iterator[tuple[list[int], float]]:
        if self.rng.random() < 0.2:
            yield self._message("system", self.corpus.system()), 0.0
        if length > 256 and self.rng.random() < 0.5:
            yield from self._turn(self.corpus.long_turn(self.rng.randint(6, length // 24)))
        for turn in self.corpus.turns():
            yield from self._turn(turn)

    def _turn(self, turn: Turn) -> Iterator[tuple[list[int], float]]:
        yield self._message("user", turn.user), ASKED
        yield [self.start, *self.tokenizer.encode("assistant\n")], 0.0
        answer = [*self.tokenizer.encode(turn.answer), self.stop]
        yield answer[:OPENING], 3.0  # which answer it is shows here
        yield answer[OPENING:], 1.0
        yield self.line, 0.0

    def _document(self) -> Iterator[tuple[list[int], float]]:
        while True:
            yield [*self.tokenizer.encode(self.corpus.document()), self.end], 0.5


def vocabulary() -> Tokenizer:
    """The tokenizer, learned from questions once and answers twice."""
    corpus = Corpus(SEED)
    turns = [corpus.turn() for _ in range(8000)]
    texts = [text for turn in turns for text in (turn.user, turn.answer, turn.answer)]
    return Tokenizer(learn(texts, SHAPE.vocabulary))


def orthogonal(update: jax.Array) -> jax.Array:
    """The update with its singular values near one (five Newton-Schulz steps; Jordan et al., Muon, 2024)."""
    tall = update.shape[0] > update.shape[1]
    x = update.T if tall else update
    x = x / (jnp.linalg.norm(x) + 1e-7)
    for _ in range(5):
        square = x @ x.T
        x = 3.4445 * x + (-4.7750 * square + 2.0315 * square @ square) @ x
    return x.T if tall else x


def begin(params: Params) -> State:
    """Nothing remembered yet."""
    zeros = {name: jnp.zeros_like(value) for name, value in params.items()}
    return State(zeros, zeros)


@jax.jit
def step(
    params: Params, state: State, batch: Batch, count: jax.Array, rate: jax.Array
) -> tuple[Params, State, jax.Array]:
    """One step of the optimiser: new weights, what it remembers now, the loss."""
    cost, slopes = jax.value_and_grad(loss)(params, *batch)
    norm = jnp.sqrt(sum(jnp.sum(slope * slope) for slope in slopes.values()))
    new, first, second = {}, {}, {}
    for name, value in params.items():
        slope = slopes[name] * jnp.minimum(1.0, 1.0 / norm)
        if name.startswith("blk.") and not name.endswith("norm"):
            rows, columns = value.shape
            first[name] = 0.95 * state.first[name] + slope
            second[name] = state.second[name]
            update = orthogonal(slope + 0.95 * first[name]) * max(1.0, columns / rows) ** 0.5
            new[name] = value * (1 - 0.02 * rate) - rate * update
        else:
            first[name] = 0.9 * state.first[name] + 0.1 * slope
            second[name] = 0.98 * state.second[name] + 0.02 * slope * slope
            scale = jnp.sqrt(second[name] / (1 - 0.98**count)) + 1e-8
            new[name] = value - ADAM * rate * first[name] / (1 - 0.9**count) / scale
    return new, State(first, second), cost


def rate_at(count: int, total: int, top: float) -> float:
    """Up for a while, level for a third, then down to nothing."""
    return top * min(1.0, count / WARM, 1.5 * (total - count + 1) / total)


def save(folder: Path, params: Params, tokenizer: Tokenizer) -> None:
    """Write what export.py needs; the last one wins."""
    partial = folder / "partial.npz"
    np.savez(
        partial,
        merges=json.dumps(tokenizer.merges),
        **{name: np.asarray(value) for name, value in params.items()},
    )
    partial.replace(folder / "weights.npz")


def load(weights: Path) -> tuple[Params, Tokenizer]:
    """What `save` wrote."""
    with np.load(weights) as stored:
        merges = [(first, second) for first, second in json.loads(str(stored["merges"]))]
        return {name: jnp.asarray(stored[name]) for name in stored.files if name != "merges"}, Tokenizer(
            merges
        )


def train(params: Params, rows: Rows, stages: list[Stage], rate: float, folder: Path) -> None:
    """Run all stages; weights are saved every 200 steps and at the end."""
    state = begin(params)
    total = sum(stage.steps for stage in stages)
    started, count, mean = time.monotonic(), 0, 0.0
    for stage in stages:
        for _ in range(stage.steps):
            count += 1
            batch = rows.batch(stage)
            params, state, cost = step(params, state, batch, float(count), rate_at(count, total, rate))
            mean = float(cost) if count == 1 else 0.95 * mean + 0.05 * float(cost)
            if count % 50 == 0:
                print(
                    f"step {count}/{total} loss {mean:.4f} after {time.monotonic() - started:.0f} s",
                    flush=True,
                )
            if count % 200 == 0 or count == total:
                save(folder, params, rows.tokenizer)


def main() -> None:
    """Train from the beginning, or go on from weights."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, help="where weights.npz goes")
    parser.add_argument("--go-on", type=Path, metavar="WEIGHTS", help="begin with these weights")
    parser.add_argument("--steps", type=int, default=4800, help="steps with short rows (default 4800)")
    parser.add_argument("--long-steps", type=int, default=200, help="then steps with long rows (default 200)")
    parser.add_argument("--length", type=int, default=160, help="of short rows, in tokens (default 160)")
    parser.add_argument("--rate", type=float, default=0.02, help="highest learning rate (default 0.02)")
    parser.add_argument("--seed", type=int, default=SEED, help="of the conversations")
    options = parser.parse_args()
    options.folder.mkdir(parents=True, exist_ok=True)
    params, tokenizer = load(options.go_on) if options.go_on else (initial(SHAPE, SEED), vocabulary())
    stages = [
        Stage(options.steps, TOKENS // options.length, options.length),
        Stage(options.long_steps, 4, 512),
    ]
    train(params, Rows(tokenizer, options.seed), stages, options.rate, options.folder)


if __name__ == "__main__":
    main()
