"""Brian2, C++ standalone: the membrane potential of a cable plays the part of calcium.

A cable of capacitance C_m and axial resistance R_i obeys the equation of diffusion with
D = d / (4 R_i C_m). One volt stands for one µM. A model that needs the voltage too has no room.
"""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import brian2 as b
import numpy as np
import problems as p
from brian2 import farad, meter, ms, second, um, volt
from brian2.devices import get_device

LADDER = [{"step_ms": h} for h in (0.02, 0.01, 0.005, 0.0025)]
KIND = "cable implicit, spines exponential Euler; fixed step (ms)"
SAMPLE_MS = 0.1  # peaks are read off a trace

EQUATIONS = """
Im = -capacity * v / tau : amp/meter**2
I_neck = capacity * area * (k_out * cs - k_in * v) : amp (point current)
dcs/dt = J - k_leave * cs + k_enter * v : volt
dJ/dt = -J / tau_j : volt/second
dw/dt = p - (p + d + tiny) * w : 1
p = eta_p * int(cs >= theta_p) : Hz
d = eta_d * int(cs >= theta_d) : Hz
k_in : Hz (constant)
k_out : Hz (constant)
k_enter : Hz (constant)
k_leave : Hz (constant)
"""


class Peer:
    def __init__(self, scratch: Path) -> None:
        self.scratch = scratch.resolve()
        self.built: dict[tuple[str, float], tuple[Path, str, str]] = {}
        b.prefs.devices.cpp_standalone.extra_make_args_unix = ["-j1"]
        b.prefs.logging.console_log_level = "ERROR"

    def versions(self) -> dict[str, str]:
        return {"brian2": b.__version__, "numpy (brian2)": np.__version__}

    def prepare(self, name: str, rung: dict[str, float]) -> None:
        problem = self.problem = p.named(name)
        self.site = problem.site
        key = name, rung["step_ms"]
        if key not in self.built:
            self.built[key] = self.build(problem, rung)
        self.program = self.built[key]

    def build(self, problem: p.Problem, rung: dict[str, float]) -> tuple[Path, str, str]:
        """Write and compile the program; where it is, and what its files of results are called."""
        where = self.scratch / f"{problem.name}-{rung['step_ms']}".replace(" ", "_").replace(
            "=", ""
        )
        shutil.rmtree(where, ignore_errors=True)
        b.set_device("cpp_standalone", build_on_run=False, directory=str(where))
        get_device().reinit()
        get_device().activate(build_on_run=False, directory=str(where))
        b.start_scope()
        b.defaultclock.dt = rung["step_ms"] * ms
        diffusion = problem.diffusion * um**2 / ms
        capacity = 0.01 * farad / meter**2
        names = {
            "capacity": capacity,
            "tau": p.TAU * ms,
            "tau_j": p.TAU_J * ms,
            "eta_p": p.ETA_P / ms,
            "eta_d": p.ETA_D / ms,
            "theta_p": p.THETA_P * volt,
            "theta_d": p.THETA_D * volt,
            "tiny": 1e-9 / second,  # keeps the closed form of the weight from 0 / 0
            "jump": 1.0 / p.TAU_J * volt / ms,
        }
        tube = b.Cylinder(length=problem.length * um, diameter=2.0 * p.RADIUS * um, n=problem.n)
        branch = b.SpatialNeuron(
            tube,
            model=EQUATIONS,
            Cm=capacity,
            Ri=2.0 * p.RADIUS * um / (4.0 * diffusion * capacity),
            method="exponential_euler",
            namespace=names,
        )
        branch.v = 0 * volt
        for rate, value in {
            "k_in": problem.k_d,
            "k_out": problem.into_shaft,
            "k_enter": problem.into_spine,
            "k_leave": problem.k_s + 1.0 / p.TAU,
        }.items():
            # a rate of 0 would be 0 / 0 in the closed form of the spine
            rates = np.full(problem.n, 1.0 / p.TAU if rate == "k_leave" else 0.0)
            rates[problem.site] = value
            setattr(branch, rate, rates / ms)
        branch.w = p.W0
        events = problem.events()
        source = b.SpikeGeneratorGroup(
            len(problem.spines),
            [i for _, i in events],
            [t for t, _ in events] * ms,
        )
        wires = b.Synapses(source, branch, on_pre="J_post += jump", namespace=names)
        wires.connect(i=np.arange(len(problem.spines)), j=problem.site)
        monitor = b.StateMonitor(branch, "cs", record=problem.site, dt=SAMPLE_MS * ms)
        network = b.Network(branch, source, wires, monitor)
        network.run(problem.duration * ms)
        get_device().build(directory=str(where), run=False, compile=True, with_output=False)
        files = [
            get_device().get_array_filename(variable)
            for variable in (branch.variables["w"], monitor.variables["cs"])
        ]
        return where, files[0], files[1]

    def run(self) -> tuple[np.ndarray, np.ndarray]:
        where, weights, traces = self.program
        results = where / "results"
        results.mkdir(exist_ok=True)
        command = [where / "main", "--results_dir", f"{results}/"]
        subprocess.run(command, cwd=where, check=True, stdout=2)
        w = np.fromfile(results / weights)
        cs = np.fromfile(results / traces).reshape(-1, self.site.size)
        return cs.max(axis=0), w[self.site]
