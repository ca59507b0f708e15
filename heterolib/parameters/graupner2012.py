"""Graupner & Brunel 2012: the calcium rule at a single synapse, "DP" case.

Calcium has no unit in this model: the jump of one presynaptic spike is 1.
"""

from heterolib.parameters.registry import Parameter, ParameterSet

SOURCE = "authors' public code (mgraupe/CalciumBasedPlasticityModel), DP case"


def _p(symbol: str, meaning: str, value: float, unit: str = "", note: str = "") -> Parameter:
    return Parameter(symbol, meaning, value, unit, SOURCE, "from code", note)


GRAUPNER_2012 = ParameterSet(
    key="graupner2012",
    title="Graupner & Brunel 2012",
    citation="Graupner M, Brunel N (2012). PNAS 109:3991-3996.",
    doi="10.1073/pnas.1109359109",
    entries={
        "calcium_decay": _p(r"\tau_{Ca}", "calcium decay", 20.0, "ms"),
        "calcium_pre": _p(r"C_{pre}", "calcium jump of a presynaptic spike", 1.0),
        "calcium_post": _p(r"C_{post}", "calcium jump of a postsynaptic spike", 2.0),
        "calcium_delay": _p("D", "delay of the presynaptic jump", 13.7, "ms"),
        "theta_p": _p(r"\theta_P", "threshold of strengthening", 1.3),
        "theta_d": _p(r"\theta_D", "threshold of weakening", 1.0),
        "gamma_p": _p(r"\gamma_P", "strength of strengthening", 321.808),
        "gamma_d": _p(r"\gamma_D", "strength of weakening", 200.0),
        "rho_star": _p(r"\rho_*", "unstable efficacy between the two stable states", 0.5),
        "tau": _p(r"\tau", "time constant of the efficacy", 150_000.0, "ms", "150 s"),
    },
    oddities=("The noise term of the paper is left out: this library shows the mean drift.",),
)
