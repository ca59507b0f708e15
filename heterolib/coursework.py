"""Numbers of one's own for a problem set, and checks of answers that say what is wrong.

Each student's numbers follow from the name of the problem set and the student's id, so that
answers differ between students and can be worked out anew whenever they are marked.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np

from heterolib import checks

AUTOGRADED = "autograded"  # nbgrader runs a hand-in in autograded/STUDENT/PROBLEM-SET
MOST_STEPS = 10_000_000


def _draw(key: str, size: int) -> int:
    """A whole number below `size` that follows from the text of `key`."""
    return int.from_bytes(hashlib.sha256(key.encode()).digest()[:8], "big") % size


def _text(name: str, value: object, meaning: str) -> str:
    if not isinstance(value, str) or not value.strip():
        raise ValueError(f"{name} is {value!r}; allowed: {meaning}")
    return value.strip()


class Numbers(Mapping[str, Any]):
    """Values by name; also as attributes. They cannot be changed.

    Made by `numbers`.

    Examples
    --------
    >>> mine = numbers("one-spine", "ada", weight=(0.1, 0.9, 0.1))
    >>> mine["weight"] == mine.weight
    True
    """

    def __init__(self, values: Mapping[str, Any]) -> None:
        if not isinstance(values, Mapping) or not all(isinstance(k, str) for k in values):
            raise ValueError(f"values is {values!r}; allowed: values by name")
        object.__setattr__(self, "_values", MappingProxyType(dict(values)))

    def __getitem__(self, name: str) -> Any:
        return self.__dict__["_values"][name]

    def __iter__(self) -> Iterator[str]:
        return iter(self.__dict__["_values"])

    def __len__(self) -> int:
        return len(self.__dict__["_values"])

    def __getattr__(self, name: str) -> Any:
        try:
            return self.__dict__["_values"][name]
        except KeyError:
            raise AttributeError(f"no number {name!r}; there are: {', '.join(self)}") from None

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError("these numbers are yours and cannot be changed")

    def __delattr__(self, name: str) -> None:
        raise AttributeError("these numbers are yours and cannot be changed")

    def __repr__(self) -> str:
        return "\n".join(f"{name} = {value!r}" for name, value in self.items())


def numbers(problem_set: str, student: str, **ranges: Sequence[Any]) -> Numbers:
    """One student's numbers for one problem set.

    Parameters
    ----------
    problem_set : str
        Its name.
    student : str
        The student's id; capitals and spaces around it do not matter.
    **ranges : sequence
        By name: three numbers (low, high, step), or a list of two or more choices.

    Returns
    -------
    Numbers
        The same values for the same names, whatever else is asked for.

    Raises
    ------
    ValueError
        If an argument is not as described, or if the notebook is being marked and another
        student handed it in.

    Examples
    --------
    >>> numbers("one-spine", "ada", weight=(0.1, 0.9, 0.1), panel=["A", "B"])
    weight = 0.8
    panel = 'A'
    >>> numbers("one-spine", "grace", weight=(0.1, 0.9, 0.1)).weight
    0.9
    """
    name = _text("problem_set", problem_set, "the name of a problem set")
    who = _text("student", student, "your student id, a text such as 'ada'")
    here = Path.cwd()
    if here.parent.parent.name == AUTOGRADED and here.parent.name.casefold() != who.casefold():
        raise ValueError(
            f"student is {who!r}, but {here.parent.name!r} handed this in; "
            "allowed: the id of the student who hands in"
        )
    values: dict[str, Any] = {}
    for key, given in ranges.items():
        seed = f"{name}\n{who.casefold()}\n{key}"
        if isinstance(given, list):
            if len(given) < 2:
                raise ValueError(f"{key} is {given!r}; allowed: two or more choices")
            values[key] = given[_draw(seed, len(given))]
            continue
        if not isinstance(given, tuple) or len(given) != 3:
            raise ValueError(f"{key} is {given!r}; allowed: (low, high, step) or a list of choices")
        low = checks.number(f"{key}[0]", given[0], -1e12, 1e12)
        high = checks.number(f"{key}[1]", given[1], low, 1e12, low_open=True)
        step = checks.number(f"{key}[2]", given[2], 0.0, high - low, low_open=True)
        count = math.floor((high - low) / step + 1e-9) + 1
        if count > MOST_STEPS:
            raise ValueError(f"{key} is {given!r}; allowed: at most {MOST_STEPS} steps")
        value = low + step * _draw(seed, count)
        whole = all(isinstance(x, int) for x in given)
        # twelve digits drop what adding up steps leaves behind
        values[key] = round(value) if whole else float(f"{value:.12g}")
    return Numbers(values)


def check(
    name: str,
    value: object,
    expected: object,
    *,
    relative: float = 0.01,
    absolute: float = 0.0,
) -> None:
    """Compare an answer with what was expected; the message does not tell the answer.

    Parameters
    ----------
    name : str
        What the answer is called in the notebook.
    value : number or array_like
        The answer.
    expected : number or array_like
    relative, absolute : float
        How far off it may be, as in `numpy.isclose`.

    Raises
    ------
    AssertionError
        If the answer is no number, has another shape, or is too far off.
    ValueError
        If one of the other arguments is not as described.

    Examples
    --------
    >>> check("w_end", 0.6, 0.601)
    >>> check("w_end", 0.7, 0.601)
    Traceback (most recent call last):
        ...
    AssertionError: w_end is 0.7, which is not right to within 1 %
    """
    label = _text("name", name, "the name of the answer")
    want = checks.numbers("expected", expected)
    rtol = checks.number("relative", relative, 0.0, 10.0)
    atol = checks.number("absolute", absolute, 0.0, 1e12)
    try:
        got = np.asarray(value, dtype=np.float64)
    except (TypeError, ValueError):
        raise AssertionError(f"{label} is {value!r}: give a number") from None
    if got.shape != want.shape:
        raise AssertionError(
            f"{label} has the shape {got.shape}, which should be {want.shape}"
            if want.ndim
            else f"{label} is {value!r}: give one number"
        )
    if not np.isclose(got, want, rtol=rtol, atol=atol).all():
        margin = " or ".join(
            [f"{100 * rtol:g} %"] * (rtol > 0 or atol == 0) + [f"{atol:g}"] * (atol > 0)
        )
        said = f"is {got:.6g}" if got.ndim == 0 else "has values"
        raise AssertionError(
            f"{label} {said}, which is not right to within {margin}"
            if got.ndim == 0
            else f"{label} {said} that are not right to within {margin}"
        )
