"""One result in other people's conventions: a switch that changes figure and equation together.

Everything is drawn beforehand, one figure per pair of sign and unit, one equation per notation. The
script only shows one of each, so the switch works on a page without a kernel and in Jupyter, and
without scripts the conventions of this book are shown.
"""

from __future__ import annotations

import html
from dataclasses import dataclass
from typing import Any

from heterolib import plots
from heterolib.explore import figure
from heterolib.explore.catalogue import EXPLORERS
from heterolib.parameters import SHAFIEE_2026 as S

NAME = "timing-window"
SIGNS = {"second": "t₂ − t₁ (this book)", "first": "t₁ − t₂"}
UNITS = {"nM": "nM (this book)", "µM": "µM"}
NOTATIONS = {
    "book": "two thresholds (this book)",
    "graupner": "Graupner & Brunel 2012",
    "shouval": "Shouval et al. 2002",
}
PER_UM = {"nM": plots.NM_PER_UM, "µM": 1.0}


def turned(sign: str, delays: Any) -> Any:
    """Delays in a sign convention.

    Examples
    --------
    >>> turned("first", 15.0)
    -15.0
    """
    return delays if sign == "second" else -delays


def picture(sign: str, unit: str) -> tuple[str, str]:
    """The figure in a sign and a unit, as a data address, and what it shows in words."""
    found = EXPLORERS[NAME].run()
    scale = PER_UM[unit] / plots.NM_PER_UM  # explorers show nM
    theta_d, theta_p = PER_UM[unit] * S["theta_d"], PER_UM[unit] * S["theta_p"]
    fig, (top, bottom) = plots.figure(2, 2.3)
    for s in (0, 1):
        y = found[f"calcium_{s + 1}"] * scale
        top.semilogy(found["t"], y, label=f"spine {s + 1}", **plots.line_style(s))
        x = turned(sign, found["delays"])
        bottom.plot(x, found[f"window_{s + 1}"], label=f"spine {s + 1}", **plots.line_style(s))
    top.set(xlabel="time (ms)", ylabel=f"calcium ({unit})", ylim=(theta_d / 30.0, None))
    top.set_xlim(0.0, 150.0)
    plots.bands(top, theta_d, theta_p)
    label = "t₂ − t₁" if sign == "second" else "t₁ − t₂"
    bottom.axhline(0.0, color="0.4", linewidth=0.8)
    bottom.set(xlabel=f"delay, {label} (ms)", ylabel="change of weight")
    bottom.legend(loc="best")
    lowest = found["delays"][found["window_1"].argmin()]
    words = (
        f"Top: calcium of two spines against time in {unit}, thresholds at {theta_d:g} and "
        f"{theta_p:g} {unit}. Bottom: change of weight against the delay {label}; spine 1 weakens "
        f"most at {turned(sign, lowest):g} ms, spine 2 at {-turned(sign, lowest):g} ms."
    )
    address = figure.data_uri(figure.png(fig))
    return address, words


def equation(notation: str, sign: str, unit: str) -> str:
    """The rule in a notation, with the numbers of a unit and the delay of a sign, as HTML."""
    d, p = (f"{PER_UM[unit] * S[name]:g} {unit}" for name in ("theta_d", "theta_p"))
    up, down = f"{S['gamma_p']:g} /s", f"{S['gamma_d']:g} /s"
    delay = "<i>t</i><sub>2</sub> − <i>t</i><sub>1</sub>"
    if sign == "first":
        delay = "<i>t</i><sub>1</sub> − <i>t</i><sub>2</sub>"
    rule = {
        "book": (
            "d<i>w</i>/d<i>t</i> = γ<sub>P</sub> (1 − <i>w</i>) H(<i>C</i> − θ<sub>P</sub>) − "
            "γ<sub>D</sub> <i>w</i> H(<i>C</i> − θ<sub>D</sub>)",
            f"γ<sub>P</sub> = {up}, γ<sub>D</sub> = {down}, "
            f"θ<sub>P</sub> = {p}, θ<sub>D</sub> = {d}",
        ),
        "graupner": (
            "τ d<i>ρ</i>/d<i>t</i> = γ<sub>p</sub> (1 − <i>ρ</i>) Θ[<i>c</i> − θ<sub>p</sub>] − "
            "γ<sub>d</sub> <i>ρ</i> Θ[<i>c</i> − θ<sub>d</sub>]",
            f"γ<sub>p</sub>/τ = {up}, γ<sub>d</sub>/τ = {down}, "
            f"θ<sub>p</sub> = {p}, θ<sub>d</sub> = {d}; "
            "the bistable and the noise term of that paper are left out",
        ),
        "shouval": (
            "d<i>W</i>/d<i>t</i> = η([Ca]) (Ω([Ca]) − <i>W</i>)",
            f"η = 0, Ω of no effect up to {d}; η = {down}, Ω = 0 from {d} to {p}; "
            f"η = {S['gamma_p'] + S['gamma_d']:g} /s, "
            f"Ω = {S['gamma_p'] / (S['gamma_p'] + S['gamma_d']):.3f} above {p}; "
            "in that paper both are smooth",
        ),
    }[notation]
    line, numbers = rule
    return f"<p class='hl-equation'>{line}</p><p>{numbers}. Δ<i>t</i> = {delay}.</p>"


@dataclass(frozen=True)
class Conventions:
    """The switch, for a notebook cell."""

    def _repr_html_(self) -> str:
        esc = html.escape
        fields = []
        for name, legend, options in (
            ("sign", "Sign of the delay", SIGNS),
            ("unit", "Unit of calcium", UNITS),
            ("notation", "Notation of the rule", NOTATIONS),
        ):
            radios = "".join(
                f"<label><input type='radio' name='{name}' value='{esc(key)}'"
                f"{' checked' if i == 0 else ''}> {esc(text)}</label>"
                for i, (key, text) in enumerate(options.items())
            )
            fields.append(f"<fieldset><legend>{legend}</legend>{radios}</fieldset>")
        blocks = []
        for i, sign in enumerate(SIGNS):
            for j, unit in enumerate(UNITS):
                address, words = picture(sign, unit)
                hidden = " hidden" if i or j else ""
                blocks.append(
                    f"<div data-sign='{sign}' data-unit='{unit}'{hidden}>"
                    f"<img src='{address}' alt='{esc(words, quote=True)}'></div>"
                )
                for k, notation in enumerate(NOTATIONS):
                    hidden = " hidden" if i or j or k else ""
                    blocks.append(
                        f"<div data-sign='{sign}' data-unit='{unit}' "
                        f"data-notation='{notation}'{hidden}>{equation(notation, sign, unit)}</div>"
                    )
        return (
            f"<form class='hl-predict hl-conventions'>{''.join(fields)}"
            f"<div role='status' aria-live='polite'>{''.join(blocks)}</div></form>"
            f"<script>{SCRIPT}</script>"
        )


SCRIPT = """
(() => {
  for (const form of document.querySelectorAll('form.hl-conventions')) {
    const show = () => {
      const now = Object.fromEntries(new FormData(form));
      for (const block of form.querySelectorAll('[data-sign]')) {
        block.hidden = Object.entries(block.dataset).some(([key, value]) => now[key] !== value);
      }
    };
    form.addEventListener('change', show);
    form.addEventListener('submit', (event) => event.preventDefault());
    show();
  }
})();
"""
