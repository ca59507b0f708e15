"""Sweeps that test_sweep runs as a program of its own, to kill or to interrupt.

python tests/sweep_script.py marked|slow|own STORE MARKS
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from heterolib.sweep import sweep
from tests import sweep_cells


def half(x):
    return 0.5 * x


if __name__ == "__main__":
    what, store, marks = sys.argv[1:]
    more = {"max_workers": 2, "progress": False}
    if what == "own":
        print(sweep(half, {"x": [2, 3, 5]}, **more).table["value"].sum())
    elif what == "slow":
        grid = {"x": range(9), "folder": [marks]}
        sweep(sweep_cells.slow, grid, store=store, **more)
    else:
        grid = {"x": range(300), "folder": [marks]}
        sweep(sweep_cells.marked, grid, store=store, seed=3, **more)
