"""NEURON: calcium and its diffusion in one KINETIC block, solved by CVODE."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import neuron
import numpy as np
import problems as p

LADDER = [{"atol": a} for a in (1e-5, 3e-6, 1e-6, 3e-7, 1e-7, 3e-8)]
KIND = "CVODE, variable order and step; absolute tolerance (µM)"
MECHANISMS = Path(__file__).parents[1] / "mechanisms" / "neuron"


class Peer:
    synapse = "Synapse"
    fixed = False

    def __init__(self, scratch: Path) -> None:
        build = scratch.resolve()
        tool = Path(sys.executable).with_name("nrnivmodl")
        subprocess.run([tool, str(MECHANISMS)], cwd=build, check=True, stdout=2)
        neuron.load_mechanisms(str(build))
        from neuron import h

        h.load_file("stdrun.hoc")
        self.h = h

    def versions(self) -> dict[str, str]:
        return {"neuron": neuron.__version__}

    def prepare(self, name: str, rung: dict[str, float]) -> None:
        h = self.h
        self.problem = problem = p.named(name)
        # the model before this one must be gone, or it would be solved along
        self.synapses, self.records, self.wires, self.keep = [], [], [], []
        branch = h.Section(name="branch")
        branch.L, branch.diam, branch.nseg = problem.length, 2.0 * p.RADIUS, problem.n
        branch.insert("shaft")
        per_length = problem.volume / p.DX
        for seg in branch:
            seg.shaft.vshaft, seg.shaft.vhead = per_length, p.HEAD_VOLUME / p.DX
        h.D_shaft, h.tau_shaft = problem.diffusion, p.TAU
        new = getattr(h, self.synapse)
        idle = new(branch(0.5))
        h.setpointer(branch(0.5)._ref_v, "calcium", idle)
        for seg in branch:
            h.setpointer(idle._ref_J, "influx", seg.shaft)
        synapses = []
        for x, train in zip(problem.spines, problem.spikes, strict=True):
            seg = branch(x / problem.length)
            seg.shaft.out = problem.k_s * p.HEAD_VOLUME / p.DX
            seg.shaft.into = problem.k_d * per_length
            synapse = new(seg)
            h.setpointer(seg.shaft._ref_cs, "calcium", synapse)
            h.setpointer(synapse._ref_J, "influx", seg.shaft)
            synapses.append(synapse)
            self.records.append(h.Vector().record(seg.shaft._ref_cs))
            wire = h.NetCon(None, synapse)
            wire.delay, wire.weight[0] = 0.0, 1.0 / p.TAU_J
            self.wires.append((wire, train))
        values = {"tauj": p.TAU_J, "thetap": p.THETA_P, "thetad": p.THETA_D, "w0": p.W0}
        for key, value in {**values, "etap": p.ETA_P, "etad": p.ETA_D}.items():
            setattr(h, f"{key}_{self.synapse}", value)
        self.keep = [branch, idle, h.FInitializeHandler(self.spikes)]
        self.synapses = synapses
        self.solver = h.CVode()
        if self.fixed:
            self.solver.active(False)
            h.dt = rung["step_ms"]
            h.steps_per_ms = 1.0 / h.dt
        else:
            self.solver.active(True)
            self.solver.atol(rung["atol"])
            self.solver.rtol(rung.get("rtol", 0.0))
            self.solver.condition_order(2)  # finds crossings within a step

    def spikes(self) -> None:
        for wire, train in self.wires:
            for t in train:
                wire.event(t)

    def run(self) -> tuple[list[float], list[float]]:
        h = self.h
        h.finitialize(-65.0)
        if self.fixed:
            h.continuerun(self.problem.duration)
        else:
            self.solver.solve(self.problem.duration)
        peaks = [float(np.max(np.asarray(r))) for r in self.records]
        if self.synapse == "Watching":
            for synapse in self.synapses:
                synapse.settle()
        return peaks, [float(s.w) for s in self.synapses]
