"""Paired recordings in slices: the experiments that pairing protocols are compared with.

One row an experiment: what was done, and the mean EPSP ratio that came out. Beside it, where we
could read it, what the simulations of Chindemi et al. 2022 gave for it.
"""

from __future__ import annotations

from dataclasses import dataclass

MARKRAM, EGGER, SJOSTROM = "Markram et al. 1997", "Egger et al. 1999", "Sjöström et al. 2001"
RODRIGUEZ = "Rodríguez-Moreno & Paulsen 2008"
BANERJEE, ZILBERTER = "Banerjee et al. 2014", "Zilberter et al. 2009"
HAUSSER = "Sjöström & Häusser 2006"


@dataclass(frozen=True, kw_only=True)
class Recording:
    """One pairing experiment on pairs of cells, and its outcome.

    Attributes
    ----------
    name : str
    pathway : str
        From the presynaptic to the postsynaptic cell.
    source : str
    frequency_hz : float
        Of pairs within a sweep; single pairs have none, and 1 stands here.
    dt_ms : float
        t_post - t_pre.
    pairs, sweeps : int
    interval_ms : float
        Of sweeps.
    ratio, sem : float
        Mean EPSP ratio and its standard error.
    n : int
        Pairs of cells.
    cao_mM : float
        Extracellular calcium; 2.5 mM where the authors of the collection state it, 2.0 elsewhere.
    blocked : bool
        MK-801 in the presynaptic cell, which blocks its NMDA receptors.
    published : float, optional
        Mean of the published simulations.
    published_sem : float, optional
    """

    name: str
    pathway: str
    source: str
    frequency_hz: float
    dt_ms: float
    pairs: int
    sweeps: int
    interval_ms: float
    ratio: float
    sem: float
    n: int
    cao_mM: float = 2.0
    blocked: bool = False
    published: float | None = None
    published_sem: float | None = None


def _markram(
    number: int,
    frequency: float,
    dt: float,
    measured: tuple[float, float, int],
    published: tuple[float, float],
) -> Recording:
    return Recording(
        name=f"mrk97_{number:02d}",
        pathway="L5-L5",
        source=MARKRAM,
        frequency_hz=frequency,
        dt_ms=dt,
        pairs=5,
        sweeps=10,
        interval_ms=4000.0,
        ratio=measured[0],
        sem=measured[1],
        n=measured[2],
        published=published[0],
        published_sem=published[1],
    )


def _sjostrom(
    number: int,
    frequency: float,
    dt: float,
    measured: tuple[float, float, int],
    published: float | None = None,
) -> Recording:
    single = frequency < 1.0
    return Recording(
        name=f"sjs01_{number:02d}",
        pathway="L5-L5",
        source=SJOSTROM,
        frequency_hz=1.0 if single else frequency,
        dt_ms=dt,
        pairs=1 if single else 5,
        sweeps=50 if single else 15,
        interval_ms=10_000.0,
        ratio=measured[0],
        sem=measured[1],
        n=measured[2],
        cao_mM=2.5,
        published=published,
    )


def _egger(
    number: int, pathway: str, frequency: float, measured: tuple[float, float, int]
) -> Recording:
    return Recording(
        name=f"egg99_{number:02d}",
        pathway=pathway,
        source=EGGER,
        frequency_hz=frequency,
        dt_ms=10.0,
        pairs=5,
        sweeps=10,
        interval_ms=10_000.0,
        ratio=measured[0],
        sem=measured[1],
        n=measured[2],
    )


def _single(
    name: str,
    pathway: str,
    source: str,
    dt: float,
    sweeps: int,
    measured: tuple[float, float, int],
    blocked: bool = False,
    published: float | None = None,
    published_sem: float | None = None,
) -> Recording:
    """Single pairs every 5 s."""
    return Recording(
        name=name,
        pathway=pathway,
        source=source,
        frequency_hz=1.0,
        dt_ms=dt,
        pairs=1,
        sweeps=sweeps,
        interval_ms=5000.0,
        ratio=measured[0],
        sem=measured[1],
        n=measured[2],
        blocked=blocked,
        published=published,
        published_sem=published_sem,
    )


def _zilberter(
    number: int, frequency: float, dt: float, measured: tuple[float, float, int]
) -> Recording:
    return Recording(
        name=f"zlb09_{number:02d}",
        pathway="L2/3-L2/3",
        source=ZILBERTER,
        frequency_hz=frequency,
        dt_ms=dt,
        pairs=5,
        sweeps=40,
        interval_ms=5000.0,
        ratio=measured[0],
        sem=measured[1],
        n=measured[2],
    )


def _hausser(
    number: int,
    pathway: str,
    measured: tuple[float, float, int],
    published: float | None = None,
    published_sem: float | None = None,
) -> Recording:
    return Recording(
        name=f"sjh06_{number:02d}",
        pathway=pathway,
        source=HAUSSER,
        frequency_hz=50.0,
        dt_ms=10.0,
        pairs=5,
        sweeps=15,
        interval_ms=10_000.0,
        ratio=measured[0],
        sem=measured[1],
        n=measured[2],
        published=published,
        published_sem=published_sem,
    )


L5, L23, L23_L5, L4_L23, L4 = "L5-L5", "L2/3-L2/3", "L2/3-L5", "L4-L2/3", "L4-L4"

#: Names are those of the collection that comes with the authors' public code (plastyfire).
RECORDINGS: dict[str, Recording] = {
    r.name: r
    for r in (
        _markram(1, 2.0, 5.0, (0.989, 0.040, 2), (0.988, 0.031)),
        _markram(2, 5.0, 5.0, (1.016, 0.073, 5), (0.943, 0.035)),
        _markram(3, 10.0, 5.0, (1.204, 0.064, 9), (1.153, 0.052)),
        _markram(4, 20.0, 5.0, (1.369, 0.091, 11), (1.393, 0.050)),
        _markram(5, 30.0, 5.0, (1.424, 0.075, 3), (1.417, 0.050)),
        _markram(6, 40.0, 5.0, (1.501, 0.120, 4), (1.424, 0.048)),
        _markram(7, 10.0, 10.0, (1.201, 0.063, 6), (1.118, 0.044)),
        _markram(8, 10.0, -10.0, (0.792, 0.026, 6), (0.870, 0.039)),
        _sjostrom(1, 0.1, 10.0, (0.964, 0.051, 7)),
        _sjostrom(2, 10.0, 10.0, (1.152, 0.102, 6), 1.056),
        _sjostrom(3, 20.0, 10.0, (1.305, 0.139, 3), 1.251),
        _sjostrom(4, 40.0, 10.0, (1.540, 0.113, 6), 1.315),
        _sjostrom(5, 50.0, 10.0, (1.559, 0.269, 6), 1.319),
        _sjostrom(6, 0.1, -10.0, (0.682, 0.077, 7), 0.880),
        _sjostrom(7, 10.0, -10.0, (0.564, 0.108, 3), 0.816),
        _sjostrom(8, 20.0, -10.0, (0.639, 0.090, 4), 1.194),
        _sjostrom(9, 40.0, -10.0, (1.500, 0.305, 5), 1.281),
        _sjostrom(10, 50.0, -10.0, (1.692, 0.186, 10), 1.298),
        _sjostrom(11, 0.1, 0.0, (0.910, 0.139, 5)),
        _sjostrom(12, 20.0, 25.0, (0.652, 0.184, 5)),
        _sjostrom(13, 20.0, 0.0, (0.761, 0.099, 5)),
        _sjostrom(14, 20.0, -25.0, (0.705, 0.070, 5)),
        _sjostrom(15, 40.0, 0.0, (0.929, 0.038, 5)),
        _sjostrom(16, 50.0, 0.0, (0.923, 0.035, 5)),
        _sjostrom(17, 100.0, 0.0, (1.245, 0.064, 5), 1.345),
        _hausser(1, L5, (1.400, 0.060, 34)),
        _hausser(2, L23_L5, (1.060, 0.090, 19), 1.211, 0.092),
        _egger(1, L23, 20.0, (1.299, 0.082, 12)),
        _single("bnr14_01", L23, BANERJEE, -15.0, 100, (0.77, 0.07, 5), False, 0.970, 0.076),
        _single("bnr14_02", L23, BANERJEE, -15.0, 100, (0.80, 0.06, 6), True),
        _single("zlb09_01", L23, ZILBERTER, 10.0, 40, (0.64, 0.07, 6)),
        _single("zlb09_02", L23, ZILBERTER, -10.0, 40, (0.56, 0.06, 4)),
        _zilberter(3, 10.0, 10.0, (0.76, 0.07, 19)),
        _zilberter(4, 20.0, 10.0, (1.07, 0.11, 6)),
        _zilberter(5, 20.0, -10.0, (0.93, 0.07, 5)),
        _single("rmp08_01", L4_L23, RODRIGUEZ, 10.0, 100, (1.54, 0.05, 5), True),
        _single("rmp08_02", L4_L23, RODRIGUEZ, -15.0, 100, (0.76, 0.06, 6)),
        _single("rmp08_03", L4_L23, RODRIGUEZ, -15.0, 100, (1.04, 0.06, 6), True),
        _egger(2, L4, 1.0, (0.816, 0.060, 4)),
        _egger(3, L4, 10.0, (0.595, 0.060, 5)),
        _egger(4, L4, 20.0, (0.672, 0.059, 21)),
        _egger(5, L4, 50.0, (0.966, 0.066, 4)),
    )
}

#: Mean EPSP ratio of the published simulations, 100 pairs, against the frequency (Hz) of pairs
#: with the presynaptic spike 5 ms first; by extracellular calcium (mM). From the public analysis
#: files of the paper (Zenodo 5654788), as are the published means above.
PUBLISHED_CURVES: dict[float, dict[float, float]] = {
    2.0: {
        r.frequency_hz: r.published
        for r in RECORDINGS.values()
        if r.source == MARKRAM and r.dt_ms == 5.0 and r.published is not None
    }
    | {50.0: 1.440},
    1.2: dict(
        zip(
            (2.0, 5.0, 10.0, 20.0, 30.0, 40.0, 50.0),
            (1.030, 1.022, 0.994, 0.973, 1.044, 1.085, 1.122),
            strict=True,
        )
    ),
}
