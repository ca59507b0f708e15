"""Run the neuron of figure 5 in NEURON and write its voltages to tests/data/neuron_cable.json.

    python benchmarks/neuron_cable.py

Needs the package `neuron` (a development dependency: pip install neuron) and numpy, not heterolib:
every number stands here once more, so that nothing is shared but the equations. One presentation
"inward" at weights 0.4 and 0.6; once on the branch alone, once with a soma that loads it.
"""

from __future__ import annotations

import datetime
import json
import math
import platform
from pathlib import Path

import neuron
import numpy as np
from neuron import h

OUT = Path(__file__).parents[1] / "tests" / "data" / "neuron_cable.json"
SEGMENTS, LENGTH_UM, RADIUS_UM = 320, 80.0, 1.0
SITES, SOMA_SITE = (160, 164), 138
WEIGHTS = (0.4, 0.6)
STARTS_MS = (21.75, 12.5)  # the distal spine first
PULSES, GAP_MS, PEAK_PA, DECAY_MS = 10, 0.25, 200.0, 1.0
STEP_MS, END_MS, EVERY_MS = 0.001, 60.0, 1.0


def leaf(parent, site: int, coupling_nS: float, leak_nS: float, capacitance_pF: float):
    """A point compartment joined to the middle of a segment through a conductance."""
    one = h.Section(name=f"leaf{site}")
    one.L = one.diam = 1.0
    one.nseg = 1
    area_um2 = math.pi
    one.cm = capacitance_pF / area_um2 * 100.0  # pF/um2 to uF/cm2
    one.insert("pas")
    one.g_pas = leak_nS / area_um2 * 0.1  # nS/um2 to S/cm2
    one.e_pas = 0.0
    # from its end to its middle: Ra (L / 2) / (pi d2 / 4) is the whole resistance
    one.Ra = 1e9 / coupling_nS * (math.pi / 4.0) / 0.5 * 1e-4
    one.connect(parent((site + 0.5) / SEGMENTS), 0.0)
    return one


def current(start_ms: float, weight: float) -> tuple[np.ndarray, np.ndarray]:
    """Times (ms) and current (nA), with two values where it jumps."""
    jumps = start_ms + GAP_MS * np.arange(PULSES)
    grid = np.arange(0.0, END_MS + 1.0, STEP_MS / 2.0)
    t = np.sort(
        np.concatenate((grid[np.abs(grid[:, None] - jumps).min(axis=1) > 1e-9], jumps, jumps))
    )
    again = np.concatenate(([False], t[1:] == t[:-1]))
    since = t[:, None] - jumps[None, :]
    on = (since > 0.0) | ((since == 0.0) & again[:, None])
    shape = np.where(on, np.exp(-np.clip(since, 0.0, None) / DECAY_MS), 0.0).sum(axis=1)
    return t, weight * PEAK_PA * 1e-3 * shape


def run(loaded: bool) -> dict[str, list[float]]:
    """Voltages above rest (mV) every EVERY_MS."""
    branch = h.Section(name="branch")
    branch.L, branch.diam, branch.nseg = LENGTH_UM, 2.0 * RADIUS_UM, SEGMENTS
    branch.Ra, branch.cm = 200.0, 1.0
    branch.insert("pas")
    branch.g_pas, branch.e_pas = 1e-3, 0.0
    compartment_pF = 2.0 * math.pi * RADIUS_UM * LENGTH_UM / SEGMENTS * 0.01
    heads = [leaf(branch, site, 2.5, 10.0, 10.0 * compartment_pF) for site in SITES]
    read = {"spine1": heads[0](0.5), "spine2": heads[1](0.5)}
    read["branch"] = branch((SOMA_SITE + 0.5) / SEGMENTS)
    if loaded:
        soma_pF = 4.0 * math.pi * 10.0**2 * 0.01
        soma = leaf(branch, SOMA_SITE, 20.0 * soma_pF / 80.0, soma_pF / 80.0, soma_pF)
        read["soma"] = soma(0.5)
    kept = []
    for head, start, weight in zip(heads, STARTS_MS, WEIGHTS, strict=True):
        clamp = h.IClamp(head(0.5))
        clamp.delay, clamp.dur = 0.0, 1e9
        t, i = (h.Vector(a) for a in current(start, weight))
        i.play(clamp._ref_amp, t, True)
        kept.append((clamp, t, i))
    traces = {name: h.Vector().record(place._ref_v) for name, place in read.items()}
    h.secondorder = 2
    h.dt = STEP_MS
    h.steps_per_ms = 1.0 / STEP_MS
    h.finitialize(0.0)
    h.continuerun(END_MS)
    every = round(EVERY_MS / STEP_MS)
    return {
        name: [round(x, 7) for x in np.array(v)[::every].tolist()] for name, v in traces.items()
    }


def main() -> None:
    """Run both and write the file."""
    h.load_file("stdrun.hoc")
    out = {
        "made_by": "benchmarks/neuron_cable.py",
        "date": datetime.date.today().isoformat(),
        "neuron": neuron.__version__,
        "python": platform.python_version(),
        "step_ms": STEP_MS,
        "method": "Crank-Nicolson (secondorder = 2)",
        "weights": WEIGHTS,
        "starts_ms": STARTS_MS,
        "every_ms": EVERY_MS,
        "branch_alone_mV": run(False),
        "loaded_by_soma_mV": run(True),
    }
    OUT.write_text(json.dumps(out, indent=1) + "\n", encoding="utf-8")
    for name in ("branch_alone_mV", "loaded_by_soma_mV"):
        print(name, {k: max(v) for k, v in out[name].items()})


if __name__ == "__main__":
    main()
