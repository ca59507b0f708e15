"""Heterolib: a cell with neocortical synapses, staggered Crank-Nicolson on the tree."""

from __future__ import annotations

import importlib.metadata
import math
import time
from pathlib import Path
from typing import Any

import neocortex


class Peer:
    def __init__(self, scratch: Path) -> None:
        pass

    def versions(self) -> dict[str, str]:
        return {k: importlib.metadata.version(k) for k in ("heterolib", "numba", "numpy")}

    def build(self, d: dict[str, Any]) -> None:
        """Make the problem of this name again; nothing is read from the description but that."""
        self.problem = neocortex.problem(d["name"])

    def go(self, step_ms: float) -> Any:
        run = self.problem.start()
        run.advance(self.problem.duration_ms, step_ms, longest_ms=neocortex.LONGEST_MS)
        return run

    def traces(self, rung: dict[str, float]) -> dict[str, Any]:
        """Calcium and c* of every synapse and the voltage of the soma, every so often."""
        p, h, longest = self.problem, rung["step_ms"], neocortex.LONGEST_MS
        every = round(neocortex.EVERY_MS / longest)
        out = p.start().advance(p.duration_ms, h, longest_ms=longest, watch=[0], every=every)
        return {
            "first_ms": float(out.t_ms[0]),
            "calcium": out.calcium_uM.tolist(),
            "c_star": out.c_star_uM_ms.tolist(),
            "rho": out.rho.tolist(),
            "soma": out.v_mV.tolist(),
        }

    def seconds(self, rung: dict[str, float], least_s: float) -> float:
        """Processor time of one run, nothing recorded; starting from rest is included."""
        self.go(rung["step_ms"])
        before, n = time.process_time(), 0
        while n == 0 or time.process_time() - before < least_s:
            run = self.go(rung["step_ms"])
            n += 1
        assert all(math.isfinite(x) for x in run.c_star_peak_uM_ms)
        return (time.process_time() - before) / n
