"""SciPy: LSODA with a banded Jacobian, spines in the rows next to their compartments."""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
import problems as p
import scipy
from scipy.integrate import odeint
from scipy.linalg.blas import dgbmv

LADDER = [
    {"rtol": 1e-2, "sample_ms": 0.5},
    {"rtol": 1e-3, "sample_ms": 0.5},
    {"rtol": 3e-4, "sample_ms": 0.25},
    {"rtol": 1e-4, "sample_ms": 0.25},
    {"rtol": 1e-5, "sample_ms": 0.1},
    {"rtol": 1e-6, "sample_ms": 0.1},
]
KIND = "implicit, variable order and step; relative tolerance"


class Peer:
    def __init__(self, scratch: object) -> None:
        pass

    def versions(self) -> dict[str, str]:
        return {"scipy": scipy.__version__, "numpy": np.__version__}

    def prepare(self, name: str, rung: dict[str, float]) -> None:
        self.problem, self.rung = problem, _ = p.named(name), rung
        n, m = problem.n, len(problem.spines)
        # order: a spine stands right after its compartment
        extra = np.zeros(n, dtype=int)
        extra[problem.site] = 1
        at = np.arange(n) + np.concatenate(([0], np.cumsum(extra)[:-1]))
        self.spine = at[problem.site] + 1
        a = np.zeros((n + m, n + m))
        a[at, at] = -2.0 * problem.hop - 1.0 / p.TAU
        a[at[0], at[0]] = a[at[-1], at[-1]] = -problem.hop - 1.0 / p.TAU
        a[at[:-1], at[1:]] = a[at[1:], at[:-1]] = problem.hop
        s, d = self.spine, at[problem.site]
        a[s, s] = -problem.k_s - 1.0 / p.TAU
        a[d, d] -= problem.k_d
        a[s, d], a[d, s] = problem.into_spine, problem.into_shaft
        self.width = w = 2
        size = n + m
        band = np.zeros((2 * w + 1, size), order="F")
        for k in range(-w, w + 1):
            line = np.diagonal(a, k)
            band[w - k, max(k, 0) : size + min(k, 0)] = line
        self.band, self.size = band, size
        # odeint wants the Jacobian's rows in the band's own storage
        self.jacobian = np.ascontiguousarray(band)
        self.marks = sorted({0.0, problem.duration, *(t for t, _ in problem.events())})

    def run(self) -> tuple[np.ndarray, list[float]]:
        problem, h, w = self.problem, self.rung["sample_ms"], self.width
        y, current = np.zeros(self.size), np.zeros(len(problem.spines))
        spikes: dict[float, list[int]] = {}
        for t, i in problem.events():
            spikes.setdefault(t, []).append(i)
        band, size, spine, jacobian = self.band, self.size, self.spine, self.jacobian
        parts = []

        def rate(y: np.ndarray, t: float) -> np.ndarray:
            out = dgbmv(size, size, w, w, 1.0, band, y)
            out[spine] += current * math.exp((start - t) / p.TAU_J)
            return out

        for start, stop in pairwise(self.marks):
            for i in spikes.get(start, []):
                current[i] += 1.0 / p.TAU_J
            t = np.linspace(start, stop, max(round((stop - start) / h), 1) + 1)
            y = odeint(
                rate,
                y,
                t,
                Dfun=lambda y, t: jacobian,
                ml=w,
                mu=w,
                rtol=self.rung["rtol"],
                atol=1e-3 * self.rung["rtol"],
                mxstep=100_000,
            )
            parts.append((t[1] - t[0], y[:, spine]))
            y = y[-1]
            current *= math.exp((start - stop) / p.TAU_J)
        peak, weights = np.zeros(len(spine)), []
        for _, c in parts:
            np.maximum(peak, c.max(axis=0), out=peak)
        for i in range(len(spine)):
            weight = p.W0
            for step, c in parts:
                weight = p.weight_along(c[:, i], step, weight)
            weights.append(weight)
        return peak, weights
