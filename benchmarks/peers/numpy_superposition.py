"""P3 with NumPy alone, by superposition: what linearity gives without any simulator.

Per distance four traces, each of one train seen from one spine; every delay is a shift and a sum.
"""

from __future__ import annotations

import numpy as np
import problems as p

LADDER = [{"step_ms": h} for h in (1.0, 0.5, 0.25, 0.2, 0.1)]
KIND = "eigenmodes and shifted traces; sampling (ms)"


def final_weights(c: np.ndarray, h: float) -> np.ndarray:
    """Weights after traces c, one a row, linear between samples: w -> a w + b step by step."""
    low, high = np.minimum(c[:, 1:], c[:, :-1]), np.maximum(c[:, 1:], c[:, :-1])
    gap = np.maximum(high - low, 1e-300)
    t_p = h * np.clip((high - p.THETA_P) / gap, 0.0, 1.0)
    t_d = h * np.clip((high - p.THETA_D) / gap, 0.0, 1.0) - t_p
    total = p.ETA_P + p.ETA_D
    log_a = -p.ETA_D * t_d - total * t_p
    b = p.ETA_P / total * (1.0 - np.exp(-total * t_p))
    # on the way down the time between the thresholds comes after that above both
    b *= np.where(c[:, 1:] < c[:, :-1], np.exp(-p.ETA_D * t_d), 1.0)
    after = np.cumsum(log_a[:, ::-1], axis=1)[:, ::-1]
    later = np.concatenate((after[:, 1:], np.zeros((len(c), 1))), axis=1)
    return p.W0 * np.exp(after[:, 0]) + (b * np.exp(later)).sum(axis=1)


class Peer:
    def __init__(self, scratch: object) -> None:
        pass

    def versions(self) -> dict[str, str]:
        return {"numpy": np.__version__}

    def traces(self, distance: float, h: float) -> np.ndarray:
        """[i, j]: spine i under ten spikes at 50 Hz into spine j from time 0, on 1 s."""
        problem = p.p3(0.0, distance)
        a, scale = p.symmetric(problem)
        lam, v = np.linalg.eigh(a)
        lam, n = -lam, problem.n
        read, drive = v[n:] / scale[n:, None], (v[n:] * scale[n:, None]).T
        t = np.arange(round(1000.0 / h) + 1) * h
        stay, fade = np.exp(-np.outer(lam, t)), np.exp(-t / p.TAU_J)
        one = np.empty((2, 2, t.size))
        for j in range(2):
            share = drive[:, j] / (lam - 1.0 / p.TAU_J) / p.TAU_J
            one[:, j] = np.outer(read @ share, fade) - (read * share) @ stay
        out = np.zeros_like(one)
        for k in range(10):
            late = round(20.0 * k / h)
            out[:, :, late:] += one[:, :, : t.size - late]
        return out

    def sweep(self, rung: dict[str, float]) -> dict[str, list]:
        h = rung["step_ms"]
        n = round(1000.0 / h) + 1
        first = round(p.P3_START / h)
        kept = {}
        for i, distance in enumerate(p.DISTANCES):
            traces = self.traces(float(distance), h)

            def shifted(trace: np.ndarray, by: int) -> np.ndarray:
                return np.concatenate((np.zeros(by), trace[: n - by]))

            peaks, weights = [], []
            for spine in range(2):
                own = shifted(traces[spine, 0], first)
                rows = [
                    own + shifted(traces[spine, 1], first + round(delay / h)) for delay in p.DELAYS
                ]
                c = np.array(rows)
                peaks.append(c.max(axis=1))
                weights.append(final_weights(c, h))
            for k, j in p.P3_CHECKED:
                if k == i:
                    kept[f"{k},{j}"] = [
                        [float(x[j]) for x in peaks],
                        [float(x[j]) for x in weights],
                    ]
        return kept
