"""Records of a synthetic person in an identity store."""

from __future__ import annotations

import numpy as np

from songreel.nodes.person.charcha import consent

SCORES = {"actions": ["smile"], "retries": 0, "depth": 1.1, "same_person_largest_distance": 0.3, "light": None}


def pictures():
    random = np.random.default_rng(0)
    return [random.integers(0, 255, (48, 48, 3), dtype=np.uint8) for _ in range(7)]


def add(store, assurance="full", shown=None):
    return store.add(
        token="vuzokiju",
        class_word="person",
        consent=consent.VERSION,
        assurance=assurance,
        scores=SCORES,
        pictures=pictures() if shown is None else shown,
        labels=[f"p{i}" for i in range(7)],
    )
