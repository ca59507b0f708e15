"""NEURON: a cell with neocortical synapses, by CVODE or at a fixed step."""

from __future__ import annotations

import math
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import neuron
import numpy as np

MECHANISMS = Path(__file__).parents[1] / "mechanisms" / "neocortex"
# CVODE keeps the error of a state below atol times its scale
SCALES = {"SpinySynapse.ca": 1e-3, "SpinySynapse.cstar": 1.0, "v": 1.0}


class Peer:
    def __init__(self, scratch: Path) -> None:
        build = scratch.resolve()
        tool = Path(sys.executable).with_name("nrnivmodl")
        subprocess.run([tool, str(MECHANISMS)], cwd=build, check=True, stdout=2)
        neuron.load_mechanisms(str(build))
        from neuron import h

        h.load_file("stdrun.hoc")
        self.h, self.solver = h, h.CVode()

    def versions(self) -> dict[str, str]:
        return {"neuron": neuron.__version__}

    def build(self, d: dict[str, Any]) -> None:
        """Make the cell that `neocortex.describe` describes."""
        h = self.h
        self.duration, self.every = d["duration_ms"], d["every_ms"]
        self.sections, self.synapses, self.wires, self.clamps = {}, [], [], []
        for s in d["sections"]:
            sec = self.sections[s["name"]] = h.Section(name=s["name"])
            sec.L, sec.diam, sec.nseg = s["length_um"], s["diameter_um"], s["compartments"]
            sec.Ra, sec.cm = 100.0 * d["axial_MOhm_um"], 100.0 * s["capacitance_pF_per_um2"]
            sec.insert("pas")
            sec.g_pas, sec.e_pas = 0.1 * s["leak_nS_per_um2"], s["leak_mV"]
            if s["sodium_nS_per_um2"] or s["potassium_nS_per_um2"]:
                sec.insert("traub")
                sec.gna_traub = 0.1 * s["sodium_nS_per_um2"]
                sec.gk_traub = 0.1 * s["potassium_nS_per_um2"]
                sec.ena, sec.ek = d["sodium_reversal_mV"], d["potassium_reversal_mV"]
            if s["parent"] is not None:
                sec.connect(self.sections[s["parent"]](1.0), 0.0)
        for y in d["synapses"]:
            segment = self.sections[y["section"]]((y["place"] + 0.5) / y["of"])
            one = h.SpinySynapse(segment)
            for key, value in y["values"].items():
                setattr(one, key, value)
            wire = h.NetCon(None, one)
            wire.delay, wire.weight[0] = 0.0, 1.0
            self.wires.append((wire, y["spikes_ms"]))
            self.synapses.append(one)
        for key, value in d["globals"].items():
            setattr(h, f"{key}_SpinySynapse", value)
        for start, width, pA in d["pulses"]:
            clamp = h.IClamp(self.sections["soma"](0.5))
            clamp.delay, clamp.dur, clamp.amp = start, width, 1e-3 * pA
            self.clamps.append(clamp)
        self.rest = d["rest_mV"]
        self.handlers = [h.FInitializeHandler(0, self.start), h.FInitializeHandler(2, self.send)]

    def start(self) -> None:
        for name, values in self.rest.items():
            for segment, v in zip(self.sections[name], values, strict=True):
                segment.v = v

    def send(self) -> None:
        for wire, times in self.wires:
            for t in times:
                wire.event(t)

    def setting(self, rung: dict[str, float]) -> None:
        h = self.h
        self.fixed = "step_ms" in rung
        self.solver.active(not self.fixed)
        if self.fixed:
            h.dt = rung["step_ms"]
            h.steps_per_ms = 1.0 / h.dt
        else:
            self.solver.rtol(0.0)
            self.solver.atol(rung["atol"])
            for state, scale in SCALES.items():
                self.solver.atolscale(state, scale)

    def go(self) -> None:
        self.h.finitialize()
        if self.fixed:
            self.h.continuerun(self.duration)
        else:
            self.solver.solve(self.duration)

    def traces(self, rung: dict[str, float]) -> dict[str, Any]:
        """Calcium and c* of every synapse and the voltage of the soma, every so often."""
        self.setting(rung)
        place = self.sections["soma"](0.5)
        read = {
            "calcium": [s._ref_ca for s in self.synapses],
            "c_star": [s._ref_cstar for s in self.synapses],
            "rho": [s._ref_rho for s in self.synapses],
            "soma": [place._ref_v],
        }
        kept = {
            k: [self.h.Vector().record(r, self.every) for r in refs] for k, refs in read.items()
        }
        self.go()
        found = {k: [np.asarray(v).tolist() for v in vectors] for k, vectors in kept.items()}
        for vectors in kept.values():
            for v in vectors:
                v.play_remove()
        return {"first_ms": 0.0, **found}

    def seconds(self, rung: dict[str, float], least_s: float) -> float:
        """Processor time of one run, nothing recorded."""
        self.setting(rung)
        self.go()
        before, n = time.process_time(), 0
        while n == 0 or time.process_time() - before < least_s:
            self.go()
            n += 1
        assert all(math.isfinite(s.cstar) for s in self.synapses)
        return (time.process_time() - before) / n
