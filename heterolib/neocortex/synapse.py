"""One synapse onto a neocortical pyramidal cell, from release to lasting change.

Release opens AMPA and NMDA channels. Calcium enters the spine through NMDA and R-type channels
and leaves within 12 ms; its slow integral c* is compared with two thresholds; these drive the
efficacy rho, which has two stable states; rho sets the targets towards which the probability of
release and the AMPA conductance drift (Chindemi et al. 2022).

    g_A = G sum_k (n_k/N) K_A(t - t_k),   g_N = G_N B(V) sum_k (n_k/N) K_N(t - t_k)
    [Ca]' = -eta (s g_N (V - 40 mV) + g_V m² h (V - E_Ca)) / (2 F X) - ([Ca] - [Ca]_r) / tau_Ca
    c*' = -c*/tau_* + [Ca] - [Ca]_r
    tau rho' = -rho (1-rho) (1/2-rho) + gamma_p (1-rho) H(c*-theta_p) - gamma_d rho H(c*-theta_d)
    tau_e U' = U_d + rho (U_p - U_d) - U,   and the same for G

The spine is a volume on the dendrite: it has the dendrite's voltage and no neck.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar

import numpy as np
import numpy.typing as npt

from heterolib import checks
from heterolib.checks import FloatArray
from heterolib.neocortex import kernels
from heterolib.parameters import CHINDEMI_2022 as C

if TYPE_CHECKING:
    import pandas as pd

LOCATIONS = ("basal", "apical")
MODES = {"stochastic": kernels.STOCHASTIC, "full": kernels.FULL, "mean": kernels.MEAN}
UM_PER_MM = 1000.0  # µM in one mM
GAP_STEP_MS = 1000.0  # longest step of a silent time; the efficacy moves within 70 s
SILENT = 1e-9  # relative size below which fast variables count as settled
MOST_SITES = 1000

CAO_RANGE = (0.1, 10.0)  # mM


def _cao(value: object) -> float:
    return checks.number("cao_mM", value, *CAO_RANGE)


def nmda_calcium_share(cao_mM: float) -> float:
    """Share s of the NMDA conductance that carries calcium into the spine, by [Ca]o (mM).

    Examples
    --------
    >>> [round(nmda_calcium_share(c), 4) for c in (1.2, 2.0)]
    [0.0314, 0.0505]
    """
    return float(
        kernels.nmda_calcium_share(
            _cao(cao_mM),
            C["nmda_calcium_scale"],
            C["nmda_calcium_permeability"],
            C["nmda_monovalent"],
        )
    )


def release_scaling(cao_mM: float) -> float:
    """Factor on the utilisation of release at another extracellular calcium than 2 mM.

    Above 2 mM it exceeds 1; the utilisation itself stops at 1.

    Examples
    --------
    >>> [round(release_scaling(c), 3) for c in (1.2, 2.0, 2.5)]
    [0.158, 1.0, 1.876]
    """
    return float(
        kernels.release_factor(
            _cao(cao_mM), C["release_hill"], C["release_half"], C["release_reference"]
        )
    )


def efficacy_relaxed(
    rho0: float, t_ms: npt.ArrayLike, tau_ms: float = C["tau_efficacy"]
) -> FloatArray:
    """Efficacy a time t after its calcium integral fell below both thresholds, in closed form.

    With x = rho - 1/2:  x(t) = sign(x0)/2 / sqrt(1 + (1/(4 x0²) - 1) exp(-t / (2 tau))).

    Parameters
    ----------
    rho0 : float
        Start, in [0, 1].
    t_ms : array_like
        Times (ms), at least 0.
    tau_ms : float

    Raises
    ------
    ValueError
        If an argument lies outside its range.

    Examples
    --------
    >>> efficacy_relaxed(0.6, [0.0, 891e3]).round(2).tolist()
    [0.6, 0.99]
    """
    rho = checks.number("rho0", rho0, 0.0, 1.0)
    tau = checks.number("tau_ms", tau_ms, 1.0, 1e9)
    t = checks.numbers("t_ms", t_ms)
    if (t < 0.0).any():
        raise ValueError(f"t_ms holds {t.min():g}; allowed: numbers of at least 0")
    if rho in (0.0, 0.5, 1.0):
        return np.full(t.shape, rho)
    x = rho - 0.5
    y = 0.5 / np.sqrt(1.0 + (0.25 / (x * x) - 1.0) * np.exp(-t / (2.0 * tau)))
    return np.asarray(0.5 + math.copysign(1.0, x) * y)


@dataclass(frozen=True, kw_only=True)
class EfficacyRule:
    """When calcium strengthens and weakens, and how fast. Defaults: the published fit.

    Parameters
    ----------
    tau_star_ms : float
        Decay time of the calcium integral c* (ms).
    gamma_d, gamma_p : float
        Strength of weakening and of strengthening.
    tau_ms : float
        Time constant of the efficacy (ms).
    tau_expression_ms : float
        Time constant with which release and conductance follow (ms); infinity: they never do.
    basal, apical : tuple of four float
        p1, p2, p3, p4 of  theta_d = p1 c_pre + p2 c_post  and  theta_p = p3 c_pre + p4 c_post.

    Raises
    ------
    ValueError
        If a value lies outside its range.

    Examples
    --------
    >>> rule = EfficacyRule()
    >>> [round(theta, 1) for theta in rule.thresholds(60.0, 1.0, "basal")]
    [62.1, 72.0]
    """

    tau_star_ms: float = C["integrator_decay"]
    gamma_d: float = C["gamma_d"]
    gamma_p: float = C["gamma_p"]
    tau_ms: float = C["tau_efficacy"]
    tau_expression_ms: float = C["tau_expression"]
    basal: tuple[float, float, float, float] = (
        C["basal_d_pre"],
        C["basal_d_post"],
        C["basal_p_pre"],
        C["basal_p_post"],
    )
    apical: tuple[float, float, float, float] = (
        C["apical_d_pre"],
        C["apical_d_post"],
        C["apical_p_pre"],
        C["apical_p_post"],
    )

    def __post_init__(self) -> None:
        checks.number("tau_star_ms", self.tau_star_ms, 1.0, 1e6)
        checks.number("gamma_d", self.gamma_d, 0.0, 1e6)
        checks.number("gamma_p", self.gamma_p, 0.0, 1e6)
        checks.number("tau_ms", self.tau_ms, 1.0, 1e9)
        checks.number("tau_expression_ms", self.tau_expression_ms, 1.0, 1e9, infinite=True)
        for name in LOCATIONS:
            p = checks.vector(name, getattr(self, name), 0.0, 1e3, size=4)
            object.__setattr__(self, name, tuple(float(x) for x in p))

    def thresholds(
        self, c_pre_uM_ms: float, c_post_uM_ms: float, location: str = "basal"
    ) -> tuple[float | None, float | None]:
        """theta_d and theta_p (µM ms) from the peaks of c* that one spike of either side causes.

        Where theta_d would reach theta_p, the published code switches plasticity off: (None,
        None).

        Parameters
        ----------
        c_pre_uM_ms : float
            Peak of c* after one presynaptic spike that releases everything.
        c_post_uM_ms : float
            Peak of c* after one postsynaptic action potential.
        location : {"basal", "apical"}

        Raises
        ------
        ValueError
            If an argument lies outside its range.
        """
        c_pre = checks.number("c_pre_uM_ms", c_pre_uM_ms, 0.0, 1e9)
        c_post = checks.number("c_post_uM_ms", c_post_uM_ms, 0.0, 1e9)
        p1, p2, p3, p4 = getattr(self, checks.choice("location", location, LOCATIONS))
        theta_d, theta_p = p1 * c_pre + p2 * c_post, p3 * c_pre + p4 * c_post
        return (None, None) if theta_d >= theta_p else (theta_d, theta_p)


@dataclass(frozen=True, kw_only=True)
class Synapse:
    """Physiology of one synapse. Defaults: the synapse of the reference runs.

    The ends of the expression are its release and conductance when the efficacy has long been 0
    (weak) and 1 (strong). `drawn` makes them from one measured value, as the paper does.

    Parameters
    ----------
    g_ampa_weak_nS, g_ampa_strong_nS : float
        AMPA conductance (nS).
    use_weak, use_strong : float
        Utilisation of release at 2 mM extracellular calcium, in [0, 1].
    g_nmda_nS : float
        NMDA conductance without block (nS). It is not plastic.
    sites : int
        Release sites N; each holds one vesicle.
    depression_ms, facilitation_ms : float
        Recovery time of a site, decay time of facilitation (ms).
    volume_um3 : float
        Of the spine (µm³).
    ampa_decay_ms : float

    Raises
    ------
    ValueError
        If a value lies outside its range.

    Examples
    --------
    >>> s = Synapse.drawn(g_ampa_nS=1.0, use=0.5, rho0=1)
    >>> s.g_ampa_weak_nS, s.use_weak
    (0.5, 0.03125)
    >>> round(Synapse(volume_um3=0.087).g_vdcc_nS, 4)
    0.0706
    """

    g_ampa_weak_nS: float = C["g"]
    g_ampa_strong_nS: float = C["g"] * C["ampa_factor"]
    use_weak: float = C["u"]
    use_strong: float = C["u"] ** C["use_exponent"]
    g_nmda_nS: float = C["g_nmda"]
    sites: int = int(C["sites"])
    depression_ms: float = C["d"]
    facilitation_ms: float = C["f"]
    volume_um3: float = C["x"]
    ampa_decay_ms: float = C["ampa_decay"]

    def __post_init__(self) -> None:
        for name in ("g_ampa_weak_nS", "g_ampa_strong_nS", "g_nmda_nS"):
            checks.number(name, getattr(self, name), 0.0, 1e4)
        for name in ("use_weak", "use_strong"):
            checks.number(name, getattr(self, name), 0.0, 1.0)
        object.__setattr__(self, "sites", checks.whole("sites", self.sites, 1, MOST_SITES))
        checks.number("depression_ms", self.depression_ms, 0.001, 1e7)
        checks.number("facilitation_ms", self.facilitation_ms, 0.001, 1e7)
        checks.number("volume_um3", self.volume_um3, 1e-4, 100.0)
        rise = C["ampa_rise"]
        checks.number("ampa_decay_ms", self.ampa_decay_ms, 1.01 * rise, 1e4)

    @classmethod
    def drawn(
        cls,
        *,
        g_ampa_nS: float,
        use: float,
        rho0: int = 0,
        nmda_ratio: float = C["nmda_ratio"],
        sites: int = int(C["sites"]),
        depression_ms: float = C["d"],
        facilitation_ms: float = C["f"],
        volume_um3: float = C["x"],
        ampa_decay_ms: float = C["ampa_decay"],
    ) -> Synapse:
        """A synapse with these values now, whose efficacy is now 0 or 1.

        Strengthening takes u to u^0.2 and g to 2 g, weakening back.

        Raises
        ------
        ValueError
            If a value lies outside its range.
        """
        g = checks.number("g_ampa_nS", g_ampa_nS, 0.0, 1e4)
        u = checks.number("use", use, 0.0, 1.0)
        ratio = checks.number("nmda_ratio", nmda_ratio, 0.0, 100.0)
        strong = checks.whole("rho0", rho0, 0, 1) == 1
        k_u, k_g = C["use_exponent"], C["ampa_factor"]
        return cls(
            g_ampa_weak_nS=g / k_g if strong else g,
            g_ampa_strong_nS=g if strong else g * k_g,
            use_weak=u ** (1.0 / k_u) if strong else u,
            use_strong=u if strong else u**k_u,
            g_nmda_nS=ratio * g,
            sites=sites,
            depression_ms=depression_ms,
            facilitation_ms=facilitation_ms,
            volume_um3=volume_um3,
            ampa_decay_ms=ampa_decay_ms,
        )

    @property
    def g_vdcc_nS(self) -> float:
        """Conductance of the R-type channels: a density times the surface of the spine."""
        radius = (3.0 * self.volume_um3 / (4.0 * math.pi)) ** (1.0 / 3.0)
        return C["vdcc_density"] * 4.0 * math.pi * radius * radius

    @property
    def gain_uM_per_pA_ms(self) -> float:
        """eta / (2 F X): free calcium brought by one pA in one ms.

        1 pA ms is 1e-15 C and 1 µm³ is 1e-15 l, so only mol to µmol is left to convert.
        """
        charge = C["valence"] * C["faraday"]
        return C["calcium_unbuffered"] * 1e6 / (charge * self.volume_um3)

    def row(
        self,
        rule: EfficacyRule,
        theta_d_uM_ms: float | None,
        theta_p_uM_ms: float | None,
        cao_mM: float,
        release_cao_mM: float | None = None,
    ) -> FloatArray:
        """The parameters in the order that the kernels expect.

        `release_cao_mM` scales release alone (default: as `cao_mM`).
        """
        k = kernels
        cao = _cao(cao_mM)
        cao_release = cao if release_cao_mM is None else _cao(release_cao_mM)
        kelvin = C["temperature"] + 273.15
        rise_a, decay_a = C["ampa_rise"], self.ampa_decay_ms
        rise_n, decay_n = C["nmda_rise"], C["nmda_decay"]
        off_d = theta_d_uM_ms is None or theta_d_uM_ms < 0.0
        off_p = theta_p_uM_ms is None or theta_p_uM_ms < 0.0
        values = {
            k.TAU_RA: rise_a,
            k.TAU_DA: decay_a,
            k.NORM_A: k.double_exponential_scale(rise_a, decay_a),
            k.E_A: C["ampa_reversal"],
            k.TAU_RN: rise_n,
            k.TAU_DN: decay_n,
            k.NORM_N: k.double_exponential_scale(rise_n, decay_n),
            k.E_N: C["nmda_reversal"],
            k.MG: C["magnesium"],
            k.MG_SLOPE: C["magnesium_slope"],
            k.MG_HALF: C["magnesium_half"],
            k.G_N: self.g_nmda_nS,
            k.CA_N: nmda_calcium_share(cao),
            k.E_CA_N: C["nmda_calcium_reversal"],
            k.G_V: self.g_vdcc_nS,
            k.VM: C["vdcc_m_half"],
            k.KM: C["vdcc_m_slope"],
            k.TM: C["vdcc_m_time"],
            k.VH: C["vdcc_h_half"],
            k.KH: C["vdcc_h_slope"],
            k.TH: C["vdcc_h_time"],
            k.NERNST: 1000.0 * C["gas_constant"] * kelvin / (C["valence"] * C["faraday"]),
            k.CA_OUT: UM_PER_MM * cao,
            k.CA_REST: C["calcium_rest"],
            k.TAU_CA: C["calcium_decay"],
            k.GAIN: self.gain_uM_per_pA_ms,
            k.TAU_STAR: rule.tau_star_ms,
            k.THETA_D: -1.0 if off_d else theta_d_uM_ms,
            k.THETA_P: -1.0 if off_p else theta_p_uM_ms,
            k.GAMMA_D: rule.gamma_d,
            k.GAMMA_P: rule.gamma_p,
            k.TAU_RHO: rule.tau_ms,
            k.TAU_EXP: rule.tau_expression_ms if math.isfinite(rule.tau_expression_ms) else 1e300,
            k.U_D: self.use_weak,
            k.U_P: self.use_strong,
            k.G_D: self.g_ampa_weak_nS,
            k.G_P: self.g_ampa_strong_nS,
            k.SITES: float(self.sites),
            k.DEP: self.depression_ms,
            k.FAC: self.facilitation_ms,
            k.SCALE: release_scaling(cao_release),
        }
        return np.array([values[i] for i in range(k.SIZE_P)], dtype=np.float64)

    def state(self, rho0: float) -> FloatArray:
        """A state for the kernels: all sites full, no channel open, calcium not yet set.

        Release and conductance stand at the end of the expression that is nearer to rho0.
        """
        k = kernels
        rho = checks.number("rho0", rho0, 0.0, 1.0)
        strong = rho >= C["rho_star"]
        s = np.zeros(k.SIZE_S)
        s[k.RHO] = rho
        s[k.U] = self.use_strong if strong else self.use_weak
        s[k.G] = self.g_ampa_strong_nS if strong else self.g_ampa_weak_nS
        s[k.READY] = self.sites
        return s


@dataclass(frozen=True, eq=False)
class SynapseResult:
    """Traces of one synapse. Arrays are read-only and stand on `t_ms`.

    Attributes
    ----------
    t_ms, v_mV : ndarray
        As given.
    g_ampa_nS, g_nmda_nS : ndarray
        Conductances; that of NMDA includes the magnesium block.
    i_nmda_calcium_pA, i_vdcc_pA : ndarray
        Calcium currents, negative inward.
    calcium_uM : ndarray
        In the spine.
    c_star_uM_ms : ndarray
        Its integral c*.
    rho : ndarray
        Efficacy.
    U : ndarray
        Utilisation of release, as at 2 mM extracellular calcium.
    g_ampa_max_nS : ndarray
        AMPA conductance of a release of all sites.
    pre_ms, released : ndarray
        Presynaptic spikes and the vesicles that each released.
    synapse, rule, cao_mM, theta_d_uM_ms, theta_p_uM_ms
        As given.
    """

    t_ms: FloatArray
    v_mV: FloatArray = field(repr=False)
    g_ampa_nS: FloatArray = field(repr=False)
    g_nmda_nS: FloatArray = field(repr=False)
    i_nmda_calcium_pA: FloatArray = field(repr=False)
    i_vdcc_pA: FloatArray = field(repr=False)
    calcium_uM: FloatArray = field(repr=False)
    c_star_uM_ms: FloatArray = field(repr=False)
    rho: FloatArray = field(repr=False)
    U: FloatArray = field(repr=False)
    g_ampa_max_nS: FloatArray = field(repr=False)
    pre_ms: FloatArray
    released: FloatArray
    synapse: Synapse
    rule: EfficacyRule
    cao_mM: float
    theta_d_uM_ms: float | None
    theta_p_uM_ms: float | None

    units: ClassVar[dict[str, str]] = {
        "t_ms": "ms",
        "v_mV": "mV",
        "g_ampa_nS": "nS",
        "g_nmda_nS": "nS",
        "i_nmda_calcium_pA": "pA",
        "i_vdcc_pA": "pA",
        "calcium_uM": "µM",
        "c_star_uM_ms": "µM ms",
        "rho": "",
        "U": "",
        "g_ampa_max_nS": "nS",
    }

    def __post_init__(self) -> None:
        for name in (*self.units, "pre_ms", "released"):
            a = getattr(self, name)
            if not np.isfinite(a).all():
                raise FloatingPointError("the run left the range of finite numbers")
            a.setflags(write=False)

    def summary(self) -> str:
        """A few lines that say what happened.

        Examples
        --------
        >>> print(run_synapse([0.0, 50.0], [-70.0, -70.0], [10.0]).summary())
        1 presynaptic spike, 3 vesicles released
        calcium: at most 1 µM at a given time; c*: at most 31 µM ms
        efficacy 0 to 0; U 0.5 to 0.5; AMPA 1.6 to 1.6 nS
        """
        n = self.pre_ms.size
        rows = [
            f"{n} presynaptic spike{'' if n == 1 else 's'}, "
            f"{self.released.sum():g} vesicles released",
            f"calcium: at most {self.calcium_uM.max():.2g} µM at a given time; "
            f"c*: at most {self.c_star_uM_ms.max():.2g} µM ms",
            f"efficacy {self.rho[0]:.3g} to {self.rho[-1]:.3g}; "
            f"U {self.U[0]:.3g} to {self.U[-1]:.3g}; "
            f"AMPA {self.g_ampa_max_nS[0]:.3g} to {self.g_ampa_max_nS[-1]:.3g} nS",
        ]
        return "\n".join(rows)

    def to_dataframe(self) -> pd.DataFrame:
        """One row a time, one column a trace."""
        import pandas as pd

        return pd.DataFrame({name: getattr(self, name) for name in self.units})


def _threshold(name: str, value: float | None) -> float | None:
    if value is None:
        return None
    theta = checks.number(name, value, -1e9, 1e9)
    return None if theta < 0.0 else theta


def _generator(
    rng: np.random.Generator | None, release: str, needed_for: str
) -> np.random.Generator | None:
    if release != "stochastic":
        return None
    if not isinstance(rng, np.random.Generator):
        raise ValueError(
            f"rng is {rng!r}; allowed: a numpy.random.Generator, which {needed_for} needs"
        )
    return rng


def run_synapse(
    t_ms: npt.ArrayLike,
    v_mV: npt.ArrayLike,
    pre_ms: npt.ArrayLike = (),
    cao_mM: float = C["calcium_out"],
    rho0: float = 0.0,
    theta_d_uM_ms: float | None = None,
    theta_p_uM_ms: float | None = None,
    release: str = "full",
    parameters: Synapse | None = None,
    *,
    rule: EfficacyRule | None = None,
    rng: np.random.Generator | None = None,
    step_ms: float = C["step"],
) -> SynapseResult:
    """Run one synapse under a given voltage.

    Stretches of constant voltage in which nothing fast is left are crossed in large steps by
    closed forms, so minutes of silence cost little. Calcium and gates start at rest under the
    first voltage, c* at 0.

    Parameters
    ----------
    t_ms : array_like
        Ascending times (ms) of the voltage and of the result.
    v_mV : array_like
        Voltage of the dendrite (mV), taken as linear between the times.
    pre_ms : array_like
        Sorted presynaptic spike times (ms), none before ``t_ms[0]``. A spike at or after the
        last time has no effect.
    cao_mM : float
        Extracellular calcium (mM). It acts on NMDA calcium, on the reversal of the R-type
        current and on release; the reported U is that at 2 mM.
    rho0 : float
        Efficacy at the start, in [0, 1].
    theta_d_uM_ms, theta_p_uM_ms : float or None
        Thresholds of weakening and strengthening (µM ms). None or negative: that one is off.
    release : {"full", "stochastic", "mean"}
        "full": every spike empties all sites, and all recover. "stochastic": sites recover and
        release by chance. "mean": the average of that, without chance.
    parameters : Synapse, optional
    rule : EfficacyRule, optional
    rng : numpy.random.Generator
        Needed for ``release="stochastic"``.
    step_ms : float
        Longest step of the integration, which is of second order.

    Returns
    -------
    SynapseResult

    Raises
    ------
    ValueError
        If an argument lies outside its range.

    Examples
    --------
    One full release at -70 mV:

    >>> t = np.arange(0.0, 500.0, 0.5)
    >>> r = run_synapse(t, np.full_like(t, -70.0), pre_ms=[100.0])
    >>> print(f"{r.calcium_uM.max():.2f} µM, {r.c_star_uM_ms.max():.0f} µM ms")
    1.07 µM, 63 µM ms
    """
    t = checks.vector("t_ms", t_ms, -1e12, 1e12)
    if t.size < 1 or (np.diff(t) <= 0.0).any():
        raise ValueError(f"t_ms is {t_ms!r}; allowed: times, each later than the one before")
    v = checks.vector("v_mV", v_mV, -300.0, 300.0, size=t.size)
    synapse = Synapse() if parameters is None else parameters
    if not isinstance(synapse, Synapse):
        raise ValueError(f"parameters is {parameters!r}; allowed: a Synapse or None")
    rule = EfficacyRule() if rule is None else rule
    if not isinstance(rule, EfficacyRule):
        raise ValueError(f"rule is {rule!r}; allowed: an EfficacyRule or None")
    spikes = checks.vector("pre_ms", pre_ms, float(t[0]), 1e12)
    if (np.diff(spikes) < 0.0).any():
        raise ValueError(f"pre_ms is {pre_ms!r}; allowed: times in ascending order")
    theta_d = _threshold("theta_d_uM_ms", theta_d_uM_ms)
    theta_p = _threshold("theta_p_uM_ms", theta_p_uM_ms)
    mode = MODES[checks.choice("release", release, tuple(MODES))]
    generator = _generator(rng, release, "release='stochastic'")
    h = checks.number("step_ms", step_ms, 1e-6, 10.0)
    p = synapse.row(rule, theta_d, theta_p, cao_mM)
    s = synapse.state(rho0)
    s[kernels.LAST] = float(t[0])
    kernels.synapse_rest(s, 0, p, 0, float(v[0]))
    s[kernels.CS] = s[kernels.CS_PEAK] = 0.0
    draws = generator.random(2 * spikes.size) if generator else np.zeros(2 * spikes.size)
    out = {name: np.zeros(t.size) for name in SynapseResult.units if name not in ("t_ms", "v_mV")}
    released = np.zeros(spikes.size)
    factors = np.zeros(kernels.SIZE_F)
    kernels.synapse_run(
        t.size,
        t,
        v,
        spikes.size,
        spikes,
        draws,
        mode,
        h,
        GAP_STEP_MS,
        SILENT,
        p,
        s,
        factors,
        *out.values(),
        released,
    )
    return SynapseResult(
        t_ms=t,
        v_mV=v,
        **out,
        pre_ms=spikes,
        released=released,
        synapse=synapse,
        rule=rule,
        cao_mM=float(cao_mM),
        theta_d_uM_ms=theta_d,
        theta_p_uM_ms=theta_p,
    )


@dataclass(frozen=True, eq=False)
class ReleaseResult:
    """Release of a train, trial by trial; all arrays have shape (n_trials, n_spikes).

    Attributes
    ----------
    utilisation : ndarray
        Running u at each spike.
    ready : ndarray
        Recovered sites after each spike.
    released : ndarray
        Vesicles of each spike.
    """

    utilisation: FloatArray
    ready: FloatArray
    released: FloatArray


def simulate_release(
    pre_ms: npt.ArrayLike,
    parameters: Synapse | None = None,
    *,
    rho0: float = 0.0,
    cao_mM: float = C["calcium_out"],
    release: str = "stochastic",
    n_trials: int = 1,
    rng: np.random.Generator | None = None,
) -> ReleaseResult:
    """Release alone, without the rest of the synapse, in repeated trials.

    At each spike every empty site refills with chance 1 - exp(-dt/D), then every full site
    releases with chance u, where u <- U + u (1 - U) exp(-dt/F).

    Parameters
    ----------
    pre_ms : array_like
        Sorted spike times (ms), at least 0.
    parameters : Synapse, optional
    rho0 : float
        Sets whether the utilisation is the weak or the strong one.
    cao_mM : float
    release : {"stochastic", "full", "mean"}
    n_trials : int
    rng : numpy.random.Generator
        Needed for ``release="stochastic"``.

    Raises
    ------
    ValueError
        If an argument lies outside its range.

    Examples
    --------
    >>> r = simulate_release([100.0, 150.0], release="mean")
    >>> r.utilisation.round(4).tolist()
    [[0.5, 0.5132]]
    """
    spikes = checks.train("pre_ms", pre_ms)
    synapse = Synapse() if parameters is None else parameters
    if not isinstance(synapse, Synapse):
        raise ValueError(f"parameters is {parameters!r}; allowed: a Synapse or None")
    mode = MODES[checks.choice("release", release, tuple(MODES))]
    trials = checks.whole("n_trials", n_trials, 1, 10_000_000)
    generator = _generator(rng, release, "release='stochastic'")
    p = synapse.row(EfficacyRule(), None, None, cao_mM)
    s = synapse.state(rho0)
    size = trials * spikes.size
    draws = generator.random(2 * size) if generator else np.zeros(2 * size)
    out = [np.zeros(size) for _ in range(3)]
    kernels.release_trials(trials, spikes.size, spikes, draws, p, mode, s, *out)
    shape = (trials, spikes.size)
    return ReleaseResult(*(a.reshape(shape) for a in out))


__all__ = [
    "EfficacyRule",
    "ReleaseResult",
    "Synapse",
    "SynapseResult",
    "efficacy_relaxed",
    "nmda_calcium_share",
    "release_scaling",
    "run_synapse",
    "simulate_release",
]
