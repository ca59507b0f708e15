"""The graded rule of the page "Add a rule of your own": values of this library."""

from heterolib.parameters.registry import Parameter, ParameterSet

SOURCE = "worked example of this library, in the form of Shouval, Bear & Cooper 2002"


def _p(symbol: str, meaning: str, value: float, unit: str = "", note: str = "") -> Parameter:
    return Parameter(symbol, meaning, value, unit, SOURCE, "chosen for teaching", note)


GRADED_RULE = ParameterSet(
    key="graded_rule",
    title="A graded rule",
    citation="Heterolib: a rule with the form of Shouval HZ, Bear MF, Cooper LN (2002). "
    "PNAS 99:10831-10836.",
    doi="10.1073/pnas.152343099",
    entries={
        "speed": _p(r"\eta_0", "speed of the graded rule", 1.0, "1/s"),
        "steepness": _p("k", "steepness of its steps", 40.0, "", "their relative width is 1/k"),
    },
)
