"""The kernels of the neocortical synapse: everything that numba compiles for this part.

The rules of `heterolib.kernels` hold here too: the caller allocates every array,
one-dimensional float64; a kernel allocates nothing, raises nothing and draws nothing (random
draws come in as arrays); functions that call each other stay in this file.

Units are µm, ms, mV, µM, nS, pA. A synapse is `SIZE_P` parameters and `SIZE_S` state values in
a row, several synapses stand one after the other: synapse k begins at ``k * SIZE_P`` in `p` and
at ``k * SIZE_S`` in `s`. The names below are the places within a row.
"""

import math

from heterolib.compiler import njit

jit = njit(cache=True, error_model="numpy", nogil=True)

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
LEAST = 1e-3  # share of the resting calcium below which no outward current can draw it
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
    # above 40 mV the NMDA current carries calcium out, in the equations without a bound
    end = max(-tau * p[j + GAIN] * (i_n + i_v), (LEAST - 1.0) * p[j + CA_REST])
    drive = end / tau
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
        drive = max(drive, (LEAST - 1.0) * p[j + CA_REST] / p[j + TAU_CA])
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


# -- a cell on a tree ---------------------------------------------------------------------------
#
# Compartments are numbered so that each parent stands before its children; compartment 0 is the
# soma. A compartment without capacitance is a mere junction. Voltages live at whole steps, gates
# and conductances at half steps: each advances through the other's middle (second order).

CLOCK_T, CLOCK_GATES, CLOCK_EVENT, CLOCK_SPIKES = 0, 1, 2, 3
CLOCK_TOP, CLOCK_TOP_AT, CLOCK_ROW = 4, 5, 6  # largest somatic voltage; rows recorded
SIZE_CLOCK = 7
COLUMNS = 6  # of the table of gates
RECORDED = 5  # values kept of a synapse: calcium, c*, rho, U, G

AM, AM_HALF, AM_SLOPE, BM, BM_HALF, BM_SLOPE = 0, 1, 2, 3, 4, 5
AH, AH_HALF, AH_SLOPE, BH, BH_HALF, BH_SLOPE = 6, 7, 8, 9, 10, 11
AN, AN_HALF, AN_SLOPE, BN, BN_HALF, BN_SLOPE = 12, 13, 14, 15, 16, 17
E_NA, E_K, V_T = 18, 19, 20
SIZE_CHANNELS = 21


@jit
def linoid(x, k):
    """x / (exp(x/k) - 1), continued through x = 0."""
    if abs(x) < 1e-6 * k:
        return k - 0.5 * x
    return x / math.expm1(x / k)


@jit
def channel_row(v, h, c, row, i):
    """Steady state, and decay over a time h, of m, h and n at voltage v."""
    u = v - c[V_T]
    a = c[AM] * linoid(c[AM_HALF] - u, c[AM_SLOPE])
    b = c[BM] * linoid(u - c[BM_HALF], c[BM_SLOPE])
    row[i] = a / (a + b)
    row[i + 1] = math.exp(-h * (a + b))
    a = c[AH] * math.exp((c[AH_HALF] - u) / c[AH_SLOPE])
    b = c[BH] / (1.0 + math.exp((c[BH_HALF] - u) / c[BH_SLOPE]))
    row[i + 2] = a / (a + b)
    row[i + 3] = math.exp(-h * (a + b))
    a = c[AN] * linoid(c[AN_HALF] - u, c[AN_SLOPE])
    b = c[BN] * math.exp((c[BN_HALF] - u) / c[BN_SLOPE])
    row[i + 4] = a / (a + b)
    row[i + 5] = math.exp(-h * (a + b))


@jit
def channel_table(n_rows, v_low, dv, h, c, table):
    """One `channel_row` for each voltage of a grid."""
    for k in range(n_rows):
        channel_row(v_low + k * dv, h, c, table, COLUMNS * k)


@jit
def channel_step(q, gates, row, i):
    """The three gates of active compartment q towards what the row says."""
    for g in range(3):
        x = row[i + 2 * g]
        gates[3 * q + g] = x + (gates[3 * q + g] - x) * row[i + 2 * g + 1]


@jit
def channel_from_table(q, gates, v, n_rows, v_low, dv, table):
    """As `channel_step`, with a row interpolated from the table."""
    x = (v - v_low) / dv
    k = int(x)
    if k < 0:
        k = 0
    if k > n_rows - 2:
        k = n_rows - 2
    x -= k
    i = COLUMNS * k
    for g in range(3):
        a = table[i + 2 * g]
        a += x * (table[i + COLUMNS + 2 * g] - a)
        b = table[i + 2 * g + 1]
        b += x * (table[i + COLUMNS + 2 * g + 1] - b)
        gates[3 * q + g] = a + (gates[3 * q + g] - a) * b


@jit
def tree_factor(n, h, parent, g_axial, cap, g_leak, dynamic, diagonal, inverse, factor):
    """Eliminate once and for all what stays the same in every step of length h.

    `dynamic` marks compartments whose diagonal changes; it must hold for all ancestors of one.
    """
    for i in range(n):
        diagonal[i] = 2.0 * cap[i] / h + g_leak[i]
    for i in range(1, n):
        diagonal[i] += g_axial[i]
        diagonal[int(parent[i])] += g_axial[i]
    for i in range(n - 1, 0, -1):
        if dynamic[i] == 0.0:
            inverse[i] = 1.0 / diagonal[i]
            factor[i] = g_axial[i] * inverse[i]
            diagonal[int(parent[i])] -= factor[i] * g_axial[i]
    if dynamic[0] == 0.0:
        inverse[0] = 1.0 / diagonal[0]


@jit
def tree_solve(n, parent, g_axial, dynamic, d, inverse, factor, b):
    """Solve the tree's equations (Hines): b becomes the solution."""
    for i in range(n - 1, 0, -1):
        p = int(parent[i])
        if dynamic[i] != 0.0:
            inverse[i] = 1.0 / d[i]
            factor[i] = g_axial[i] * inverse[i]
            d[p] -= factor[i] * g_axial[i]
        b[p] += factor[i] * b[i]
    if dynamic[0] != 0.0:
        inverse[0] = 1.0 / d[0]
    b[0] *= inverse[0]
    for i in range(1, n):
        b[i] = b[i] * inverse[i] + factor[i] * b[int(parent[i])]


@jit
def cell_record(clock, v, n_watch, watch, n_syn, s, t_out, v_out, s_out):
    """Append one row to the records."""
    row = int(clock[CLOCK_ROW])
    t_out[row] = clock[CLOCK_T]
    for k in range(n_watch):
        v_out[row * n_watch + k] = v[int(watch[k])]
    for k in range(n_syn):
        i = k * SIZE_S
        o = (row * n_syn + k) * RECORDED
        s_out[o] = s[i + CA]
        s_out[o + 1] = s[i + CS]
        s_out[o + 2] = s[i + RHO]
        s_out[o + 3] = s[i + U]
        s_out[o + 4] = s[i + G]
    clock[CLOCK_ROW] += 1.0


@jit
def cell_run(
    n_steps,
    h,
    ready,
    n,
    parent,
    g_axial,
    cap,
    g_leak,
    e_leak,
    dynamic,
    diagonal,
    inverse,
    factor,
    n_active,
    active,
    g_na,
    g_k,
    channels,
    n_rows,
    v_low,
    dv,
    table,
    n_syn,
    where,
    p,
    s,
    f,
    n_events,
    event_t,
    event_syn,
    draws,
    mode,
    n_pulses,
    pulse_at,
    pulse_on,
    pulse_off,
    pulse_pA,
    threshold,
    spikes,
    n_watch,
    watch,
    every,
    t_out,
    v_out,
    s_out,
    clock,
    v,
    gates,
    d,
    b,
    row,
):
    """Advance a cell and its synapses by n_steps of h.

    `diagonal`, `inverse` and `factor` come from `tree_factor`, `table` from `channel_table`, for
    this h. `spikes` receives the times at which the soma rises through `threshold`. With `ready`
    at 1, `f` holds the factors of this h already; it always does afterwards.
    """
    t0 = clock[CLOCK_T]
    shift = t0 + 0.5 * h - clock[CLOCK_GATES]  # of the gates, in the first step
    usual = abs(shift - h) < 1e-9 * h
    for k in range(n_syn):
        if ready == 0:
            calcium_factors(p, k * SIZE_P, h, f, k * SIZE_F)
        if ready == 0 or not usual:
            gate_factors(p, k * SIZE_P, h if usual else shift, f, k * SIZE_F)
    event = int(clock[CLOCK_EVENT])
    for step in range(n_steps):
        t = t0 + step * h
        middle = t + 0.5 * h
        if step == 1 and not usual:
            usual = True
            for k in range(n_syn):
                gate_factors(p, k * SIZE_P, h, f, k * SIZE_F)
        # gates and conductances to the middle of the step, through the voltage at its start
        for q in range(n_active):
            v_q = v[int(active[q])]
            if usual:
                channel_from_table(q, gates, v_q, n_rows, v_low, dv, table)
            else:
                channel_row(v_q, shift, channels, row, 0)
                channel_step(q, gates, row, 0)
        for k in range(n_syn):
            gates_step(s, k * SIZE_S, p, k * SIZE_P, f, k * SIZE_F, v[int(where[k])])
        while event < n_events and event_t[event] <= middle:
            k = int(event_syn[event])
            i = k * SIZE_S
            j = k * SIZE_P
            share = release(
                s, i, p, j, event_t[event], draws[2 * event], draws[2 * event + 1], mode
            )
            open_channels(s, i, p, j, share, middle - event_t[event])
            event += 1
        # the voltage in the middle: half a step of backward Euler
        for i in range(n):
            b[i] = 2.0 * cap[i] / h * v[i] + g_leak[i] * e_leak[i]
            d[i] = diagonal[i]
        for q in range(n_active):
            i = int(active[q])
            m = gates[3 * q]
            x = gates[3 * q + 2]
            g_1 = g_na[q] * m * m * m * gates[3 * q + 1]
            g_2 = g_k[q] * x * x * x * x
            d[i] += g_1 + g_2
            b[i] += g_1 * channels[E_NA] + g_2 * channels[E_K]
        for k in range(n_syn):
            i = k * SIZE_S
            j = k * SIZE_P
            at = int(where[k])
            v_k = v[at]
            g_a = s[i + G] * (s[i + DA] - s[i + RA])
            # NMDA: a straight line through the current at the start of the step
            open_n = p[j + G_N] * (s[i + DN] - s[i + RN])
            block = magnesium_gate(v_k, p[j + MG], p[j + MG_SLOPE], p[j + MG_HALF])
            bend = p[j + MG_SLOPE] * block * (1.0 - block)
            slope = open_n * (block + bend * (v_k - p[j + E_N]))
            current = open_n * block * (v_k - p[j + E_N])
            g_v = p[j + G_V] * s[i + M] * s[i + M] * s[i + H]
            e_v = calcium_reversal(p, j, s[i + CA])
            d[at] += g_a + slope + g_v
            b[at] += g_a * p[j + E_A] + slope * v_k - current + g_v * e_v
        for k in range(n_pulses):
            overlap = min(pulse_off[k], t + h) - max(pulse_on[k], t)
            if overlap > 0.0:
                b[int(pulse_at[k])] += pulse_pA[k] * overlap / h
        tree_solve(n, parent, g_axial, dynamic, d, inverse, factor, b)
        for k in range(n_syn):
            j = k * SIZE_P
            at = int(where[k])
            block = magnesium_gate(b[at], p[j + MG], p[j + MG_SLOPE], p[j + MG_HALF])
            calcium_step(s, k * SIZE_S, p, j, f, k * SIZE_F, h, b[at], block)
        before = v[0]
        for i in range(n):
            v[i] = 2.0 * b[i] - v[i] if cap[i] > 0.0 else b[i]
        if before < threshold <= v[0]:
            i = int(clock[CLOCK_SPIKES])
            if i < spikes.size:
                spikes[i] = t + h * (threshold - before) / (v[0] - before)
            clock[CLOCK_SPIKES] += 1.0
        clock[CLOCK_T] = t + h
        if v[0] > clock[CLOCK_TOP]:
            clock[CLOCK_TOP] = v[0]
            clock[CLOCK_TOP_AT] = t + h
        if every > 0 and (step + 1) % every == 0:
            cell_record(clock, v, n_watch, watch, n_syn, s, t_out, v_out, s_out)
    if not usual:
        for k in range(n_syn):
            gate_factors(p, k * SIZE_P, h, f, k * SIZE_F)
    clock[CLOCK_T] = t0 + n_steps * h
    clock[CLOCK_GATES] = clock[CLOCK_T] - 0.5 * h
    clock[CLOCK_EVENT] = float(event)


@jit
def cell_run_adaptive(
    n_pieces,
    h,
    n_levels,
    change,
    n,
    parent,
    g_axial,
    cap,
    g_leak,
    e_leak,
    dynamic,
    diagonal,
    inverse,
    factor,
    n_active,
    active,
    g_na,
    g_k,
    channels,
    n_rows,
    v_low,
    dv,
    table,
    n_syn,
    where,
    p,
    s,
    f,
    n_events,
    event_t,
    event_syn,
    draws,
    mode,
    n_pulses,
    pulse_at,
    pulse_on,
    pulse_off,
    pulse_pA,
    threshold,
    spikes,
    n_watch,
    watch,
    every,
    t_out,
    v_out,
    s_out,
    clock,
    v,
    gates,
    d,
    b,
    row,
    ready,
    kept,
):
    """`cell_run` with steps from h to h 2^(n_levels - 1), by how fast the voltage moves.

    Time goes in pieces of the longest step. A piece in which something arrives is run at h;
    another is run again with shorter steps if the voltage moved much more than `change` a step.
    The arrays of each step length are rows: `diagonal`, `inverse`, `factor`, `table`, `f`,
    `ready`. `kept` holds the state before a piece.
    """
    longest = 1 << (n_levels - 1)
    level = 0
    m = n + 3 * n_active + n_syn * SIZE_S
    for piece in range(n_pieces):
        t = clock[CLOCK_T]
        event = int(clock[CLOCK_EVENT])
        busy = event < n_events and event_t[event] <= t + longest * h
        for k in range(n_pulses):
            for edge in (pulse_on[k], pulse_off[k]):
                if t <= edge <= t + longest * h:
                    busy = True
        if busy:
            level = 0
        for i in range(n):
            kept[i] = v[i]
        for i in range(3 * n_active):
            kept[n + i] = gates[i]
        for i in range(n_syn * SIZE_S):
            kept[n + 3 * n_active + i] = s[i]
        for i in range(SIZE_CLOCK):
            kept[m + i] = clock[i]
        done = False
        while not done:
            cell_run(
                longest >> level, h * (1 << level), ready[level], n, parent, g_axial, cap,
                g_leak, e_leak, dynamic, diagonal[level], inverse[level], factor[level], n_active,
                active, g_na, g_k, channels, n_rows, v_low, dv, table[level], n_syn, where, p, s,
                f[level], n_events, event_t, event_syn, draws, mode, n_pulses, pulse_at, pulse_on,
                pulse_off, pulse_pA, threshold, spikes, n_watch, watch, 0, t_out, v_out, s_out,
                clock, v, gates, d, b, row,
            )  # fmt: skip
            ready[level] = 1.0
            moved = 0.0
            for i in range(n):
                moved = max(moved, abs(v[i] - kept[i]))
            allowed = 0
            while allowed < n_levels - 1 and moved * (2 << allowed) <= change * longest:
                allowed += 1
            if level > allowed + 1:
                level = allowed
                for i in range(n):
                    v[i] = kept[i]
                for i in range(3 * n_active):
                    gates[i] = kept[n + i]
                for i in range(n_syn * SIZE_S):
                    s[i] = kept[n + 3 * n_active + i]
                for i in range(SIZE_CLOCK):
                    clock[i] = kept[m + i]
            else:
                done = True
        level = min(level + 1, allowed)
        if every > 0 and (piece + 1) % every == 0:
            cell_record(clock, v, n_watch, watch, n_syn, s, t_out, v_out, s_out)


@jit
def fast_silent(s, i, p, j, tiny):
    """Whether conductances and calcium have come to rest; c* may still decay."""
    if max(abs(s[i + DA]), abs(s[i + DN])) > tiny:
        return False
    end = p[j + TAU_CA] * s[i + DRIVE]
    return abs(s[i + CA] - p[j + CA_REST] - end) <= tiny * p[j + CA_REST]


@jit
def cell_gap(
    duration,
    h,
    h_most,
    h_long,
    growth,
    tiny,
    n,
    v_rest,
    n_active,
    gates_rest,
    n_syn,
    where,
    p,
    s,
    f,
    clock,
    v,
    gates,
):
    """Cross a silent time: the cell at rest, what is left in its synapses by closed forms.

    Steps begin at h and grow up to `h_most` as the NMDA channels close; they stay at h while c*
    is above a threshold. Once conductances and calcium rest and c* is below, steps are `h_long`.
    """
    end = clock[CLOCK_T] + duration
    ahead = clock[CLOCK_T] - clock[CLOCK_GATES]
    for i in range(n):
        v[i] = v_rest[i]
    for q in range(3 * n_active):
        gates[q] = gates_rest[q]
    for k in range(n_syn):
        i = k * SIZE_S
        j = k * SIZE_P
        v_k = v_rest[int(where[k])]
        if ahead > 0.0:
            gate_factors(p, j, ahead, f, k * SIZE_F)
            gates_step(s, i, p, j, f, k * SIZE_F, v_k)
        left = duration
        step = h
        while left > 0.0:
            above = (p[j + THETA_D] >= 0.0 and s[i + CS] > p[j + THETA_D]) or (
                p[j + THETA_P] >= 0.0 and s[i + CS] > p[j + THETA_P]
            )
            if not above and fast_silent(s, i, p, j, tiny):
                synapse_gap(s, i, p, j, f, left, h_long, v_k)
                left = 0.0
            else:
                piece = min(left, h if above else step)
                synapse_gap(s, i, p, j, f, piece, piece, v_k)
                left -= piece
                step = min(step * growth, h_most)
    clock[CLOCK_T] = end
    clock[CLOCK_GATES] = end


# -- explorers ----------------------------------------------------------------------------------


@jit
def explore_slice_to_brain(p, out, work):
    """Stored maps of pairing at two extracellular calciums, and what a spike releases at any.

    After the controls stand four constants of release, sizes, the axes of the maps, and the two
    maps, frequency by frequency.
    """
    row, column, cao, use, sites = int(p[0]), int(p[1]), p[2], p[3], int(p[4])
    hill, half, reference, target = p[5], p[6], p[7], p[8]
    n_f, n_d, most = int(p[9]), int(p[10]), int(p[11])
    axes = 12
    maps = axes + n_f + n_d
    o = 0
    for i in range(n_f):
        out[o + i] = p[axes + i]
    o += n_f
    for i in range(n_d):
        out[o + i] = p[axes + n_f + i]
    o += n_d
    for i in range(max(n_f, n_d)):
        out[o + i] = 1.0
    o += max(n_f, n_d)
    for k in range(2):
        for i in range(n_f):
            out[o + i] = p[maps + (k * n_f + i) * n_d + column]
        o += n_f
        for i in range(n_d):
            out[o + i] = p[maps + (k * n_f + row) * n_d + i]
        o += n_d
    u = min(use * release_factor(cao, hill, half, reference), 1.0)
    term = (1.0 - u) ** p[4]
    for n in range(most + 1):
        out[o + n] = n
    o += most + 1
    for n in range(most + 1):
        out[o + n] = 0.0
    if u >= 1.0:
        out[o + sites] = 1.0
    else:
        for n in range(sites + 1):
            out[o + n] = term
            term *= (sites - n) / (n + 1.0) * u / (1.0 - u)
    none, every = out[o], out[o + sites]
    o += most + 1
    out[o] = p[axes + row]
    out[o + 1] = p[axes + n_f + column]
    for k in range(2):
        out[o + 2 + k] = p[maps + (k * n_f + row) * n_d + column]
    out[o + 4] = u
    out[o + 5] = 1.0 - none
    out[o + 6] = every
    u = min(use * release_factor(target, hill, half, reference), 1.0)
    out[o + 7] = u ** p[4]


@jit
def bump(t, decay, rise, scale):
    """An action potential of height 1, from time 0 on."""
    if t <= 0.0:
        return 0.0
    return scale * (math.exp(-t / decay) - math.exp(-t / rise))


@jit
def pairs_at_place(p, s, f, mode, v_rest, peak, decay, rise, h, n, pre, post, every, pairs, out):
    """c* of a synapse under paired spikes, at a place where an action potential has this shape.

    Spikes come at pre + k every and post + k every; a negative first time leaves them out. The
    voltage is given: the synapse does not move it. `out` receives c* after each of n steps.
    """
    synapse_rest(s, 0, p, 0, v_rest)
    s[CS] = 0.0
    s[U_NOW] = 0.0
    s[READY] = p[SITES]
    s[LAST] = 0.0
    scale = double_exponential_scale(rise, decay)
    gate_factors(p, 0, 0.5 * h, f, 0)
    calcium_factors(p, 0, h, f, 0)
    k = 0
    first = 0
    for i in range(n):
        t = i * h
        if k < pairs and pre >= 0.0 and pre + k * every < t + 0.5 * h:
            open_channels(s, 0, p, 0, release(s, 0, p, 0, t, 0.0, 0.0, mode), 0.0)
            k += 1
        v = v_rest
        t += 0.5 * h
        if post >= 0.0:
            for q in range(first, pairs):
                since = t - post - q * every
                if since <= 0.0:
                    break
                v += peak * bump(since, decay, rise, scale)
                if since > 20.0 * decay:
                    first = q + 1
        gates_step(s, 0, p, 0, f, 0, v)
        block = magnesium_gate(v, p[MG], p[MG_SLOPE], p[MG_HALF])
        calcium_step(s, 0, p, 0, f, 0, h, v, block)
        gates_step(s, 0, p, 0, f, 0, v)
        out[i] = s[CS]


@jit
def explore_place(p, out, work):
    """One synapse anywhere on the tree: its thresholds, and five pairs against them.

    Constants after the controls: a row of synapse, the eight coefficients, then sizes, and of
    each place, basal first, its distance and the height and half width of an action potential.
    """
    kind, distance, frequency, dt = int(p[0]), p[1], p[2], p[3]
    c = 5 + SIZE_P
    v_rest, n_basal, n_apical = p[c + 8], int(p[c + 9]), int(p[c + 10])
    h, n_t, tail, pairs, ratio, window = (
        p[c + 11],
        int(p[c + 12]),
        p[c + 13],
        int(p[c + 14]),
        p[c + 15],
        p[c + 16],
    )
    hill, half, reference = p[c + 17], p[c + 18], p[c + 19]
    scale, permeability, monovalent = p[c + 20], p[c + 21], p[c + 22]
    unit = p[c + 23]  # half width of an action potential whose decay time is 1
    table = c + 24
    s = work[0:SIZE_S]
    f = work[SIZE_S : SIZE_S + SIZE_F]
    y = work[SIZE_S + SIZE_F : SIZE_S + SIZE_F + SIZE_P]
    c_star = work[SIZE_S + SIZE_F + SIZE_P :]
    for i in range(SIZE_P):
        y[i] = p[5 + i]
    y[CA_OUT] = 1000.0 * p[4]
    y[CA_N] = nmda_calcium_share(p[4], scale, permeability, monovalent)
    y[SCALE] = release_factor(p[4], hill, half, reference)
    s[RHO] = 1.0
    s[U] = y[U_P]
    s[G] = y[G_P]
    begin = table if kind == 0 else table + 3 * n_basal
    m = n_basal if kind == 0 else n_apical
    most = max(n_basal, n_apical)
    n_w = int(window / h + 0.5)
    every = 1000.0 / frequency
    lead = max(dt, 0.0)
    low = high = here_d = here_p = peak = decay = 0.0
    pairs_at_place(y, s, f, FULL, v_rest, 0.0, 1.0, ratio, h, n_w, 0.0, -1.0, 1.0, 1, c_star)
    c_pre = 0.0
    for i in range(n_w):
        c_pre = max(c_pre, c_star[i])
    x = min(max(distance, p[begin]), p[begin + 3 * (m - 1)])
    for q in range(most + 1):
        # places beyond the last repeat it; the one after all of them is the reader's
        a = begin + 3 * min(q, m - 2)
        along = p[begin + 3 * min(q, m - 1)]
        if q == most:
            along = x
            a = begin
            while a < begin + 3 * (m - 2) and p[a + 3] < x:
                a += 3
        share = (along - p[a]) / (p[a + 3] - p[a])
        peak = p[a + 1] + share * (p[a + 4] - p[a + 1])
        decay = (p[a + 2] + share * (p[a + 5] - p[a + 2])) / unit
        pairs_at_place(
            y, s, f, FULL, v_rest, peak, decay, ratio * decay, h, n_w, -1.0, 0.0, 1.0, 1, c_star
        )
        c_post = 0.0
        for i in range(n_w):
            c_post = max(c_post, c_star[i])
        theta_d = p[c + 4 * kind] * c_pre + p[c + 4 * kind + 1] * c_post
        theta_p = p[c + 4 * kind + 2] * c_pre + p[c + 4 * kind + 3] * c_post
        pairs_at_place(
            y, s, f, FULL, v_rest, peak, decay, ratio * decay, h, n_w, lead - dt, lead, 1.0, 1,
            c_star,
        )  # fmt: skip
        top = 0.0
        for i in range(n_w):
            top = max(top, c_star[i])
        if q < most:
            out[q] = along
            out[most + q] = theta_d
            out[2 * most + q] = theta_p
            out[3 * most + q] = top
            out[4 * most + q] = peak
        else:
            low, high, here_d, here_p = c_post, top, theta_d, theta_p
    o = 5 * most
    # the train, with the mean release of a strong synapse
    n = int(((pairs - 1) * every + tail) / h + 0.5)
    pairs_at_place(
        y, s, f, MEAN, v_rest, peak, decay, ratio * decay, h, n, lead - dt, lead, every, pairs,
        c_star,
    )  # fmt: skip
    t_d = 0.0
    t_p = 0.0
    before = 0.0
    for i in range(n):
        t_d += time_above(here_d, before, c_star[i], h)
        t_p += time_above(here_p, before, c_star[i], h)
        before = c_star[i]
    for k in range(n_t):
        i = k * (n - 1) // (n_t - 1)
        out[o + k] = (i + 1) * h
        out[o + n_t + k] = c_star[i]
        out[o + 2 * n_t + k] = here_d
        out[o + 3 * n_t + k] = here_p
    o += 4 * n_t
    out[o] = c_pre
    out[o + 1] = low
    out[o + 2] = here_d
    out[o + 3] = here_p
    out[o + 4] = high
    out[o + 5] = t_d
    out[o + 6] = t_p
    out[o + 7] = x
    out[o + 8] = peak


TICK, LONG, AFTER, BEGIN = 0.25, 8, 32, 40  # ms; ticks


V_REST, AP_RISE, AP_DECAY, AP_NORM = 0, 1, 2, 3  # places in the voltage


EP_RISE, EP_DECAY, EP_NORM, EP_HEIGHT = 4, 5, 6, 7


FAST_A, SLOW_A, FAST_E, SLOW_E = 8, 9, 10, 11  # its parts now


SIZE_V = 12


AT_S = SIZE_P


AT_F = AT_S + SIZE_S


AT_V = AT_F + SIZE_F


AT_C = AT_V + SIZE_V  # c* and step of every node from here, in turn


@jit
def paired_sweep(w, period, pre, post, pairs_pre, pairs_post, end, height, mode, out, o_ca, o_cs):
    """One sweep, from rest; keeps c* and steps in w, returns how many.

    `pre` and `post` are the ticks of the first spikes. Where o_ca is not negative, calcium and c*
    go to `out` once every `LONG` ticks.
    """
    s = AT_S
    for k in range(SIZE_S):
        w[s + k] = 0.0
    w[s + U] = w[U_D]
    w[s + G] = w[G_D]
    w[s + READY] = w[SITES]
    for k in range(4):
        w[AT_V + FAST_A + k] = 0.0
    rest = w[AT_V + V_REST]
    synapse_rest(w, s, w, 0, rest)
    w[s + CS] = 0.0
    w[s + CS_PEAK] = 0.0
    v = rest
    k = 0
    n = 0
    n_pre = 0
    n_post = 0
    last = -AFTER
    h_now = 0.0
    w[AT_C] = 0.0
    w[AT_C + 1] = 0.0
    if o_ca >= 0:
        out[o_ca] = w[s + CA]
        out[o_cs] = w[s + CS]
    a_fast = a_slow = e_fast = e_slow = 1.0
    while k < end:
        next_pre = pre + n_pre * period if n_pre < pairs_pre else end
        next_post = post + n_post * period if n_post < pairs_post else end
        if next_pre == k:
            share = release(w, s, w, 0, k * TICK, 0.0, 0.0, mode)
            open_channels(w, s, w, 0, share, 0.0)
            w[AT_V + FAST_E] += share
            w[AT_V + SLOW_E] += share
            n_pre += 1
            last = k
            next_pre = pre + n_pre * period if n_pre < pairs_pre else end
        if next_post == k:
            w[AT_V + FAST_A] += 1.0
            w[AT_V + SLOW_A] += 1.0
            n_post += 1
            last = k
            next_post = post + n_post * period if n_post < pairs_post else end
        to = k + 1 if k - last < AFTER else (k // LONG + 1) * LONG
        to = min(to, next_pre, next_post, end)
        h = (to - k) * TICK
        if h != h_now:
            h_now = h
            gate_factors(w, 0, 0.5 * h, w, AT_F)
            calcium_factors(w, 0, h, w, AT_F)
            a_fast = math.exp(-h / w[AT_V + AP_RISE])
            a_slow = math.exp(-h / w[AT_V + AP_DECAY])
            e_fast = math.exp(-h / w[AT_V + EP_RISE])
            e_slow = math.exp(-h / w[AT_V + EP_DECAY])
        w[AT_V + FAST_A] *= a_fast
        w[AT_V + SLOW_A] *= a_slow
        w[AT_V + FAST_E] *= e_fast
        w[AT_V + SLOW_E] *= e_slow
        ap = w[AT_V + AP_NORM] * (w[AT_V + SLOW_A] - w[AT_V + FAST_A])
        ep = w[AT_V + EP_NORM] * (w[AT_V + SLOW_E] - w[AT_V + FAST_E])
        v_end = rest + height * ap + w[AT_V + EP_HEIGHT] * ep
        middle = 0.5 * (v + v_end)
        quarter = 0.25 * (v_end - v)
        gates_step(w, s, w, 0, w, AT_F, middle - quarter)
        block = magnesium_gate(middle, w[MG], w[MG_SLOPE], w[MG_HALF])
        calcium_step(w, s, w, 0, w, AT_F, h, middle, block)
        gates_step(w, s, w, 0, w, AT_F, middle + quarter)
        v = v_end
        k = to
        n += 1
        w[AT_C + 2 * n] = w[s + CS]
        w[AT_C + 2 * n + 1] = h
        if o_ca >= 0 and k % LONG == 0:
            out[o_ca + k // LONG] = w[s + CA]
            out[o_cs + k // LONG] = w[s + CS]
    return n


@jit
def efficacy_sweep(w, n, rho, pause):
    """The efficacy after the sweep kept in w, and a pause."""
    below = 0.0
    for k in range(n):
        c0 = w[AT_C + 2 * k]
        c1 = w[AT_C + 2 * k + 2]
        h = w[AT_C + 2 * k + 3]
        if w[THETA_D] < 0.0 or max(c0, c1) <= w[THETA_D]:
            below += h
            continue
        rho = efficacy_free(rho, below, w[TAU_RHO])
        below = 0.0
        rho = efficacy_step(
            rho, c0, c1, h, w[THETA_D], w[THETA_P], w[GAMMA_D], w[GAMMA_P], w[TAU_RHO]
        )
    return efficacy_free(rho, below + pause, w[TAU_RHO])


@jit
def single_synapse(p, i, cao, use, w):
    """Write a row of parameters and the voltage to w.

    From p at i: the row, the first `EP_HEIGHT` + 1 places of the voltage, then three constants of
    NMDA calcium and three of release.
    """
    for k in range(SIZE_P):
        w[k] = p[i + k]
    i += SIZE_P
    for k in range(FAST_A):
        w[AT_V + k] = p[i + k]
    i += FAST_A
    w[CA_OUT] = 1000.0 * cao
    w[CA_N] = nmda_calcium_share(cao, p[i], p[i + 1], p[i + 2])
    w[SCALE] = release_factor(cao, p[i + 3], p[i + 4], p[i + 5])
    w[U_D] = w[U_P] = use
    w[THETA_D] = w[THETA_P] = -1.0


@jit
def peaks_alone(w, end, height, out):
    """c_pre (all sites at once) and c_post: peaks of c* after one spike of either side.

    Each in a sweep of `end` ticks; nothing is written to `out`.
    """
    paired_sweep(w, 1, BEGIN, BEGIN, 1, 0, end, height, FULL, out, -1, -1)
    c_pre = w[AT_S + CS_PEAK]
    paired_sweep(w, 1, BEGIN, BEGIN, 0, 1, end, height, FULL, out, -1, -1)
    return c_pre, w[AT_S + CS_PEAK]


@jit
def explore_neocortical_synapse(p, out, work):
    """Five pairs at one synapse: calcium, c* and efficacy.

    Controls: frequency (Hz), t_post - t_pre (ms), extracellular calcium (mM), utilisation, height
    of the action potential (mV), thresholds (µM ms), efficacy at the start. Constants: pairs,
    ticks of a sweep, sweeps, pause after each (ms), then those of `single_synapse`.
    """
    pairs, end, sweeps, pause = int(p[8]), int(p[9]), int(p[10]), p[11]
    single_synapse(p, 12, p[2], p[3], work)
    alone = peaks_alone(work, end, p[4], out)
    work[THETA_D] = p[5]
    work[THETA_P] = p[6]
    n_t = end // LONG + 1
    for k in range(n_t):
        out[k] = k * LONG * TICK
    period = math.floor(1000.0 / p[0] / TICK + 0.5)
    lag = math.floor(p[1] / TICK + 0.5)
    first = BEGIN + max(lag, 0)
    n = paired_sweep(
        work, period, first - lag, first, pairs, pairs, end, p[4], MEAN, out, n_t, 2 * n_t
    )
    o = 3 * n_t
    rho = p[7]
    for k in range(sweeps + 1):
        out[o + k] = k
        out[o + sweeps + 1 + k] = rho
        if k < sweeps:
            rho = efficacy_sweep(work, n, rho, pause)
    o += 2 * (sweeps + 1)
    above_d = 0.0
    above_p = 0.0
    for k in range(n):
        c0 = work[AT_C + 2 * k]
        c1 = work[AT_C + 2 * k + 2]
        above_d += time_above(p[5], c0, c1, work[AT_C + 2 * k + 3])
        above_p += time_above(p[6], c0, c1, work[AT_C + 2 * k + 3])
    out[o] = work[AT_S + CA_PEAK]
    out[o + 1] = work[AT_S + CS_PEAK]
    out[o + 2] = alone[0]
    out[o + 3] = alone[1]
    out[o + 4] = above_d - above_p
    out[o + 5] = above_p
    out[o + 6] = rho
    out[o + 7] = rho - p[7]


@jit
def sweep_of_pairs(w, frequency, delay, pairs, tail, height, out):
    """A sweep of pairs at a frequency (Hz) and t_post - t_pre (ms), followed for `tail` ticks.

    Returns how many steps w keeps, and the ticks of the sweep; nothing is written to `out`.
    """
    period = math.floor(1000.0 / frequency / TICK + 0.5)
    lag = math.floor(delay / TICK + 0.5)
    first = BEGIN + max(lag, 0)
    end = ((BEGIN + abs(lag) + (pairs - 1) * period + tail) // LONG) * LONG
    n = paired_sweep(w, period, first - lag, first, pairs, pairs, end, height, MEAN, out, -1, -1)
    return n, end


@jit
def explore_frequency_curve(p, out, work):
    """What sweeps of pairs leave at one synapse, over frequency and over timing.

    Controls: t_post - t_pre (ms) of the first curve, frequency (Hz) of the second, extracellular
    calcium (mM), utilisation, height of the action potential (mV), the four factors of the
    thresholds. Constants: pairs, ticks after the last spike, sweeps, interval (ms), frequencies
    and their step, delays and their step, then those of `single_synapse`.
    """
    pairs, tail, sweeps, interval = int(p[9]), int(p[10]), int(p[11]), p[12]
    n_f, step_f, n_d, step_d = int(p[13]), p[14], int(p[15]), p[16]
    single_synapse(p, 17, p[2], p[3], work)
    alone = peaks_alone(work, tail, p[4], out)
    theta_d = p[5] * alone[0] + p[6] * alone[1]
    theta_p = p[7] * alone[0] + p[8] * alone[1]
    if theta_d < theta_p:
        work[THETA_D] = theta_d
        work[THETA_P] = theta_p
    o_2 = 4 * n_f
    for q in range(n_f + n_d + 1):  # the last is where both curves stand
        curve = q < n_f
        frequency = (q + 1) * step_f if curve else p[1]
        delay = p[0] if curve or q == n_f + n_d else (q - n_f - (n_d - 1) // 2) * step_d
        n, end = sweep_of_pairs(work, frequency, delay, pairs, tail, p[4], out)
        weak = 0.0
        strong = 1.0
        for _ in range(sweeps):
            weak = efficacy_sweep(work, n, weak, interval - end * TICK)
            strong = efficacy_sweep(work, n, strong, interval - end * TICK)
        if curve:
            out[q] = frequency
            out[n_f + q] = work[AT_S + CS_PEAK]
            out[2 * n_f + q] = weak
            out[3 * n_f + q] = strong
        elif q == n_f + n_d:
            out[o_2 + 3 * n_d + 4 + 2 * n_f] = weak
            out[o_2 + 3 * n_d + 5 + 2 * n_f] = strong
        else:
            out[o_2 + q - n_f] = delay
            out[o_2 + n_d + q - n_f] = weak
            out[o_2 + 2 * n_d + q - n_f] = strong
    o = o_2 + 3 * n_d
    out[o] = alone[0]
    out[o + 1] = alone[1]
    out[o + 2] = theta_d
    out[o + 3] = theta_p
    for q in range(n_f):
        out[o + 4 + q] = theta_d
        out[o + 4 + n_f + q] = theta_p


# -- a rule of one's own (chapters/add-a-rule.ipynb) -------------------------------------------


@jit
def soft_step(x):
    """From 0 to 1 as x passes 0."""
    return 1.0 / (1.0 + math.exp(-min(max(x, -50.0), 50.0)))


@jit
def graded_pull(c, h, theta_d, theta_p, speed, k):
    """Where the graded rule draws the efficacy, and what a time h at c* leaves of the distance."""
    rate = speed * soft_step(k * (c / theta_d - 1.0))
    return soft_step(k * (c / theta_p - 1.0)), math.exp(-rate * h)


@jit
def graded_sweep(w, n, pause, speed, k):
    """What the sweep kept in w, and a pause, make of an efficacy of 0, and leave of a difference.

    The graded rule is linear in rho, so the two say what a sweep does to any efficacy.
    """
    gained = 0.0
    kept = 1.0
    for q in range(n + 1):
        c = 0.5 * (w[AT_C + 2 * q] + w[AT_C + 2 * q + 2]) if q < n else 0.0
        h = w[AT_C + 2 * q + 3] if q < n else pause
        target, left = graded_pull(c, h, w[THETA_D], w[THETA_P], speed, k)
        gained = target + (gained - target) * left
        kept *= left
    return gained, kept


@jit
def graded_rest(rho, h, theta_d, theta_p, speed, k):
    """The efficacy after a time h without calcium."""
    target, left = graded_pull(0.0, h, theta_d, theta_p, speed, k)
    return target + (rho - target) * left


@jit
def explore_two_rules(p, out, work):
    """The published and the graded rule on the same calcium: over frequency, timing and time.

    Controls: frequency (Hz), t_post - t_pre (ms), extracellular calcium (mM), utilisation, height
    of the action potential (mV), speed (1/ms) and steepness of the graded rule, efficacy at the
    start, rest after the last sweep (ms). Constants: pairs, ticks after the last spike, sweeps,
    interval (ms), frequencies and their step, delays and their step, times of the rest and their
    step (ms), the four factors of the thresholds, then those of `single_synapse`.
    """
    speed, k, rho0, rest = p[5], p[6], p[7], p[8]
    pairs, tail, sweeps, interval = int(p[9]), int(p[10]), int(p[11]), p[12]
    n_f, step_f, n_d, step_d, n_r, step_r = int(p[13]), p[14], int(p[15]), p[16], int(p[17]), p[18]
    single_synapse(p, 23, p[2], p[3], work)
    pre, post = peaks_alone(work, tail, p[4], out)
    theta_d = p[19] * pre + p[20] * post
    theta_p = p[21] * pre + p[22] * post
    work[THETA_D] = theta_d
    work[THETA_P] = theta_p
    tau = work[TAU_RHO]
    o_t = 3 * (n_f + n_d)
    n_t = sweeps + 1 + n_r
    for q in range(n_f + n_d + 1):  # the last is where both curves stand
        curve = q < n_f
        here = q == n_f + n_d
        frequency = (q + 1) * step_f if curve else p[0]
        delay = p[1] if curve or here else (q - n_f - (n_d - 1) // 2) * step_d
        n, end = sweep_of_pairs(work, frequency, delay, pairs, tail, p[4], out)
        pause = interval - end * TICK
        gained, kept = graded_sweep(work, n, pause, speed, k)
        published = rho0
        graded = rho0
        for j in range(sweeps):
            if here:
                out[o_t + j] = j * interval
                out[o_t + n_t + j] = published
                out[o_t + 2 * n_t + j] = graded
            published = efficacy_sweep(work, n, published, pause)
            graded = gained + kept * graded
        if here:
            for j in range(n_r + 1):
                i = o_t + sweeps + j
                out[i] = sweeps * interval + j * step_r
                out[i + n_t] = efficacy_free(published, j * step_r, tau)
                out[i + 2 * n_t] = graded_rest(graded, j * step_r, theta_d, theta_p, speed, k)
        published = efficacy_free(published, rest, tau)
        graded = graded_rest(graded, rest, theta_d, theta_p, speed, k)
        if here:
            o = o_t + 3 * n_t
            out[o] = work[AT_S + CS_PEAK]
            out[o + 1] = theta_d
            out[o + 2] = theta_p
            out[o + 3] = published
            out[o + 4] = graded
        else:
            n_c = n_f if curve else n_d
            i = q if curve else 2 * n_f + q
            out[i] = frequency if curve else delay
            out[i + n_c] = published
            out[i + 2 * n_c] = graded
