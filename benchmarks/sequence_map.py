"""How long the map of selectivity takes, and how long its arithmetic alone would take.

    python benchmarks/sequence_map.py

The count. Training advances r modes for two spines in S steps (both reported by the library). One
step must drive the modes (2 n r operations), advance them (3 r), form their rates (3 r), and read
value and slope at n spines (4 n r): 18 r for n = 2, besides one exponential for the current and
one for each weight. The voltage takes, for each distance, two sweeps up and down the tree in each
step; the answers of 800 cells are shifted sums. `bare` below does exactly these operations on
arrays of these sizes, in the same order, with nothing else: no tests, no crossings, no checks.
Everything is CPU time of one thread, the best of some runs.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable

import numpy as np
from numba import njit

from heterolib import kernels, reduced, soma, studies
from heterolib.training import Training, learn, rule_of_figure_5

jit = njit(error_model="numpy")


@jit
def bare(n_steps, n, r, stay, passed, lam, shape, z, rate, push, influx, c, d, w, fade, h):
    """The operations of a training step, one after another."""
    for _ in range(n_steps):
        for i in range(n):
            influx[i] = w[i] * fade
        for k in range(r):
            push[k] = 0.0
        for i in range(n):
            for k in range(r):
                push[k] += influx[i] * shape[i * r + k]
        for k in range(r):
            z[k] = stay[k] * z[k] + passed[k] * push[k]
        for k in range(r):
            rate[k] = fade * push[k] - lam[k] * z[k]
        for i in range(n):
            value = 0.0
            slope = 0.0
            for k in range(r):
                value += shape[i * r + k] * z[k]
                slope += shape[i * r + k] * rate[k]
            c[i] = value
            d[i] = slope
        for i in range(n):
            w[i] = 0.7 + (w[i] - 0.7) * math.exp(-1e-6 * (1.0 + c[i] + d[i]))
        fade = math.exp(-h * (1.0 + 1e-9 * fade))


@jit
def sweeps(count, n, parent, inverse, ratio, v):
    """So many solutions of the tree."""
    for _ in range(count):
        kernels.tree_solve(n, parent, inverse, ratio, v)


@jit
def sums(count, n_u, unit, trace):
    """So many shifted copies."""
    for m in range(count):
        for k in range(n_u):
            trace[k] += 0.5 * unit[k]
        unit[0] += 1e-9 * m


def best(run: Callable[[], object], times: int = 5) -> float:
    """Least CPU time (s)."""
    run()
    found = []
    for _ in range(times):
        start = time.process_time()
        run()
        found.append(time.process_time() - start)
    return min(found)


def fresh(scheme: str) -> None:
    """The whole map, nothing kept from before."""
    for kept in (reduced._reduce, reduced._tail, soma._responses):
        kept.cache_clear()
    studies.sequence_map(scheme=scheme)


def main() -> None:
    """Print the table."""
    delays, distances = studies.order_map_axes()
    cells = delays.size * distances.size
    whole = best(lambda: fresh("converged"))
    rule = rule_of_figure_5(None)
    trainings = [Training.of(float(d), studies.REPETITIONS, 75.0) for d in delays]
    steps, modes = 0, []
    for x in distances:
        branch = studies.sequence_neuron(float(x)).branch
        steps += learn(branch, trainings, (1, 0), rule, 0.5, "converged", 0.05).steps
        modes.append(reduced.reduce(branch).rates_per_ms.size)
    r, n, h = 4 * math.ceil(np.mean(modes) / 4), 2, 0.05
    rng = np.random.default_rng(1)
    lam = np.linspace(0.01, 50.0, r)
    arrays = (np.exp(-lam * h), np.full(r, h), lam, rng.random(n * r), *np.zeros((3, r)))
    some = 200_000
    spines = (*np.zeros((3, n)), np.full(n, 0.5))
    step_s = best(lambda: bare(some, n, r, *arrays, *spines, 1.0, h)) / some

    neuron = studies.sequence_neuron()
    tree, answer = neuron.tree, soma.responses(neuron)
    load = tree.nodes.capacitance_pF / (kernels.TR_LOAD * h) + tree.nodes.leak_nS
    inverse, ratio = np.zeros((2, tree.n_nodes))
    kernels.tree_factor(tree.n_nodes, tree.nodes.parent, tree.nodes.axial_nS, load, inverse, ratio)
    v, n_u = np.ones(tree.n_nodes), answer.unit_mV.shape[1]
    solutions = 2 * (n_u - 1) * distances.size
    part = solutions // 10
    tree_s = 10.0 * best(lambda: sweeps(part, tree.n_nodes, tree.nodes.parent, inverse, ratio, v))
    copies = cells * 2 * 2 * n  # both orders, before and after training, two spines
    unit, trace = answer.unit_mV[0].copy(), np.zeros(n_u)
    sum_s = best(lambda: sums(copies, n_u, unit, trace))

    flops = 18.0 * r
    need = steps * step_s + tree_s + sum_s
    print(f"map of {cells} cells, training included: {whole:.2f} s of CPU")
    print(f"training: {steps} steps of {r} modes, {flops:.0f} operations and 3 exponentials each")
    rate = flops / step_s / 1e9
    print(f"  {1e9 * step_s:.0f} ns alone ({rate:.1f} GFlop/s): {steps * step_s:.2f} s")
    print(f"voltage: {solutions} solutions of {tree.n_nodes} nodes alone: {tree_s:.2f} s")
    print(f"answers: {copies} shifted sums of {n_u} samples alone: {sum_s:.2f} s")
    print(f"the arithmetic alone: {need:.2f} s; the map takes {whole / need:.1f} times that")
    print(f"published scheme: {best(lambda: fresh('published'), 3):.2f} s of CPU")


if __name__ == "__main__":
    main()
