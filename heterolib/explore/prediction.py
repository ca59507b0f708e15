"""Predict before you run: a question with a place to commit an answer.

The same markup works on the built page and in Jupyter. The answer stays in the reader's
browser; it is judged after it was committed.
"""

from __future__ import annotations

import hashlib
import html
import json
from collections.abc import Sequence
from dataclasses import dataclass

from heterolib import checks


@dataclass(frozen=True)
class Prediction:
    """A question, its options, and the answer that the model gave.

    Parameters
    ----------
    question : str
    options : sequence of str
    answer : int
        Index of the right option: computed, never typed in.
    because : str
        Shown after the reader has committed.

    Raises
    ------
    ValueError
        If there are fewer than two options or `answer` is not one of them.

    Examples
    --------
    >>> p = Prediction("Does it grow?", ("yes", "no"), 1, "Calcium stays low.")
    >>> "Calcium stays low." in p._repr_html_()
    True
    """

    question: str
    options: Sequence[str]
    answer: int
    because: str

    def __post_init__(self) -> None:
        allowed = "allowed: two or more answers, each a text"
        try:
            options = () if isinstance(self.options, str) else tuple(self.options)
        except TypeError as error:
            raise ValueError(f"options is {self.options!r}; {allowed}") from error
        if len(options) < 2 or not all(isinstance(text, str) for text in options):
            raise ValueError(f"options is {self.options!r}; {allowed}")
        object.__setattr__(self, "options", options)
        checks.whole("answer", self.answer, 0, len(self.options) - 1)

    def _repr_html_(self) -> str:
        esc = html.escape
        key = "hl-" + hashlib.sha256(self.question.encode()).hexdigest()[:10]
        options = "".join(
            f"<label><input type='radio' name='{key}' value='{i}'> {esc(text)}</label>"
            for i, text in enumerate(self.options)
        )
        right = json.dumps(
            {
                "answer": int(self.answer),
                "text": self.options[int(self.answer)],
                "why": self.because,
            }
        )
        told = f"The model says: {esc(self.options[int(self.answer)])}. {esc(self.because)}"
        return (
            f"<form class='hl-predict' id='{key}' data-key='{esc(right, quote=True)}'>"
            f"<fieldset><legend>{esc(self.question)}</legend>{options}</fieldset>"
            "<button type='submit'>Commit</button><p role='status' aria-live='polite'></p>"
            f"<noscript><details><summary>Answer</summary><p>{told}</p></details></noscript>"
            f"</form><script>{SCRIPT.replace('KEY', key)}</script>"
        )


def predict(question: str, options: Sequence[str], answer: int, because: str) -> Prediction:
    """A `Prediction`, as the last line of a notebook cell."""
    return Prediction(question, options, answer, because)


SCRIPT = """
(() => {
  const form = document.getElementById('KEY');
  const right = JSON.parse(form.dataset.key);
  const status = form.querySelector('[role=status]');
  const judge = (i) => {
    for (const r of form.querySelectorAll('input')) {
      r.disabled = true;
      r.checked = +r.value === i;
    }
    form.querySelector('button').hidden = true;
    const good = i === right.answer;
    form.dataset.judged = good ? 'right' : 'other';
    status.textContent = (good ? 'As you predicted: ' : 'The model says otherwise: ')
      + right.text + '. ' + right.why;
  };
  let kept = null;
  try { kept = localStorage.getItem('KEY'); } catch (e) { /* storage may be off */ }
  if (kept !== null && +kept >= 0 && +kept < form.querySelectorAll('input').length) judge(+kept);
  form.addEventListener('submit', (event) => {
    event.preventDefault();
    const chosen = form.querySelector('input:checked');
    if (!chosen) { status.textContent = 'Choose one answer first.'; return; }
    try { localStorage.setItem('KEY', chosen.value); } catch (e) { /* judged all the same */ }
    judge(+chosen.value);
  });
})();
"""
