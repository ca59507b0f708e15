"""A synapse with hidden thresholds, to be found by experiment.

The thresholds follow from the number of the synapse, so that a class can compare its answers. They
are made up for the game, within what bursts into the spine of the book can reach.
"""

from __future__ import annotations

import html
import json
from dataclasses import dataclass

from heterolib import checks, kernels
from heterolib.plasticity import ThresholdRule

MOST = 999  # synapses are numbered from 1
# Lowest value and range of theta_D (µM), and of theta_P over theta_D. The strides are the shares
# of the golden and of the plastic number: multiples of them fill a range evenly.
LOW_UM, SPAN_UM, STRIDE = 0.040, 0.080, 0.6180339887498949
LOW_RATIO, SPAN_RATIO, STRIDE_RATIO = 1.25, 1.0, 0.7548776662466927
FULL, NONE = 0.02, 0.5  # relative errors that give all points, and none
POINTS = 50  # per threshold


def constants() -> tuple[float, ...]:
    """What the kernels need to hide the thresholds."""
    return (STRIDE, LOW_UM, SPAN_UM, STRIDE_RATIO, LOW_RATIO, SPAN_RATIO)


def rule_of(number: int) -> ThresholdRule:
    """The hidden rule of a synapse: thresholds from its number, rates as everywhere in the book.

    Parameters
    ----------
    number : int
        From 1 to 999.

    Raises
    ------
    ValueError
        If there is no such synapse.

    Examples
    --------
    >>> rule = rule_of(1)
    >>> 0.04 <= rule.theta_d_uM < rule.theta_p_uM < 0.27
    True
    """
    n = checks.whole("number", number, 1, MOST)
    theta_d = kernels.hidden_level(float(n), STRIDE, LOW_UM, SPAN_UM)
    ratio = kernels.hidden_level(float(n), STRIDE_RATIO, LOW_RATIO, SPAN_RATIO)
    return ThresholdRule(theta_d_uM=theta_d, theta_p_uM=theta_d * ratio)


def score(number: int, theta_d_nM: float, theta_p_nM: float) -> int:
    """Points for an answer, 0 to 100: half for each threshold.

    All points for an error of up to 2 %, none from 50 % on, evenly less between.

    Parameters
    ----------
    number : int
        Of the synapse, 1 to 999.
    theta_d_nM, theta_p_nM : float
        The thresholds that were found (nM).

    Raises
    ------
    ValueError
        If there is no such synapse, or a threshold is no positive number.

    Examples
    --------
    >>> rule = rule_of(7)
    >>> score(7, 1000 * rule.theta_d_uM, 1000 * rule.theta_p_uM)
    100
    """
    told = (
        checks.number("theta_d_nM", theta_d_nM, 0.0, 1e9, low_open=True),
        checks.number("theta_p_nM", theta_p_nM, 0.0, 1e9, low_open=True),
    )
    rule = rule_of(number)
    total = 0.0
    for answer, truth in zip(told, (rule.theta_d_uM, rule.theta_p_uM), strict=True):
        error = abs(answer / (1000.0 * truth) - 1.0)
        total += POINTS * min(1.0, max(0.0, (NONE - error) / (NONE - FULL)))
    return round(total)


@dataclass(frozen=True)
class Notebook:
    """A laboratory notebook beside the explorer of the mystery synapse: records, then judges.

    It reads the explorer on the same page, so the thresholds stay where they are until an answer
    is given. In Jupyter the same is done by `score`.
    """

    name: str = "mystery-synapse"

    def _repr_html_(self) -> str:
        rules = json.dumps({"full": FULL, "none": NONE, "points": POINTS, "name": self.name})
        return (
            f"<form class='hl-predict hl-mystery' data-rules='{html.escape(rules, quote=True)}'>"
            "<p><button type='button' name='record'>Write down this experiment</button></p>"
            "<div style='overflow-x: auto'><table class='hl-records' hidden>"
            "<caption>Experiments</caption><thead><tr>"
            "<th scope='col'>pulses</th><th scope='col'>interval (ms)</th>"
            "<th scope='col'>weight</th><th scope='col'>peak calcium (nM)</th>"
            "<th scope='col'>change</th></tr></thead><tbody></tbody></table></div>"
            "<fieldset><legend>Your answer for this synapse</legend>"
            "<label>threshold of weakening (nM) "
            "<input type='number' name='theta_d' min='1' max='1000' step='0.1' required></label>"
            "<label>threshold of strengthening (nM) "
            "<input type='number' name='theta_p' min='1' max='1000' step='0.1' required></label>"
            "</fieldset><button type='submit'>Commit</button>"
            "<p role='status' aria-live='polite'></p>"
            "<noscript><p>Scripts are off here: use mystery.score in Python.</p></noscript>"
            f"</form><script>{SCRIPT}</script>"
        )


SCRIPT = """
(() => {
  const form = document.currentScript?.previousElementSibling
    || [...document.querySelectorAll('form.hl-mystery')].at(-1);
  const rules = JSON.parse(form.dataset.rules);
  const status = form.querySelector('[role=status]');
  const table = form.querySelector('table'), body = table.tBodies[0];
  let synapse = null, records = 0;
  const explorer = () => {
    const all = [...document.querySelectorAll(`[data-explorer='${rules.name}']`)];
    const state = all.map((root) => root.heterolib?.state).filter((s) => s?.found).at(-1);
    if (!state) status.textContent = 'The explorer is not alive here: use mystery.score in Python.';
    return state;
  };
  const same = (state) => {
    if (synapse === state.values.number) return;
    synapse = state.values.number;
    records = 0;
    body.replaceChildren();
  };
  form.querySelector('[name=record]').addEventListener('click', () => {
    const state = explorer();
    if (!state) return;
    same(state);
    const { pulses, pulse_interval, weight } = state.values;
    const cells = [pulses, pulse_interval, weight.toFixed(2), state.found.peak[0].toFixed(1),
      state.found.change[0].toFixed(5)];
    const row = body.insertRow();
    for (const text of cells) row.insertCell().textContent = text;
    records += 1;
    table.hidden = false;
    status.textContent = `Experiment ${records} on synapse ${synapse} written down.`;
  });
  form.addEventListener('submit', (event) => {
    event.preventDefault();
    const state = explorer();
    if (!state) return;
    same(state);
    let points = 0;
    const told = [];
    for (const [name, word] of [['theta_d', 'weakening'], ['theta_p', 'strengthening']]) {
      const truth = state.found[name][0], answer = +form.elements[name].value;
      const error = Math.abs(answer / truth - 1);
      const share = (rules.none - error) / (rules.none - rules.full);
      points += rules.points * Math.min(1, Math.max(0, share));
      told.push(`${word} begins at ${truth.toFixed(1)} nM, you said ${answer} nM`);
    }
    const cost = `${records} experiment${records === 1 ? '' : 's'} written down`;
    const result = `Synapse ${synapse}: ${Math.round(points)} of 100 points, ${cost}`;
    status.textContent = `${result}; ${told.join('; ')}.`;
  });
})();
"""
