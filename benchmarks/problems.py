"""The three problems that every program is given, and their exact solution.

A straight branch carries spines. Calcium C_d diffuses along it, enters and leaves the heads C_s
at the published rates of the neck, here between volumes, so that calcium is conserved:

    C_d' = D d²C_d/dx² - C_d / tau + sum over spines (k_s V_s C_s / V_d - k_d C_d)
    C_s' = J(t) - k_s C_s - C_s / tau + k_d V_d C_d / V_s
    w'   = eta_P (1 - w) H(C_s - theta_P) - eta_D w H(C_s - theta_D)
    k_d  = 4 D a / V_d,    1 / k_s = V_s / (4 D a) + l² / (2 D)

V_d is the volume of a compartment. J is a sum of exp(-t / tau_J) / tau_J, one for each spike;
each spike alone would add 1 µM. The weight does not act back on J. Compartments are part of the
problem: the solution to be met is that of the system of ordinary differential equations.

Units: µm, ms, µM. This file needs NumPy alone, so that it runs in every environment.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np

TARGET = 1e-3  # the error allowed, of peaks and of weights

LENGTH, DX, RADIUS = 20.0, 0.1, 0.5
NECK_RADIUS, NECK_LENGTH, HEAD_VOLUME = 0.05, 0.5, 0.05
TAU, TAU_J = 20.0, 5.0
THETA_P, THETA_D, ETA_P, ETA_D, W0 = 0.12, 0.009, 0.010, 0.003, 0.5

# the sweep P3: two trains alike, the second shifted, and how far apart the spines are
DELAYS = 2.0 * (np.arange(100) - 50)
DISTANCES = 0.2 * (1 + np.arange(50))
P3_START = 150.0
P3_CELL = (10.0, 1.0)  # the one run of P3 that slow programs do: delay, distance
P3_CHECKED = [(i, j) for i in (0, 4, 14, 49) for j in (0, 55, 99)]  # distance, delay


@dataclass(frozen=True)
class Problem:
    """One run: geometry, spikes, duration."""

    name: str
    length: float
    diffusion: float  # µm²/ms
    spines: tuple[float, ...]  # where they sit
    spikes: tuple[tuple[float, ...], ...]
    duration: float

    @property
    def n(self) -> int:
        return round(self.length / DX)

    @property
    def site(self) -> np.ndarray:
        return np.floor(np.array(self.spines) / DX + 1e-9).astype(int)

    @property
    def volume(self) -> float:
        """Of a compartment."""
        return math.pi * RADIUS**2 * DX

    @property
    def k_d(self) -> float:
        return 4.0 * self.diffusion * NECK_RADIUS / self.volume

    @property
    def k_s(self) -> float:
        d = self.diffusion
        return 1.0 / (HEAD_VOLUME / (4.0 * d * NECK_RADIUS) + NECK_LENGTH**2 / (2.0 * d))

    @property
    def hop(self) -> float:
        """D / dx²: the rate from a compartment to its neighbour."""
        return self.diffusion / DX**2

    @property
    def into_spine(self) -> float:
        """What one µM in the shaft adds to C_s' (1/ms)."""
        return self.k_d * self.volume / HEAD_VOLUME

    @property
    def into_shaft(self) -> float:
        return self.k_s * HEAD_VOLUME / self.volume

    def events(self) -> list[tuple[float, int]]:
        """Spikes in order: time, spine."""
        return sorted((t, i) for i, train in enumerate(self.spikes) for t in train)


def p1(diffusion_per_s: float = 220.0) -> Problem:
    """Two spines 1 µm apart, ten spikes at 50 Hz into one of them, 1 s."""
    train = tuple(50.0 + 20.0 * k for k in range(10))
    d = diffusion_per_s / 1000.0
    return Problem(f"P1 D={diffusion_per_s:g}", LENGTH, d, (9.55, 10.55), (train, ()), 1000.0)


def p2(duration: float = 2000.0) -> Problem:
    """Fifty spines on 100 µm, twenty of them driven at random at 20 Hz; the first 2 s of 10 s.

    Spikes lie on a grid of 0.2 ms, so that codes with a fixed step see the same ones.
    """
    rng = np.random.default_rng(7)
    driven = set(rng.choice(50, 20, replace=False).tolist())
    trains: list[tuple[float, ...]] = []
    for i in range(50):
        if i not in driven:
            trains.append(())
            continue
        # as many as ten seconds hold, whatever the duration, so that 2 s are the start of 10 s
        t = np.cumsum(rng.exponential(50.0, 1000))
        t = np.unique(np.round(t / 0.2)) * 0.2
        trains.append(tuple(float(x) for x in t[(t > 0.0) & (t < duration - 1.0)]))
    spines = tuple(float(x) for x in 1.05 + 2.0 * np.arange(50))
    return Problem("P2", 100.0, 0.22, spines, tuple(trains), duration)


def p3(delay: float = P3_CELL[0], distance: float = P3_CELL[1]) -> Problem:
    """One of the 5000 runs of P3: ten spikes at 50 Hz into both spines, the second delayed."""
    apart = round(distance / DX)
    first = 100 - apart // 2
    train = tuple(P3_START + 20.0 * k for k in range(10))
    other = tuple(t + delay for t in train)
    spines = ((first + 0.5) * DX, (first + apart + 0.5) * DX)
    return Problem("P3", LENGTH, 0.22, spines, (train, other), 1000.0)


PROBLEMS = {"P1 D=220": p1(220.0), "P1 D=20": p1(20.0), "P2": p2(), "P3": p3()}


def named(name: str) -> Problem:
    """A problem by the name used in the results."""
    return replace(PROBLEMS[name], name=name)


def symmetric(p: Problem) -> tuple[np.ndarray, np.ndarray]:
    """The matrix of the system, compartments then spines, made symmetric; and the scales used."""
    n, m = p.n, len(p.spines)
    a = np.zeros((n + m, n + m))
    i = np.arange(n)
    a[i, i] = -2.0 * p.hop - 1.0 / TAU
    a[0, 0] = a[n - 1, n - 1] = -p.hop - 1.0 / TAU
    a[i[:-1], i[1:]] = a[i[1:], i[:-1]] = p.hop
    s = n + np.arange(m)
    a[s, s] = -p.k_s - 1.0 / TAU
    np.subtract.at(a, (p.site, p.site), p.k_d)
    a[s, p.site] = a[p.site, s] = math.sqrt(p.into_spine * p.into_shaft)
    return a, np.concatenate((np.ones(n), np.full(m, math.sqrt(p.into_shaft / p.into_spine))))


def relax(w: float, zone: int, t: float) -> float:
    """The weight after a time t in a zone: 0 below both thresholds, 1 between, 2 above both."""
    if zone == 0:
        return w
    if zone == 1:
        return w * math.exp(-ETA_D * t)
    total = ETA_P + ETA_D
    return ETA_P / total + (w - ETA_P / total) * math.exp(-total * t)


def weight_along(c: np.ndarray, h: float, w: float) -> float:
    """The weight after a trace sampled every h, linear between samples, in closed form."""
    zone = (c >= THETA_D).astype(int) + (c >= THETA_P)
    at, now = 0.0, int(zone[0])
    for k in np.nonzero(np.diff(zone))[0]:
        way = 1 if zone[k + 1] > zone[k] else -1
        for new in range(now + way, int(zone[k + 1]) + way, way):
            theta = (THETA_D, THETA_P)[min(new, new - way)]
            t = (k + (theta - c[k]) / (c[k + 1] - c[k])) * h
            w = relax(w, now, t - at)
            at, now = t, new
    return relax(w, now, (c.size - 1) * h - at)


def exact(p: Problem, h: float | None = None) -> tuple[np.ndarray, np.ndarray]:
    """Peaks and final weights from the eigenmodes, sampled every h (ms).

    Between spikes each mode answers in closed form, so that the samples carry no error of
    integration. What remains is the linear interpolation of crossings, of order h².
    """
    h = h or (0.002 if p.n <= 200 else 0.01)
    a, scale = symmetric(p)
    lam, v = np.linalg.eigh(a)
    lam, n, m = -lam, p.n, len(p.spines)
    read = v[n:] / scale[n:, None]
    drive = (v[n:] * scale[n:, None]).T
    total = round(p.duration / h)
    jumps: dict[int, list[int]] = {}
    for t, i in p.events():
        jumps.setdefault(round(t / h), []).append(i)
    marks = sorted({*range(0, total, 1000), *(k for k in jumps if k < total), total, 0})
    z, current = np.zeros(lam.size), np.zeros(m)
    peak, w = np.zeros(m), np.full(m, W0)
    gap = lam - 1.0 / TAU_J
    if np.abs(gap).min() < 1e-6 / TAU_J:
        raise ValueError(f"{p.name}: a mode decays as fast as the current")
    for start, stop in pairwise(marks):
        for i in jumps.get(start, []):
            current[i] += 1.0 / TAU_J
        t = np.arange(stop - start + 1) * h
        stay, fade = np.exp(-np.outer(t, lam)), np.exp(-t / TAU_J)
        modes = stay * z + (drive @ current) / gap * (fade[:, None] - stay)
        c = modes @ read.T
        peak = np.maximum(peak, c.max(axis=0))
        for i in range(m):
            w[i] = weight_along(c[:, i], h, w[i])
        z, current = modes[-1], current * fade[-1]
    return peak, w


def errors(
    got: tuple[np.ndarray, np.ndarray], want: tuple[np.ndarray, np.ndarray]
) -> tuple[float, float]:
    """Of peaks, relative to the peak (or to theta_D where that is higher), and of weights."""
    off = np.abs(np.asarray(got[0]) - want[0]) / np.maximum(want[0], THETA_D)
    return float(off.max()), float(np.abs(np.asarray(got[1]) - want[1]).max())
