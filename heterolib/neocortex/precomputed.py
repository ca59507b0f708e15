"""Results that take minutes, computed once: maps of pairing, their causes, circuits.

Each study is a list of calls of one function; ``python tools/neocortex_precompute.py`` makes
all of them and writes the files that `read` opens. Seeds count from 0.
"""

from __future__ import annotations

import io
import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib import resources
from typing import TYPE_CHECKING, Any

import numpy as np

from heterolib import checks
from heterolib.checks import FloatArray
from heterolib.neocortex.circuit import network_cell, population_cell
from heterolib.neocortex.neuron import APICAL, BASAL, l5_thick_tufted
from heterolib.neocortex.pairing import pairing_cell
from heterolib.neocortex.places import look_along
from heterolib.parameters import CHINDEMI_2022 as C
from heterolib.parameters import CIRCUITS as K

if TYPE_CHECKING:
    import pandas as pd

SLICE, BRAIN = C["calcium_out"], C["calcium_out_in_vivo"]
FREQUENCIES_HZ = (2.0, 5.0, 10.0, 20.0, 30.0, 40.0, 50.0)
DELAYS_MS = (-50.0, -30.0, -10.0, 5.0, 10.0, 30.0, 50.0)
PROBES = ((10.0, 10.0), (10.0, -10.0), (20.0, 5.0), (40.0, 5.0))  # frequency (Hz), dt (ms)
CAO_MM = (1.0, 1.1, 1.3, 1.5, 1.75, 2.25, 2.5)  # beside SLICE and BRAIN, which the maps hold
CAUSES = ("release_cao_mM", "nmda_cao_mM", "threshold_cao_mM")
DRIVES = (
    (K["pre_rate"], K["post_rate"], 0.0),
    (K["busy_rate"], K["busy_rate"], 0.0),
    (K["busy_rate"], K["busy_rate"], 1.0),
)  # presynaptic and postsynaptic rate (Hz), modulation
CIRCUIT_MS = 30.0 * K["sample"]
PAIRING = ("ratio", "linear_ratio", "before_mV", "strengthened", "weakened", "synapses")

Cells = list[dict[str, Any]]


@dataclass(frozen=True)
class Study:
    """A function, the calls without their seeds, how many seeds, and which outputs are kept."""

    function: Callable[..., dict[str, Any]]
    calls: Cells
    seeds: int
    keep: tuple[str, ...]

    def cells(self) -> Cells:
        """All calls, the seed counting fastest."""
        return [{**call, "seed": s} for call, s in itertools.product(self.calls, range(self.seeds))]


def _grid(cao: Sequence[float], pairs: Sequence[tuple[float, float]]) -> Cells:
    return [
        {"cao_mM": c, "frequency_hz": f, "dt_ms": dt}
        for c, (f, dt) in itertools.product(cao, pairs)
    ]


_MIXED = [c for c in itertools.product((SLICE, BRAIN), repeat=3) if len(set(c)) > 1]
_CIRCUIT = (
    *("strengthened", "weakened", "weight_nS", "strong", "synapses", "apical", "apical_changed"),
    *("pre_spikes", "post_spikes", "imposed", "settled_nS"),
)

STUDIES = {
    "maps": Study(
        pairing_cell,
        _grid((SLICE, BRAIN), list(itertools.product(FREQUENCIES_HZ, DELAYS_MS))),
        30,
        PAIRING,
    ),
    "causes": Study(
        pairing_cell,
        [
            {"frequency_hz": f, "dt_ms": dt, **dict(zip(CAUSES, cao, strict=True))}
            for (f, dt), cao in itertools.product(PROBES, _MIXED)
        ],
        30,
        PAIRING,
    ),
    "series": Study(pairing_cell, _grid(CAO_MM, PROBES), 30, PAIRING),
    "population": Study(
        population_cell,
        [
            {
                "cao_mM": cao,
                "pre_hz": pre,
                "post_hz": post,
                "modulation": m,
                "duration_ms": CIRCUIT_MS,
            }
            for (pre, post, m), cao in itertools.product(DRIVES, (SLICE, BRAIN))
        ],
        8,
        (*_CIRCUIT, "before_nS", "after_nS"),
    ),
    "network": Study(
        network_cell,
        [
            {"cao_mM": cao, "drive_hz": K["busy_rate"], "modulation": m, "duration_ms": CIRCUIT_MS}
            for m, cao in itertools.product((0.0, 1.0), (SLICE, BRAIN))
        ],
        2,
        (*_CIRCUIT, "unasked"),
    ),
}


PLACES = "places"


def places_table() -> pd.DataFrame:
    """The action potential along the dendrites of the layer 5 cell, as `look_along` finds it."""
    import pandas as pd

    cell = l5_thick_tufted()
    parts = []
    for kind in (BASAL, APICAL):
        found = look_along(cell, kind)
        columns = {
            name: getattr(found, name) for name in ("distance_um", "peak_mV", "half_width_ms")
        }
        parts.append(pd.DataFrame({"kind": kind, **columns}))
    return pd.concat(parts, ignore_index=True)


def read_places() -> dict[str, FloatArray]:
    """The stored table of places, without pandas: rows of distance, height and width, by kind."""
    out: dict[str, list[list[float]]] = {BASAL: [], APICAL: []}
    for row in _lines(PLACES)[1:]:
        kind, *values = row.split(",")
        out[kind].append([float(x) for x in values])
    return {kind: np.array(rows) for kind, rows in out.items()}


def read_map_means() -> FloatArray:
    """Mean ratios of the stored maps, without pandas: shape (calcium, frequency, delay)."""
    names, *rows = _lines("maps")
    at = names.split(",").index("ratio")
    ratio = np.array([float(row.split(",")[at]) for row in rows])
    shape = (2, len(FREQUENCIES_HZ), len(DELAYS_MS), STUDIES["maps"].seeds)
    return np.asarray(ratio.reshape(shape).mean(3))


def _lines(name: str) -> list[str]:
    file = resources.files("heterolib.neocortex") / "data" / f"{name}.csv"
    return file.read_text(encoding="utf-8").splitlines()


def tidy(name: str, table: pd.DataFrame, arrays: dict[str, np.ndarray]) -> pd.DataFrame:
    """The outputs of a study as one row a call; arrays become one column an entry.

    Parameters
    ----------
    name : str
    table : DataFrame
        Of a `heterolib.SweepResult`.
    arrays : dict
        Likewise.

    Raises
    ------
    ValueError
        If there is no such study.
    """
    study = STUDIES[checks.choice("name", name, tuple(STUDIES))]
    columns = {key: table[key] for key in study.cells()[0]}
    for key in study.keep:
        if key in arrays:
            columns |= {f"{key}_{i}": column for i, column in enumerate(arrays[key].T)}
        else:
            columns[key] = table[key]
    import pandas as pd

    return pd.DataFrame(columns)


def read(name: str) -> pd.DataFrame:
    """The stored outputs of a study, one row a call, six digits.

    Parameters
    ----------
    name : {"maps", "causes", "series", "population", "network"}

    Raises
    ------
    ValueError
        If there is no such study.

    Examples
    --------
    >>> maps = read("maps")
    >>> len(maps) == 2 * 7 * 7 * 30
    True
    """
    import pandas as pd

    checks.choice("name", name, tuple(STUDIES))
    return pd.read_csv(io.StringIO("\n".join(_lines(name))))


def summary(table: pd.DataFrame, by: Sequence[str], of: str = "ratio") -> pd.DataFrame:
    """Mean, standard error and number of an output, for each combination of some columns.

    Parameters
    ----------
    table : DataFrame
    by : sequence of str
    of : str

    Raises
    ------
    ValueError
        If a column is missing.

    Examples
    --------
    >>> summary(read("maps"), ["cao_mM"]).n.tolist()
    [1470, 1470]
    """
    for column in (*by, of):
        checks.choice("column", column, [str(c) for c in table.columns])
    found = table.groupby(list(by))[of].agg(["mean", "sem", "count"])
    return found.rename(columns={"count": "n"})
