"""Settings of an explorer to try: corners first, then random ones on the sliders' grids."""

from __future__ import annotations

import itertools

import numpy as np

from heterolib.explore import Explorer
from heterolib.explore.model import Control

# The explorer of each chapter; one that is shown twice is at home in the first of the two.
CHAPTERS = {
    "01-calcium-decides": "calcium-decides",
    "02-spikes-to-calcium": "spikes-to-calcium",
    "03-how-the-weight-moves": "how-the-weight-moves",
    "04-calcium-travels": "calcium-travels",
    "05-two-spines": "two-spines",
    "06-timing-windows": "timing-window",
    "07-three-experiments": "three-experiments",
    "08-how-sturdy": "two-spines",
    "09-voltage-cable-soma": "voltage-cable-soma",
    "10-learning-the-order": "order-learning",
    "11-neocortical-synapse": "neocortical-synapse",
    "12-one-parameter-set": "frequency-curve",
    "13-from-slice-to-brain": "slice-to-brain",
    "14-place-and-circuit": "place-on-the-tree",
    "15-neighbourhood-learning": "neighbourhood-learner",
    "mystery-synapse": "mystery-synapse",
    "add-a-rule": "two-rules",
}


def on_grid(control: Control, share: float) -> float:
    """The slider's position nearest to a share (0 to 1) of its way."""
    steps = round(share * (control.high - control.low) / control.step)
    return min(control.high, round(control.low + steps * control.step, 9))


def corners(explorer: Explorer) -> list[dict[str, float]]:
    """All at the low end, all at the high end, and each control alone at either end."""
    found = [
        {c.name: c.low for c in explorer.controls},
        {c.name: c.high for c in explorer.controls},
    ]
    for c in explorer.controls:
        found += [{c.name: c.low}, {c.name: c.high}]
    return found


def settings(explorer: Explorer, count: int, seed: int) -> list[dict[str, float]]:
    """`count` settings: the corners, random corners, then random positions of every slider."""
    rng = np.random.default_rng(seed)
    ends = [[c.low, c.high] for c in explorer.controls]
    names = [c.name for c in explorer.controls]
    found = corners(explorer)
    every = list(itertools.product(*ends)) if len(ends) <= 10 else []
    for i in rng.permutation(len(every))[: count // 5]:
        found.append(dict(zip(names, every[i], strict=True)))
    while len(found) < count:
        found.append({c.name: on_grid(c, rng.random()) for c in explorer.controls})
    return found[:count]
