"""Refuse bad input early, with a message that names the argument, its value and the range."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.floating[Any]]


def _say(low: float, high: float, low_open: bool) -> str:
    return f"{'(' if low_open else '['}{low:g}, {high:g}]"


def number(
    name: str,
    value: object,
    low: float,
    high: float,
    *,
    low_open: bool = False,
    infinite: bool = False,
) -> float:
    """Return `value` as a float, or say why it cannot be one.

    Parameters
    ----------
    name : str
        The argument's name, for the message.
    value : object
        What was given.
    low, high : float
        Allowed range, both ends included.
    low_open : bool
        Leave `low` itself out.
    infinite : bool
        Allow positive infinity as well.

    Raises
    ------
    ValueError
        If the value is not a real number within the range.

    Examples
    --------
    >>> number("weight", 0.5, 0.0, 1.0)
    0.5
    >>> number("weight", 1.5, 0.0, 1.0)
    Traceback (most recent call last):
        ...
    ValueError: weight is 1.5; allowed: a number in [0, 1]
    """
    allowed = f"a number in {_say(low, high, low_open)}" + (" or infinity" if infinite else "")
    bad = f"{name} is {value!r}; allowed: {allowed}"
    if isinstance(value, bool | np.bool_ | str | bytes) or value is None:
        raise ValueError(bad)
    try:
        x = float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError, OverflowError) as error:
        raise ValueError(bad) from error
    if infinite and x == math.inf:
        return x
    if not math.isfinite(x) or x < low or x > high or (low_open and x == low):
        raise ValueError(bad)
    return x


def whole(name: str, value: object, low: int, high: int) -> int:
    """Return `value` as an int within [low, high].

    Raises
    ------
    ValueError
        If it is not a whole number within the range.
    """
    x = number(name, value, low, high)
    if x != int(x):
        raise ValueError(f"{name} is {value!r}; allowed: a whole number in [{low}, {high}]")
    return int(x)


def generator(rng: object) -> np.random.Generator:
    """Return the source of random numbers, or say that it is none."""
    if not isinstance(rng, np.random.Generator):
        raise ValueError(f"rng is {rng!r}; allowed: a numpy.random.Generator")
    return rng


def choice(name: str, value: object, allowed: Sequence[str]) -> str:
    """Return `value` if it is one of `allowed`.

    Raises
    ------
    ValueError
        If it is not.
    """
    if not isinstance(value, str) or value not in allowed:
        raise ValueError(f"{name} is {value!r}; allowed: {', '.join(map(repr, allowed))}")
    return value


def vector(
    name: str, value: object, low: float, high: float, *, size: int | None = None
) -> FloatArray:
    """Return `value` as a new one-dimensional float64 array with every entry in [low, high].

    Raises
    ------
    ValueError
        If it has another shape, or an entry that is no number in the range.
    """
    length = "" if size is None else f" of {size}"
    allowed = f"a one-dimensional sequence{length} of numbers in [{low:g}, {high:g}]"

    def refused() -> ValueError:  # made only when needed: the text of a long array takes time
        return ValueError(f"{name} is {value!r}; allowed: {allowed}")

    if isinstance(value, str | bytes):
        raise refused()
    try:
        x = np.array(value)
    except (TypeError, ValueError) as error:
        raise refused() from error
    if x.size == 0 and x.ndim == 1:
        x = np.zeros(0)
    if x.dtype.kind not in "iuf" or x.ndim != 1 or (size is not None and x.size != size):
        raise refused()
    x = x.astype(np.float64)
    wrong = ~((x >= low) & (x <= high))
    if wrong.any():
        i = int(np.flatnonzero(wrong)[0])
        raise ValueError(f"{name}[{i}] is {x[i]}; allowed: {allowed}")
    return x


def numbers(name: str, value: object) -> FloatArray:
    """Return `value` as a float64 array of any shape, all finite.

    Raises
    ------
    ValueError
        If it is not made of real numbers.
    """
    bad = f"{name} is {value!r}; allowed: a number or an array of numbers"
    try:
        x = np.asarray(value)
    except (TypeError, ValueError) as error:
        raise ValueError(bad) from error
    if x.size == 0 and x.ndim == 1:
        return np.zeros(0)
    if x.dtype.kind not in "iuf" or not np.isfinite(x).all():
        raise ValueError(bad)
    return x.astype(np.float64)


def spike_trains(name: str, trains: object, size: int) -> tuple[FloatArray, ...]:
    """Return one sorted array of spike times (ms, >= 0) per spine.

    Raises
    ------
    ValueError
        If the number of trains is not `size`, or times are negative, not finite or unsorted.
    """
    try:
        count = -1 if isinstance(trains, str | bytes) else len(trains)  # type: ignore[arg-type]
    except TypeError:
        count = -1
    if count < 0:
        raise ValueError(f"{name} is {trains!r}; allowed: {size} sequences of times, one a spine")
    if count != size:
        raise ValueError(
            f"{name} holds {count} trains; allowed: {size}, one a spine (empty ones too)"
        )
    return tuple(train(f"{name}[{i}]", t) for i, t in enumerate(trains))  # type: ignore[arg-type,var-annotated]


def train(name: str, value: object) -> FloatArray:
    """Return one sorted array of times (ms, >= 0).

    Raises
    ------
    ValueError
        If times are negative, not finite or unsorted.
    """
    t = vector(name, value, 0.0, 1e9)
    late = np.flatnonzero(np.diff(t) < 0)
    if late.size:
        j = int(late[0]) + 1
        raise ValueError(
            f"{name}[{j}] is {t[j]}, after {t[j - 1]}; allowed: times in ascending order"
        )
    return t


def steps(name: str, duration_ms: float, step_ms: float) -> int:
    """Return how many steps make up the duration.

    Raises
    ------
    ValueError
        If the step does not divide the duration.
    """
    n = round(duration_ms / step_ms)
    if n < 1 or abs(n * step_ms - duration_ms) > 1e-9 * duration_ms:
        raise ValueError(
            f"{name} is {duration_ms:g}; allowed: a whole number of steps of {step_ms:g} ms"
        )
    return n


def wholes(name: str, value: object, low: int, high: int) -> list[int]:
    """Return `value` as a list of ints within [low, high].

    Raises
    ------
    ValueError
        If it is no one-dimensional sequence of whole numbers within the range.
    """
    flat = isinstance(value, Sequence) or (isinstance(value, np.ndarray) and value.ndim == 1)
    if not flat or isinstance(value, str | bytes):
        raise ValueError(
            f"{name} is {value!r}; allowed: a sequence of whole numbers in [{low}, {high}]"
        )
    return [whole(f"{name}[{k}]", x, low, high) for k, x in enumerate(value)]  # type: ignore[arg-type,var-annotated]


def order(name: str, value: object, size: int | None = None) -> tuple[int, ...]:
    """Return `value` as a tuple that holds each of 0, 1, ..., n - 1 once.

    Raises
    ------
    ValueError
        If it does not.

    Examples
    --------
    >>> order("order", [2, 0, 1])
    (2, 0, 1)
    """
    count = "" if size is None else f" up to {size - 1}"
    bad = f"{name} is {value!r}; allowed: each of 0, 1, ...{count} once"
    try:
        found = wholes(name, value, 0, 1_000_000)
    except ValueError as error:
        raise ValueError(bad) from error
    if not found or sorted(found) != list(range(len(found) if size is None else size)):
        raise ValueError(bad)
    return tuple(found)
