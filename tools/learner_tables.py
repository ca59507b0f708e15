"""Compute the table of chapter 15 and write it to chapters/data/learner.csv.

python tools/learner_tables.py [--workers 2] [--store FILE]

One line is one cell: one task, one wiring, every learner. Cell i draws from the seed and i alone,
so that a test computes any line again. About ten minutes of one core.
"""

import argparse
import inspect
import itertools
from pathlib import Path

import heterolib
from heterolib.learner import learner_cell
from heterolib.sweep import sweep

SEED = 15
FILE = Path(__file__).resolve().parent.parent / "chapters" / "data" / "learner.csv"
DIGITS = 6
REPLICATES, MANY = 20, 60
# A study varies one thing, or a whole grid; the rest stays as `learner_cell` has it.
STUDIES: dict[str, dict[str, list]] = {
    "default": {"replicate": list(range(MANY))},
    "grid": {"n_classes": [2, 4, 8], "n_branches": [1, 4, 12], "jitter_ms": [0.0, 1.0, 2.0, 4.0]},
    "clean": {"jitter_ms": [0.0], "missing": [0.0], "background_per_s": [0.0], "noise_mV": [0.0]},
    "spines": {"n_spines": [2, 4]},
    "gap": {"gap_ms": [4.0, 6.0, 10.0]},
    "pairs": {"n_spines": [2], "gap_ms": [4.0, 6.0]},
    "noise": {"noise_mV": [0.0, 0.1, 0.3]},
    "presentations": {"presentations": [1, 4, 12]},
    "diffusion": {"diffusion_um2_per_s": [65.0]},
    "neck": {"neck": ["consistent"]},
}
DEFAULTS = {
    name: p.default
    for name, p in inspect.signature(learner_cell).parameters.items()
    if p.default is not inspect.Parameter.empty
}


def cells() -> list[tuple[str, dict]]:
    """Every cell: the study, and all arguments of `learner_cell`."""
    out = []
    for study, axes in STUDIES.items():
        axes = {**axes, "replicate": axes.get("replicate", list(range(REPLICATES)))}
        for values in itertools.product(*axes.values()):
            out.append((study, DEFAULTS | dict(zip(axes, values, strict=True))))
    return out


def compute(**options: object) -> str:
    """The text of the table; options are those of `sweep`."""
    todo = cells()
    table = sweep(learner_cell, [given for _, given in todo], seed=SEED, **options).table
    table.insert(0, "study", [study for study, _ in todo])
    first = f"# python tools/learner_tables.py, seed {SEED}, heterolib {heterolib.__version__}\n"
    return first + table.to_csv(index=False, float_format=f"%.{DIGITS}g", lineterminator="\n")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--workers", type=int, default=None)
    parser.add_argument("--store", default=None, help="file in which finished cells are kept")
    parser.add_argument("--out", type=Path, default=FILE)
    a = parser.parse_args()
    text = compute(max_workers=a.workers, store=a.store)
    a.out.parent.mkdir(exist_ok=True)
    a.out.write_text(text)
    print(f"{a.out}: {len(text)} bytes")


if __name__ == "__main__":
    main()
