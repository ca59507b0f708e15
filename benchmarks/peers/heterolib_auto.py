"""Heterolib's own choice for constant rates: the reduced engine.

Also the two published studies with a speed of their own to keep, and the ceilings of the machine.
"""

from __future__ import annotations

import math
import time

import ceilings
import numba
import numpy as np
import problems as p

import heterolib
from heterolib import Branch, Spine, ThresholdRule, reduced, simulate_many, studies, sweep

LADDER = [{"step_ms": h} for h in (4.0, 2.0, 1.5, 1.0, 0.5, 0.25)]
KIND = "modes of the branch, exact in time; step after a spike (ms)"

RULE = ThresholdRule(
    theta_p_uM=p.THETA_P,
    theta_d_uM=p.THETA_D,
    gamma_p_per_s=1000.0 * p.ETA_P,
    gamma_d_per_s=1000.0 * p.ETA_D,
)


def spine() -> Spine:
    """The problem's head and neck; one spike brings 1 µM at weight 1."""
    shape = {
        "head_radius_um": (3.0 * p.HEAD_VOLUME / (4.0 * math.pi)) ** (1.0 / 3.0),
        "neck_radius_um": p.NECK_RADIUS,
        "neck_length_um": p.NECK_LENGTH,
        "decay_ms": p.TAU,
        "current_decay_ms": p.TAU_J,
    }
    per_pA_ms = Spine(**shape).gain_uM_per_pA_ms
    return Spine(**shape, current_pA=1.0 / (per_pA_ms * p.TAU_J))


def branch(problem: p.Problem) -> Branch:
    """The problem's branch.

    The published neck multiplies concentrations without the ratio of the volumes, which the
    problem has. Spines see the product of both ways alone, and that is the same.
    """
    return Branch(
        problem.spines,
        diffusion_um2_per_s=1000.0 * problem.diffusion,
        length_um=problem.length,
        radius_um=p.RADIUS,
        compartments=problem.n,
        decay_ms=p.TAU,
        spine=spine(),
    )


ARRANGEMENTS = 200
DIFFUSIONS = (0.5, 1.0, 10.0, 30.0, 65.0, 100.0, 140.0, 180.0, 220.0, 260.0, 500.0, 1000.0)


def figure_3(diffusion: float, seed: int) -> dict[str, float]:
    """One arrangement of figure 3 at one D, three rates: the share of signs it misses."""
    arrangement = studies.random_arrangement(np.random.default_rng(seed))
    study = studies.cluster_study([arrangement], [diffusion])
    return {"error": float(study.error()[0, 0])}


class Peer:
    def __init__(self, scratch: object) -> None:
        # compile, or load what was compiled: part of the start
        few = simulate_many(branch(p.p3()), [[[1.0], []]], [RULE], 10.0, peaks=True, feedback=False)
        assert few.steps > 0

    def versions(self) -> dict[str, str]:
        return {"heterolib": heterolib.__version__, "numba": numba.__version__}

    def prepare(self, name: str, rung: dict[str, float]) -> None:
        self.problem = p.named(name)
        reduced._reduce.cache_clear()
        reduced._tail.cache_clear()
        self.rung, self.branch = rung, branch(self.problem)
        self.trains = [list(train) for train in self.problem.spikes]
        reduced.reduce(self.branch)

    def run(self) -> tuple[np.ndarray, np.ndarray]:
        runs = simulate_many(
            self.branch,
            [self.trains],
            [RULE],
            self.problem.duration,
            weights=p.W0,
            step_ms=self.rung["step_ms"],
            peaks=True,
            feedback=False,
        )
        return runs.peak_uM[0, 0], runs.weights[0, 0]

    def count(self, what: str) -> dict[str, float]:
        """The work of one problem or study: steps, operations and bytes, counted by hand.

        A step of r modes, n spines and d driven spines: the influx into the modes takes 2 d r
        operations, the modes and their rates 6 r, and reading calcium and its slope 4 n r. It
        reads n r numbers twice and d r once. Crossings and exponentials are not counted, nor is
        the reduction to modes, whose time is given apart.
        """
        total = {"steps": 0, "flops": 0.0, "bytes": 0.0, "reduce_cpu_s": 0.0, "share_counted": 1.0}
        many, reduce = reduced.many, reduced._reduce

        def counted(branch: Branch, trains: list, *rest: object, **more: object) -> reduced.Runs:
            runs = many(branch, trains, *rest, **more)
            r = reduced.reduce(branch, str(rest[3])).rates_per_ms.size
            driven = sum(bool(len(x)) for one in trains for x in one) / len(trains)
            n = branch.n_spines
            total["steps"] += runs.steps
            total["flops"] += runs.steps * r * (6.0 + 2.0 * driven + 4.0 * n)
            total["bytes"] += runs.steps * r * 8.0 * (2.0 * n + driven)
            return runs

        def timed(*arguments: object) -> reduced.Modes:
            start = time.process_time()
            try:
                return reduce(*arguments)
            finally:
                total["reduce_cpu_s"] += time.process_time() - start

        reduced._reduce.cache_clear()
        reduced._tail.cache_clear()
        reduced.many, reduced._reduce = counted, timed
        try:
            if what == "run":
                self.run()
            elif what == "P3":
                timed.cache_clear = reduce.cache_clear  # type: ignore[attr-defined]
                self.sweep(self.rung)
            elif what == "figure 4A":
                self.sign_map()
            elif what == "figure 3":
                total["share_counted"] = 4 / ARRANGEMENTS
                for seed in range(4):
                    for d in DIFFUSIONS:
                        figure_3(d, seed)
            else:
                raise ValueError(what)
        finally:
            reduced.many, reduced._reduce = many, reduce
        return total

    def sign_map(self) -> int:
        """The whole of figure 4A: 400 cells, 27 delays, converged; how many sequences it has."""
        return len(set(studies.sign_map().labels().ravel()))

    def cluster_study(self) -> int:
        """Figure 3: 200 arrangements, three rates, twelve D, on two processes."""
        grid = {"diffusion": list(DIFFUSIONS), "seed": list(range(ARRANGEMENTS))}
        done = sweep.sweep(figure_3, grid, max_workers=2, progress=False)
        assert np.isfinite(done.table["error"]).all()
        return len(done.table)

    def ceilings(self) -> dict[str, float]:
        return ceilings.measure()

    def sweep(self, rung: dict[str, float]) -> dict[str, list]:
        """All of P3, geometries included; peaks and weights of twelve of its runs."""
        reduced._reduce.cache_clear()
        reduced._tail.cache_clear()
        train = p.P3_START + 20.0 * np.arange(10)
        trains = [[train, train + delay] for delay in p.DELAYS]
        kept = {}
        for i, distance in enumerate(p.DISTANCES):
            runs = simulate_many(
                branch(p.p3(0.0, float(distance))),
                trains,
                [RULE],
                1000.0,
                weights=p.W0,
                step_ms=rung["step_ms"],
                peaks=True,
                feedback=False,
            )
            for k, j in p.P3_CHECKED:
                if k == i:
                    kept[f"{k},{j}"] = [runs.peak_uM[0, j].tolist(), runs.weights[0, j].tolist()]
        return kept
