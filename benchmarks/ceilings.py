"""What one core of this machine can do at best, to compare our kernels with."""

from __future__ import annotations

import time

import numpy as np
from numba import njit

L2_NUMBERS = 40_000  # two arrays of 320 kB: beyond the first cache, within the second
MEMORY_NUMBERS = 16_000_000  # two arrays of 128 MB


@njit
def chain(n, a, b):
    """n dependent multiply-adds, each waiting for the one before."""
    x = 0.5
    for _ in range(n):
        x = x * a + b
    return x


@njit
def copy(times, a, b):
    for k in range(times):
        # not the same work twice, or the compiler would leave it out
        s = 1.0 + k
        for i in range(a.size):
            b[i] = s * a[i]


def _best(work, repeats: int = 5) -> float:
    """CPU seconds of the quickest of a few repeats."""
    out = []
    for _ in range(repeats):
        start = time.process_time()
        work()
        out.append(time.process_time() - start)
    return min(out)


def measure() -> dict[str, float]:
    """Ceilings of one core: matrix product, copies in cache and memory, a chain of operations."""
    n = 1000
    a = np.random.default_rng(1).normal(size=(n, n))
    flops = 2.0 * n**3 / _best(lambda: a @ a)
    rates = {}
    for key, size, times in (("cache", L2_NUMBERS, 4000), ("memory", MEMORY_NUMBERS, 4)):
        x, y = np.ones(size), np.zeros(size)
        copy(1, x, y)
        rates[key] = 16.0 * size * times / _best(lambda x=x, y=y, k=times: copy(k, x, y))
    chain(10, 0.5, 0.1)
    links = 20_000_000
    return {
        "matrix_gflops": flops / 1e9,
        "cache_copy_gb_per_s": rates["cache"] / 1e9,
        "memory_copy_gb_per_s": rates["memory"] / 1e9,
        "multiply_add_ns": 1e9 * _best(lambda: chain(links, 0.999, 0.1)) / links,
    }
