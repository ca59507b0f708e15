"""Published numbers beside ours, computed anew whenever the book is built.

A number counts as met if the published scheme lands within the rounding of the source. The
converged scheme stands beside it: where the two differ, the published digits owe something to
the time step.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

from heterolib import studies
from heterolib.branch import CONVERGED
from heterolib.results import Result
from heterolib.spine import PUBLISHED

if TYPE_CHECKING:
    import pandas as pd

VECTOR = "authors' vector graphic, Main_and_Supp_code_.zip, Main_and_Supp_code/Fig2/"
DATA = "authors' data file, Data-points_MainText.zip, MainText/Fig2/"
ROUNDING = 1e-6  # six digits are given; reading the graphics adds less than half of that
TIME_ROUNDING_MS = 1e-9  # whole steps of 0.25 ms


@dataclass(frozen=True)
class Entry:
    """One published number and the function that computes ours, given the scheme's name."""

    figure: str
    quantity: str
    published: float
    tolerance: float
    source: str
    compute: Callable[[str], float]


@lru_cache(maxsize=64)
def _run(panel: str, thresholds: str, delay_ms: float, scheme: str) -> Result:
    return studies.two_spines(panel, thresholds=thresholds, delay_ms=delay_ms, scheme=scheme)


def _weights(
    panel: str, thresholds: str, values: tuple[float, float], source: str, delay_ms: float = 15.0
) -> list[Entry]:
    where = f"2{panel}, thresholds {thresholds} nM"
    where += f", delay {delay_ms:g} ms" if panel == "C" else ""

    def weight(spine: int) -> Callable[[str], float]:
        return lambda scheme: float(_run(panel, thresholds, delay_ms, scheme).final_weights[spine])

    return [
        Entry(where, f"final weight, spine {s + 1}", value, ROUNDING, source, weight(s))
        for s, value in enumerate(values)
    ]


def _times(panel: str, above_p: float, above_d: float, source: str) -> list[Entry]:
    def time(which: str) -> Callable[[str], float]:
        def compute(scheme: str) -> float:
            result = _run(panel, "70/50", 15.0, scheme)
            assert result.rule is not None
            return float(result.time_above_ms(getattr(result.rule, which))[0])

        return compute

    return [
        Entry(
            f"2{panel}, thresholds 70/50 nM",
            f"time above {word}, spine 1 (ms)",
            value,
            TIME_ROUNDING_MS,
            source,
            time(which),
        )
        for word, which, value in (
            ("theta_P", "theta_p_uM", above_p),
            ("theta_D", "theta_d_uM", above_d),
        )
    ]


def _figure_2() -> list[Entry]:
    a = f"{DATA}Fig2_A_B.zip, burstsize1/p/w_thetp70delay1.txt"
    b = f"{DATA}Fig2_A_B.zip, burstsize7/p/w_thetp70delay1.txt"
    c = f"{DATA}Fig2_C.zip, distance1/p/w_thetp70delay"
    return [
        *_weights("A", "4/2", (0.525690, 0.476207), f"{VECTOR}A-1active/weightdelay1.svg"),
        *_weights(
            "B", "4/2", (0.563906, 0.552517), f"{VECTOR}B-1active_morespikes/weightdelay1.svg"
        ),
        *_weights("C", "4/2", (0.473710, 0.514325), f"{VECTOR}C-Bothactive/weightdelay15.svg"),
        *_weights("A", "70/50", (0.506161, 0.5), a),
        *_times("A", 14.75, 21.25, a.replace("p/w_", "timespine0")),
        *_weights("B", "70/50", (0.546622, 0.5), b),
        *_times("B", 88.25, 95.0, b.replace("p/w_", "timespine0")),
        *_weights("C", "70/50", (0.506435, 0.506435), f"{c}0.txt", 0.0),
        *_weights("C", "70/50", (0.506161, 0.506435), f"{c}15.txt", 15.0),
        *_weights("C", "70/50", (0.506161, 0.506161), f"{c}150.txt", 150.0),
    ]


ENTRIES: tuple[Entry, ...] = tuple(_figure_2())


def scorecard(entries: tuple[Entry, ...] = ENTRIES) -> pd.DataFrame:
    """Compute every entry in both schemes.

    Returns
    -------
    DataFrame
        Columns figure, quantity, published, ours (published scheme), difference, met,
        converged scheme, source.

    Examples
    --------
    >>> bool(scorecard(ENTRIES[:2])["met"].all())
    True
    """
    import pandas as pd

    rows = []
    for e in entries:
        ours = e.compute(PUBLISHED)
        rows.append(
            {
                "figure": e.figure,
                "quantity": e.quantity,
                "published": e.published,
                "ours, published scheme": ours,
                "difference": ours - e.published,
                "met": abs(ours - e.published) <= e.tolerance,
                "ours, converged scheme": e.compute(CONVERGED),
                "source": e.source,
            }
        )
    return pd.DataFrame(rows)
