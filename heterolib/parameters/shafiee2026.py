"""Shafiee, Schmitt & Tetzlaff 2026: heterosynaptic plasticity from diffusing calcium.

The values were read in the authors' public code and data files, which reproduce the published
figures; the printed tables were not available to us. Thresholds are given in µM, the internal
unit: see `SHAFIEE_2026.oddities` for the labels of the published plots.
"""

import math

from heterolib.parameters.registry import Parameter, ParameterSet

CODE = "authors' public code"
DERIVED = "arithmetic of the authors' code"


def _threshold(which: str, value_nM: float, where: str, note: str = "") -> Parameter:
    symbol, meaning = {
        "p": (r"\theta_P", "threshold of strengthening"),
        "d": (r"\theta_D", "threshold of weakening"),
    }[which]
    return Parameter(
        symbol,
        meaning,
        value_nM / 1000.0,
        "µM",
        f"{CODE}, {where}",
        "converted",
        note or f"{value_nM:g} nM by the arithmetic of the code; its plots write {value_nM:g} µM",
    )


def _rate(which: str, value: float, where: str, note: str = "") -> Parameter:
    symbol, meaning = {
        "p": (r"\gamma_P", "rate of strengthening"),
        "d": (r"\gamma_D", "rate of weakening"),
    }[which]
    return Parameter(symbol, meaning, value, "1/s", f"{CODE}, {where}", "from code", note)


def _thresholds(p_nM: float, d_nM: float, where: str, note: str = "") -> dict[str, Parameter]:
    return {
        "theta_p": _threshold("p", p_nM, where, note),
        "theta_d": _threshold("d", d_nM, where, note),
    }


def _protocol(where: str, **values: tuple[str, str, float, str]) -> dict[str, Parameter]:
    return {name: Parameter(*v, f"{CODE}, {where}", "from code") for name, v in values.items()}


def _electric() -> dict[str, Parameter]:
    """The constants of figure 5's voltage that need a word, and ours beside them."""
    where = f"{CODE}, figure 5"
    ours = "chosen for teaching"
    return {
        "membrane_resistance": Parameter(
            "R_m",
            "membrane resistance",
            1000.0,
            "Ω cm²",
            where,
            "from code",
            "with C_m a membrane time constant of 1 ms, against 80 ms in the soma",
        ),
        "axial_resistance": Parameter(
            "R_i", "resistivity of the cytoplasm", 200.0, "Ω cm", where, "from code"
        ),
        "spine_capacitance": Parameter(
            "C_s",
            "capacitance of a spine",
            10.0 * 2.0 * math.pi * 0.25 * 0.01,
            "pF",
            where,
            "converted",
            "10 times that of a compartment of 0.25 µm (2 pi r dx C_m), so that it shrinks with "
            "the compartments of the code; here it is a constant. A head of this size has 0.015 pF",
        ),
        "spine_leak": Parameter(
            "g_s",
            "leak of a spine",
            10.0,
            "nS",
            where,
            "converted",
            "100 MΩ. The membrane of a head of this size, at R_m, would leak 0.015 nS",
        ),
        "spine_neck": Parameter(
            "g_n",
            "electrical conductance of a spine neck",
            2.5,
            "nS",
            where,
            "converted",
            "400 MΩ; a neck of this length and width, at R_i, would have 32 MΩ",
        ),
        "current_ratio": Parameter(
            r"\kappa",
            "electrical current over the current that carries calcium",
            1000.0,
            "",
            where,
            "from code",
            "the code multiplies the current by a million, not by a thousand, on its way to mV: "
            "0.2 pA for calcium stand beside 0.2 nA for voltage. At 1 the soma moves by 4 µV",
        ),
        "soma_radius": Parameter(
            "r_U",
            "radius of the soma",
            10.0,
            "µm",
            "this library",
            ours,
            "used by the soma that loads the branch; the published soma has no size",
        ),
        "test_tail": Parameter(
            "T_e", "reading after the last input began", 60.0, "ms", "this library", ours
        ),
        "order_delays": Parameter(
            "n",
            "delays of the map of selectivity, from one spacing up",
            40.0,
            "",
            "this library",
            ours,
        ),
        "order_delay_spacing": Parameter(
            r"\Delta t_1", "spacing of these delays", 1.0, "ms", "this library", ours
        ),
        "order_distances": Parameter(
            "n",
            "distances of the map of selectivity, from one spacing up",
            20.0,
            "",
            "this library",
            ours,
        ),
        "order_distance_spacing": Parameter(
            "d_1", "spacing of these distances", 0.5, "µm", "this library", ours
        ),
        "order_inputs": Parameter(
            "N", "inputs in the study of all orders", 4.0, "", "this library", ours
        ),
        **_learner(),
    }


def _learner() -> dict[str, Parameter]:
    """The task of the neighbourhood learner, and the linear read-out beside it."""
    values = {
        "learner_classes": ("K", "classes of sequences", 4.0, ""),
        "learner_afferents": ("N", "afferents of a sequence", 6.0, ""),
        "learner_spines": ("n", "spines of a branch that learns", 3.0, ""),
        "learner_branches": ("B", "branches of a class", 12.0, ""),
        "learner_gap": (r"\Delta", "from one spike of a sequence to the next", 8.0, "ms"),
        "learner_jitter": (r"\sigma_t", "standard deviation of the spike times", 1.0, "ms"),
        "learner_missing": ("p_0", "share of spikes that are missing", 0.05, ""),
        "learner_background": (r"\nu", "further spikes of every afferent", 1.0, "1/s"),
        "learner_noise": (r"\sigma_U", "noise of a somatic peak", 0.02, "mV"),
        "learner_shown": ("m", "patterns of a class that test", 25.0, ""),
        "learner_bin": ("b", "width of the bins of the linear read-out", 4.0, "ms"),
        "learner_ridge": (r"\lambda", "penalty of the linear read-out", 1.0, ""),
    }
    return {
        name: Parameter(*value, "this library", "chosen for teaching")
        for name, value in values.items()
    }


ENTRIES = {
    "diffusion": Parameter(
        "D",
        "diffusion coefficient of calcium",
        220.0,
        "µm²/s",
        CODE,
        "from code",
        "near the free ion in cytosol (Allbritton 1992); buffers slow it to a fraction of this",
    ),
    "branch_length": Parameter("L", "branch length", 80.0, "µm", CODE, "from code"),
    "compartments": Parameter(
        "n", "number of compartments", 320.0, "", CODE, "from code", "0.25 µm each"
    ),
    "branch_radius": Parameter(
        "r",
        "branch radius",
        1.0,
        "µm",
        CODE,
        "from code",
        "thick for a CA1 branch, whose diameter is below 1 µm",
    ),
    "head_radius": Parameter("r_s", "radius of the spine head", 0.34, "µm", CODE, "from code"),
    "neck_radius": Parameter("a", "radius of the spine neck", 0.1, "µm", CODE, "from code"),
    "neck_length": Parameter("l", "length of the spine neck", 0.5, "µm", CODE, "from code"),
    "decay": Parameter(
        r"\tau",
        "time constant of calcium removal",
        80.0,
        "ms",
        CODE,
        "from code",
        "the same in spine and branch",
    ),
    "current": Parameter("I_0", "peak synaptic current at weight 1", 0.1, "pA", CODE, "from code"),
    "current_decay": Parameter(
        r"\tau_I", "decay of the synaptic current", 1.0, "ms", CODE, "from code"
    ),
    "calcium_fraction": Parameter(
        "y", "share of the current carried by calcium", 0.11, "", CODE, "from code"
    ),
    "valence": Parameter("Z", "charge number of calcium", 2.0, "", CODE, "from code"),
    "faraday": Parameter(
        "F",
        "Faraday constant",
        96485.309,
        "C/mol",
        CODE,
        "from code",
        "the value of 1986; today 96485.332. Kept, so that printed digits can be met",
    ),
    "gamma_p": _rate(
        "p", 2.3, "all figures but 4B and 5", "numerically the C_p of Hiratani & Fukai 2017"
    ),
    "gamma_d": _rate(
        "d", 1.0, "all figures but 4B and 5", "numerically the C_d of Hiratani & Fukai 2017"
    ),
    **_thresholds(4.0, 2.0, "panels of figures 2 and 4"),
    "weight": Parameter("w_0", "initial weight", 0.5, "", CODE, "from code"),
    "time_step": Parameter(
        "h",
        "time step of the published scheme",
        0.25,
        "ms",
        CODE,
        "from code",
        "backward Euler for calcium, forward Euler for weights; peaks come out 10 % high",
    ),
    "converged_step": Parameter(
        "h",
        "time step of the converged scheme",
        0.05,
        "ms",
        "convergence tests of this library",
        "chosen for teaching",
        "second order; halving it moves final weights by less than 1e-4",
    ),
    "pulse_interval": Parameter(
        r"\Delta", "interval of pulses in a burst", 2.0, "ms", f"{CODE}, figure 2", "from code"
    ),
    "burst_pulses": Parameter("m", "pulses in a burst", 7.0, "", f"{CODE}, figure 2B", "from code"),
    "burst_interval": Parameter(
        "T_b", "interval of bursts", 200.0, "ms", f"{CODE}, figures 2A, 2B", "from code"
    ),
    "pairing_interval": Parameter(
        "T_p", "interval of pairings", 500.0, "ms", f"{CODE}, figure 2C", "from code"
    ),
    "pairing_delay": Parameter(
        r"\Delta t", "delay of the second input", 15.0, "ms", f"{CODE}, figure 2C", "from code"
    ),
    "repetitions": Parameter(
        "n_r", "number of bursts or pairings", 5.0, "", f"{CODE}, figure 2", "from code"
    ),
    "first_pulse": Parameter(
        "t_1", "time of the first pulse", 1.0, "ms", f"{CODE}, figure 2", "from code"
    ),
    "duration_bursts": Parameter(
        "T", "duration, one active spine", 1000.0, "ms", f"{CODE}, figures 2A, 2B", "from code"
    ),
    "duration_pairings": Parameter(
        "T", "duration, two active spines", 4100.0, "ms", f"{CODE}, figure 2C", "from code"
    ),
    **_protocol(
        "figure 3",
        cluster_pulses=("n_p", "pulses to each stimulated spine", 60.0, ""),
        interval_2=("T_2", "interval of pulses called 2 Hz", 500.0, "ms"),
        interval_100=("T_{100}", "interval of pulses called 100 Hz", 10.0, "ms"),
        interval_150=("T_{150}", "interval of pulses called 150 Hz; 6 ms are 167 Hz", 6.0, "ms"),
        duration_cluster=("T", "duration, 16 spines", 130_000.0, "ms"),
        cluster_site=("k_0", "compartment where the 16 spines may begin", 140.0, ""),
        cluster_inner=("n_i", "spines in the inner stretch", 10.0, ""),
        cluster_near=("n_n", "of these, spines without pulses", 3.0, ""),
        cluster_outer=("n_o", "spines in each outer stretch, without pulses", 3.0, ""),
        cluster_left=("x_1", "first place of the inner stretch", 2.0, "µm"),
        cluster_right=("x_2", "last place of the inner stretch", 9.0, "µm"),
        cluster_end=("x_3", "last place of all", 10.75, "µm"),
        weight_lowest=("w_1", "lowest initial weight", 0.1, ""),
        weight_highest=("w_{16}", "highest initial weight", 0.85, ""),
        weight_spacing=("dw", "spacing of initial weights", 0.05, ""),
    ),
    **_protocol(
        "figure 4",
        map_site=("k_1", "compartment of the first of two spines", 160.0, ""),
        map_lowest=("v_1", "lowest value on the axes of the maps, in 1/s or nM", 0.1, ""),
        map_highest=("v_n", "highest value on the axes of the maps, in 1/s or nM", 10.0, ""),
        map_cells=("n", "values on each axis of the maps", 20.0, ""),
        map_time=("T", "time of reading, one pairing or triplet", 999.0, "ms"),
        window_interval=("T_p", "interval of repeated pairings", 700.0, "ms"),
        window_time=("T", "time of reading, repeated pairings", 6999.0, "ms"),
        triplet_start=("t_1", "first spike of a triplet", 200.0, "ms"),
        triplet_interval=("T_3", "interval of the two spikes of a triplet", 20.0, "ms"),
    ),
    **_protocol(
        "figure 5",
        sequence_site=(
            "k_1",
            "compartment of the proximal spine, the one nearer the soma",
            160.0,
            "",
        ),
        sequence_distance=("d", "distance of the two spines", 1.0, "µm"),
        sequence_pulses=("n_p", "pulses of one input, on consecutive steps", 10.0, ""),
        sequence_pulse_interval=(r"\Delta", "interval of the pulses of one input", 0.25, "ms"),
        sequence_start=("t_1", "start of the first input", 12.5, "ms"),
        sequence_delay=(r"\Delta t", "from one input to the next", 9.25, "ms"),
        sequence_interval=("T_s", "interval of presentations", 75.0, "ms"),
        sequence_repetitions=("n_r", "presentations in training", 24.0, ""),
        sequence_duration=("T", "duration of training", 3000.0, "ms"),
        membrane_capacitance=("C_m", "membrane capacitance", 1.0, "µF/cm²"),
        soma_decay=(r"\tau_U", "membrane time constant of the soma", 80.0, "ms"),
        soma_gain=("g", "pull of the branch on the soma, over the soma's own leak", 20.0, ""),
        soma_site=("k_U", "compartment of the branch that the soma reads", 138.0, ""),
        rest=("V_0", "resting voltage", -70.0, "mV"),
        soma_threshold=(r"\theta_U", "somatic voltage that counts as a response", -66.0, "mV"),
    ),
    **_electric(),
}

SHAFIEE_2026 = ParameterSet(
    key="shafiee2026",
    title="Shafiee, Schmitt & Tetzlaff 2026",
    citation=("Shafiee S, Schmitt S, Tetzlaff C (2026). Communications Biology 9:382."),
    doi="10.1038/s42003-026-09719-3",
    entries=ENTRIES,
    variants={
        "figure 2": {},
        "figure 2, data files": _thresholds(70.0, 50.0, "data files of figure 2"),
        "figure 3": _thresholds(70.0, 50.0, "figure 3"),
        "figure 4A": {},
        "figure 4B": {
            "gamma_p": _rate("p", 5.311, "figure 4B"),
            "gamma_d": _rate("d", 2.184, "figure 4B"),
        },
        "figure 5": {
            "gamma_p": _rate("p", 13.0, "figure 5"),
            "gamma_d": _rate("d", 5.86, "figure 5"),
            **_thresholds(110.0, 60.0, "figure 5"),
            "current": Parameter(
                "I_0",
                "peak synaptic current at weight 1",
                0.2,
                "pA",
                f"{CODE}, figure 5",
                "from code",
            ),
        },
    },
    oddities=(
        "Calcium is labelled µM in the published code and plots, but its arithmetic "
        "(mol/m³ times one million) makes the numbers nM. This library keeps µM throughout, "
        "so a threshold written 4 there is 0.004 µM here. No result depends on the label.",
        "The exchange between spine and branch adds concentrations without the ratio of the "
        "two volumes, so calcium is not conserved. Spine values are not affected: only the "
        "product of the two rates enters there. Branch values come out V_comp / V_s = 4.77 times "
        "too high.",
        "The rate out of the spine counts the search for the neck and the time in the neck, "
        "but not the resistance of the neck, V_s l / (pi a² D), about 12 ms.",
        "The end compartments of the branch have no decay term in the published scheme. "
        "They lie far from every spine; no published number depends on it.",
        "The rate into the spine contains the compartment length. Spine values converge all "
        "the same as compartments shrink.",
        "Two threshold pairs are in circulation for figure 2: the drawn panels use 4/2 nM, the "
        "data files beside them 70/50 nM.",
        "The voltage of figure 5 is driven by a current 1000 times the one that carries calcium. "
        "In consistent units the somatic peak of 4 mV is 4 µV; everything else stays, since the "
        "voltage is linear in the current.",
        "The soma of figure 5 reads the voltage of one compartment, 5.5 µm from the proximal "
        "spine, and gives nothing back: it is a filter with a time constant of 80 / 21 = 3.8 ms, "
        "not a load. The branch has sealed ends on either side of it.",
        "With membrane time constants of 1 ms in the branch and 80 ms in the soma the two do not "
        "have the same membrane.",
        "The control of figure 5 called 'no diffusion' in the authors' code keeps diffusion and "
        "freezes the weights at 0.5; it shows no learning, not learning without diffusion.",
    ),
)
