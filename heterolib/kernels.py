"""The numerical kernels: everything that numba compiles stands in this one file.

Rules, so that each kernel also compiles to WebAssembly for the live pages:

* the caller allocates every array, one-dimensional float64; a kernel allocates nothing;
* no exceptions (input was checked before), no random numbers, no Python objects;
* units are µm, ms, µM, mV, pA, nS, pF; rates are 1/ms.

numba's disk cache stamps the file of the caller only. Functions that call each other must
therefore stay in this file, or an edit of one would leave an old copy of it in use.
"""

import math

from heterolib.compiler import njit

# nogil: threads of one process compute at the same time, each on arrays of its own
jit = njit(cache=True, error_model="numpy", nogil=True)


# -- plasticity ------------------------------------------------------------------------------


@jit
def time_above(theta, c0, c1, h):
    """Time within a step h for which calcium, running linearly from c0 to c1, exceeds theta."""
    if c0 > theta and c1 > theta:
        return h
    if c0 <= theta and c1 <= theta:
        return 0.0
    return h * (max(c0, c1) - theta) / abs(c1 - c0)


@jit
def weight_rate(w, c, theta_p, theta_d, gamma_p, gamma_d):
    """w' = gamma_P (1 - w) H(c - theta_P) - gamma_D w H(c - theta_D)."""
    rate = 0.0
    if c > theta_p:
        rate += gamma_p * (1.0 - w)
    if c > theta_d:
        rate -= gamma_d * w
    return rate


@jit
def weight_step(w, c0, c1, h, theta_p, theta_d, gamma_p, gamma_d):
    """The weight after a step in which calcium runs linearly from c0 to c1, in closed form.

    Between crossings the rule is linear in w, so each stretch is one exponential. A rising
    trace meets theta_D first, a falling one theta_P.
    """
    t_p = time_above(theta_p, c0, c1, h)
    t_d = time_above(theta_d, c0, c1, h) - t_p
    total = gamma_p + gamma_d
    if c1 >= c0 and t_d > 0.0:
        w *= math.exp(-gamma_d * t_d)
    if t_p > 0.0 and total > 0.0:
        w_top = gamma_p / total
        w = w_top + (w - w_top) * math.exp(-total * t_p)
    if c1 < c0 and t_d > 0.0:
        w *= math.exp(-gamma_d * t_d)
    return w


@jit
def threshold_run(n_t, h, calcium, theta_p, theta_d, gamma_p, gamma_d, weight):
    """The threshold rule along a given calcium trace. `weight[0]` holds the start."""
    for k in range(n_t - 1):
        weight[k + 1] = weight_step(
            weight[k], calcium[k], calcium[k + 1], h, theta_p, theta_d, gamma_p, gamma_d
        )


@jit
def bistable_rate(rho, above_p, above_d, gamma_p, gamma_d, rho_star, tau):
    """tau rho' = -rho (1 - rho) (rho* - rho) + gamma_P (1 - rho) [P] - gamma_D rho [D]."""
    return (
        -rho * (1.0 - rho) * (rho_star - rho)
        + gamma_p * (1.0 - rho) * above_p
        - gamma_d * rho * above_d
    ) / tau


@jit
def bistable_stretch(rho, t, above_p, above_d, gamma_p, gamma_d, rho_star, tau):
    """One Runge-Kutta step of fourth order over a stretch t without a crossing."""
    if t <= 0.0:
        return rho
    k1 = bistable_rate(rho, above_p, above_d, gamma_p, gamma_d, rho_star, tau)
    k2 = bistable_rate(rho + 0.5 * t * k1, above_p, above_d, gamma_p, gamma_d, rho_star, tau)
    k3 = bistable_rate(rho + 0.5 * t * k2, above_p, above_d, gamma_p, gamma_d, rho_star, tau)
    k4 = bistable_rate(rho + t * k3, above_p, above_d, gamma_p, gamma_d, rho_star, tau)
    return rho + t * (k1 + 2.0 * k2 + 2.0 * k3 + k4) / 6.0


@jit
def bistable_run(n_t, h, calcium, theta_p, theta_d, gamma_p, gamma_d, rho_star, tau, rho):
    """The bistable rule along a given calcium trace. `rho[0]` holds the start."""
    for k in range(n_t - 1):
        c0 = calcium[k]
        c1 = calcium[k + 1]
        t_p = time_above(theta_p, c0, c1, h)
        t_d = time_above(theta_d, c0, c1, h) - t_p
        rest = h - t_p - t_d
        r = rho[k]
        if c1 >= c0:
            r = bistable_stretch(r, rest, 0.0, 0.0, gamma_p, gamma_d, rho_star, tau)
            r = bistable_stretch(r, t_d, 0.0, 1.0, gamma_p, gamma_d, rho_star, tau)
            r = bistable_stretch(r, t_p, 1.0, 1.0, gamma_p, gamma_d, rho_star, tau)
        else:
            r = bistable_stretch(r, t_p, 1.0, 1.0, gamma_p, gamma_d, rho_star, tau)
            r = bistable_stretch(r, t_d, 0.0, 1.0, gamma_p, gamma_d, rho_star, tau)
            r = bistable_stretch(r, rest, 0.0, 0.0, gamma_p, gamma_d, rho_star, tau)
        rho[k + 1] = r


# -- one spine -------------------------------------------------------------------------------

SEALED = 0
PUBLISHED = 1
CONSISTENT = 2


@jit
def neck_conductance(d, a, l_n):
    """g = D pi a^2 / (l + pi a / 2), in µm³/ms: a tube in series with its mouth."""
    return d * math.pi * a * a / (l_n + 0.5 * math.pi * a)


@jit
def escape_rate(neck, d, a, l_n, v_s):
    """k_s in 1/ms, by the physics that `neck` names."""
    if neck == SEALED or d <= 0.0:
        return 0.0
    if neck == CONSISTENT:
        return neck_conductance(d, a, l_n) / v_s
    return 1.0 / (v_s / (4.0 * d * a) + l_n * l_n / (2.0 * d))


@jit
def entry_rate(neck, d, a, l_n, v_comp):
    """k_d in 1/ms, by the physics that `neck` names."""
    if neck == SEALED:
        return 0.0
    if neck == CONSISTENT:
        return neck_conductance(d, a, l_n) / v_comp
    return 4.0 * d * a / v_comp


@jit
def influx_gain(y, z, faraday, v_s):
    """y / (Z F V_s) in µM per pA ms; 1 pA ms = 1e-15 C and 1 µm³ = 1e-15 l."""
    return 1e6 * y / (z * faraday * v_s)


@jit
def sphere(r):
    """Volume of a sphere."""
    return 4.0 / 3.0 * math.pi * r * r * r


@jit
def pulse_calcium(s, tau_i, tau_c):
    """Response of C' = I - C / tau_c, a time s after a unit jump of I, which decays with tau_i."""
    gap = 1.0 / tau_i - 1.0 / tau_c
    if abs(gap) * s < 1e-9:  # the two time constants agree: the limit of the line below
        return s * math.exp(-s / tau_c)
    return (math.exp(-s / tau_c) - math.exp(-s / tau_i)) / gap


@jit
def spine_run(
    n_steps,
    h,
    spikes,
    n_spikes,
    gain,
    current,
    tau_i,
    tau_c,
    theta_p,
    theta_d,
    gamma_p,
    gamma_d,
    plastic,
    calcium,
    weight,
):
    """One spine: calcium by the exact propagator, the weight held at its mid-step value.

    `gain` is µM per pA ms. `calcium` and `weight` have n_steps + 1 entries; the first of each
    holds the start. Spikes are sorted times in ms; they may lie anywhere within a step.
    """
    keep_c = math.exp(-h / tau_c)
    keep_i = math.exp(-h / tau_i)
    pass_i = pulse_calcium(h, tau_i, tau_c)
    x = 0.0
    j = 0
    for k in range(n_steps):
        end = (k + 1) * h
        c0 = calcium[k]
        w = weight[k]
        drive = x * pass_i
        x *= keep_i
        while j < n_spikes and spikes[j] < end:
            s = end - spikes[j]
            drive += current * pulse_calcium(s, tau_i, tau_c)
            x += current * math.exp(-s / tau_i)
            j += 1
        w_mid = w
        if plastic != 0:
            w_mid = weight_step(w, c0, c0, 0.5 * h, theta_p, theta_d, gamma_p, gamma_d)
        c1 = c0 * keep_c + gain * w_mid * drive
        calcium[k + 1] = c1
        if plastic != 0:
            w = weight_step(w, c0, c1, h, theta_p, theta_d, gamma_p, gamma_d)
        weight[k + 1] = w


# -- a branch with spines --------------------------------------------------------------------


@jit
def branch_factor(
    n, n_spines, site, hop, loss, loss_end, loss_spine, k_d, k_s, in_d, in_s, ratio, pivot
):
    """Factor the implicit matrix 1 - q A of shaft and spines; every rate comes times q.

    A spine touches one compartment, so it is eliminated first and leaves its mark on the
    diagonal there. What remains is tridiagonal: `ratio` and `pivot` hold its elimination.
    The two arrays serve as scratch on the way.
    """
    for i in range(n):
        pivot[i] = 1.0 + 2.0 * hop + loss
    pivot[0] = 1.0 + hop + loss_end
    pivot[n - 1] = 1.0 + hop + loss_end
    own = 1.0 + k_s + loss_spine
    for s in range(n_spines):
        i = int(site[s])
        pivot[i] += k_d - in_d * in_s / own
    pivot[0] = 1.0 / pivot[0]
    ratio[0] = hop * pivot[0]
    for i in range(1, n):
        pivot[i] = 1.0 / (pivot[i] - hop * ratio[i - 1])
        ratio[i] = hop * pivot[i]


@jit
def branch_solve(n, n_spines, site, hop, own, in_d, in_s, ratio, pivot, shaft, spine):
    """Solve (1 - q A) u = b in place: `shaft` and `spine` hold b before and u after."""
    for s in range(n_spines):
        shaft[int(site[s])] += in_d * spine[s] / own
    shaft[0] *= pivot[0]
    for i in range(1, n):
        shaft[i] = (shaft[i] + hop * shaft[i - 1]) * pivot[i]
    for i in range(n - 2, -1, -1):
        shaft[i] += ratio[i] * shaft[i + 1]
    for s in range(n_spines):
        spine[s] = (spine[s] + in_s * shaft[int(site[s])]) / own


@jit
def branch_run(
    first_step,
    n_steps,
    h,
    published,
    n,
    n_spines,
    site,
    hop,
    loss_spine,
    k_s,
    in_d,
    in_s,
    ratio,
    pivot,
    spikes,
    spike_stop,
    spike_next,
    gain,
    current,
    tau_i,
    theta_p,
    theta_d,
    gamma_p,
    gamma_d,
    plastic,
    shaft,
    shaft_old,
    spine,
    spine_old,
    drive,
    weight,
    peak,
    every,
    n_t,
    calcium_out,
    weight_out,
    every_shaft,
    shaft_out,
):
    """Advance a branch by `n_steps` from step `first_step`, in place.

    published = 1: backward Euler; a spike adds its whole jump at the step it falls in; weights
    by forward Euler on the calcium of before the step. Rates come times h.
    published = 0: Crank-Nicolson; the current enters by its exact mean over the step; weights
    in closed form between interpolated crossings. Rates come times h / 2: the step solves for
    the midpoint v = (u + u_new) / 2 with that same matrix, and u_new = 2 v - u.

    Arrays: site, spike_stop, spike_next, spine, spine_old, drive, weight, peak (n_spines);
    ratio, pivot, shaft, shaft_old (n); spikes (all trains in a row; the train of spine s ends
    before spike_stop[s], spike_next[s] is its next spike); calcium_out and weight_out
    (n_spines x n_t, row by row) are written every `every` steps, shaft_out (times x n) every
    `every_shaft` steps; 0 writes nothing.
    """
    keep_i = math.exp(-h / tau_i)
    mean_i = tau_i * (1.0 - keep_i) / h
    own = 1.0 + k_s + loss_spine
    for k in range(first_step, first_step + n_steps):
        end = (k + 1) * h
        for s in range(n_spines):
            j = int(spike_next[s])
            stop = int(spike_stop[s])
            spine_old[s] = spine[s]
            w = weight[s]
            if published != 0:
                drive[s] *= keep_i
                # the small shift keeps a spike on a step's edge in the step it opens
                while j < stop and spikes[j] < end - 1e-9 * h:
                    drive[s] += current
                    j += 1
                spine[s] += h * gain * w * drive[s]
            else:
                mean = drive[s] * mean_i
                drive[s] *= keep_i
                while j < stop and spikes[j] < end - 1e-9 * h:
                    left = math.exp(-(end - spikes[j]) / tau_i)
                    mean += current * tau_i * (1.0 - left) / h
                    drive[s] += current * left
                    j += 1
                if plastic != 0:
                    c0 = spine[s]
                    w = weight_step(w, c0, c0, 0.5 * h, theta_p, theta_d, gamma_p, gamma_d)
                spine[s] += 0.5 * h * gain * w * mean
            spike_next[s] = j
        if published == 0:
            for i in range(n):
                shaft_old[i] = shaft[i]
        branch_solve(n, n_spines, site, hop, own, in_d, in_s, ratio, pivot, shaft, spine)
        if published == 0:
            for i in range(n):
                shaft[i] = 2.0 * shaft[i] - shaft_old[i]
        for s in range(n_spines):
            c0 = spine_old[s]
            w = weight[s]
            if published != 0:
                if plastic != 0:
                    w += h * weight_rate(w, c0, theta_p, theta_d, gamma_p, gamma_d)
            else:
                spine[s] = 2.0 * spine[s] - c0
                if plastic != 0:
                    w = weight_step(w, c0, spine[s], h, theta_p, theta_d, gamma_p, gamma_d)
            weight[s] = w
            if spine[s] > peak[s]:
                peak[s] = spine[s]
        if every > 0 and (k + 1) % every == 0:
            m = (k + 1) // every
            if m < n_t:
                for s in range(n_spines):
                    calcium_out[s * n_t + m] = spine[s]
                    weight_out[s * n_t + m] = weight[s]
        if every_shaft > 0 and (k + 1) % every_shaft == 0:
            m = (k + 1) // every_shaft
            for i in range(n):
                shaft_out[m * n + i] = shaft[i]


# -- a branch with spines, reduced to modes --------------------------------------------------
#
# With constant rates the branch is linear, and the spines are all that is read or driven. In
# eigenmodes z_k' = -lam_k z_k + sum_i q_ik u_i, C_i = sum_k q_ik z_k, where u_i is the influx
# into spine i; heterolib.reduced finds lam and q. q is passed twice, spine by spine (`shape`) and
# mode by mode (`across`): with the inner loop along memory and no sum in it, compilers use the
# whole width of the processor without changing a digit. Their number r is a multiple of four,
# filled up with modes that nobody sees.

WIDE = 6  # from so many spines on, loops across spines pay
NOTHING = 1e-14  # a current below this share of a pulse's jump is taken as gone


@jit
def eigen_symmetric(n, a, value, off):
    """Eigenvalues and eigenvectors of the symmetric matrix a (n x n), in place.

    Householder's reduction to a tridiagonal, then implicit QL (the classical pair tred2, tql2),
    with vectors kept as rows so that inner loops run along memory. On return row k of `a` is
    the vector of value[k]; values are not sorted. `off` (n) is scratch. One thread, hence the
    same digits everywhere; for more than a few hundred rows LAPACK is faster.
    """
    for j in range(n):
        value[j] = a[j * n + n - 1]
    for i in range(n - 1, 0, -1):
        scale = 0.0
        h = 0.0
        for k in range(i):
            scale += abs(value[k])
        if scale == 0.0:
            off[i] = value[i - 1]
            for j in range(i):
                value[j] = a[j * n + i - 1]
                a[j * n + i] = 0.0
                a[i * n + j] = 0.0
        else:
            for k in range(i):
                value[k] /= scale
                h += value[k] * value[k]
            f = value[i - 1]
            g = math.sqrt(h)
            if f > 0.0:
                g = -g
            off[i] = scale * g
            h -= f * g
            value[i - 1] = f - g
            for j in range(i):
                off[j] = 0.0
            for j in range(i):
                f = value[j]
                a[i * n + j] = f
                g = off[j] + a[j * n + j] * f
                for k in range(j + 1, i):
                    g += a[j * n + k] * value[k]
                    off[k] += a[j * n + k] * f
                off[j] = g
            f = 0.0
            for j in range(i):
                off[j] /= h
                f += off[j] * value[j]
            g = f / (h + h)
            for j in range(i):
                off[j] -= g * value[j]
            for j in range(i):
                f = value[j]
                g = off[j]
                for k in range(j, i):
                    a[j * n + k] -= f * off[k] + g * value[k]
                value[j] = a[j * n + i - 1]
                a[j * n + i] = 0.0
        value[i] = h
    for i in range(n - 1):
        a[i * n + n - 1] = a[i * n + i]
        a[i * n + i] = 1.0
        h = value[i + 1]
        if h != 0.0:
            for k in range(i + 1):
                value[k] = a[(i + 1) * n + k] / h
            for j in range(i + 1):
                g = 0.0
                for k in range(i + 1):
                    g += a[(i + 1) * n + k] * a[j * n + k]
                for k in range(i + 1):
                    a[j * n + k] -= g * value[k]
        for k in range(i + 1):
            a[(i + 1) * n + k] = 0.0
    for j in range(n):
        value[j] = a[j * n + n - 1]
        a[j * n + n - 1] = 0.0
    a[n * n - 1] = 1.0
    for i in range(1, n):
        off[i - 1] = off[i]
    off[n - 1] = 0.0
    shift = 0.0
    size = 0.0
    for low in range(n):
        size = max(size, abs(value[low]) + abs(off[low]))
        m = low
        while m < n - 1 and abs(off[m]) > 2.2e-16 * size:
            m += 1
        turns = 0
        while m > low and turns < 60:
            turns += 1
            g = value[low]
            p = (value[low + 1] - g) / (2.0 * off[low])
            r = math.sqrt(p * p + 1.0)
            if p < 0.0:
                r = -r
            value[low] = off[low] / (p + r)
            value[low + 1] = off[low] * (p + r)
            first = value[low + 1]
            h = g - value[low]
            for i in range(low + 2, n):
                value[i] -= h
            shift += h
            p = value[m]
            c = 1.0
            c2 = 1.0
            c3 = 1.0
            edge = off[low + 1]
            s = 0.0
            s2 = 0.0
            for i in range(m - 1, low - 1, -1):
                c3 = c2
                c2 = c
                s2 = s
                g = c * off[i]
                h = c * p
                r = math.sqrt(p * p + off[i] * off[i])
                off[i + 1] = s * r
                s = off[i] / r
                c = p / r
                p = c * value[i] - s * g
                value[i + 1] = h + s * (c * g + s * value[i])
                for k in range(n):
                    h = a[(i + 1) * n + k]
                    a[(i + 1) * n + k] = s * a[i * n + k] + c * h
                    a[i * n + k] = c * a[i * n + k] - s * h
            p = -s * s2 * c3 * edge * off[low] / first
            off[low] = s * p
            value[low] = c * p
            if abs(off[low]) <= 2.2e-16 * size:
                break
        value[low] += shift
        off[low] = 0.0


@jit
def mode_response(s, tau_i, lam):
    """Response of z' = I - lam z, a time s after a unit jump of I, which decays with tau_i."""
    gap = (1.0 / tau_i - lam) * s
    if abs(gap) < 1e-4:  # a series where the difference below would cancel
        return s * math.exp(-lam * s) * (1.0 - 0.5 * gap + gap * gap / 6.0)
    return s * (math.exp(-lam * s) - math.exp(-s / tau_i)) / gap


@jit
def modes_table(r, lam, tau_i, h, first, keep, gain):
    """Decay and response of every mode over a step h, written from entry `first` on."""
    for k in range(r):
        keep[first + k] = math.exp(-lam[k] * h)
        gain[first + k] = mode_response(h, tau_i, lam[k])


@jit
def modes_ladder(r, lam, tau_i, h, n_levels, keep, response):
    """The tables for steps h, 2 h, 4 h, ..."""
    for level in range(n_levels):
        modes_table(r, lam, tau_i, h, level * r, keep, response)
        h *= 2.0


@jit
def hermite(t, c0, c1, d0, d1):
    """The cubic on [0, 1] through c0 and c1 with slopes d0 and d1."""
    rise = c1 - c0
    return c0 + t * (d0 + t * ((3.0 * rise - 2.0 * d0 - d1) + t * (d0 + d1 - 2.0 * rise)))


@jit
def hermite_turn(c0, c1, d0, d1):
    """Where on (0, 1) the cubic turns, given that the slopes d0 and d1 differ in sign."""
    rise = c1 - c0
    half = 3.0 * rise - 2.0 * d0 - d1
    lead = 3.0 * (d0 + d1 - 2.0 * rise)
    root = math.sqrt(max(half * half - lead * d0, 0.0))
    # d0 + 2 half t + lead t^2 = 0; the branch that stays finite as lead goes to 0
    down = -half + root if d0 > 0.0 else -half - root
    return min(max(d0 / down, 0.0), 1.0) if down != 0.0 else 0.5


@jit
def hermite_above(theta, a, b, ca, cb, c0, c1, d0, d1):
    """How much of [a, b], where the cubic runs from ca to cb without a turn, exceeds theta."""
    if ca > theta and cb > theta:
        return b - a
    if ca <= theta and cb <= theta:
        return 0.0
    low = a
    high = b
    f_low = ca - theta
    f_high = cb - theta
    t = a
    for _ in range(40):  # false position, the stale end halved
        t = low + (high - low) * f_low / (f_low - f_high)
        f = hermite(t, c0, c1, d0, d1) - theta
        if f == 0.0 or abs(f) < 1e-13 * theta:
            break
        if (f > 0.0) == (f_high > 0.0):
            high = t
            f_high = f
            f_low *= 0.5
        else:
            low = t
            f_low = f
            f_high *= 0.5
        if high - low < 1e-12:
            break
    return t - a if ca > theta else b - t


@jit
def weight_stretch(w, t_p, t_d, rising, gamma_p, gamma_d):
    """The weight after times t_p and t_d above the thresholds, in either order of these.

    A rising trace passes from one threshold alone to both, a falling one back.
    """
    both = min(t_p, t_d)
    for turn in range(2):
        if (turn == 0) == (rising != 0):
            if t_d > both:
                w *= math.exp(-gamma_d * (t_d - both))
            if t_p > both:
                w = 1.0 + (w - 1.0) * math.exp(-gamma_p * (t_p - both))
        elif both > 0.0:
            total = gamma_p + gamma_d
            if total > 0.0:
                top = gamma_p / total
                w = top + (w - top) * math.exp(-total * both)
    return w


@jit
def weight_cubic(w, h, c0, c1, d0, d1, theta_p, theta_d, gamma_p, gamma_d):
    """The weight after a step in which calcium follows the cubic (slopes times h)."""
    a = 0.0
    ca = c0
    turn = 1.0
    if d0 * d1 < 0.0:
        turn = hermite_turn(c0, c1, d0, d1)
    while a < 1.0:
        b = turn if a < turn else 1.0
        cb = c1 if b == 1.0 else hermite(b, c0, c1, d0, d1)
        t_p = h * hermite_above(theta_p, a, b, ca, cb, c0, c1, d0, d1)
        t_d = h * hermite_above(theta_d, a, b, ca, cb, c0, c1, d0, d1)
        w = weight_stretch(w, t_p, t_d, 1 if cb >= ca else 0, gamma_p, gamma_d)
        if b <= a:
            break
        a = b
        ca = cb
    return w


@jit
def modes_quiet(n_spines, r, shape, across, z, rest, limit, exact_peaks, peak, bound):
    """1 if no spine can exceed `limit` before the next spike (nor its peak, if that is asked).

    |C_i| <= sum_k |q_ik z_k| from now on, plus what the remaining current brings at most: each
    µM of influx raises no spine by more than 1 µM. `bound` (n_spines) is scratch.
    """
    if n_spines >= WIDE:
        for i in range(n_spines):
            bound[i] = 0.0
        for m in range(r // 4):
            k = 4 * m
            a = across[k * n_spines : (k + 1) * n_spines]
            b = across[(k + 1) * n_spines : (k + 2) * n_spines]
            c = across[(k + 2) * n_spines : (k + 3) * n_spines]
            d = across[(k + 3) * n_spines : (k + 4) * n_spines]
            for i in range(n_spines):
                bound[i] += (abs(a[i] * z[k]) + abs(b[i] * z[k + 1])) + (
                    abs(c[i] * z[k + 2]) + abs(d[i] * z[k + 3])
                )
    else:
        for i in range(n_spines):
            total = 0.0
            for k in range(r):
                total += abs(shape[i * r + k] * z[k])
            bound[i] = total
    for i in range(n_spines):
        if bound[i] + rest > limit or (exact_peaks != 0 and bound[i] + rest > peak[i]):
            return 0
    return 1


@jit
def modes_influx(n_spines, r, shape, influx, push):
    """push_k = sum_i q_ik u_i."""
    for k in range(r):
        push[k] = 0.0
    for i in range(n_spines):
        u = influx[i]
        if u != 0.0:
            row = shape[i * r : (i + 1) * r]
            for k in range(r):
                push[k] += u * row[k]


@jit
def modes_read(n_spines, r, shape, across, z, out):
    """out_i = sum_k q_ik z_k."""
    if n_spines >= WIDE:
        for i in range(n_spines):
            out[i] = 0.0
        for m in range(r // 4):
            k = 4 * m
            a = across[k * n_spines : (k + 1) * n_spines]
            b = across[(k + 1) * n_spines : (k + 2) * n_spines]
            c = across[(k + 2) * n_spines : (k + 3) * n_spines]
            d = across[(k + 3) * n_spines : (k + 4) * n_spines]
            z0 = z[k]
            z1 = z[k + 1]
            z2 = z[k + 2]
            z3 = z[k + 3]
            for i in range(n_spines):
                out[i] += (a[i] * z0 + b[i] * z1) + (c[i] * z2 + d[i] * z3)
    else:
        for i in range(n_spines):
            total = 0.0
            for k in range(r):
                total += shape[i * r + k] * z[k]
            out[i] = total


@jit
def reduced_converged(
    max_steps,
    duration,
    h,
    n_levels,
    growth,
    n_spines,
    r,
    lam,
    shape,
    across,
    keep,
    response,
    gain,
    current,
    tau_i,
    spikes,
    stop,
    stop_first,
    following,
    theta_p,
    theta_d,
    gamma_p,
    gamma_d,
    plastic,
    feedback,
    exact_peaks,
    clock,
    z,
    push,
    z_rate,
    drive,
    influx,
    calcium,
    slope,
    calcium_new,
    slope_new,
    weight,
    peak,
):
    """Advance the modes until `duration` or for `max_steps` steps; returns the steps taken.

    The propagator of calcium is exact; the weight in the influx is held at its value of
    mid-step, which makes the error second order in h. Steps end at spikes. They are h at
    first and grow to `growth` times the time since the last spike, in powers of two, for then
    the current, which alone couples weight to calcium, has decayed. Between steps calcium is
    the cubic through values and slopes, along which crossings and peaks are found. When no
    spine can cross anything before the next spike, one closed-form step leads there.

    Arrays: lam, z, push, z_rate (r); shape (n_spines x r), across (r x n_spines); keep, response
    ((n_levels + 1) x r, filled by modes_ladder; the last row serves odd steps); spikes, stop
    (end of each train, from entry stop_first on), following (next spike of each train); drive,
    influx, calcium, slope, calcium_new, slope_new, weight, peak (n_spines);
    clock: time, time of the last spike, length of the odd step in the table.
    """
    low = min(theta_p, theta_d) if plastic != 0 else 1e300
    t = clock[0]
    last = clock[1]
    odd = clock[2]
    steps = 0
    # a train's next spike; the small shift joins spikes that differ by rounding
    tiny = 1e-9
    while t < duration and steps < max_steps:
        event = duration
        fresh = 0
        active = 0
        rest = 0.0
        for i in range(n_spines):
            j = int(following[i])
            end = int(stop[stop_first + i])
            while j < end and spikes[j] <= t + tiny:
                drive[i] += current
                fresh = 1
                j += 1
            following[i] = j
            if j < end and spikes[j] < event:
                event = spikes[j]
            if drive[i] < NOTHING * current:
                drive[i] = 0.0
            if drive[i] > 0.0:
                active = 1
                rest += gain * drive[i] * tau_i * (weight[i] if feedback != 0 else 1.0)
        if fresh != 0:
            last = t
            for i in range(n_spines):
                influx[i] = gain * drive[i] * (weight[i] if feedback != 0 else 1.0)
            modes_influx(n_spines, r, shape, influx, push)
            for k in range(r):
                z_rate[k] = push[k] - lam[k] * z[k]
            modes_read(n_spines, r, shape, across, z_rate, slope)
        # which step
        span = event - t
        want = max(h, growth * (t - last))
        level = 0
        step = h
        while level < n_levels - 1 and 2.0 * step <= want:
            step *= 2.0
            level += 1
        jump = 0
        if span > step:
            top = 0.0
            for i in range(n_spines):
                top = max(top, calcium[i])
            if top <= low:
                jump = modes_quiet(
                    n_spines, r, shape, across, z, rest, low, exact_peaks, peak, influx
                )
        if jump != 0 or span <= step * (1.0 + 1e-9):
            step = span
            level = n_levels
            if abs(step - odd) > tiny * 1e-2:
                modes_table(r, lam, tau_i, step, n_levels * r, keep, response)
                odd = step
        stay = keep[level * r : (level + 1) * r]
        passed = response[level * r : (level + 1) * r]
        steps += 1
        # the two sums of `modes_influx` and `modes_read` stand here in full: with few modes a
        # call takes as long as what it does
        fade = math.exp(-step / tau_i)
        if active != 0:
            for i in range(n_spines):
                if drive[i] > 0.0:
                    w = weight[i]
                    if plastic != 0 and feedback != 0 and jump == 0:
                        ahead = calcium[i] + 0.5 * step * slope[i]
                        w = weight_step(
                            w, calcium[i], ahead, 0.5 * step, theta_p, theta_d, gamma_p, gamma_d
                        )
                    elif feedback == 0:
                        w = 1.0
                    influx[i] = gain * w * drive[i]
                    drive[i] *= fade
                else:
                    influx[i] = 0.0
            for k in range(r):
                push[k] = 0.0
            for i in range(n_spines):
                u = influx[i]
                if u != 0.0:
                    row = shape[i * r : (i + 1) * r]
                    for k in range(r):
                        push[k] += u * row[k]
            for k in range(r):
                z[k] = stay[k] * z[k] + passed[k] * push[k]
            for k in range(r):
                z_rate[k] = fade * push[k] - lam[k] * z[k]
        else:
            for k in range(r):
                z[k] *= stay[k]
            for k in range(r):
                z_rate[k] = -lam[k] * z[k]
        if n_spines >= WIDE:
            modes_read(n_spines, r, shape, across, z, calcium_new)
            modes_read(n_spines, r, shape, across, z_rate, slope_new)
        else:
            for i in range(n_spines):
                c = 0.0
                d = 0.0
                for k in range(r):
                    c += shape[i * r + k] * z[k]
                    d += shape[i * r + k] * z_rate[k]
                calcium_new[i] = c
                slope_new[i] = d
        for i in range(n_spines):
            c = calcium_new[i]
            d = slope_new[i]
            if jump == 0:
                c0 = calcium[i]
                d0 = slope[i] * step
                d1 = d * step
                top = max(c0, c)
                if d0 > 0.0 and d1 < 0.0:
                    top = hermite(hermite_turn(c0, c, d0, d1), c0, c, d0, d1)
                if top > peak[i]:
                    peak[i] = top
                if plastic != 0 and top > low:
                    if c0 > theta_p and c > theta_p and c0 > theta_d and c > theta_d and d <= 0.0:
                        weight[i] = weight_stretch(weight[i], step, step, 1, gamma_p, gamma_d)
                    else:
                        weight[i] = weight_cubic(
                            weight[i],
                            step,
                            c0,
                            c,
                            d0,
                            d1,
                            theta_p,
                            theta_d,
                            gamma_p,
                            gamma_d,
                        )
            calcium[i] = c
            slope[i] = d
        t = event if level == n_levels else t + step
    clock[0] = t
    clock[1] = last
    clock[2] = odd
    return steps


@jit
def reduced_published(
    max_steps,
    n_steps,
    h,
    n_spines,
    r,
    lam,
    shape,
    across,
    keep,
    log_keep,
    gain,
    current,
    tau_i,
    spikes,
    stop,
    stop_first,
    following,
    theta_p,
    theta_d,
    gamma_p,
    gamma_d,
    plastic,
    exact_peaks,
    clock,
    z,
    push,
    drive,
    influx,
    calcium,
    weight,
    peak,
):
    """The published scheme of `branch_run` in modes, from step clock[0] on.

    Stops at step `n_steps`, or earlier after `max_steps` steps; returns the steps computed, a
    jump counted as one. Steps on which nothing can cross a threshold are taken together, by the
    sums of their geometric series, so that every spike still falls on its own step.

    Arrays as in `reduced_converged`; keep = 1 / (1 + h lam) and its logarithm, log_keep (r).
    """
    low = min(theta_p, theta_d) if plastic != 0 else 1e300
    fade = math.exp(-h / tau_i)
    left = h * fade / (1.0 - fade)
    t = int(clock[0])
    end_step = int(n_steps)
    work = 0
    while t < end_step and work < max_steps:
        event = end_step
        active = 0
        rest = 0.0
        top = 0.0
        for i in range(n_spines):
            j = int(following[i])
            if j < int(stop[stop_first + i]):
                at = int(spikes[j] / h + 1e-9)
                if at < event:
                    event = at
            if drive[i] < NOTHING * current:
                drive[i] = 0.0
            if drive[i] > 0.0:
                active = 1
                rest += gain * weight[i] * drive[i] * left
            top = max(top, calcium[i])
        work += 1
        jump = 0
        if event > t + 1 and top <= low:
            jump = modes_quiet(n_spines, r, shape, across, z, rest, low, exact_peaks, peak, influx)
        if jump != 0:
            span = event - t
            passed = fade**span
            if active != 0:
                for i in range(n_spines):
                    influx[i] = h * gain * weight[i] * drive[i]
                    drive[i] *= passed
                modes_influx(n_spines, r, shape, influx, push)
                for k in range(r):
                    power = math.exp(span * log_keep[k])
                    gap = keep[k] - fade
                    if abs(gap) > 1e-9:
                        total = keep[k] * fade * (power - passed) / gap
                    else:
                        total = span * power * fade
                    z[k] = power * z[k] + total * push[k]
            else:
                for k in range(r):
                    z[k] *= math.exp(span * log_keep[k])
            modes_read(n_spines, r, shape, across, z, calcium)
            t = event
            continue
        active = 0
        for i in range(n_spines):
            j = int(following[i])
            end = int(stop[stop_first + i])
            drive[i] *= fade
            while j < end and int(spikes[j] / h + 1e-9) <= t:
                drive[i] += current
                j += 1
            following[i] = j
            influx[i] = h * gain * weight[i] * drive[i]
            if drive[i] > 0.0:
                active = 1
            if plastic != 0 and calcium[i] > low:
                weight[i] += h * weight_rate(
                    weight[i], calcium[i], theta_p, theta_d, gamma_p, gamma_d
                )
        if active != 0:
            modes_influx(n_spines, r, shape, influx, push)
            for k in range(r):
                z[k] = keep[k] * (z[k] + push[k])
        else:
            for k in range(r):
                z[k] *= keep[k]
        modes_read(n_spines, r, shape, across, z, calcium)
        for i in range(n_spines):
            if calcium[i] > peak[i]:
                peak[i] = calcium[i]
        t += 1
    clock[0] = t
    return work


@jit
def reduced_reset(n_spines, r, first, stop, weights, following, z, drive, calcium, slope, w, peak):
    """Put one run back to rest. Train i of its set is train first + i of all, and ends there."""
    for k in range(r):
        z[k] = 0.0
    for i in range(n_spines):
        at = first + i
        following[i] = stop[at - 1] if at > 0 else 0.0
        w[i] = weights[at]
        drive[i] = 0.0
        calcium[i] = 0.0
        slope[i] = 0.0
        peak[i] = 0.0


@jit
def reduced_many(
    max_steps,
    n_runs,
    n_trains,
    published,
    duration,
    h,
    n_levels,
    growth,
    n_spines,
    r,
    lam,
    shape,
    across,
    keep,
    response,
    gain,
    current,
    tau_i,
    spikes,
    stop,
    rules,
    plastic,
    feedback,
    exact_peaks,
    clock,
    z,
    push,
    z_rate,
    following,
    drive,
    influx,
    calcium,
    slope,
    calcium_new,
    slope_new,
    weight,
    peak,
    weights,
    weights_out,
    calcium_out,
    peaks_out,
):
    """Independent runs from rest: run j has rule j // n_trains and spikes j % n_trains.

    Returns after `max_steps` steps or at the end of the last run; called again, it goes on.

    Arrays as in `reduced_converged`, and: rules (theta_p, theta_d, gamma_p, gamma_d of each);
    weights (at the start, n_spines for each set of trains); weights_out, calcium_out, peaks_out
    (n_spines a run); clock, five numbers: time (published: steps), time of the last spike,
    length of the odd step in the table, run, steps so far. published = 1: `duration` counts
    steps, and `response` holds the logarithm of `keep`.
    """
    left = max_steps
    while clock[3] < n_runs and left > 0:
        j = int(clock[3])
        rule = 4 * (j // n_trains)
        first = (j % n_trains) * n_spines
        if clock[0] == 0.0:
            reduced_reset(
                n_spines, r, first, stop, weights, following, z, drive, calcium, slope, weight, peak
            )
            clock[1] = -1e300
        if published != 0:
            taken = reduced_published(
                left,
                duration,
                h,
                n_spines,
                r,
                lam,
                shape,
                across,
                keep,
                response,
                gain,
                current,
                tau_i,
                spikes,
                stop,
                first,
                following,
                rules[rule],
                rules[rule + 1],
                rules[rule + 2],
                rules[rule + 3],
                plastic,
                exact_peaks,
                clock,
                z,
                push,
                drive,
                influx,
                calcium,
                weight,
                peak,
            )
        else:
            taken = reduced_converged(
                left,
                duration,
                h,
                n_levels,
                growth,
                n_spines,
                r,
                lam,
                shape,
                across,
                keep,
                response,
                gain,
                current,
                tau_i,
                spikes,
                stop,
                first,
                following,
                rules[rule],
                rules[rule + 1],
                rules[rule + 2],
                rules[rule + 3],
                plastic,
                feedback,
                exact_peaks,
                clock,
                z,
                push,
                z_rate,
                drive,
                influx,
                calcium,
                slope,
                calcium_new,
                slope_new,
                weight,
                peak,
            )
        left -= taken
        clock[4] += taken
        if clock[0] >= duration:
            for i in range(n_spines):
                weights_out[j * n_spines + i] = weight[i]
                calcium_out[j * n_spines + i] = calcium[i]
                peaks_out[j * n_spines + i] = peak[i]
            clock[0] = 0.0
            clock[3] += 1.0


# -- voltage on a tree -----------------------------------------------------------------------
#
# Compartments are numbered so that every parent comes before its children; node 0 is the root.
# axial[i] (nS) joins node i to parent[i]. Spine heads and the soma are nodes like any other.
# Voltages are mV above rest, capacitances pF, conductances nS, currents pA.

TR_SHARE = 2.0 - math.sqrt(2.0)  # of the step: the trapezoid's part of TR-BDF2
TR_LOAD = 0.5 * TR_SHARE  # both stages solve with C / (TR_LOAD h) + G
TR_NEW = 1.0 / (TR_SHARE * (2.0 - TR_SHARE))
TR_OLD = TR_NEW - 1.0


@jit
def tree_factor(n, parent, axial, own, inverse, ratio):
    """Factor the symmetric matrix of a tree: `own` on the diagonal, plus the axial terms.

    Elimination runs from the leaves to the root (Hines 1984) and fills nothing in. `inverse`
    and `ratio` (n) hold it.
    """
    for i in range(n):
        inverse[i] = own[i]
        ratio[i] = 0.0
    for i in range(1, n):
        inverse[i] += axial[i]
        inverse[int(parent[i])] += axial[i]
    for i in range(n - 1, 0, -1):
        ratio[i] = axial[i] / inverse[i]
        inverse[int(parent[i])] -= axial[i] * ratio[i]
    for i in range(n):
        inverse[i] = 1.0 / inverse[i]


@jit
def tree_solve(n, parent, inverse, ratio, v):
    """Solve in place: `v` holds the right side (pA) before and the voltage after.

    Along unbranched stretches the running value stays out of memory: `x` is what a node holds.
    """
    x = v[n - 1]
    for i in range(n - 1, 0, -1):
        p = int(parent[i])
        v[i] = x
        if p == i - 1:
            x = v[p] + ratio[i] * x
        else:
            v[p] += ratio[i] * x
            x = v[i - 1]
    x *= inverse[0]
    v[0] = x
    for i in range(1, n):
        p = int(parent[i])
        if p != i - 1:
            x = v[p]
        x = v[i] * inverse[i] + ratio[i] * x
        v[i] = x


@jit
def cable_nodes(
    n, dx, r, capacitance, leak, axial_per_um, n_leaves, site, leaf, parent, axial, own, load
):
    """A straight branch of n compartments with leaves, as a tree of n + n_leaves nodes.

    capacitance (pF/µm²), leak (nS/µm²) and axial_per_um (nS/µm) are the membrane's. site
    (n_leaves): the compartment of each leaf; leaf (3 x n_leaves): coupling (nS), leak (nS) and
    capacitance (pF) of all leaves, one kind after another. Fills parent, axial, own (leak, nS)
    and load (capacitance, pF).
    """
    area = 2.0 * math.pi * r * dx
    for i in range(n):
        parent[i] = i - 1.0
        axial[i] = axial_per_um * math.pi * r * r / dx if i > 0 else 0.0
        own[i] = area * leak
        load[i] = area * capacitance
    for s in range(n_leaves):
        parent[n + s] = site[s]
        axial[n + s] = leaf[s]
        own[n + s] = leaf[n_leaves + s]
        load[n + s] = leaf[2 * n_leaves + s]


@jit
def tree_run(
    n_steps,
    published,
    n,
    parent,
    inverse,
    ratio,
    load,
    v,
    old,
    n_inputs,
    site,
    current,
    current_end,
    n_probes,
    probe,
    every,
    n_t,
    out,
):
    """Advance the voltage of a tree by `n_steps`, in place.

    published = 1: backward Euler, load = C / h. published = 0: TR-BDF2, load = C / (TR_LOAD h):
    a trapezoid over a share of the step, then a backward difference over the whole of it; of
    second order, and it damps what is too fast for the step. The matrix in `inverse` and `ratio`
    is load + G in both.

    current (n_inputs x n_steps): mean of each input (pA) over each step, into node site[.];
    current_end: its value as the step ends (not read by backward Euler). The last stage takes the
    value at the end, which a small compartment follows at once, and the first one what is left of
    the charge.
    out (n_probes x n_t): voltage of node probe[.] every `every` steps; entry 0 is the start.
    """
    for p in range(n_probes):
        out[p * n_t] = v[int(probe[p])]
    for k in range(n_steps):
        for i in range(n):
            old[i] = v[i]
            v[i] *= load[i]
        for s in range(n_inputs):
            mean = current[s * n_steps + k]
            if published == 0:
                mean = (mean - TR_LOAD * current_end[s * n_steps + k]) / (1.0 - TR_LOAD)
            v[int(site[s])] += mean
        tree_solve(n, parent, inverse, ratio, v)
        if published == 0:
            for i in range(n):
                v[i] = load[i] * (TR_NEW * (2.0 * v[i] - old[i]) - TR_OLD * old[i])
            for s in range(n_inputs):
                v[int(site[s])] += current_end[s * n_steps + k]
            tree_solve(n, parent, inverse, ratio, v)
        if (k + 1) % every == 0:
            m = (k + 1) // every
            if m < n_t:
                for p in range(n_probes):
                    out[p * n_t + m] = v[int(probe[p])]


@jit
def soma_follow(n_t, h, published, tau, gain, v, soma):
    """tau U' = -U + gain (v - U) along the trace v of its place on the branch; soma[0] is given.

    published = 1: forward Euler on the values before the step, as in the paper's code.
    published = 0: v linear between samples, midpoint rule.
    """
    if published != 0:
        for k in range(n_t - 1):
            soma[k + 1] = soma[k] + h / tau * (gain * (v[k] - soma[k]) - soma[k])
    else:
        a = 0.5 * h / tau
        for k in range(n_t - 1):
            middle = (soma[k] + 0.5 * a * gain * (v[k] + v[k + 1])) / (1.0 + a * (1.0 + gain))
            soma[k + 1] = 2.0 * middle - soma[k]


@jit
def spike_current(
    n_steps, h, published, current, tau_i, spikes, n_spikes, weight, n_w, out, out_end
):
    """Current of a train times the weight: mean over each step, and value as the step ends.

    out, out_end (n_steps), in the units of `current`. weight: n_steps + 1 values if n_w > 1,
    else one. published = 1: a spike adds its whole jump at the step it falls in, and the weight
    is that of before the step.
    """
    keep_i = math.exp(-h / tau_i)
    x = 0.0
    j = 0
    for k in range(n_steps):
        end = (k + 1) * h
        w = weight[0]
        w_end = w
        if published != 0:
            x *= keep_i
            while j < n_spikes and spikes[j] < end - 1e-9 * h:
                x += current
                j += 1
            mean = x
            if n_w > 1:
                w = weight[k]
        else:
            mean = x * tau_i * (1.0 - keep_i) / h
            x *= keep_i
            while j < n_spikes and spikes[j] < end - 1e-9 * h:
                left = math.exp(-(end - spikes[j]) / tau_i)
                mean += current * tau_i * (1.0 - left) / h
                x += current * left
                j += 1
            if n_w > 1:
                w_end = weight[k + 1]
                w = 0.5 * (weight[k] + w_end)
        out[k] = w * mean
        out_end[k] = w_end * x


@jit
def read_peak(n_t, h, published, limit, trace, out):
    """Highest value, its time, and the first time above `limit` (-1 if never); out (3).

    published = 1: as sampled. published = 0: peak of the parabola through the highest sample
    and its neighbours, crossing by linear interpolation.
    """
    top = 0
    cross = -1
    for k in range(n_t):
        if trace[k] > trace[top]:
            top = k
        if cross < 0 and trace[k] > limit:
            cross = k
    out[0] = trace[top]
    out[1] = top * h
    out[2] = cross * h if cross >= 0 else -1.0
    if published == 0:
        if 0 < top < n_t - 1:
            bend = trace[top - 1] - 2.0 * trace[top] + trace[top + 1]
            tilt = 0.5 * (trace[top + 1] - trace[top - 1])
            if bend < 0.0:
                out[0] = trace[top] - 0.5 * tilt * tilt / bend
                out[1] = (top - tilt / bend) * h
        if cross < 0 and out[0] > limit:
            out[2] = out[1]
        if cross > 0:
            below = trace[cross - 1]
            out[2] = (cross - (trace[cross] - limit) / (trace[cross] - below)) * h


@jit
def shift_add(n_u, unit, at, w, published, n_t, trace):
    """trace += w unit, begun `at` steps after the start; between samples by a cubic.

    published = 1: `at` is moved down to a whole step, as that scheme does.
    """
    first = int(at + 1e-9)
    late = at - first
    if published != 0 or late < 1e-9:
        for k in range(min(n_u, n_t - first)):
            trace[first + k] += w * unit[k]
        return
    # sample first + 1 + k reads the unit at k + s
    s = 1.0 - late
    a = -w * s * (s - 1.0) * (s - 2.0) / 6.0
    b = w * (s + 1.0) * (s - 1.0) * (s - 2.0) / 2.0
    c = -w * (s + 1.0) * s * (s - 2.0) / 2.0
    d = w * (s + 1.0) * s * (s - 1.0) / 6.0
    for k in range(min(n_u, n_t - first - 1)):
        value = b * unit[k]
        if k > 0:
            value += a * unit[k - 1]
        if k + 1 < n_u:
            value += c * unit[k + 1]
        if k + 2 < n_u:
            value += d * unit[k + 2]
        trace[first + 1 + k] += value


@jit
def response_sum(n_spines, n_u, unit, h, published, spikes, stop, weight, n_t, trace):
    """Somatic voltage of a set of trains by superposition: every spike adds its response.

    unit (n_spines x n_u); spikes, stop as in `branch_run`; trace (n_t).
    """
    for k in range(n_t):
        trace[k] = 0.0
    j = 0
    for s in range(n_spines):
        row = unit[s * n_u : (s + 1) * n_u]
        while j < int(stop[s]):
            if spikes[j] < n_t * h:
                shift_add(n_u, row, spikes[j] / h, weight[s], published, n_t, trace)
            j += 1


@jit
def response_peaks(
    n_patterns, n_spines, n_u, unit, h, published, start, weight, fixed, limit, n_t, trace, out
):
    """Peak, its time and crossing of many patterns in which each spine answers once.

    start (n_patterns x n_spines): when each input begins (ms); below 0: silent. weight: one row
    if `fixed`, else one a pattern. trace (n_t) is scratch; out (n_patterns x 3), see `read_peak`.
    """
    for m in range(n_patterns):
        for k in range(n_t):
            trace[k] = 0.0
        row = 0 if fixed != 0 else m * n_spines
        for s in range(n_spines):
            at = start[m * n_spines + s]
            if at >= 0.0 and at < n_t * h:
                one = unit[s * n_u : (s + 1) * n_u]
                shift_add(n_u, one, at / h, weight[row + s], published, n_t, trace)
        read_peak(n_t, h, published, limit, trace, out[3 * m : 3 * m + 3])


# -- live explorers --------------------------------------------------------------------------
#
# One entry per explorer: p holds the controls in the order of its declaration, then its
# constants; out holds its outputs one after another; work is scratch. See heterolib.explore.


@jit
def explore_calcium_decides(p, out, work):
    """Constant calcium for a while: trace, weight, and change against calcium."""
    level, duration = p[0], p[1]
    theta_d, theta_p, gamma_d, gamma_p, w0 = p[2], p[3], p[4], p[5], p[6]
    start, dt, n_t, top, n_c = p[7], p[8], int(p[9]), p[10], int(p[11])
    for k in range(n_t):
        t = k * dt
        since = min(max(t - start, 0.0), duration)
        on = t >= start and t < start + duration
        out[k] = t
        out[n_t + k] = level if on else 0.0
        out[2 * n_t + k] = weight_step(w0, level, level, since, theta_p, theta_d, gamma_p, gamma_d)
    m = 3 * n_t
    for k in range(n_c):
        c = top * k / (n_c - 1)
        out[m + k] = c
        w = weight_step(w0, c, c, duration, theta_p, theta_d, gamma_p, gamma_d)
        out[m + n_c + k] = w - w0
    w = weight_step(w0, level, level, duration, theta_p, theta_d, gamma_p, gamma_d)
    out[m + 2 * n_c] = w
    out[m + 2 * n_c + 1] = w - w0


@jit
def explore_spikes_to_calcium(p, out, work):
    """A burst into one spine whose neck opens into a branch at zero; weight fixed."""
    pulses, interval, w, a, l_n, d, tau, neck = p[0], p[1], p[2], p[3], p[4], p[5], p[6], p[7]
    i0, tau_i, y, z, faraday, avogadro = p[8], p[9], p[10], p[11], p[12], p[13]
    r_s, first, dt, n_t = p[14], p[15], p[16], int(p[17])
    n = int(pulses)
    v_s = sphere(r_s)
    gain = influx_gain(y, z, faraday, v_s)
    tau_c = 1.0 / (escape_rate(int(neck), d, a, l_n, v_s) + 1.0 / tau)
    for j in range(n):
        work[j] = first + j * interval
    peak = 0.0
    for k in range(n_t):
        t = k * dt
        current = 0.0
        calcium = 0.0
        for j in range(n):
            s = t - work[j]
            if s >= 0.0:
                current += i0 * math.exp(-s / tau_i)
                calcium += pulse_calcium(s, tau_i, tau_c)
        calcium *= gain * w * i0
        out[k] = t
        out[n_t + k] = w * current
        out[2 * n_t + k] = calcium
        peak = max(peak, calcium)
    out[3 * n_t] = peak
    out[3 * n_t + 1] = tau_c
    # charge n w I0 tau_I in pA ms = 1e-15 C; the share y of it is calcium
    out[3 * n_t + 2] = n * w * i0 * tau_i * y * 1e-15 * avogadro / (z * faraday)


@jit
def explore_how_the_weight_moves(p, out, work):
    """Bursts into one spine with the threshold rule: first burst, chain of bursts, and map."""
    pulses, interval, bursts, w0 = int(p[0]), p[1], int(p[2]), p[3]
    theta_d, theta_p, gamma_d, gamma_p = p[4], p[5], p[6], p[7]
    gain, i0, tau_i, tau_c = p[8], p[9], p[10], p[11]
    first, h, n_t, most, n_w = p[12], p[13], int(p[14]), int(p[15]), int(p[16])
    for j in range(pulses):
        work[j] = first + j * interval
    calcium = work[pulses : pulses + n_t]
    weight = work[pulses + n_t : pulses + 2 * n_t]
    m = 3 * n_t
    w = w0
    out[m] = 0.0
    out[m + most + 1] = w0
    for b in range(most):
        if b < bursts:
            calcium[0] = 0.0
            weight[0] = w
            spine_run(
                n_t - 1, h, work, pulses, gain, i0, tau_i, tau_c,
                theta_p, theta_d, gamma_p, gamma_d, 1, calcium, weight,
            )  # fmt: skip
            w = weight[n_t - 1]
        if b == 0:
            for k in range(n_t):
                out[k] = k * h
                out[n_t + k] = calcium[k]
                out[2 * n_t + k] = weight[k]
        out[m + b + 1] = b + 1.0
        out[m + most + 2 + b] = w
    end = w
    m += 2 * (most + 1)
    for k in range(n_w):
        w = k / (n_w - 1.0)
        calcium[0] = 0.0
        weight[0] = w
        spine_run(
            n_t - 1, h, work, pulses, gain, i0, tau_i, tau_c,
            theta_p, theta_d, gamma_p, gamma_d, 1, calcium, weight,
        )  # fmt: skip
        out[m + k] = w
        out[m + n_w + k] = weight[n_t - 1] - w
    m += 2 * n_w
    peak = 0.0
    for k in range(n_t):
        peak = max(peak, out[n_t + k])
    out[m] = peak
    out[m + 1] = end
    out[m + 2] = end - w0


@jit
def hidden_level(number, stride, low, span):
    """A level from a number: low to low + span, in an order that does not look like one."""
    turn = number * stride
    return low + span * (turn - math.floor(turn))


@jit
def explore_mystery_synapse(p, out, work):
    """One burst into one spine whose thresholds follow from the number of the synapse."""
    number, pulses, interval, w0 = p[0], int(p[1]), p[2], p[3]
    gain, i0, tau_i, tau_c = p[4], p[5], p[6], p[7]
    gamma_d, gamma_p = p[8], p[9]
    first, h, n_t = p[10], p[11], int(p[12])
    theta_d = hidden_level(number, p[13], p[14], p[15])
    theta_p = theta_d * hidden_level(number, p[16], p[17], p[18])
    for j in range(pulses):
        work[j] = first + j * interval
    calcium = work[pulses : pulses + n_t]
    weight = work[pulses + n_t : pulses + 2 * n_t]
    calcium[0] = 0.0
    weight[0] = w0
    spine_run(
        n_t - 1, h, work, pulses, gain, i0, tau_i, tau_c,
        theta_p, theta_d, gamma_p, gamma_d, 1, calcium, weight,
    )  # fmt: skip
    peak = 0.0
    for k in range(n_t):
        out[k] = k * h
        out[n_t + k] = calcium[k]
        peak = max(peak, calcium[k])
    m = 2 * n_t
    out[m] = peak
    out[m + 1] = weight[n_t - 1] - w0
    out[m + 2] = theta_d
    out[m + 3] = theta_p


@jit
def pair_of_spines(
    p, neck, d, tau, r, a, l_n, distance, length, n, h, n_steps, every, n_t,
    spikes, stop, theta, plastic, w0, snapshot, work, out, every_shaft, shaft_out,
):  # fmt: skip
    """Two spines placed about the middle of a branch: traces, weights, one shaft profile.

    p: I0, tau_I, y, Z, F, r_s. theta: theta_P, theta_D, gamma_P, gamma_D. out: calcium 1 and 2,
    weight 1 and 2 (n_t each), the shaft at step `snapshot` (n), two peaks. shaft_out: the shaft
    every `every_shaft` steps (n each), its first row left alone; 0 writes nothing.
    """
    i0, tau_i = p[0], p[1]
    v_s = sphere(p[5])
    dx = length / n
    v_comp = math.pi * r * r * dx
    gain = influx_gain(p[2], p[3], p[4], v_s)
    q = 0.5 * h
    k_s = q * escape_rate(neck, d, a, l_n, v_s)
    k_d = q * entry_rate(neck, d, a, l_n, v_comp)
    in_d = k_d if neck == CONSISTENT else k_s
    in_s = k_s if neck == CONSISTENT else k_d
    hop = q * d / (dx * dx)
    loss = q / tau
    apart = int(distance / dx + 0.5)
    site = work[0:2]
    site[0] = n // 2
    site[1] = site[0] + apart
    spine = work[2:4]
    spine_old = work[4:6]
    drive = work[6:8]
    weight = work[8:10]
    peak = work[10:12]
    following = work[12:14]
    ratio = work[14 : 14 + n]
    pivot = work[14 + n : 14 + 2 * n]
    shaft = work[14 + 2 * n : 14 + 3 * n]
    shaft_old = work[14 + 3 * n : 14 + 4 * n]
    for s in range(2):
        spine[s] = 0.0
        drive[s] = 0.0
        weight[s] = w0
        peak[s] = 0.0
    following[0] = 0.0
    following[1] = stop[0]
    for i in range(n):
        shaft[i] = 0.0
    branch_factor(n, 2, site, hop, loss, loss, loss, k_d, k_s, in_d, in_s, ratio, pivot)
    calcium_out = out[0 : 2 * n_t]
    weight_out = out[2 * n_t : 4 * n_t]
    for s in range(2):
        calcium_out[s * n_t] = 0.0
        weight_out[s * n_t] = w0
    for part in range(2):
        first_step = 0 if part == 0 else snapshot
        count = snapshot if part == 0 else n_steps - snapshot
        branch_run(
            first_step, count, h, 0, n, 2, site, hop, loss, k_s, in_d, in_s, ratio, pivot,
            spikes, stop, following, gain, i0, tau_i,
            theta[0], theta[1], theta[2], theta[3], plastic,
            shaft, shaft_old, spine, spine_old, drive, weight, peak,
            every, n_t, calcium_out, weight_out, every_shaft, shaft_out,
        )  # fmt: skip
        if part == 0:
            for i in range(n):
                out[4 * n_t + i] = shaft[i]
    out[4 * n_t + n] = peak[0]
    out[4 * n_t + n + 1] = peak[1]


@jit
def explore_calcium_travels(p, out, work):
    """One pulse into spine 1 of two, weights fixed: both traces, the shaft at one time and all.

    The map of the shaft has `rows` times from the pulse on, `every_row` steps apart, and every
    `stride`-th compartment up to `half` columns to either side of spine 1.
    """
    distance, d, tau, r, a, l_n, at = p[0], p[1], p[2], p[3], p[4], p[5], p[7]
    neck = int(p[6]) + PUBLISHED
    length, n, first, h, n_t, every = p[14], int(p[15]), p[16], p[17], int(p[18]), int(p[19])
    every_row, rows, half, stride = int(p[20]), int(p[21]), int(p[22]), int(p[23])
    n_steps = (n_t - 1) * every
    n_all = (n_steps // every_row + 1) * n
    work[0] = first
    work[1] = 1.0
    work[2] = 1.0
    for k in range(4):
        work[3 + k] = 0.0
    traces = out[n_t : 5 * n_t + n + 2]
    shaft = work[7 : 7 + n_all]
    pair_of_spines(
        p[8:14], neck, d, tau, r, a, l_n, distance, length, n, h, n_steps, every, n_t,
        work[0:1], work[1:3], work[3:7], 0, 1.0, int((first + at) / h + 0.5), work[7 + n_all :],
        traces, every_row, shaft,
    )  # fmt: skip
    for k in range(n_t):
        out[k] = k * every * h
    # the peak times: when each trace stands highest
    m = 5 * n_t + n + 2
    for s in range(2):
        best = 0
        for k in range(n_t):
            if traces[s * n_t + k] > traces[s * n_t + best]:
                best = k
        out[m + s] = best * every * h - first
    source = (n // 2 + 0.5) * length / n
    for i in range(n):
        out[m + 2 + i] = (i + 0.5) * length / n - source
    m += 2 + n
    out[m] = math.sqrt(d * tau)
    wide = 2 * half + 1
    begin = int(first / (every_row * h) + 0.5)  # the row in which the pulse comes
    for j in range(wide):
        out[m + 1 + j] = (j - half) * stride * length / n
    for k in range(rows):
        out[m + 1 + wide + k] = (begin + k) * every_row * h - first
        for j in range(wide):
            i = n // 2 + (j - half) * stride
            out[m + 1 + wide + rows + k * wide + j] = shaft[(begin + k) * n + i]


@jit
def explore_two_spines(p, out, work):
    """Bursts into spine 1, and if wanted into spine 2 with a delay: figure 2 of Shafiee 2026."""
    pulses, distance, active, delay = int(p[0]), p[1], int(p[2]), p[3]
    every_burst, d, neck = p[6], p[7], int(p[8]) + PUBLISHED
    repeats, gap, first = int(p[11]), p[12], p[13]
    w0, tau, r, a, l_n = p[14], p[15], p[16], p[17], p[18]
    length, n, h, n_t = p[25], int(p[26]), p[27], int(p[28])
    total = repeats * pulses
    shift_1 = max(-delay, 0.0) if active != 0 else 0.0
    shift_2 = max(delay, 0.0)
    for b in range(repeats):
        for j in range(pulses):
            t = first + b * every_burst + j * gap
            work[b * pulses + j] = t + shift_1
            work[total + b * pulses + j] = t + shift_2
    m = 2 * total
    work[m] = total
    work[m + 1] = total + (total if active != 0 else 0)
    work[m + 2] = p[5]
    work[m + 3] = p[4]
    work[m + 4] = p[10]
    work[m + 5] = p[9]
    every = int(repeats * every_burst / (h * (n_t - 1)) + 0.5)
    traces = out[n_t : 5 * n_t + n + 2]
    pair_of_spines(
        p[19:25], neck, d, tau, r, a, l_n, distance, length, n, h, (n_t - 1) * every, every, n_t,
        work[0:m], work[m : m + 2], work[m + 2 : m + 6], 1, w0, 0, work[m + 6 :], traces, 0, work,
    )  # fmt: skip
    for k in range(n_t):
        out[k] = k * every * h
    for s in range(2):
        out[5 * n_t + n + 2 + s] = traces[(2 + s) * n_t + n_t - 1] - w0


@jit
def pair_by_superposition(
    n_steps, h, gap, near, tau_i, theta_p, theta_d, gamma_p, gamma_d, w0, work
):  # fmt: skip
    """Two like spines, one pulse each, at step 0 and `gap` steps later, without their branch.

    The current carries the weight. What is left of a current at any step is a smaller copy of
    the whole pulse, so each change of the weight adds a smaller, later copy of the response to
    a pulse; this gives the very steps of `branch_run`. From `near` steps on after a pulse its
    copies count as one, at their mean delay.

    work: the two weights at the end; scratch (8 + 2 near); the response to a pulse of weight 1
    at step 0, as calcium of the spine that got it (n_steps + 1) and of the other.
    """
    # from 0: weights, 2: calcium, 4: weights the copies so far stand for, 6: sums of the copies,
    # 8: sums of copy times delay, 10: the copies
    for i in range(10):
        work[i] = 0.0
    work[0] = w0
    work[1] = w0
    for k in range(n_steps):
        for s in range(2):
            m = k - s * gap
            if 0 <= m and m < near:
                c = work[2 + s]
                w = weight_step(work[s], c, c, 0.5 * h, theta_p, theta_d, gamma_p, gamma_d)
                new = math.exp(-m * h / tau_i) * (w - work[4 + s])
                work[4 + s] = w
                work[6 + s] += new
                work[8 + s] += m * new
                work[10 + s * near + m] = new
        for s in range(2):
            c = 0.0
            for b in range(2):
                m = k + 1 - b * gap
                at = 10 + 2 * near + (0 if b == s else n_steps + 1)
                if m > near:
                    x = m - work[8 + b] / work[6 + b]
                    j = min(int(x), n_steps - 1)  # the mean delay of a falling weight is below 0
                    c += work[6 + b] * (work[at + j] + (x - j) * (work[at + j + 1] - work[at + j]))
                else:
                    for j in range(m):
                        c += work[10 + b * near + j] * work[at + m - j]
            work[s] = weight_step(work[s], work[2 + s], c, h, theta_p, theta_d, gamma_p, gamma_d)
            work[2 + s] = c


@jit
def explore_timing_window(p, out, work):
    """One pulse into each of two spines: traces at one delay, weight changes at all delays.

    The branch is run twice: for the traces, and for the response to one pulse of weight 1, of
    which the changes at all delays are made. The spines are alike, so a negative delay gives
    the changes of the positive one with the spines exchanged.
    """
    distance, delay, d, neck = p[0], p[1], p[6], int(p[7]) + PUBLISHED
    first, w0, tau, r, a, l_n = p[8], p[9], p[10], p[11], p[12], p[13]
    length, n, h, n_t, every = p[20], int(p[21]), p[22], int(p[23]), int(p[24])
    n_d, step_d, near = int(p[25]), p[26], int(p[27])
    n_steps = (n_t - 1) * every
    after = n_steps - int(first / h + 0.5)
    theta = work[4:8]
    theta[0] = p[3]
    theta[1] = p[2]
    theta[2] = p[5]
    theta[3] = p[4]
    work[0] = first + max(-delay, 0.0)
    work[1] = first + max(delay, 0.0)
    work[2] = 1.0
    work[3] = 2.0
    pair = work[8:]
    response = work[18 + 2 * near :]
    rest = work[18 + 2 * near + 4 * (after + 1) + n + 2 :]
    for part in range(2):
        pair_of_spines(
            p[14:20], neck, d, tau, r, a, l_n, distance, length, n, h,
            n_steps if part == 0 else after,
            every if part == 0 else 1, n_t if part == 0 else after + 1,
            work[0:2], work[2:4], theta, 1 - part, max(w0, part), 0, rest,
            out[n_t:] if part == 0 else response, 0, work,
        )  # fmt: skip
        work[0] = 0.0
        work[3] = 1.0
    for k in range(n_t):
        out[k] = k * every * h
    m = 5 * n_t + n + 2
    size = 2 * n_d - 1
    out[m + 3 * size] = out[4 * n_t - 1] - w0
    out[m + 3 * size + 1] = out[5 * n_t - 1] - w0
    for k in range(n_d):
        pair_by_superposition(
            after, h, int(k * step_d / h + 0.5), near, p[15], p[3], p[2], p[5], p[4], w0, pair
        )
        for sign in range(-1, 2, 2):
            at = m + n_d - 1 + sign * k
            out[at] = sign * k * step_d
            out[at + size] = pair[0 if sign > 0 else 1] - w0
            out[at + 2 * size] = pair[1 if sign > 0 else 0] - w0


@jit
def explore_three_experiments(p, out, work):
    """Sixteen spines, seven of them with a train: change of each, and means of three groups.

    p ends with a table of arrangements: for each spine its site, its group (0 stimulated,
    1 near, 2 far) and its initial weight.
    """
    gap, which, d, neck = p[0], int(p[1]) - 1, p[2], int(p[5]) + PUBLISHED
    i0, tau_i = p[6], p[7]
    v_s = sphere(p[11])
    gain = influx_gain(p[8], p[9], p[10], v_s)
    pulses, first, tau, r, a, l_n = int(p[12]), p[13], p[14], p[15], p[16], p[17]
    gamma_p, gamma_d, length, n = p[18], p[19], p[20], int(p[21])
    h, tail, n_s, absent = p[22], p[23], int(p[24]), p[25]
    table = 26 + 3 * n_s * which
    dx = length / n
    v_comp = math.pi * r * r * dx
    q = 0.5 * h
    k_s = q * escape_rate(neck, d, a, l_n, v_s)
    k_d = q * entry_rate(neck, d, a, l_n, v_comp)
    in_d = k_d if neck == CONSISTENT else k_s
    in_s = k_s if neck == CONSISTENT else k_d
    hop = q * d / (dx * dx)
    loss = q / tau
    site = work[0:n_s]
    stop = work[n_s : 2 * n_s]
    following = work[2 * n_s : 3 * n_s]
    spine = work[3 * n_s : 4 * n_s]
    spine_old = work[4 * n_s : 5 * n_s]
    drive = work[5 * n_s : 6 * n_s]
    weight = work[6 * n_s : 7 * n_s]
    peak = work[7 * n_s : 8 * n_s]
    m = 8 * n_s
    ratio = work[m : m + n]
    pivot = work[m + n : m + 2 * n]
    shaft = work[m + 2 * n : m + 3 * n]
    shaft_old = work[m + 3 * n : m + 4 * n]
    spikes = work[m + 4 * n :]
    count = 0
    for s in range(n_s):
        site[s] = p[table + s]
        weight[s] = p[table + 2 * n_s + s]
        following[s] = count
        if p[table + n_s + s] == 0.0:
            for j in range(pulses):
                spikes[count] = first + j * gap
                count += 1
        stop[s] = count
        spine[s] = 0.0
        drive[s] = 0.0
        peak[s] = 0.0
    for i in range(n):
        shaft[i] = 0.0
    branch_factor(n, n_s, site, hop, loss, loss, loss, k_d, k_s, in_d, in_s, ratio, pivot)
    n_steps = int((first + pulses * gap + tail) / h + 0.5)
    branch_run(
        0, n_steps, h, 0, n, n_s, site, hop, loss, k_s, in_d, in_s, ratio, pivot,
        spikes, stop, following, gain, i0, tau_i, p[4], p[3], gamma_p, gamma_d, 1,
        shaft, shaft_old, spine, spine_old, drive, weight, peak, 0, 1, peak, peak, 0, peak,
    )  # fmt: skip
    left = site[0]
    for g in range(3):
        out[4 * n_s + g] = 0.0
        total = 0.0
        members = 0
        for s in range(n_s):
            change = weight[s] - p[table + 2 * n_s + s]
            mine = p[table + n_s + s] == g
            out[s] = (site[s] - left) * dx
            out[(1 + g) * n_s + s] = change if mine else absent
            if mine:
                total += change
                members += 1
        out[4 * n_s + g] = total / members


@jit
def explore_voltage_cable_soma(p, out, work):
    """A trunk that splits in two, with a soma at its near end; one current somewhere on it.

    First the current is constant (steady profiles, input resistance), then it is one pulse.
    """
    place, r, r_d, r_m, r_i, r_u = p[0], p[1], p[2], p[3], p[4], p[5]
    c_m, tau_u, gain, current, tau_i = p[6], p[7], p[8], p[9], p[10]
    length, n, first, h = p[11], int(p[12]), p[13], p[14]
    n_t, every = int(p[15]), int(p[16])
    capacity = c_m / 100.0  # pF/µm²
    leakage = 10.0 / r_m  # nS/µm²
    along = 1e5 / r_i  # nS/µm
    dx = length / n
    # nodes as in cable.Tree: trunk, branch point, two daughters, soma
    nodes = 3 * n + 2
    parent = work[0:nodes]
    axial = work[nodes : 2 * nodes]
    leak = work[2 * nodes : 3 * nodes]
    load = work[3 * nodes : 4 * nodes]
    own = work[4 * nodes : 5 * nodes]
    inverse = work[5 * nodes : 6 * nodes]
    ratio = work[6 * nodes : 7 * nodes]
    v = work[7 * nodes : 8 * nodes]
    old = work[8 * nodes : 9 * nodes]
    highest = work[9 * nodes : 10 * nodes]
    m = 10 * nodes
    site = work[m : m + 1]
    pulse = work[m + 1 : m + 2]
    one = work[m + 2 : m + 3]
    n_steps = (n_t - 1) * every
    drive = work[m + 3 : m + 3 + n_steps]
    drive_end = work[m + 3 + n_steps : m + 3 + 2 * n_steps]
    for i in range(nodes):
        thick = r if i < n else r_d
        hop = along * math.pi * thick * thick / dx
        area = 2.0 * math.pi * thick * dx
        parent[i] = i - 1
        axial[i] = hop
        leak[i] = area * leakage
        load[i] = area * capacity
        if i == n:
            axial[i] = 2.0 * along * math.pi * r * r / dx
            leak[i] = 0.0
            load[i] = 0.0
        if i == n + 1 or i == 2 * n + 1:
            parent[i] = n
            axial[i] = 2.0 * hop
        if i == nodes - 1:
            load[i] = 4.0 * math.pi * r_u * r_u * capacity
            leak[i] = load[i] / tau_u
            axial[i] = gain * leak[i]
            parent[i] = 0.0
        v[i] = 0.0
        highest[i] = 0.0
    parent[0] = -1.0
    axial[0] = 0.0
    if place <= length:
        at = min(int(place / dx + 1e-9), n - 1)
    else:
        at = n + 1 + min(int((place - length) / dx + 1e-9), n - 1)
    soma = nodes - 1

    # a constant current
    v[at] = current
    tree_factor(nodes, parent, axial, leak, inverse, ratio)
    tree_solve(nodes, parent, inverse, ratio, v)
    m = 4 * n_t + 4 * 2 * n
    steady_soma = v[soma] / v[at]
    out[m] = 1000.0 * v[at] / current
    out[m + 1] = 2.0 * math.pow(r_d / r, 1.5)
    out[m + 2] = steady_soma
    m = 4 * n_t
    for i in range(2 * n):
        near = i < n
        out[m + i] = (i + 0.5) * dx
        out[m + 2 * n + i] = v[i if near else i + 1] / v[at]
        out[m + 4 * n + i] = v[i if near else i + 1 + n] / v[at]

    # one pulse
    pulse[0] = first
    one[0] = 1.0
    spike_current(n_steps, h, 0, current, tau_i, pulse, 1, one, 1, drive, drive_end)
    for i in range(nodes):
        load[i] /= TR_LOAD * h
        own[i] = load[i] + leak[i]
        v[i] = 0.0
    tree_factor(nodes, parent, axial, own, inverse, ratio)
    site[0] = at
    late = 0
    for k in range(n_steps + 1):
        if k > 0:
            now = drive[k - 1 : k]
            tree_run(
                1, 0, nodes, parent, inverse, ratio, load, v, old, 1, site, now, now,
                0, one, 1, 0, one,
            )  # fmt: skip
        if v[soma] > highest[soma]:
            late = k
        for i in range(nodes):
            highest[i] = max(highest[i], v[i])
        if k % every == 0:
            j = k // every
            out[j] = k * h
            out[n_t + j] = v[at]
            out[2 * n_t + j] = v[0]
            out[3 * n_t + j] = v[soma]
    for i in range(2 * n):
        out[m + 6 * n + i] = highest[i if i < n else i + 1] / highest[at]
    m += 8 * n
    out[m + 3] = highest[soma] / highest[at]
    out[m + 4] = highest[at]
    out[m + 5] = highest[soma]
    out[m + 6] = late * h - first


@jit
def explore_order_learning(p, out, work):
    """Two inputs trained in one order, then shown in both: figure 5 of Shafiee 2026.

    Time counts from the first input. The soma's voltage is a sum of its responses to one input
    at either spine, which one run gives: a current at the soma's place moves the spines as the
    same current at a spine would move that place.
    """
    order, delay, distance, repetitions = int(p[0]), p[1], p[2], int(p[3])
    d, neck = p[4] if p[5] == 0.0 else 0.0, int(p[6]) + PUBLISHED
    w0, tau, r, a, l_n = p[17], p[18], p[19], p[20], p[21]
    length, n, pulses, gap, every = p[22], int(p[23]), int(p[24]), p[25], p[26]
    tail, h, n_t, n_r, h_v, n_v = p[27], p[28], int(p[29]), int(p[30]), p[31], int(p[32])
    theta = work
    theta[0] = p[8]
    theta[1] = p[7]
    theta[2] = p[15]
    theta[3] = p[16]
    work = work[4:]
    plastic = 1 if repetitions > 0 else 0
    shown = max(repetitions, 1)  # untrained: one presentation under fixed weights
    total = shown * pulses
    stop = work
    spikes = work[2:]
    for k in range(shown):
        for j in range(pulses):
            t = k * every + j * gap
            spikes[k * pulses + j] = t + (delay if order == 0 else 0.0)
            spikes[total + k * pulses + j] = t + (0.0 if order == 0 else delay)
    stop[0] = total
    stop[1] = 2 * total
    step = int(every / h + 0.5)
    n_steps = shown * step + int(tail / h + 0.5)
    size = n_steps + 1
    m = 2 + 2 * total
    traces = work[m:]
    pair_of_spines(
        p[9:15], neck, d, tau, r, a, l_n, distance, length, n, h, n_steps, 1, size,
        spikes, stop, theta, plastic, w0, 0, work[m + 4 * size + n + 2 :], traces, 0, out,
    )  # fmt: skip
    begin = (shown - 1) * step
    for k in range(n_t):
        out[k] = k * h
        for s in range(2):
            out[(1 + s) * n_t + k] = traces[s * size + begin + k]
    m = 3 * n_t
    for k in range(n_r):
        out[m + k] = k
        at = k * step if k < repetitions else n_steps
        for s in range(2):
            out[m + (1 + s) * n_r + k] = traces[(2 + s) * size + at]
    m += 3 * n_r + 4 * n_v
    for s in range(2):
        between = 0.0
        for k in range(begin, n_steps):
            c0 = traces[s * size + k]
            c1 = traces[s * size + k + 1]
            between += time_above(theta[1], c0, c1, h) - time_above(theta[0], c0, c1, h)
        out[m + s] = traces[(2 + s) * size + n_steps]
        out[m + 2 + s] = between
    w_1 = out[m]
    w_2 = out[m + 1]

    # the soma: training is over, its arrays are free
    c_m, r_m, r_i = p[33], p[34], p[35]
    tau_u, gain, here, current, limit = p[39], p[40], p[41], p[42], p[43]
    nodes = n + 2
    parent = work
    axial = work[nodes:]
    own = work[2 * nodes :]
    load = work[3 * nodes :]
    inverse = work[4 * nodes :]
    ratio = work[5 * nodes :]
    v = work[6 * nodes :]
    old = work[7 * nodes :]
    m_v = 8 * nodes
    site = work[m_v:]
    leaf = work[m_v + 2 :]
    source = work[m_v + 8 :]
    one = work[m_v + 9 :]
    pulse = work[m_v + 10 :]
    m_v += 10 + pulses
    last = 2 * (n_v - 1)
    drive = work[m_v:]
    drive_end = work[m_v + last :]
    m_v += 2 * last
    branch = work[m_v:]
    unit = work[m_v + 2 * (last + 1) :]
    sum_up = work[m_v + 4 * (last + 1) :]
    read = work[m_v + 5 * (last + 1) :]
    dx = length / n
    site[0] = n // 2
    site[1] = site[0] + int(distance / dx + 0.5)
    for s in range(2):
        leaf[s] = p[38]
        leaf[2 + s] = p[37]
        leaf[4 + s] = p[36]
    source[0] = here
    one[0] = 1.0
    for j in range(pulses):
        pulse[j] = j * gap
    cable_nodes(
        n, dx, r, c_m / 100.0, 10.0 / r_m, 1e5 / r_i, 2, site, leaf, parent, axial, own, load
    )
    for i in range(nodes):
        load[i] /= TR_LOAD * h_v
        own[i] += load[i]
        v[i] = 0.0
    tree_factor(nodes, parent, axial, own, inverse, ratio)
    spike_current(last, h_v, 0, current, p[10], pulse, pulses, one, 1, drive, drive_end)
    site[0] = n
    site[1] = n + 1
    tree_run(
        last, 0, nodes, parent, inverse, ratio, load, v, old, 1, source, drive, drive_end,
        2, site, 1, last + 1, branch,
    )  # fmt: skip
    for s in range(2):
        row = unit[s * (last + 1) : (s + 1) * (last + 1)]
        row[0] = 0.0
        soma_follow(last + 1, h_v, 0, tau_u, gain, branch[s * (last + 1) :], row)
    late = int(delay / h_v + 0.5)
    at = m - 4 * n_v
    for o in range(2):
        for k in range(last + 1):
            early = k - late
            first = unit[k] if o == 1 else unit[last + 1 + k]
            second = 0.0
            if early >= 0:
                second = unit[last + 1 + early] if o == 1 else unit[early]
            w_first = w_1 if o == 1 else w_2
            w_second = w_2 if o == 1 else w_1
            sum_up[k] = w_first * first + w_second * second
        for k in range(n_v):
            out[at + k] = 2 * k * h_v
            out[at + (1 + o) * n_v + k] = sum_up[2 * k]
            out[at + 3 * n_v + k] = limit
        read_peak(last + 1, h_v, 0, limit, sum_up, read)
        out[m + 4 + o] = read[0]
    trained = out[m + 4 + order]
    other = out[m + 5 - order]
    out[m + 6] = (trained - other) / (trained + other) if trained + other > 0.0 else 0.0


@jit
def explore_neighbourhood(p, out, work):
    """Four spines in a row, trained in one order of inputs with jitter, then shown in all orders.

    p ends with the table of orders (for each order and spine the place of its input) and that of
    jitter (for each presentation and spine, in standard deviations).
    """
    trained, gap, distance, repetitions, jitter = int(p[0]), p[1], p[2], int(p[3]), p[4]
    d, w0 = p[5], p[6]
    v_s = sphere(p[12])
    theta_p, theta_d, gamma_p, gamma_d = p[13], p[14], p[15], p[16]
    tau, r, a, l_n, length, n = p[17], p[18], p[19], p[20], p[21], int(p[22])
    pulses, step_in, start, pause, tail, h = int(p[23]), p[24], p[25], p[26], p[27], p[28]
    most, h_v, n_v, n_s, n_o = int(p[29]), p[30], int(p[31]), int(p[32]), int(p[33])
    drawn = 44 + n_o * n_s
    dx = length / n
    q = 0.5 * h
    k_s = q * escape_rate(PUBLISHED, d, a, l_n, v_s)
    k_d = q * entry_rate(PUBLISHED, d, a, l_n, math.pi * r * r * dx)
    hop = q * d / (dx * dx)
    site = work
    stop = work[n_s:]
    following = work[2 * n_s :]
    spine = work[3 * n_s :]
    spine_old = work[4 * n_s :]
    drive = work[5 * n_s :]
    weight = work[6 * n_s :]
    peak = work[7 * n_s :]
    work = work[8 * n_s :]
    ratio = work
    pivot = work[n:]
    shaft = work[2 * n :]
    shaft_old = work[3 * n :]
    spikes = work[4 * n :]
    every = start + (n_s - 1) * gap + pause
    count = 0
    for s in range(n_s):
        site[s] = n // 2 + s * int(distance / dx + 0.5)
        following[s] = count
        for k in range(repetitions):
            at = (
                k * every
                + start
                + gap * p[44 + trained * n_s + s]
                + jitter * p[drawn + k * n_s + s]
            )
            for j in range(pulses):
                spikes[count] = at + j * step_in
                count += 1
        stop[s] = count
        spine[s] = 0.0
        drive[s] = 0.0
        weight[s] = w0
        peak[s] = 0.0
    for i in range(n):
        shaft[i] = 0.0
    branch_factor(n, n_s, site, hop, q / tau, q / tau, q / tau, k_d, k_s, k_s, k_d, ratio, pivot)
    step = int(every / h + 0.5)
    m = most + 1
    for k in range(m):
        out[k] = k
        for s in range(n_s):
            out[(1 + s) * m + k] = weight[s]
        if k < repetitions:
            todo = step if k < repetitions - 1 else step + int(tail / h + 0.5)
            branch_run(
                k * step, todo, h, 0, n, n_s, site, hop, q / tau, k_s, k_s, k_d, ratio, pivot,
                spikes, stop, following, influx_gain(p[9], p[10], p[11], v_s), p[7], p[8],
                theta_p, theta_d, gamma_p, gamma_d, 1,
                shaft, shaft_old, spine, spine_old, drive, weight, peak, 0, 1, peak, peak, 0, peak,
            )  # fmt: skip
    m *= 1 + n_s

    # the soma's answer to one input at each spine, as in explore_order_learning
    nodes = n + n_s
    parent = work
    axial = work[nodes:]
    own = work[2 * nodes :]
    load = work[3 * nodes :]
    inverse = work[4 * nodes :]
    turn = work[5 * nodes :]
    v = work[6 * nodes :]
    old = work[7 * nodes :]
    work = work[8 * nodes :]
    leaf = work
    place = work[3 * n_s :]
    source = work[4 * n_s :]
    one = work[4 * n_s + 1 :]
    pulse = work[4 * n_s + 2 :]
    work = work[4 * n_s + 2 + pulses :]
    last = n_v - 1
    now = work
    now_end = work[last:]
    branch = work[2 * last :]
    unit = work[2 * last + n_s * n_v :]
    total = work[2 * last + 2 * n_s * n_v :]
    for s in range(n_s):
        leaf[s] = p[39]
        leaf[n_s + s] = p[38]
        leaf[2 * n_s + s] = p[37]
        place[s] = n + s
    source[0] = p[42]
    one[0] = 1.0
    for j in range(pulses):
        pulse[j] = j * step_in
    cable_nodes(
        n, dx, r, p[34] / 100.0, 10.0 / p[35], 1e5 / p[36], n_s, site, leaf, parent, axial, own,
        load,
    )  # fmt: skip
    for i in range(nodes):
        load[i] /= TR_LOAD * h_v
        own[i] += load[i]
        v[i] = 0.0
    tree_factor(nodes, parent, axial, own, inverse, turn)
    spike_current(last, h_v, 0, p[43], p[8], pulse, pulses, one, 1, now, now_end)
    tree_run(
        last, 0, nodes, parent, inverse, turn, load, v, old, 1, source, now, now_end,
        n_s, place, 1, n_v, branch,
    )  # fmt: skip
    for s in range(n_s):
        row = unit[s * n_v :]
        row[0] = 0.0
        soma_follow(n_v, h_v, 0, p[40], p[41], branch[s * n_v :], row)
    gap_steps = int(gap / h_v + 0.5)
    lower = 0.0
    others = 0.0
    highest = 0.0
    m_o = m + 2 * n_v
    # the trained order first, to compare the others with it
    for o in range(-1, n_o):
        row_o = trained if o < 0 else o
        for k in range(n_v):
            x = 0.0
            for s in range(n_s):
                late = k - gap_steps * int(p[44 + row_o * n_s + s])
                if late >= 0:
                    x += weight[s] * unit[s * n_v + late]
            total[k] = x
            if o < 0:
                out[m + k] = k * h_v
                out[m + n_v + k] = x
        read_peak(n_v, h_v, 0, 1.0, total, peak)
        if o < 0:
            best = peak[0]
        else:
            out[m_o + o] = o + 1.0
            out[m_o + n_o + o] = peak[0]
            if o != trained:
                others += peak[0]
                highest = max(highest, peak[0])
                if peak[0] < best - 1e-9:
                    lower += 1.0
                elif peak[0] < best + 1e-9:
                    lower += 0.5
    m_o += 2 * n_o
    for s in range(n_s):
        out[m_o + s] = weight[s]
    m_o += n_s
    others /= n_o - 1.0
    out[m_o] = trained + 1.0
    out[m_o + 1] = best
    out[m_o + 2] = others
    out[m_o + 3] = highest
    out[m_o + 4] = lower / (n_o - 1.0)
