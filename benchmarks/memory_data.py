"""Made-up memories that behave like real ones: vectors in topics of low inner dimension, texts whose words follow them.

Vectors drawn evenly would make every index look bad: nothing is near anything. Those of real texts lie in clusters of
some tens of dimensions; so do these: 800 topics in 80 dimensions, spread to 1,536, with noise, of length 1. The same
seed gives the same data on every machine.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from core.store.tables import EMBEDDING_DIMENSIONS

Floats = npt.NDArray[np.float32]
Integers = npt.NDArray[np.int64]

TOPICS = 800
_INNER = 80
_NOISE = 0.25
_BLOCK = 10_000
_SYLLABLES = ["ka", "lo", "mi", "ter", "von", "sa", "dru", "pel", "an", "ori", "bex", "tun", "gra", "fi", "shu", "nem"]


@dataclass(frozen=True, slots=True)
class Block:
    """Memories in the order of their making. first: number of the first one. agents: position of each one's agent."""

    first: int
    agents: Integers
    vectors: Floats
    texts: list[str]


class MadeUp:
    """All data of one run. sizes: how many memories each agent has."""

    def __init__(self, sizes: list[int], seed: int = 11) -> None:
        random = np.random.default_rng(seed)
        self.sizes = sizes
        self.rows = sum(sizes)
        self._seed = seed
        self._spread = (random.standard_normal((_INNER, EMBEDDING_DIMENSIONS)) / np.sqrt(_INNER)).astype(np.float32)
        self._centres = random.standard_normal((TOPICS, _INNER)).astype(np.float32)
        self._tightness = random.uniform(0.35, 0.8, (TOPICS, 1)).astype(np.float32)
        weights = 1 / np.arange(1, TOPICS + 1) ** 0.6
        self._shares = weights / weights.sum()
        self._common = _new_words(random, 20_000)
        self._telling = [_new_words(random, 12) for _ in range(TOPICS)]
        often = 1 / np.arange(1, len(self._common) + 1) ** 1.05
        self._often = often / often.sum()
        # Agents' memories come in any order, as they do when many agents are at work.
        self._owners = random.permutation(np.repeat(np.arange(len(sizes)), sizes))

    def blocks(self) -> Iterator[Block]:
        """All memories."""
        for first in range(0, self.rows, _BLOCK):
            count = min(_BLOCK, self.rows - first)
            topics, vectors, random = self._vectors(count, first)
            yield Block(first, self._owners[first : first + count], vectors, self._texts(topics, random))

    def questions(self, count: int) -> tuple[Floats, list[str]]:
        """Vectors and texts of questions about the same topics."""
        topics, vectors, random = self._vectors(count, 1_000_000_007)
        texts = ["what about " + " ".join(random.choice(self._telling[topic], 3, replace=False)) for topic in topics]
        return vectors, texts

    def _vectors(self, count: int, place: int) -> tuple[Integers, Floats, np.random.Generator]:
        random = np.random.default_rng((self._seed, place))
        topics = random.choice(TOPICS, size=count, p=self._shares)
        inner = self._centres[topics] + self._tightness[topics] * random.standard_normal(
            (count, _INNER), dtype=np.float32
        )
        vectors = inner @ self._spread + _NOISE * random.standard_normal(
            (count, EMBEDDING_DIMENSIONS), dtype=np.float32
        )
        vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
        return topics, vectors.astype(np.float32), random

    def _texts(self, topics: Integers, random: np.random.Generator) -> list[str]:
        common = random.choice(len(self._common), size=(len(topics), 20), p=self._often)
        telling = random.integers(0, 12, size=(len(topics), 6))
        return [
            " ".join([self._common[n] for n in some] + [self._telling[topic][n] for n in few])
            for topic, some, few in zip(topics, common, telling, strict=True)
        ]


class Nearest:
    """The truly nearest memories of one agent each, for a few questions, gathered block by block.

    owners: the agent of each question.
    """

    def __init__(self, questions: Floats, owners: list[int], best: int = 10) -> None:
        self._questions = questions
        self._owners = np.array(owners)
        self._best = best
        self._scores = [np.empty(0, np.float32) for _ in owners]
        self._numbers = [np.empty(0, np.int64) for _ in owners]

    def look_at(self, block: Block) -> None:
        """Take the block's memories in."""
        for agent in np.unique(block.agents):
            asked = np.flatnonzero(self._owners == agent)
            if not len(asked):
                continue
            mine = np.flatnonzero(block.agents == agent)
            similar = self._questions[asked] @ block.vectors[mine].T
            for place, question in enumerate(asked):
                scores = np.concatenate([self._scores[question], similar[place]])
                numbers = np.concatenate([self._numbers[question], mine + block.first])
                kept = np.argsort(-scores)[: self._best]
                self._scores[question], self._numbers[question] = scores[kept], numbers[kept]

    def numbers(self) -> list[set[int]]:
        """For each question the numbers of its nearest memories."""
        return [set(map(int, numbers)) for numbers in self._numbers]


def _new_words(random: np.random.Generator, count: int) -> list[str]:
    lengths = random.integers(2, 5, count)
    return ["".join(random.choice(_SYLLABLES, length)) + f"{random.integers(100):02}"[:1] for length in lengths]
