"""The kernels of the neocortical synapse: everything that numba compiles for this part.

The rules of `heterolib.kernels` hold here too: the caller allocates every array,
one-dimensional float64; a kernel allocates nothing, raises nothing and draws nothing (random
draws come in as arrays); functions that call each other stay in this file.

Units are µm, ms, mV, µM, nS, pA. A synapse is `SIZE_P` parameters and `SIZE_S` state values in
a row, several synapses stand one after the other: synapse k begins at ``k * SIZE_P`` in `p` and
at ``k * SIZE_S`` in `s`. The names below are the places within a row.
"""

import math

from numba import njit

jit = njit(cache=True, error_model="numpy")

# -- places in a row of parameters --------------------------------------------------------------

TAU_RA, TAU_DA, NORM_A, E_A = 0, 1, 2, 3  # AMPA: rise, decay, scale of the kernel, reversal
TAU_RN, TAU_DN, NORM_N, E_N = 4, 5, 6, 7  # NMDA
MG, MG_SLOPE, MG_HALF, G_N = 8, 9, 10, 11  # magnesium block, NMDA conductance
CA_N, E_CA_N = 12, 13  # calcium through NMDA: share, reversal
G_V, VM, KM, TM, VH, KH, TH = 14, 15, 16, 17, 18, 19, 20  # R-type channel
NERNST, CA_OUT = 21, 22  # RT/2F (mV), extracellular calcium (µM)
CA_REST, TAU_CA, GAIN = 23, 24, 25  # spine calcium; gain in µM per (pA ms)
TAU_STAR, THETA_D, THETA_P = 26, 27, 28  # integral and thresholds (µM ms; negative: off)
GAMMA_D, GAMMA_P, TAU_RHO, TAU_EXP = 29, 30, 31, 32
U_D, U_P, G_D, G_P = 33, 34, 35, 36  # ends of the expression
SITES, DEP, FAC, SCALE = 37, 38, 39, 40  # release; SCALE is the factor of extracellular calcium
SIZE_P = 41

# -- places in a row of state -------------------------------------------------------------------

RA, DA, RN, DN = 0, 1, 2, 3  # parts of the kernels that decay with rise and decay times
M, H, CA, CS, RHO, U, G = 4, 5, 6, 7, 8, 9, 10
U_NOW, READY, LAST = 11, 12, 13  # running utilisation, recovered sites, time of the last spike
DRIVE, CA_PEAK, CS_PEAK, RELEASED = 14, 15, 16, 17
SIZE_S = 18

# -- places in a row of step factors ------------------------------------------------------------

F_RA, F_DA, F_RN, F_DN, F_M, F_H, F_CA, F_CS, F_MIX, F_EXP = 0, 1, 2, 3, 4, 5, 6, 7, 8, 9
SIZE_F = 10

STOCHASTIC, FULL, MEAN = 0, 1, 2  # how vesicles are released
SHORT = 1.0  # ms; below this the cubic of the efficacy is stepped, above it solved


# -- closed forms -------------------------------------------------------------------------------


@jit
def double_exponential_peak(tau_r, tau_d):
    """The time at which exp(-t/tau_d) - exp(-t/tau_r) is largest."""
    return math.log(tau_d / tau_r) * tau_r * tau_d / (tau_d - tau_r)


@jit
def double_exponential_scale(tau_r, tau_d):
    """A, such that A (exp(-t/tau_d) - exp(-t/tau_r)) has a peak of 1."""
    t = double_exponential_peak(tau_r, tau_d)
    return 1.0 / (math.exp(-t / tau_d) - math.exp(-t / tau_r))


@jit
def magnesium_gate(v, mg, slope, half):
    """B(V): the share of NMDA channels that magnesium leaves open."""
    return 1.0 / (1.0 + math.exp(-slope * v) * mg / half)


@jit
def activation(v, half, slope):
    """Steady state of a gate; a negative slope closes it with voltage."""
    return 1.0 / (1.0 + math.exp((half - v) / slope))


@jit
def nmda_calcium_share(ca_out_mM, scale, permeability, monovalent):
    """s = alpha p [Ca]o / (p [Ca]o + [M]): calcium's share of the NMDA current."""
    x = permeability * ca_out_mM
    return scale * x / (x + monovalent)


@jit
def release_factor(ca_out_mM, hill, half, reference):
    """Utilisation at one extracellular calcium over that at the reference."""
    k = half**hill
    r = reference**hill
    c = ca_out_mM**hill
    return (k + r) / r * c / (k + c)


@jit
def efficacy_free(rho, t, tau):
    """The efficacy a time t later, both thresholds far above: an exact solution.

    With x = rho - 1/2 the cubic is tau x' = x³ - x/4 with the sign that drives rho to 0 or 1.
    """
    if t <= 0.0 or rho <= 0.0 or rho >= 1.0 or rho == 0.5:
        return rho
    x = rho - 0.5
    y = 0.5 / math.sqrt(1.0 + (0.25 / (x * x) - 1.0) * math.exp(-t / (2.0 * tau)))
    return 0.5 + (y if x > 0.0 else -y)


@jit
def efficacy_drift(rho, t, tau):
    """As `efficacy_free`; over a short t by one midpoint step, whose error is (t/tau)³."""
    if t > SHORT:
        return efficacy_free(rho, t, tau)
    a = t / tau
    mid = rho - 0.5 * a * rho * (1.0 - rho) * (0.5 - rho)
    return rho - a * mid * (1.0 - mid) * (0.5 - mid)


@jit
def efficacy_stretch(rho, t, above_d, above_p, gamma_d, gamma_p, tau):
    """The efficacy after a stretch t without a crossing.

    The linear part and the cubic are both solved exactly, in the order half, whole, half.
    """
    if t <= 0.0:
        return rho
    rate = above_d * gamma_d + above_p * gamma_p
    if rate <= 0.0:
        return efficacy_drift(rho, t, tau)
    rho = efficacy_drift(rho, 0.5 * t, tau)
    end = above_p * gamma_p / rate
    rho = end + (rho - end) * math.exp(-rate * t / tau)
    return efficacy_drift(rho, 0.5 * t, tau)


@jit
def time_above(theta, c0, c1, h):
    """Time within h for which a line from c0 to c1 exceeds theta; 0 if theta is negative (off)."""
    if theta < 0.0 or (c0 <= theta and c1 <= theta):
        return 0.0
    if c0 > theta and c1 > theta:
        return h
    return h * (max(c0, c1) - theta) / abs(c1 - c0)


@jit
def efficacy_step(rho, c0, c1, h, theta_d, theta_p, gamma_d, gamma_p, tau):
    """The efficacy after a step in which c* runs from c0 to c1 (theta_d <= theta_p, or off)."""
    t_d = time_above(theta_d, c0, c1, h)
    t_p = time_above(theta_p, c0, c1, h)
    if t_d <= 0.0 and t_p <= 0.0:
        return efficacy_drift(rho, h, tau)
    # the stretches in the order a rising c* meets them: below, the lower threshold, both
    low = max(t_d, t_p)
    both = min(t_d, t_p)
    one_d = 1.0 if t_d > t_p else 0.0
    if c1 >= c0:
        rho = efficacy_stretch(rho, h - low, 0.0, 0.0, gamma_d, gamma_p, tau)
        rho = efficacy_stretch(rho, low - both, one_d, 1.0 - one_d, gamma_d, gamma_p, tau)
        return efficacy_stretch(rho, both, 1.0, 1.0, gamma_d, gamma_p, tau)
    rho = efficacy_stretch(rho, both, 1.0, 1.0, gamma_d, gamma_p, tau)
    rho = efficacy_stretch(rho, low - both, one_d, 1.0 - one_d, gamma_d, gamma_p, tau)
    return efficacy_stretch(rho, h - low, 0.0, 0.0, gamma_d, gamma_p, tau)


# -- release ------------------------------------------------------------------------------------


@jit
def binomial(n, p, x):
    """How many of n succeed with chance p each, from one uniform draw x in [0, 1)."""
    if p <= 0.0 or n <= 0.0:
        return 0.0
    if p >= 1.0:
        return n
    q = 1.0 - p
    term = q**n
    total = term
    k = 0.0
    while x >= total and k < n:
        term *= (n - k) / (k + 1.0) * p / q
        k += 1.0
        total += term
    return k


@jit
def release(s, i, p, j, t, x_recover, x_release, mode):
    """One presynaptic spike at t: recovery, release, facilitation. Returns the share n/N.

    `x_recover` and `x_release` are uniform draws; mode FULL and MEAN do not look at them.
    """
    use = min(s[i + U] * p[j + SCALE], 1.0)
    gap = t - s[i + LAST]
    u = use + s[i + U_NOW] * (1.0 - use) * math.exp(-gap / p[j + FAC])
    back = 1.0 - math.exp(-gap / p[j + DEP])
    sites = p[j + SITES]
    ready = s[i + READY]
    if mode == FULL:
        ready = sites
        n = sites
    elif mode == MEAN:
        ready += (sites - ready) * back
        n = ready * u
    else:
        ready += binomial(sites - ready, back, x_recover)
        n = binomial(ready, u, x_release)
    s[i + U_NOW] = u
    s[i + READY] = ready - n
    s[i + LAST] = t
    s[i + RELEASED] = n
    return n / sites


@jit
def open_channels(s, i, p, j, share, since):
    """Add the kernels of a release that happened a time `since` ago."""
    a = share * p[j + NORM_A]
    s[i + RA] += a * math.exp(-since / p[j + TAU_RA])
    s[i + DA] += a * math.exp(-since / p[j + TAU_DA])
    b = share * p[j + NORM_N]
    s[i + RN] += b * math.exp(-since / p[j + TAU_RN])
    s[i + DN] += b * math.exp(-since / p[j + TAU_DN])


@jit
def release_trials(n_trials, n_spikes, t, draws, p, mode, s, utilisation, ready, released):
    """Repeat a train with fresh draws: u, sites ready after each spike, vesicles released.

    `draws` holds 2 n_trials n_spikes numbers; the outputs n_trials n_spikes each. Every trial
    starts from the state in `s`, whose place U is kept.
    """
    for trial in range(n_trials):
        s[U_NOW] = 0.0
        s[READY] = p[SITES]
        s[LAST] = 0.0
        for k in range(n_spikes):
            i = trial * n_spikes + k
            release(s, 0, p, 0, t[k], draws[2 * i], draws[2 * i + 1], mode)
            utilisation[i] = s[U_NOW]
            ready[i] = s[READY]
            released[i] = s[RELEASED]


# -- one synapse through a step -----------------------------------------------------------------


@jit
def gate_factors(p, j, h, f, i):
    """Decay over a time h: of the four conductance parts, and of the R-type gates."""
    f[i + F_RA] = math.exp(-h / p[j + TAU_RA])
    f[i + F_DA] = math.exp(-h / p[j + TAU_DA])
    f[i + F_RN] = math.exp(-h / p[j + TAU_RN])
    f[i + F_DN] = math.exp(-h / p[j + TAU_DN])
    f[i + F_M] = math.exp(-h / p[j + TM])
    f[i + F_H] = math.exp(-h / p[j + TH])


@jit
def calcium_factors(p, j, h, f, i):
    """Decay over a time h: of calcium, its integral and the expression."""
    f[i + F_CA] = math.exp(-h / p[j + TAU_CA])
    f[i + F_CS] = math.exp(-h / p[j + TAU_STAR])
    slow = 1.0 / p[j + TAU_STAR] - 1.0 / p[j + TAU_CA]
    if abs(slow) * h < 1e-9:
        f[i + F_MIX] = h * f[i + F_CA]
    else:
        f[i + F_MIX] = (f[i + F_CA] - f[i + F_CS]) / slow
    f[i + F_EXP] = math.exp(-h / p[j + TAU_EXP])


@jit
def gates_step(s, i, p, j, f, k, v):
    """Conductance parts and R-type gates through the time of the factors, exact for constant v."""
    s[i + RA] *= f[k + F_RA]
    s[i + DA] *= f[k + F_DA]
    s[i + RN] *= f[k + F_RN]
    s[i + DN] *= f[k + F_DN]
    m = activation(v, p[j + VM], p[j + KM])
    x = activation(v, p[j + VH], -p[j + KH])
    s[i + M] = m + (s[i + M] - m) * f[k + F_M]
    s[i + H] = x + (s[i + H] - x) * f[k + F_H]


@jit
def calcium_reversal(p, j, ca):
    """Nernst potential of calcium in mV, at ca µM inside."""
    return p[j + NERNST] * math.log(p[j + CA_OUT] / ca)


@jit
def calcium_step(s, i, p, j, f, k, h, v, block):
    """Calcium, its integral, efficacy and expression through h, exact for constant currents.

    Voltage v, magnesium gate `block` and the gates in `s` are those of the middle of the step.
    """
    ca = s[i + CA]
    x0 = ca - p[j + CA_REST]
    tau = p[j + TAU_CA]
    # calcium in the middle, for the Nernst potential only
    end = tau * s[i + DRIVE]
    middle = p[j + CA_REST] + end + (x0 - end) * math.sqrt(f[k + F_CA])
    i_n = p[j + CA_N] * p[j + G_N] * (s[i + DN] - s[i + RN]) * block * (v - p[j + E_CA_N])
    g_v = p[j + G_V] * s[i + M] * s[i + M] * s[i + H]
    i_v = g_v * (v - calcium_reversal(p, j, middle))
    drive = -p[j + GAIN] * (i_n + i_v)
    end = tau * drive
    x1 = end + (x0 - end) * f[k + F_CA]
    c0 = s[i + CS]
    c1 = c0 * f[k + F_CS] + end * p[j + TAU_STAR] * (1.0 - f[k + F_CS]) + (x0 - end) * f[k + F_MIX]
    rho = s[i + RHO]
    s[i + DRIVE] = drive
    s[i + CA] = p[j + CA_REST] + x1
    s[i + CS] = c1
    s[i + CA_PEAK] = max(s[i + CA_PEAK], s[i + CA])
    s[i + CS_PEAK] = max(s[i + CS_PEAK], c1)
    after = efficacy_step(
        rho,
        c0,
        c1,
        h,
        p[j + THETA_D],
        p[j + THETA_P],
        p[j + GAMMA_D],
        p[j + GAMMA_P],
        p[j + TAU_RHO],
    )
    s[i + RHO] = after
    rho = 0.5 * (rho + after)
    u = p[j + U_D] + rho * (p[j + U_P] - p[j + U_D])
    g = p[j + G_D] + rho * (p[j + G_P] - p[j + G_D])
    s[i + U] = u + (s[i + U] - u) * f[k + F_EXP]
    s[i + G] = g + (s[i + G] - g) * f[k + F_EXP]


@jit
def synapse_rest(s, i, p, j, v):
    """Gates, calcium and its integral at their steady state under a constant voltage v."""
    s[i + RA] = s[i + DA] = s[i + RN] = s[i + DN] = 0.0
    s[i + M] = activation(v, p[j + VM], p[j + KM])
    s[i + H] = activation(v, p[j + VH], -p[j + KH])
    ca = p[j + CA_REST]
    g_v = p[j + G_V] * s[i + M] * s[i + M] * s[i + H]
    drive = 0.0
    for _ in range(20):  # a contraction: calcium enters through a logarithm
        drive = -p[j + GAIN] * g_v * (v - calcium_reversal(p, j, ca))
        ca = p[j + CA_REST] + p[j + TAU_CA] * drive
    s[i + CA] = ca
    s[i + DRIVE] = drive
    s[i + CS] = (ca - p[j + CA_REST]) * p[j + TAU_STAR]
    s[i + CA_PEAK] = ca
    s[i + CS_PEAK] = s[i + CS]


@jit
def synapse_gap(s, i, p, j, f, t, h, v):
    """A silent time t under a constant voltage, in steps of h, however long t is.

    All parts are solved exactly within a step but two: the NMDA current, taken at the middle
    (so h must be short against its decay), and the efficacy within the expression.
    """
    n = max(math.ceil(t / h - 1e-9), 1)
    h = t / n
    gate_factors(p, j, 0.5 * h, f, 0)
    calcium_factors(p, j, h, f, 0)
    block = magnesium_gate(v, p[j + MG], p[j + MG_SLOPE], p[j + MG_HALF])
    for _ in range(n):
        gates_step(s, i, p, j, f, 0, v)
        calcium_step(s, i, p, j, f, 0, h, v, block)
        gates_step(s, i, p, j, f, 0, v)


@jit
def silent(s, i, p, j, tiny):
    """Whether all of a synapse that moves within seconds has come to rest, relative to 1."""
    if max(abs(s[i + DA]), abs(s[i + DN])) > tiny:
        return False
    end = p[j + TAU_CA] * s[i + DRIVE]
    if abs(s[i + CA] - p[j + CA_REST] - end) > tiny * p[j + CA_REST]:
        return False
    return abs(s[i + CS] - end * p[j + TAU_STAR]) <= tiny * p[j + CA_REST] * p[j + TAU_STAR]


@jit
def synapse_run(
    n_t,
    t,
    v,
    n_spikes,
    spikes,
    draws,
    mode,
    h_most,
    h_gap,
    tiny,
    p,
    s,
    f,
    g_ampa,
    g_nmda,
    i_nmda,
    i_vdcc,
    ca,
    cs,
    rho,
    use,
    g_most,
    released,
):
    """One synapse under a given voltage, linear between the times t.

    A presynaptic spike divides the step in which it falls. A stretch of constant voltage in
    which nothing fast is left is crossed in steps of up to `h_gap`.
    """
    k_spike = 0
    while k_spike < n_spikes and spikes[k_spike] < t[0]:
        k_spike += 1
    h_now = -1.0
    for k in range(n_t):
        if k > 0:
            a = t[k - 1]
            while a < t[k]:
                # a release at a opens channels from a on
                while k_spike < n_spikes and spikes[k_spike] <= a:
                    share = release(
                        s,
                        0,
                        p,
                        0,
                        spikes[k_spike],
                        draws[2 * k_spike],
                        draws[2 * k_spike + 1],
                        mode,
                    )
                    open_channels(s, 0, p, 0, share, 0.0)
                    released[k_spike] = s[RELEASED]
                    k_spike += 1
                b = t[k]
                if k_spike < n_spikes and spikes[k_spike] < b:
                    b = spikes[k_spike]
                slope = (v[k] - v[k - 1]) / (t[k] - t[k - 1])
                v_a = v[k - 1] + slope * (a - t[k - 1])
                still = slope == 0.0 and silent(s, 0, p, 0, tiny)
                if still:
                    m = activation(v_a, p[VM], p[KM])
                    x = activation(v_a, p[VH], -p[KH])
                    still = abs(s[M] - m) <= tiny * m and abs(s[H] - x) <= tiny
                n = max(math.ceil((b - a) / (h_gap if still else h_most) - 1e-9), 1)
                h = (b - a) / n
                if abs(h - h_now) > 1e-9 * h:
                    h_now = h
                    gate_factors(p, 0, 0.5 * h, f, 0)
                    calcium_factors(p, 0, h, f, 0)
                for q in range(n):
                    v_m = v_a + slope * h * (q + 0.5)
                    gates_step(s, 0, p, 0, f, 0, v_m - 0.25 * h * slope)
                    block = magnesium_gate(v_m, p[MG], p[MG_SLOPE], p[MG_HALF])
                    calcium_step(s, 0, p, 0, f, 0, h, v_m, block)
                    gates_step(s, 0, p, 0, f, 0, v_m + 0.25 * h * slope)
                a = b
        g_ampa[k] = s[G] * (s[DA] - s[RA])
        block = magnesium_gate(v[k], p[MG], p[MG_SLOPE], p[MG_HALF])
        g_nmda[k] = p[G_N] * block * (s[DN] - s[RN])
        i_nmda[k] = p[CA_N] * g_nmda[k] * (v[k] - p[E_CA_N])
        i_vdcc[k] = p[G_V] * s[M] * s[M] * s[H] * (v[k] - calcium_reversal(p, 0, s[CA]))
        ca[k] = s[CA]
        cs[k] = s[CS]
        rho[k] = s[RHO]
        use[k] = s[U]
        g_most[k] = s[G]
