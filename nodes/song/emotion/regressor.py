"""A ridge regression from means of descriptors to arousal and valence; its weights are a few KB of JSON.

`python bench/emotion.py train DEAM` makes the weights from the DEAM data set; `weights/README.md` is their card.
"""

from __future__ import annotations

import functools
import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np

WEIGHTS = Path(__file__).with_name("weights")
# Descriptors farther than this from DEAM's mean, in its standard deviations, count as this far.
CLIP = 3.0


@dataclass(frozen=True, eq=False)
class Regressor:
    """columns: names. scale, mean, deviation: float64 (d,). weights: float64 (2 d, 2). bias: float64 (2,)."""

    columns: tuple[str, ...]
    scale: np.ndarray
    mean: np.ndarray
    deviation: np.ndarray
    weights: np.ndarray
    bias: np.ndarray

    def predict(self, means: np.ndarray) -> np.ndarray:
        """(arousal, valence) in -1..1, float32 (n, 2), from means of descriptors (n, d) in the order of `columns`."""
        return np.clip(self._terms(means) @ self.weights + self.bias, -1, 1).astype(np.float32)

    def _terms(self, means: np.ndarray) -> np.ndarray:
        return terms(means, self.scale, self.mean, self.deviation)

    def to_json(self) -> dict:
        def short(array: np.ndarray) -> list:
            return json.loads(json.dumps([float(f"{value:.5g}") for value in np.ravel(array)]))

        names = ("scale", "mean", "deviation", "weights", "bias")
        return {"columns": list(self.columns)} | {name: short(getattr(self, name)) for name in names}

    @classmethod
    def from_json(cls, data: dict) -> Regressor:
        arrays = {name: np.array(data[name]) for name in ("scale", "mean", "deviation", "bias")}
        return cls(tuple(data["columns"]), weights=np.array(data["weights"]).reshape(-1, 2), **arrays)


def terms(means: np.ndarray, scale: np.ndarray, mean: np.ndarray, deviation: np.ndarray) -> np.ndarray:
    """What the regression is linear in: each descriptor on a signed logarithmic scale, and its square. (n, 2 d)."""
    level = np.clip((signed_log(means, scale) - mean) / deviation, -CLIP, CLIP)
    return np.concatenate([level, 0.5 * level**2], axis=1)


def signed_log(values: np.ndarray, scale: np.ndarray) -> np.ndarray:
    """log(1 + |x| / scale) with the sign of x: descriptors of sounds are skewed."""
    return np.sign(values) * np.log1p(np.abs(values) / scale)


def fit(means: np.ndarray, targets: np.ndarray, columns: tuple[str, ...], *, penalty: float = 100.0) -> Regressor:
    """Fit the ridge regression.

    means : float (n, d), one row a song. targets : float (n, 2), arousal and valence in -1..1.
    penalty : of the squared weights.
    """
    scale = np.abs(means).mean(axis=0) + 1e-12
    level = signed_log(means, scale)
    mean, deviation = level.mean(axis=0), level.std(axis=0) + 1e-12
    x = terms(means, scale, mean, deviation)
    centre, target = x.mean(axis=0), targets.mean(axis=0)
    x = x - centre
    weights = np.linalg.solve(x.T @ x + penalty * np.eye(x.shape[1]), x.T @ (targets - target))
    return Regressor(columns, scale, mean, deviation, weights, target - centre @ weights)


@functools.cache
def load(name: str) -> Regressor:
    """The committed regressor "opensmile" (65 descriptors) or "built-in" (those of `descriptors.COLUMNS`)."""
    return Regressor.from_json(json.loads((WEIGHTS / f"{name}.json").read_text("utf-8")))
