"""Explorers and predictions for the chapters.

>>> from heterolib import explore
>>> sorted(explore.EXPLORERS)[0]
'calcium-decides'
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Any

from heterolib.explore import figure, notebook, page
from heterolib.explore.catalogue import EXPLORERS
from heterolib.explore.model import Explorer
from heterolib.explore.prediction import Prediction, predict

__all__ = ["EXPLORERS", "Explorer", "Prediction", "Shown", "draw", "predict", "show", "widget"]

draw = figure.draw


# Set by the book's Sphinx extension: only then is the page's form of an explorer made.
BOOK = "HETEROLIB_BOOK"


@dataclass
class Shown:
    """An explorer as a notebook cell shows it: a widget in Jupyter, alive on the built page."""

    explorer: Explorer

    def _repr_mimebundle_(self, **_kwargs: object) -> Any:
        words = self.explorer.summary(self.explorer.run())
        if os.environ.get(BOOK):
            return {"text/html": page.markup(self.explorer), "text/plain": words}
        return notebook.widget(self.explorer)._repr_mimebundle_()


def widget(name: str) -> Any:
    """The explorer of a chapter as a Jupyter widget, to keep and to steer from Python.

    Each control is a trait: ``w = explore.widget("two-spines"); w.pulses = 7; w.summary``.

    Parameters
    ----------
    name : str
        One of `EXPLORERS`.

    Raises
    ------
    ValueError
        If there is no such explorer.
    """
    return notebook.widget(show(name).explorer)


def show(name: str) -> Shown:
    """The explorer of a chapter, as the last line of a notebook cell.

    Parameters
    ----------
    name : str
        One of `EXPLORERS`.

    Raises
    ------
    ValueError
        If there is no such explorer.
    """
    if name not in EXPLORERS:
        raise ValueError(f"name is {name!r}; allowed: {', '.join(EXPLORERS)}")
    return Shown(EXPLORERS[name])
