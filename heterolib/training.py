"""Training on an order of inputs: what the studies of figure 5 and of many inputs share."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from heterolib import checks, protocols
from heterolib.batch import simulate_many
from heterolib.branch import Branch
from heterolib.parameters import SHAFIEE_2026
from heterolib.plasticity import ThresholdRule
from heterolib.reduced import Runs
from heterolib.spine import PUBLISHED

S = SHAFIEE_2026.variant("figure 5")
MOST_REPETITIONS = 100_000
INPUT_MS = S["sequence_pulses"] * S["sequence_pulse_interval"]  # one input lasts so long


@dataclass(frozen=True)
class Training:
    """One protocol of training: figure 5 with other delays and repetitions."""

    delay_ms: float
    repetitions: int
    every_ms: float

    @classmethod
    def of(cls, delay_ms: object, repetitions: object, every_ms: object) -> Training:
        """Check the arguments.

        Raises
        ------
        ValueError
            If one lies outside its range.
        """
        return cls(
            checks.number("delay_ms", delay_ms, 0.0, 1000.0),
            checks.whole("repetitions", repetitions, 0, MOST_REPETITIONS),
            checks.number("every_ms", every_ms, INPUT_MS, 1e5),
        )

    def trains(self, order: Sequence[int]) -> tuple[checks.FloatArray, ...]:
        """The spike times of each spine."""
        return protocols.sequence(order, self.delay_ms, self.repetitions, self.every_ms)

    def duration_ms(self, n_inputs: int = 2) -> float:
        """Until calcium has gone: the pause after the last presentation is the published one."""
        start, every, count = (S[f"sequence_{k}"] for k in ("start", "interval", "repetitions"))
        pause = S["sequence_duration"] - start - every * count
        late = max((n_inputs - 1) * self.delay_ms - self.every_ms, 0.0)
        return start + self.every_ms * self.repetitions + late + pause


def rule_of_figure_5(rule: object) -> ThresholdRule:
    """The rule given, or that of figure 5 for None.

    Raises
    ------
    ValueError
        If it is no ThresholdRule.
    """
    if rule is None:
        return ThresholdRule.of(S)
    if not isinstance(rule, ThresholdRule):
        raise ValueError(f"rule is {rule!r}; allowed: a ThresholdRule or None")
    return rule


def step_of(scheme: str, step_ms: float | None) -> float:
    """The step given, or the default of the scheme (ms).

    Raises
    ------
    ValueError
        If it lies outside its range.
    """
    default = S["time_step" if scheme == PUBLISHED else "converged_step"]
    return checks.number("step_ms", default if step_ms is None else step_ms, 1e-6, 1e3)


def learn(
    branch: Branch,
    trainings: Sequence[Training],
    order: Sequence[int],
    rule: ThresholdRule,
    weight: float,
    scheme: str,
    h: float,
    extra: Sequence[checks.FloatArray] | None = None,
) -> Runs:
    """The runs of all trainings on one branch; `extra` spikes join the trains of each spine."""
    trains = [t.trains(order) for t in trainings]
    if extra is not None:
        trains = [
            tuple(np.sort(np.concatenate((a, b))) for a, b in zip(one, extra, strict=True))
            for one in trains
        ]
    duration = max(t.duration_ms(len(order)) for t in trainings)
    return simulate_many(
        branch,
        trains,
        [rule],
        math.ceil(duration / h - 1e-9) * h,
        weights=weight,
        scheme=scheme,
        step_ms=h,
    )


def input_starts(delay_ms: float, order: Sequence[int]) -> checks.FloatArray:
    """When the input of each spine begins in one presentation."""
    start = S["sequence_start"]
    return np.asarray(start + delay_ms * np.argsort(np.asarray(order)))
