"""Chindemi et al. 2022: calcium-based plasticity of neocortical synapses, and our test cells.

Three sets. `CHINDEMI_2022` holds the synapse: currents, calcium, thresholds, efficacy, release
and the statistics of connections (its variants are the pathways). `TRAUB_MILES_1991` holds the
sodium and potassium channels of the reduced cells, `REDUCED_CELLS` the cells themselves (its
variants are the cell types); no paper stands behind those.

The values of the synapse were read in the public code and data files; the printed tables were
not available to us. Calcium inside the spine is in µM here and in mM in the published code.
"""

from heterolib.parameters.registry import Parameter, ParameterSet

MECHANISM = "public code of the synapse (GluSynapse 1.0.1)"
FIT = "public analysis files of the paper (Zenodo 5654788)"
ROWS = "98 rows of the published parameter file of L5-L5 connections"
RECIPE = "recipe of the authors' public port of 2024"
RUNNER = "authors' public port of 2024 (plastyfire)"
LIBRARY = "convergence tests of this library"


def _m(symbol: str, meaning: str, value: float, unit: str = "", note: str = "") -> Parameter:
    return Parameter(symbol, meaning, value, unit, MECHANISM, "from code", note)


def _fit(symbol: str, meaning: str, value: float, unit: str = "", note: str = "") -> Parameter:
    return Parameter(symbol, meaning, value, unit, FIT, "from code", note)


def _ours(symbol: str, meaning: str, value: float, unit: str = "", note: str = "") -> Parameter:
    return Parameter(symbol, meaning, value, unit, LIBRARY, "chosen for teaching", note)


def _coefficient(
    where: str, symbol: str, of: str, which: str, value: float, paper: str, code: str
) -> Parameter:
    return _fit(
        symbol,
        f"{where} share of {of} in the threshold of {which}",
        value,
        note=f"called {paper} in the paper and {code} in the code",
    )


def _pathway(
    source: str, ratio: float, status: str = "from code", note: str = "", **moments: float
) -> dict[str, Parameter]:
    """The statistics of a pathway: mean and standard deviation of each physiological quantity."""
    says = {
        "g": ("g", "AMPA conductance", "nS"),
        "u": ("u", "utilisation of release", ""),
        "d": ("D", "recovery time of a release site", "ms"),
        "f": ("F", "decay time of facilitation", "ms"),
        "x": ("X", "spine volume", "µm³"),
    }
    entries = {
        "nmda_ratio": Parameter(
            "r_N", "NMDA to AMPA conductance", ratio, "", source, "from code", note
        )
    }
    for key, value in moments.items():
        name, kind = key.rsplit("_", 1)
        if name == "sites":
            symbol, meaning, unit = r"\bar N", "mean number of release sites", ""
        else:
            base, words, unit = says[name]
            symbol = rf"\bar {base}" if kind == "mean" else rf"\sigma_{{{base}}}"
            word = "mean" if kind == "mean" else "standard deviation of the"
            meaning = f"{word} {words}"
        entries[key] = Parameter(symbol, meaning, value, unit, source, status, note)
    return entries


BORROWED = "spread of D and F taken from L2/3-L2/3"


def _generic(note: str) -> dict[str, Parameter]:
    return _pathway(
        RECIPE,
        0.7,
        note=f"{note}; {BORROWED}",
        g_mean=0.68,
        g_sd=0.44,
        sites_mean=1.5,
        u_mean=0.50,
        u_sd=0.02,
        d_mean=671.0,
        d_sd=17.0,
        f_mean=17.0,
        f_sd=5.0,
        x_mean=0.063,
        x_sd=0.041,
    )


CHINDEMI_2022 = ParameterSet(
    key="chindemi2022",
    title="Chindemi et al. 2022",
    citation="Chindemi G, Abdellah M, Amsalem O et al. (2022). Nature Communications 13:3038.",
    doi="10.1038/s41467-022-30214-w",
    entries={
        # -- currents
        "ampa_rise": _m(r"\tau_r^A", "rise time of AMPA", 0.2, "ms"),
        "ampa_decay": Parameter(
            r"\tau_d^A",
            "decay time of AMPA",
            1.74,
            "ms",
            RECIPE,
            "from code",
            "1.7 ms is the default of the mechanism",
        ),
        "ampa_decay_sd": Parameter(
            r"\sigma_{A}",
            "standard deviation of the decay time of AMPA",
            0.18,
            "ms",
            RECIPE,
            "from code",
        ),
        "ampa_reversal": _m("E_A", "reversal of AMPA", 0.0, "mV"),
        "nmda_rise": _m(r"\tau_r^N", "rise time of NMDA", 0.29, "ms"),
        "nmda_decay": _m(r"\tau_d^N", "decay time of NMDA", 70.0, "ms"),
        "nmda_reversal": _m("E_N", "reversal of NMDA", -3.0, "mV"),
        "magnesium": _m("[Mg]", "extracellular magnesium", 1.0, "mM"),
        "magnesium_slope": _m("k_B", "voltage slope of the magnesium block", 0.072, "1/mV"),
        "magnesium_half": _m("K_B", "magnesium of half block at 0 mV", 2.552, "mM"),
        # -- calcium
        "nmda_calcium_reversal": _m("E_{CaN}", "reversal of calcium through NMDA", 40.0, "mV"),
        "nmda_calcium_scale": _m(
            r"\alpha", "share of the fractional calcium current that is kept", 0.6
        ),
        "nmda_calcium_permeability": _m(
            "p_{Ca}", "permeability factor of calcium in the fractional current", 4.0
        ),
        "nmda_monovalent": _m(
            "[M]",
            "monovalent ions in the fractional current, already divided by 1.38",
            120.0 / 1.38,
            "mM",
            "120 mM over 1.38; Schneggenburger's form in the limit of strong hyperpolarisation",
        ),
        "vdcc_density": _m(
            "g_V",
            "conductance of R-type channels per area of spine",
            0.0744,
            "nS/µm²",
            "the area is that of a sphere with the spine's volume",
        ),
        "vdcc_m_half": _m("V_m", "half activation of the R-type channel", -5.9, "mV"),
        "vdcc_m_slope": _m("k_m", "slope of its activation", 9.5, "mV"),
        "vdcc_m_time": _m(r"\tau_m", "time constant of its activation", 1.0, "ms"),
        "vdcc_h_half": _m("V_h", "half inactivation of the R-type channel", -39.0, "mV"),
        "vdcc_h_slope": _m("k_h", "slope of its inactivation", 9.2, "mV"),
        "vdcc_h_time": _m(r"\tau_h", "time constant of its inactivation", 27.0, "ms"),
        "valence": _m("Z", "charge number of calcium", 2.0),
        "faraday": Parameter(
            "F", "Faraday constant", 96485.33212, "C/mol", "CODATA 2018", "printed"
        ),
        "gas_constant": Parameter(
            "R", "gas constant", 8.314462618, "J/(mol K)", "CODATA 2018", "printed"
        ),
        "temperature": Parameter(
            "T",
            "temperature",
            34.0,
            "°C",
            RUNNER,
            "from code",
            "enters the reversal potential of calcium only",
        ),
        "calcium_rest": _m("[Ca]_r", "calcium in the spine at rest", 0.070, "µM"),
        "calcium_decay": _m(r"\tau_{Ca}", "decay time of calcium", 12.0, "ms"),
        "calcium_unbuffered": _m(r"\eta", "share of calcium that stays unbuffered", 0.04),
        "calcium_out": Parameter(
            "[Ca]_o",
            "extracellular calcium in the slice",
            2.0,
            "mM",
            RUNNER,
            "from code",
            "the slices of the Sjöström experiments had 2.5 mM",
        ),
        "calcium_out_in_vivo": Parameter(
            "[Ca]_o", "extracellular calcium in vivo", 1.2, "mM", FIT, "from code"
        ),
        # -- efficacy
        "integrator_decay": _fit(
            r"\tau_*",
            "decay time of the calcium integral",
            278.3177658387,
            "ms",
            "the default of the mechanism, 200 ms, is not the published fit",
        ),
        "gamma_d": _fit(
            r"\gamma_d",
            "strength of weakening",
            101.5387594661,
            "",
            "the default of the mechanism, 100, is not the published fit",
        ),
        "gamma_p": _fit(
            r"\gamma_p",
            "strength of strengthening",
            216.1841700668,
            "",
            "the default of the mechanism, 450, is not the published fit",
        ),
        "rho_star": _m(r"\rho_*", "unstable efficacy between the two stable states", 0.5),
        "tau_efficacy": _m(r"\tau_\rho", "time constant of the efficacy", 70_000.0, "ms", "70 s"),
        "tau_expression": _m(r"\tau_e", "time constant of expression", 100_000.0, "ms", "100 s"),
        "use_exponent": _m("k_u", "strengthening raises u to this power", 0.2),
        "ampa_factor": _m("k_g", "strengthening multiplies the AMPA conductance by this", 2.0),
        "basal_d_pre": _coefficient(
            "basal", "p_1", "c_pre", "weakening", 1.0018099627, "b00", "a00"
        ),
        "basal_d_post": _coefficient(
            "basal", "p_2", "c_post", "weakening", 1.9535568661, "b01", "a01"
        ),
        "basal_p_pre": _coefficient(
            "basal", "p_3", "c_pre", "strengthening", 1.1593870631, "b10", "a10"
        ),
        "basal_p_post": _coefficient(
            "basal", "p_4", "c_post", "strengthening", 2.4827933785, "b11", "a11"
        ),
        "apical_d_pre": _coefficient(
            "apical", "p_1", "c_pre", "weakening", 1.1267343377, "a00", "a20"
        ),
        "apical_d_post": _coefficient(
            "apical", "p_2", "c_post", "weakening", 2.4559713296, "a01", "a21"
        ),
        "apical_p_pre": _coefficient(
            "apical", "p_3", "c_pre", "strengthening", 5.2356637311, "a10", "a30"
        ),
        "apical_p_post": _coefficient(
            "apical", "p_4", "c_post", "strengthening", 1.7822214534, "a11", "a31"
        ),
        # -- release
        "release_hill": Parameter(
            "n_H", "Hill exponent of release on extracellular calcium", 4.0, "", RECIPE, "from code"
        ),
        "release_half": Parameter(
            "K_H",
            "extracellular calcium of half release",
            2.79,
            "mM",
            RECIPE,
            "from code",
            "the same for all excitatory pathways",
        ),
        "release_reference": Parameter(
            "[Ca]_2",
            "extracellular calcium at which the utilisation is stated",
            2.0,
            "mM",
            RECIPE,
            "from code",
        ),
        # -- the synapse of the reference runs
        **{
            name: Parameter(
                symbol,
                meaning,
                value,
                unit,
                "our reference runs of the mechanism",
                "chosen for teaching",
                "near the mean of an L5-L5 synapse",
            )
            for name, symbol, meaning, value, unit in (
                ("g", "g", "AMPA conductance of the example synapse, weakened", 1.6, "nS"),
                ("g_nmda", "g_N", "NMDA conductance of the example synapse", 0.88, "nS"),
                ("sites", "N", "release sites of the example synapse", 3.0, ""),
                ("u", "u", "utilisation of the example synapse, weakened", 0.5, ""),
                ("d", "D", "recovery time of a site of the example synapse", 671.0, "ms"),
                ("f", "F", "decay time of facilitation of the example synapse", 17.0, "ms"),
                ("x", "X", "spine volume of the example synapse", 0.14, "µm³"),
            )
        },
        # -- connections
        **{
            f"corr_{a}_{b}": Parameter(
                rf"r({a},{b})",
                f"correlation of {says_a} and {says_b}",
                value,
                "",
                RECIPE,
                "from code",
                "of the Gaussian copula; recovery and facilitation times are independent",
            )
            for a, says_a, b, says_b, value in (
                ("u", "utilisation", "g", "conductance", 0.9),
                ("g", "conductance", "n", "release sites", 0.9),
                ("x", "volume", "n", "release sites", 0.92),
                ("x", "volume", "g", "conductance", 0.88),
                ("u", "utilisation", "n", "release sites", 0.81),
                ("u", "utilisation", "x", "volume", 0.792),
            )
        },
        "synapses_lowest": Parameter(
            "n_1",
            "fewest synapses of a connection",
            4.0,
            "",
            "reconstructions of L5-L5 pairs: 4 to 8 contacts (Markram et al. 1997)",
            "printed",
            "about 7 in the published files",
        ),
        "synapses_highest": Parameter(
            "n_2",
            "most synapses of a connection",
            8.0,
            "",
            "reconstructions of L5-L5 pairs: 4 to 8 contacts (Markram et al. 1997)",
            "printed",
        ),
        "apical_share": Parameter(
            "a",
            "share of apical synapses in an L5-L5 connection",
            19.0 / 98.0,
            "",
            ROWS,
            "converted",
            "19 of the 98 rows have thresholds of the apical form",
        ),
        **{
            f"{where}_c_{side}": Parameter(
                rf"c_{{{side}}}",
                f"{where} c_{side} that the published thresholds imply",
                value,
                "µM ms",
                ROWS,
                "converted",
                f"median of the {n} {where} rows: their thresholds solved for c_pre and c_post",
            )
            for where, n, side, value in (
                ("basal", 79, "pre", 57.0),
                ("basal", 79, "post", 0.7),
                ("apical", 19, "pre", 67.0),
                ("apical", 19, "post", 100.0),
            )
        },
        **_pathway(
            ROWS,
            0.55,
            "converted",
            "means and standard deviations of the rows; the recipe of 2024 differs",
            g_mean=1.60,
            g_sd=1.07,
            sites_mean=2.94,
            u_mean=0.516,
            u_sd=0.215,
            d_mean=692.0,
            d_sd=144.0,
            f_mean=14.7,
            f_sd=26.0,
            x_mean=0.137,
            x_sd=0.088,
        ),
        # -- experiments
        "sweeps": Parameter(
            "n_s", "sweeps of induction", 10.0, "", "Markram et al. 1997", "printed"
        ),
        "sweep_interval": Parameter(
            "T_s", "interval of sweeps", 4000.0, "ms", "Markram et al. 1997", "printed"
        ),
        "train_spikes": Parameter(
            "n_t", "pairs in a sweep", 5.0, "", "Markram et al. 1997", "printed"
        ),
        "sweeps_sjostrom": Parameter(
            "n_s", "sweeps of induction, trains", 15.0, "", "Sjöström et al. 2001", "printed"
        ),
        "sweeps_single": Parameter(
            "n_s", "sweeps of induction, single pairs", 50.0, "", "Sjöström et al. 2001", "printed"
        ),
        "interval_sjostrom": Parameter(
            "T_s", "interval of sweeps", 10_000.0, "ms", "Sjöström et al. 2001", "printed"
        ),
        "tests": Parameter(
            "n_e", "test EPSPs before and after", 60.0, "", RUNNER, "from code", "4 minutes"
        ),
        "epsp_window": Parameter(
            "T_w", "window in which an EPSP's peak is sought", 100.0, "ms", RUNNER, "from code"
        ),
        # -- numbers of this library
        "step": _ours(
            "h",
            "time step of a synapse under a given voltage",
            0.0125,
            "ms",
            "second order; calcium within 1e-3 of the reference runs",
        ),
    },
    variants={
        "L5-L5": {},
        "L5-L5, recipe of 2024": _pathway(
            RECIPE,
            0.55,
            g_mean=1.94,
            g_sd=1.0,
            sites_mean=2.8,
            u_mean=0.38,
            u_sd=0.10,
            d_mean=365.6,
            d_sd=100.0,
            f_mean=25.7,
            f_sd=46.0,
            x_mean=0.163,
            x_sd=0.084,
        ),
        "L2/3-L2/3": _pathway(
            RECIPE,
            0.7,
            g_mean=1.0,
            g_sd=0.5,
            sites_mean=2.6,
            u_mean=0.46,
            u_sd=0.26,
            d_mean=671.0,
            d_sd=17.0,
            f_mean=17.0,
            f_sd=5.0,
            x_mean=0.092,
            x_sd=0.046,
        ),
        "L2/3-L5": _pathway(
            RECIPE,
            0.7,
            note=BORROWED,
            g_mean=0.47,
            g_sd=0.2,
            sites_mean=1.5,
            u_mean=0.50,
            u_sd=0.02,
            d_mean=671.0,
            d_sd=17.0,
            f_mean=17.0,
            f_sd=5.0,
            x_mean=0.043,
            x_sd=0.018,
        ),
        "L4-L2/3": _generic("the generic excitatory rule"),
        "L4-L4": _generic("the generic excitatory rule, as none for spiny stellate cells"),
    },
    oddities=(
        "The coefficients of the thresholds carry other labels in the paper than in the code: "
        "basal is b00 to b11 in the paper and a00 to a11 in the code; apical is a00 to a11 in "
        "the paper and a20 to a31 in the code. A set copied by label gets the two swapped.",
        "The defaults of the mechanism for the integrator (200 ms) and the strengths (100, 450) "
        "are not the published fit.",
        "The recipe shipped in 2024 is not the one behind the published fit of L5-L5: the "
        "recovery time is about 366 ms there and about 692 ms in the published rows, the "
        "utilisation 0.38 and 0.52. This set holds the rows.",
        "The integral of calcium is labelled us/liter in the mechanism; its unit is mM ms.",
        "The gates of the R-type channel start at 0 in the mechanism, not at their steady state; "
        "inactivation needs about 150 ms to settle. Here they start at the steady state.",
        "The paper speaks of the GHK flux; the mechanism has none. NMDA calcium is ohmic with a "
        "fixed reversal, scaled by extracellular calcium; the R-type channel uses Nernst.",
        "The jump to the end state after induction sets a parameter, not the state, of release "
        "in the port of 2024: the release part does not jump there. Here both jump.",
        "Above 40 mV the NMDA current carries calcium out of the spine, in the published equations "
        "even when none is left. Here calcium stops at a thousandth of its resting value.",
        "Utilisation above 1 is possible at 2.5 mM in the published code; here it stops at 1.",
    ),
)


def _tm(symbol: str, meaning: str, value: float, unit: str) -> Parameter:
    source = "Traub & Miles 1991, in the reduced form of our reference runs"
    return Parameter(symbol, meaning, value, unit, source, "from code")


def _rate(gate: str, a: str, rate: float, half: float, slope: float) -> dict[str, Parameter]:
    says = "opening" if a == "alpha" else "closing"
    unit = "1/ms" if gate == "h" or (gate, a) == ("n", "beta") else "1/(mV ms)"
    return {
        f"{a}_{gate}_rate": _tm(rf"a_{{\{a},{gate}}}", f"{says} rate of {gate}", rate, unit),
        f"{a}_{gate}_half": _tm(rf"v_{{\{a},{gate}}}", f"voltage of that rate, {gate}", half, "mV"),
        f"{a}_{gate}_slope": _tm(rf"k_{{\{a},{gate}}}", f"slope of that rate, {gate}", slope, "mV"),
    }


TRAUB_MILES_1991 = ParameterSet(
    key="traubmiles1991",
    title="Traub & Miles 1991",
    citation="Traub RD, Miles R (1991). Neuronal Networks of the Hippocampus. Cambridge UP.",
    doi="10.1017/CBO9780511895401",
    entries={
        **_rate("m", "alpha", 0.32, 13.0, 4.0),
        **_rate("m", "beta", 0.28, 40.0, 5.0),
        **_rate("h", "alpha", 0.128, 17.0, 18.0),
        **_rate("h", "beta", 4.0, 40.0, 5.0),
        **_rate("n", "alpha", 0.032, 15.0, 5.0),
        **_rate("n", "beta", 0.5, 10.0, 40.0),
        "sodium_reversal": _tm("E_{Na}", "reversal of sodium", 50.0, "mV"),
        "potassium_reversal": _tm("E_K", "reversal of potassium", -90.0, "mV"),
        "threshold_shift": _tm("V_T", "shift of all voltages", -58.0, "mV"),
    },
    oddities=(
        "The rates of m and of n have the form a (v0 - u) / (exp((v0 - u) / k) - 1) or its "
        "mirror image, so their a is a rate per mV; with u = V - V_T.",
    ),
)

STICK = "our reference runs of the mechanism"
REDUCED = "reduced cell of this library"


def _cell(symbol: str, meaning: str, value: float, unit: str = "", note: str = "") -> Parameter:
    return Parameter(symbol, meaning, value, unit, REDUCED, "chosen for teaching", note)


def _stick(symbol: str, meaning: str, value: float, unit: str = "", note: str = "") -> Parameter:
    return Parameter(symbol, meaning, value, unit, STICK, "chosen for teaching", note)


def _pyramidal(source_note: str, **values: float) -> dict[str, Parameter]:
    says = {
        "axial": (r"\rho_i", "resistivity of the inside", "MΩ µm"),
        "leak_reversal": ("E_l", "reversal of the leak", "mV"),
        "spine_factor": ("k_s", "membrane with spines to membrane without", ""),
        "soma_diameter": ("d_s", "diameter and length of the soma", "µm"),
        "soma_sodium": ("g_{Na}", "sodium conductance of the soma", "nS/µm²"),
        "soma_potassium": ("g_K", "potassium conductance of the soma", "nS/µm²"),
        "trunk_sodium": ("g_{Na}^a", "sodium conductance of the apical trunk", "nS/µm²"),
        "trunk_potassium": ("g_K^a", "potassium conductance of the apical trunk", "nS/µm²"),
        "basal_number": ("n_b", "basal dendrites", ""),
        "basal_length": ("l_b", "length of a basal dendrite", "µm"),
        "basal_diameter": ("d_b", "diameter of a basal dendrite", "µm"),
        "basal_compartments": ("N_b", "compartments of a basal dendrite", ""),
        "trunk_length": ("l_a", "length of the apical trunk", "µm"),
        "trunk_diameter": ("d_a", "diameter of the apical trunk", "µm"),
        "trunk_compartments": ("N_a", "compartments of the apical trunk", ""),
        "tuft_number": ("n_t", "branches of the tuft", ""),
        "tuft_length": ("l_t", "length of a branch of the tuft", "µm"),
        "tuft_diameter": ("d_t", "diameter of a branch of the tuft", "µm"),
        "tuft_compartments": ("N_t", "compartments of a branch of the tuft", ""),
    }
    return {
        name: _cell(*says[name][:2], v, says[name][2], source_note) for name, v in values.items()
    }


_L5 = _pyramidal(
    "chosen by the calcium of a back-propagating action potential",
    axial=1.0,
    leak_reversal=-75.0,
    spine_factor=2.0,
    soma_diameter=20.0,
    soma_sodium=1.5,
    soma_potassium=0.3,
    trunk_sodium=0.4,
    trunk_potassium=0.05,
    basal_number=10.0,
    basal_length=240.0,
    basal_diameter=0.8,
    basal_compartments=10.0,
    trunk_length=400.0,
    trunk_diameter=3.0,
    trunk_compartments=16.0,
    tuft_number=4.0,
    tuft_length=300.0,
    tuft_diameter=1.2,
    tuft_compartments=6.0,
)

_L23 = _pyramidal(
    "smaller than the L5 cell in every part, same channels",
    **{
        **{name: entry.value for name, entry in _L5.items()},
        "soma_diameter": 15.0,
        "basal_number": 5.0,
        "basal_length": 160.0,
        "basal_diameter": 0.7,
        "basal_compartments": 8.0,
        "trunk_length": 200.0,
        "trunk_diameter": 1.8,
        "trunk_compartments": 10.0,
        "tuft_number": 2.0,
        "tuft_length": 150.0,
        "tuft_diameter": 0.8,
    },
)
_L4 = _pyramidal(
    "smaller than the L5 cell in every part, no tuft, same channels",
    **{
        **{name: entry.value for name, entry in _L5.items()},
        "soma_diameter": 13.0,
        "basal_number": 4.0,
        "basal_length": 150.0,
        "basal_diameter": 0.7,
        "basal_compartments": 8.0,
        "trunk_length": 200.0,
        "trunk_diameter": 1.2,
        "trunk_compartments": 10.0,
        "tuft_number": 0.0,
    },
)

REDUCED_CELLS = ParameterSet(
    key="reducedcells",
    title="Reduced pyramidal cells",
    citation="Heterolib: reduced cells for the protocols of Chindemi et al. 2022.",
    doi="",
    entries={
        "capacitance": _stick("c_m", "capacitance of membrane", 0.01, "pF/µm²", "1 µF/cm²"),
        "leak": _stick("g_l", "leak of membrane", 0.001, "nS/µm²", "1e-4 S/cm²"),
        "stick_leak_reversal": _stick("E_l", "reversal of the leak, ball and stick", -70.0, "mV"),
        "stick_soma_diameter": _stick("d_s", "diameter and length of its soma", 20.0, "µm"),
        "stick_soma_sodium": _stick("g_{Na}", "sodium conductance of its soma", 1.0, "nS/µm²"),
        "stick_soma_potassium": _stick("g_K", "potassium conductance of its soma", 0.2, "nS/µm²"),
        "stick_length": _stick("L", "length of the stick", 300.0, "µm"),
        "stick_diameter": _stick("d", "diameter of the stick", 2.0, "µm"),
        "stick_compartments": _stick("N", "compartments of the stick", 31.0),
        "stick_axial": _stick(
            r"\rho_s", "resistivity of the inside, ball and stick", 1.5, "MΩ µm", "150 Ω cm"
        ),
        **_L5,
        "longest_compartment": _cell("l_c", "longest compartment of a traced cell", 25.0, "µm"),
        "spike_threshold": _cell(
            "V_s", "somatic voltage above which a spike is counted", -10.0, "mV"
        ),
        "pulse_short": Parameter("T_1", "shortest pulse tried", 1.5, "ms", RUNNER, "from code"),
        "pulse_middle": Parameter("T_2", "next pulse tried", 3.0, "ms", RUNNER, "from code"),
        "pulse_long": Parameter("T_3", "longest pulse tried", 5.0, "ms", RUNNER, "from code"),
        "pulse_margin": _cell(
            "k_p",
            "pulse over the weakest that makes the cell fire",
            1.25,
            "",
            "so that each pulse of a train does",
        ),
        "settle_after": _cell(
            "T_q",
            "silence begins this long after the last spike",
            150.0,
            "ms",
            "NMDA currents then hold the soma less than 0.1 mV above rest",
        ),
        "fine_after": _cell("T_f", "an action potential is followed in fine steps for", 6.0, "ms"),
        "epsp_piece": _cell("T_p", "a test EPSP has peaked if it has not risen for", 10.0, "ms"),
        "fine_step": _ours("h_f", "time step around action potentials, pairing", 0.025, "ms"),
        "coarse_step": _ours(
            "h_c",
            "time step elsewhere, pairing",
            0.1,
            "ms",
            "release without action potential: c* within 1e-3",
        ),
        "template_rest": _stick("V_r", "voltage at rest of the prescribed voltage", -70.0, "mV"),
        "template_height": _stick(
            "a_b", "height of the action potential at the spine, prescribed", 50.0, "mV"
        ),
        "template_rise": _stick(
            r"\tau_1^b", "rise time of the prescribed action potential", 0.4, "ms"
        ),
        "template_decay": _stick(
            r"\tau_2^b", "decay time of the prescribed action potential", 2.0, "ms"
        ),
        "epsp_height": _cell("a_e", "local EPSP if all sites release, prescribed", 10.0, "mV"),
        "epsp_rise": _cell(r"\tau_1^e", "rise time of the prescribed EPSP", 1.0, "ms"),
        "epsp_decay": _cell(r"\tau_2^e", "decay time of the prescribed EPSP", 20.0, "ms"),
        "step": _ours(
            "h",
            "time step of a cell",
            0.0125,
            "ms",
            "second order; the somatic voltage of the reference runs within 4e-3, c* within 1e-3",
        ),
        "change": _ours(
            r"\Delta V",
            "change of the voltage in a step, where steps may grow",
            0.25,
            "mV",
            "calcium and c* then stay within 1e-3 of NEURON's",
        ),
    },
    variants={"L5": _L5, "L2/3": _L23, "L4": _L4},
    oddities=(
        "No reconstruction stands behind these cells. They carry an action potential into the "
        "dendrites; they have no calcium spikes, no h current, no adaptation.",
        "The layer 5 cell was set by four kinds of data, none of them an outcome of plasticity: an "
        "action potential brings spine calcium of 1.4 ± 0.6 µM below 60 µm of basal dendrite and "
        "about 0.1 µM beyond; c_pre and c_post lie near those that the published thresholds imply, "
        "apical c_post remaining too small by three fifths; an input resistance of 46 MΩ; one "
        "spike for each pulse.",
    ),
)
