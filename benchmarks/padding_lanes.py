"""Arbor: a point process that writes a diffusing concentration also acts where it has no instance.

    python padding_lanes.py SCRATCH        (in Arbor's environment; prints JSON)

A branch holds 1 mM of a substance that does not diffuse. Some sinks are placed on it, and every
one of them has its rate k set to 0: nothing may change. Arbor runs the instances of a mechanism in
groups as wide as the processor's vector registers. The lanes of the last group that have no
instance hold the defaults of the mechanism and point at the place of the last instance; what they
compute is added there. With a default of k = 0 they do nothing.
"""

from __future__ import annotations

import json
import math
import sys
from pathlib import Path

import arbor as a
from arbor import units as u
from peers.arbor_fixed import MECHANISMS, catalogue

MOST, AFTER_MS, STEP_MS, DEFAULT_K = 8, 9.0, 0.01, 0.5


class Recipe(a.recipe):
    def __init__(self, mechanisms: a.catalogue, which: str, count: int) -> None:
        super().__init__()
        self.count = count
        self.properties = a.neuron_cable_properties()
        self.properties.catalogue = mechanisms
        one = {"int_con": 1 * u.mM, "ext_con": 1 * u.mM, "rev_pot": 0 * u.mV}
        # a mechanism may write a concentration only if it diffuses, if ever so slowly
        self.properties.set_ion("x", valence=1, diff=1e-30 * u.m2 / u.s, **one)
        tree = a.segment_tree()
        tree.append(a.mnpos, a.mpoint(0, 0, 0, 1), a.mpoint(MOST, 0, 0, 1), tag=1)
        decor = a.decor()
        for i in range(count):
            decor.place(self.at(i), a.synapse(which, {"k": 0.0}), f"sink {i}")
        policy = a.cv_policy_fixed_per_branch(MOST)
        self.cell = a.cable_cell(tree, decor, a.label_dict(), policy)

    def at(self, i: int) -> str:
        return f"(location 0 {(i + 0.5) / MOST})"

    def num_cells(self) -> int:
        return 1

    def cell_kind(self, gid: int) -> a.cell_kind:
        return a.cell_kind.cable

    def cell_description(self, gid: int) -> a.cable_cell:
        return self.cell

    def global_properties(self, kind: a.cell_kind) -> a.neuron_cable_properties:
        return self.properties

    def probes(self, gid: int) -> list:
        return [
            a.cable_probe_ion_diff_concentration(self.at(i), "x", f"x {i}")
            for i in range(self.count)
        ]


def left(mechanisms: a.catalogue, which: str, count: int) -> list[float]:
    """What is left at each instance."""
    simulation = a.simulation(Recipe(mechanisms, which, count), a.context(threads=1))
    at = a.explicit_schedule([AFTER_MS * u.ms])
    handles = [simulation.sample((0, f"x {i}"), at) for i in range(count)]
    simulation.run((AFTER_MS + 1.0) * u.ms, STEP_MS * u.ms)
    return [float(simulation.samples(handle)[0][0][0, 1]) for handle in handles]


def main(scratch: Path) -> None:
    scratch.mkdir(parents=True, exist_ok=True)
    mechanisms = catalogue("padding", MECHANISMS / "padding", scratch)
    cases = []
    for which, default in (("sink", DEFAULT_K), ("idle", 0.0)):
        for count in range(1, MOST + 1):
            values = left(mechanisms, which, count)
            cases.append(
                {
                    "default_k_per_ms": default,
                    "instances": count,
                    "others_mM": min(values[:-1], default=1.0),
                    "last_mM": values[-1],
                }
            )
    # one lane takes away exp(-k t); the logarithm of what is left counts the lanes
    lanes = [-math.log(max(c["last_mM"], 1e-300)) / (DEFAULT_K * AFTER_MS) for c in cases[:MOST]]
    answer = {
        "arbor": a.__version__,
        "after_ms": AFTER_MS,
        "expected_mM": 1.0,
        "cases": cases,
        "lanes_at_work": [round(x, 3) for x in lanes],
    }
    print(json.dumps(answer))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
