"""Jaxley: a spine head as a pump on a branch whose calcium diffuses, by Crank-Nicolson.

The state of the head stands half a step ahead of the branch, so that each sees the other in the
middle of its step and the pair is of second order. Jaxley solves a voltage along with it.
"""

from __future__ import annotations

from pathlib import Path

import jax

jax.config.update("jax_enable_x64", True)
jax.config.update("jax_platform_name", "cpu")

import jax.numpy as jnp  # noqa: E402
import jaxley as jx  # noqa: E402
import numpy as np  # noqa: E402
import problems as p  # noqa: E402
from jaxley.pumps import Pump  # noqa: E402

LADDER = [{"step_ms": h} for h in (0.5, 0.2, 0.1, 0.05, 0.025)]
KIND = "Crank-Nicolson, head half a step ahead; step (ms)"
CALCIUM = "CaCon_i"


class Removal(Pump):
    """First-order removal along the branch."""

    def __init__(self) -> None:
        super().__init__("Removal")
        self.channel_params = {}
        self.channel_states = {CALCIUM: 0.0}
        self.ion_name = CALCIUM
        self.current_name = "i_removal"
        self.META = {}

    def update_states(self, states, dt, v, params):
        return {}

    def compute_current(self, states, calcium, params):
        return calcium / p.TAU

    def init_state(self, states, v, params, dt):
        return {}


class Head(Pump):
    """The head of a spine and its weight."""

    def __init__(self, problem: p.Problem) -> None:
        super().__init__("Head")
        self.problem = problem
        self.channel_params = {}
        self.channel_states = {CALCIUM: 0.0, "J": 0.0, "cs": 0.0, "w": p.W0}
        self.ion_name = CALCIUM
        self.current_name = "i_head"
        self.META = {}

    def update_states(self, states, dt, v, params):
        rate = self.problem.k_s + 1.0 / p.TAU
        stay = jnp.exp(-rate * dt)
        c0 = states["cs"]
        flow = states["J"] + self.problem.into_spine * states[CALCIUM]
        c1 = c0 * stay + flow * (1.0 - stay) / rate

        def above(theta):
            """The share of the step above a threshold, the trace taken as linear."""
            low, high = jnp.minimum(c0, c1), jnp.maximum(c0, c1)
            return jnp.clip((high - theta) / jnp.maximum(high - low, 1e-300), 0.0, 1.0)

        t_p = dt * above(p.THETA_P)
        weaker = jnp.exp(-p.ETA_D * (dt * above(p.THETA_D) - t_p))
        total = p.ETA_P + p.ETA_D
        top, stay = p.ETA_P / total, jnp.exp(-total * t_p)
        w = states["w"]
        rising = top + (w * weaker - top) * stay
        falling = (top + (w - top) * stay) * weaker
        return {"cs": c1, "w": jnp.where(c1 >= c0, rising, falling)}

    def compute_current(self, states, calcium, params):
        return self.problem.k_d * calcium - self.problem.into_shaft * states["cs"]

    def init_state(self, states, v, params, dt):
        return {}


def influx(problem: p.Problem, h: float) -> np.ndarray:
    """J averaged from half a step before the end of each step to half a step after."""
    n = round(problem.duration / h)
    edges = (np.arange(n + 1) + 0.5) * h
    out = np.zeros((len(problem.spines), n))
    for t, i in problem.events():
        # the integral of exp(-s / tau_J) / tau_J from the spike on
        area = 1.0 - np.exp(-np.maximum(edges - t, 0.0) / p.TAU_J)
        out[i] += np.diff(area) / h
    return out


class Peer:
    def __init__(self, scratch: Path) -> None:
        pass

    def versions(self) -> dict[str, str]:
        return {"jaxley": jx.__version__, "jax": jax.__version__}

    def prepare(self, name: str, rung: dict[str, float]) -> None:
        problem, h = p.named(name), rung["step_ms"]
        cell = jx.Cell(jx.Branch(jx.Compartment(), ncomp=problem.n), parents=[-1])
        cell.set("length", p.DX)
        cell.set("radius", p.RADIUS)
        cell.insert(Removal())
        site = [int(i) for i in problem.site]
        cell.branch(0).comp(site).insert(Head(problem))
        cell.diffuse(CALCIUM)
        cell.set(f"axial_diffusion_{CALCIUM}", problem.diffusion)
        cell.set(CALCIUM, 0.0)
        driven = [i for i, train in enumerate(problem.spikes) if train]
        drive = jnp.asarray(influx(problem, h)[driven])
        cell.branch(0).comp([site[i] for i in driven]).clamp("J", drive, verbose=False)
        for state in ("cs", "w"):
            for i in site:
                cell.branch(0).comp(i).record(state, verbose=False)
        self.count = len(site)

        def run():
            traces = jx.integrate(cell, delta_t=h, solver="crank_nicolson")
            return traces[: self.count].max(axis=1), traces[self.count :, -1]

        self.function = jax.jit(run)
        jax.block_until_ready(self.function())

    def run(self) -> tuple[np.ndarray, np.ndarray]:
        peak, w = jax.block_until_ready(self.function())
        return np.asarray(peak), np.asarray(w)
