"""Sweeps that test_sweep runs as a program of its own, to kill or to interrupt.

python tests/sweep_script.py STORE MARKS | slow STORE | own -
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from heterolib.sweep import sweep
from tests import sweep_cells


def half(x):
    return 0.5 * x


if __name__ == "__main__":
    what, where = sys.argv[1:]
    if what == "own":
        print(sweep(half, {"x": [2, 3, 5]}, max_workers=2, progress=False).table["value"].sum())
    elif what == "slow":
        grid = {"x": range(900)}
        sweep(sweep_cells.slow, grid, max_workers=2, store=where, progress=False)
    else:
        grid = {"x": range(300), "folder": [where]}
        sweep(sweep_cells.marked, grid, max_workers=2, store=what, seed=3, progress=False)
