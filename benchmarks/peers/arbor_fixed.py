"""Arbor: calcium as a concentration that diffuses, a spine as a point process that exchanges."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import arbor as a
import numpy as np
import problems as p
from arbor import units as u

LADDER = [{"step_ms": h} for h in (0.02, 0.01, 0.005, 0.0025)]
KIND = "implicit, exchange split from diffusion; fixed step (ms)"
MECHANISMS = Path(__file__).parents[1] / "mechanisms"


def catalogue(name: str, sources: Path, where: Path) -> a.catalogue:
    """Mechanisms compiled and loaded."""
    tool = Path(a.__file__).parent / "bin" / "arbor-build-catalogue"
    build = [sys.executable, str(tool), name, str(sources)]
    env = {**os.environ, "PYTHONPATH": str(Path(a.__file__).parents[1])}
    subprocess.run(build, cwd=where, env=env, check=True, stdout=2)
    return a.load_catalogue(str(where.resolve() / f"{name}-catalogue.so"))


class Recipe(a.recipe):
    """One branch."""

    def __init__(self, problem: p.Problem, mechanisms: a.catalogue) -> None:
        super().__init__()
        self.problem = problem
        self.properties = a.neuron_cable_properties()
        self.properties.catalogue = mechanisms
        nothing = {"int_con": 0 * u.mM, "ext_con": 0 * u.mM, "rev_pot": 0 * u.mV}
        # µm²/ms are 1e-9 m²/s
        d = problem.diffusion * 1e-9 * u.m2 / u.s
        self.properties.set_ion("x", valence=1, diff=d, **nothing)
        tree = a.segment_tree()
        end = a.mpoint(problem.length, 0, 0, p.RADIUS)
        tree.append(a.mnpos, a.mpoint(0, 0, 0, p.RADIUS), end, tag=1)
        decor = a.decor().paint("(all)", a.density("removal", {"tau": p.TAU}))
        values = {
            "kd": problem.k_d,
            "ks": problem.k_s,
            "intospine": problem.into_spine,
            "intoshaft": problem.into_shaft,
            "tau": p.TAU,
            "tauj": p.TAU_J,
            "thetap": p.THETA_P,
            "thetad": p.THETA_D,
            "etap": p.ETA_P,
            "etad": p.ETA_D,
            "w0": p.W0,
        }
        for i, x in enumerate(problem.spines):
            where = f"(location 0 {x / problem.length})"
            decor.place(where, a.synapse("spine", values), f"spine {i}")
        policy = a.cv_policy_fixed_per_branch(problem.n)
        self.cell = a.cable_cell(tree, decor, a.label_dict(), policy)

    def num_cells(self) -> int:
        return 1

    def cell_kind(self, gid: int) -> a.cell_kind:
        return a.cell_kind.cable

    def cell_description(self, gid: int) -> a.cable_cell:
        return self.cell

    def global_properties(self, kind: a.cell_kind) -> a.neuron_cable_properties:
        return self.properties

    def event_generators(self, gid: int) -> list:
        return [
            a.event_generator(
                f"spine {i}", 1.0 / p.TAU_J, a.explicit_schedule([t * u.ms for t in train])
            )
            for i, train in enumerate(self.problem.spikes)
            if train
        ]

    def probes(self, gid: int) -> list:
        return [
            a.cable_probe_point_state(f"spine {i}", "spine", name, f"{name} {i}")
            for i in range(len(self.problem.spines))
            for name in ("peak", "w")
        ]


class Peer:
    def __init__(self, scratch: Path) -> None:
        self.mechanisms = catalogue("bench", MECHANISMS / "arbor", scratch)

    def versions(self) -> dict[str, str]:
        return {"arbor": a.__version__}

    def prepare(self, name: str, rung: dict[str, float]) -> None:
        self.problem, self.rung = p.named(name), rung
        context = a.context(threads=1)
        self.simulation = a.simulation(Recipe(self.problem, self.mechanisms), context)
        last = a.explicit_schedule([(self.problem.duration - rung["step_ms"]) * u.ms])
        self.handles = [
            [self.simulation.sample((0, f"{name} {i}"), last) for name in ("peak", "w")]
            for i in range(len(self.problem.spines))
        ]

    def run(self) -> tuple[np.ndarray, np.ndarray]:
        self.simulation.reset()
        self.simulation.run(self.problem.duration * u.ms, self.rung["step_ms"] * u.ms)
        both = [
            [self.simulation.samples(handle)[0][0][-1, 1] for handle in pair]
            for pair in self.handles
        ]
        return np.array(both).T[0], np.array(both).T[1]
