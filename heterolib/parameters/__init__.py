"""Every physical number of the book: value, unit, source, note and status, one set per paper.

A `ParameterSet` maps names to `Parameter` entries. The papers give some values one way in
one figure and another way in the next; such differences are *variants* of the set, made with
`ParameterSet.variant`.

Status words
------------
printed
    Read in the text, a table or a figure of the paper.
from code
    Read in the authors' public code or data files.
converted
    One of the above after a change of unit, or computed from such values.
chosen for teaching
    Ours. No paper stands behind it.
"""

from heterolib.parameters.chindemi2022 import CHINDEMI_2022, REDUCED_CELLS, TRAUB_MILES_1991
from heterolib.parameters.circuits import CIRCUITS
from heterolib.parameters.graded_rule import GRADED_RULE
from heterolib.parameters.graupner2012 import GRAUPNER_2012
from heterolib.parameters.paired_recordings import PUBLISHED_CURVES, RECORDINGS, Recording
from heterolib.parameters.registry import STATUSES, Parameter, ParameterSet, cite, diff, show, table
from heterolib.parameters.shafiee2026 import SHAFIEE_2026
from heterolib.parameters.song2000 import SONG_2000

SETS = {
    s.key: s
    for s in (
        SHAFIEE_2026,
        GRAUPNER_2012,
        SONG_2000,
        CHINDEMI_2022,
        TRAUB_MILES_1991,
        REDUCED_CELLS,
        CIRCUITS,
        GRADED_RULE,
    )
}

__all__ = [
    "CHINDEMI_2022",
    "CIRCUITS",
    "GRADED_RULE",
    "GRAUPNER_2012",
    "PUBLISHED_CURVES",
    "RECORDINGS",
    "REDUCED_CELLS",
    "SETS",
    "SHAFIEE_2026",
    "SONG_2000",
    "STATUSES",
    "TRAUB_MILES_1991",
    "Parameter",
    "ParameterSet",
    "Recording",
    "cite",
    "diff",
    "show",
    "table",
]
