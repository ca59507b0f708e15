"""Heterolib's Crank-Nicolson on every compartment: what remains when rates are not constant."""

from __future__ import annotations

import numpy as np
import problems as p

import heterolib
from heterolib import simulate
from peers.heterolib_auto import RULE, branch

LADDER = [{"step_ms": h} for h in (1.0, 0.5, 0.25, 0.2, 0.1, 0.05)]
KIND = "Crank-Nicolson, spines eliminated; step (ms)"


class Peer:
    def __init__(self, scratch: object) -> None:
        self.prepare("P3", {"step_ms": 0.5})
        self.run()

    def versions(self) -> dict[str, str]:
        return {"heterolib": heterolib.__version__}

    def prepare(self, name: str, rung: dict[str, float]) -> None:
        self.problem, self.rung = p.named(name), rung
        self.branch = branch(self.problem)

    def run(self) -> tuple[np.ndarray, list[float]]:
        # The weight does not act back: calcium first, then the rule along its trace.
        runs = simulate(
            self.branch,
            self.problem.spikes,
            None,
            self.problem.duration,
            weights=1.0,
            step_ms=self.rung["step_ms"],
            engine="grid",
        )
        weights = [RULE.evolve(runs.t_ms, c, p.W0)[-1] for c in runs.calcium_uM]
        return runs.peak_uM, weights
