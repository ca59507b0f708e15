"""Compute what the chapters on neocortex keep in files; goes on where it was stopped.

python tools/neocortex_precompute.py [NAME ...] [--workers 2] [--store FOLDER]

NAME: maps, causes, series, population, network, places; all of them by default, which takes
two cores half an hour. Writes heterolib/neocortex/data/NAME.csv.
"""

import argparse
from pathlib import Path

import pandas as pd

from heterolib.neocortex import precomputed
from heterolib.sweep import sweep

DATA = Path(precomputed.__file__).resolve().parent / "data"


def write(name: str, table: pd.DataFrame) -> None:
    text = table.to_csv(index=False, float_format="%.6g", lineterminator="\n")
    (DATA / f"{name}.csv").write_text(text, encoding="utf-8")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    names = [*precomputed.STUDIES, precomputed.PLACES]
    parser.add_argument("names", nargs="*", default=names, metavar="NAME")
    parser.add_argument("--workers", type=int, help="processes; default: one a core")
    parser.add_argument("--store", type=Path, help="folder that keeps finished calls")
    options = parser.parse_args()
    for name in options.names:
        if name == precomputed.PLACES:
            write(name, precomputed.places_table())
            continue
        study = precomputed.STUDIES[name]
        store = None
        if options.store is not None:
            options.store.mkdir(parents=True, exist_ok=True)
            store = options.store / f"{name}.sqlite"
        result = sweep(study.function, study.cells(), max_workers=options.workers, store=store)
        print(f"{name}: {result.summary()}")
        write(name, precomputed.tidy(name, result.table, result.arrays))


if __name__ == "__main__":
    main()
