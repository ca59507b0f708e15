"""Song, Miller & Abbott 2000: plasticity from pairs of spikes, as a control.

Changes are shares of the largest weight.
"""

from heterolib.parameters.registry import Parameter, ParameterSet

SOURCE = "documentation of Brian 2, example synapses.STDP, adapted from this paper"


def _p(symbol: str, meaning: str, value: float, unit: str = "", note: str = "") -> Parameter:
    status = "converted" if note else "from code"
    return Parameter(symbol, meaning, value, unit, SOURCE, status, note)


SONG_2000 = ParameterSet(
    key="song2000",
    title="Song, Miller & Abbott 2000",
    citation="Song S, Miller KD, Abbott LF (2000). Nature Neuroscience 3:919-926.",
    doi="10.1038/78829",
    entries={
        "a_plus": _p("A_+", "largest gain of a pair, input before response", 0.01),
        "a_minus": _p(
            "A_-",
            "largest loss of a pair, response before input",
            0.0105,
            note="1.05 times the largest gain",
        ),
        "tau_plus": _p(r"\tau_+", "window of gains", 20.0, "ms"),
        "tau_minus": _p(r"\tau_-", "window of losses", 20.0, "ms"),
    },
    oddities=(
        "The printed paper was not available to us; the example that we read takes 0.01 for the "
        "largest gain, and says that it adapts the paper.",
    ),
)
