"""Functions for the tests of sweeps, in a file of their own: worker processes import them.

A cell leaves a mark, one byte in a file of the given folder, so that a test can count how often
it ran, whoever ran it.
"""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

import numpy as np

LONG_S = 30.0  # to wait for another process, before the test is called failed


def mark(folder, name):
    with open(Path(folder) / name, "ab", buffering=0) as file:
        file.write(b"x")


def marks(folder, name):
    path = Path(folder) / name
    return path.stat().st_size if path.exists() else 0


def wait_for(folder, name):
    deadline = time.monotonic() + LONG_S
    while not marks(folder, name):
        if time.monotonic() > deadline:
            raise TimeoutError(f"no {name} within {LONG_S} s")
        time.sleep(0.005)


def die():
    os.kill(os.getpid(), signal.SIGKILL)


def product(x, y):
    return x * y


def with_default(x, n=2):
    return n


def mixed(x, y, rng):
    """Outputs of every kind: float, int, bool, random, array."""
    return {
        "sum": x + 0.1 * y,
        "whole": int(10 * x) + y,
        "more": x > y,
        "noise": rng.normal(),
        "trace": np.arange(6.0).reshape(2, 3) * x + rng.random((2, 3)),
    }


class Awkward(Exception):
    """Cannot be unpickled: its arguments are not those of Exception."""

    def __init__(self, this, that):
        super().__init__(f"{this} and {that}")


def bad_at(x, bad):
    if x == bad:
        raise Awkward("this", "that")
    return x


def form(x, what):
    """Outputs that a table cannot hold."""
    return {"shape": np.zeros(x + 1), "names": {f"a{x}": 0.0}, "text": "no"}[what]


def clash(x):
    return {"x": 0.0}


def marked(x, folder, rng):
    """A cell of some milliseconds that counts how often it was finished."""
    result = {"noise": rng.normal(), "trace": rng.random(50)}
    time.sleep(0.003)
    mark(folder, str(x))
    return result


def deadly(x, folder, times, victim):
    """Kill the process of one cell, the first few times."""
    if x == victim and marks(folder, "died") < times:
        mark(folder, "died")
        die()
    mark(folder, str(x))
    return 0.5 * x


def slow_beside_deadly(x, folder):
    """Cell 0 kills its process while cell 1 is at work, and not again."""
    mark(folder, f"begun-{x}")
    if x == 0 and not marks(folder, "died"):
        wait_for(folder, "begun-1")
        mark(folder, "died")
        die()
    if x == 1:
        wait_for(folder, "died")
        time.sleep(0.5)  # in which a pool that takes all down with one would end this process
    return x


def slow(x, folder):
    """Four quick cells, then very long ones."""
    mark(folder, str(x))
    time.sleep(0.02 if x < 4 else 10 * LONG_S)
    return x


def blas_threads(x):
    import scipy.linalg  # noqa: F401  (SciPy has a BLAS of its own, loaded only now)
    import threadpoolctl

    return max(pool["num_threads"] for pool in threadpoolctl.threadpool_info())


def weight_change(distance_um, delay_ms):
    """A cell of the model, with everything from diffusion to the rule in it."""
    from heterolib import ThresholdRule, protocols, simulate
    from heterolib.studies import window_branch

    trains = protocols.pairing(delay_ms, 1)
    return simulate(window_branch(distance_um), trains, ThresholdRule(), 200.0).weight_change
