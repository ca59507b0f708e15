"""The explorers of the book, one per chapter."""

from __future__ import annotations

import numpy as np

from heterolib import kernels, mystery, studies
from heterolib.cable import matched_radius_um
from heterolib.explore.model import (
    Bars,
    Control,
    Explorer,
    HeatMap,
    Line,
    Marker,
    Output,
    Preset,
    Readout,
    Sketch,
    Traces,
)
from heterolib.neocortex import EfficacyRule, Synapse, precomputed
from heterolib.neocortex import kernels as cortex
from heterolib.neocortex.places import width_of_unit_decay
from heterolib.neocortex.single import TAIL_MS
from heterolib.orders import all_orders
from heterolib.parameters import CHINDEMI_2022 as C
from heterolib.parameters import CIRCUITS as K
from heterolib.parameters import GRADED_RULE as G
from heterolib.parameters import REDUCED_CELLS as R
from heterolib.parameters import SHAFIEE_2026 as S
from heterolib.plots import NM_PER_UM
from heterolib.soma import THRESHOLD_MV
from heterolib.spine import Spine

PER_S = 1e-3  # 1/s to 1/ms, and µm²/s to µm²/ms
NM = ("nM", NM_PER_UM)
TO_NM = NM_PER_UM
AVOGADRO = 6.02214076e23  # 1/mol, exact by definition of the mole

NECKS = ("sealed", "published", "consistent")  # in the order of the kernels' codes
BAND = ("theta_d", "theta_p")


def _rule(theta_d: float, theta_p: float, top: float, step: float) -> tuple[Control, ...]:
    """Sliders of the threshold rule; thresholds start at the given values (nM)."""
    d, p = S.info("theta_d"), S.info("theta_p")
    return (
        Control("theta_d", d.meaning, "nM", step, top, step, theta_d, 1.0 / TO_NM),
        Control("theta_p", p.meaning, "nM", step, top, step, theta_p, 1.0 / TO_NM),
        Control.of(S, "gamma_d", 0.0, 10.0, 0.1, to_kernel=PER_S),
        Control.of(S, "gamma_p", 0.0, 10.0, 0.1, to_kernel=PER_S),
    )


def _weight() -> Control:
    return Control.of(S, "weight", 0.0, 1.0, 0.01)


def _calcium_decides() -> Explorer:
    start, dt, n_t, top, n_c = 100.0, 10.0, 251, 12.0, 121
    return Explorer(
        name="calcium-decides",
        title="Constant calcium for a while",
        kernel=kernels.explore_calcium_decides,
        controls=(
            Control("calcium", "calcium", "nM", 0.0, top, 0.1, 6.0, 1.0 / TO_NM),
            Control("duration", "duration", "ms", 0.0, 2000.0, 10.0, 500.0),
            *_rule(TO_NM * S["theta_d"], TO_NM * S["theta_p"], top, 0.1),
            _weight(),
        ),
        constants=(start, dt, n_t, top / TO_NM, n_c),
        outputs=(
            Output("t", n_t),
            Output("trace", n_t, TO_NM),
            Output("w", n_t),
            Output("level", n_c, TO_NM),
            Output("map", n_c),
            Output("w_end"),
            Output("change"),
        ),
        work=1,
        views=(
            Traces("time (ms)", "calcium (nM)", (Line("t", "trace"),), bands=BAND),
            Traces("time (ms)", "weight", (Line("t", "w"),)),
            Traces(
                "calcium (nM)",
                "change of weight",
                (Line("level", "map"),),
                bands=BAND,
                bands_along_x=True,
                zero_line=True,
                markers=(Marker("calcium", "change", "now", 1),),
            ),
        ),
        readouts=(
            Readout("w_end", "weight at the end", digits=4),
            Readout("change", "change", digits=4, signed=True),
        ),
        presets=(
            Preset("low", "Below both thresholds nothing moves.", {"calcium": 1.0}),
            Preset("moderate", "Between the thresholds the synapse weakens.", {"calcium": 3.0}),
            Preset("high", "Above both it strengthens.", {"calcium": 6.0}),
        ),
        ordered=(BAND,),
        code=(
            "from heterolib import ThresholdRule\n\n"
            "rule = ThresholdRule(theta_d_uM={theta_d} / 1000, theta_p_uM={theta_p} / 1000,\n"
            "                     gamma_d_per_s={gamma_d}, gamma_p_per_s={gamma_p})\n"
            "rule.after({calcium} / 1000, {duration}, {weight})"
        ),
    )


def _spikes_to_calcium() -> Explorer:
    first, dt, n_t = 1.0, 0.25, 401
    return Explorer(
        name="spikes-to-calcium",
        title="A burst into one spine",
        kernel=kernels.explore_spikes_to_calcium,
        controls=(
            Control("pulses", "pulses", "", 1.0, 10.0, 1.0, 1.0),
            Control("interval", "interval", "ms", 1.0, 10.0, 0.5, S["pulse_interval"]),
            Control("weight", "weight", "", 0.0, 1.0, 0.01, 1.0),
            Control.of(S, "neck_radius", 0.02, 0.3, 0.01),
            Control.of(S, "neck_length", 0.1, 2.0, 0.05),
            Control.of(S, "diffusion", 1.0, 600.0, 1.0, to_kernel=PER_S),
            Control.of(S, "decay", 5.0, 200.0, 1.0),
            Control.choice("neck", "physics of the neck", NECKS, 1),
        ),
        constants=(
            S["current"],
            S["current_decay"],
            S["calcium_fraction"],
            S["valence"],
            S["faraday"],
            AVOGADRO,
            S["head_radius"],
            first,
            dt,
            n_t,
        ),
        outputs=(
            Output("t", n_t),
            Output("current", n_t),
            Output("calcium", n_t, TO_NM),
            Output("peak", 1, TO_NM),
            Output("clearance"),
            Output("ions"),
        ),
        work=16,
        views=(
            Traces("time (ms)", "current (pA)", (Line("t", "current"),), zero_line=True),
            Traces("time (ms)", "calcium (nM)", (Line("t", "calcium"),), zero_line=True),
        ),
        readouts=(
            Readout("peak", "peak calcium", "nM", 1),
            Readout("clearance", "clearance time", "ms", 2),
            Readout("ions", "calcium ions that entered", "", 1),
        ),
        presets=(
            Preset(
                "one pulse",
                "One pulse: up within 2 ms, less than a twentieth of the peak left after 10 ms.",
                {},
            ),
            Preset("burst", "Seven pulses 2 ms apart pile up.", {"pulses": 7.0}),
            Preset(
                "sealed neck",
                "Without the neck only slow removal is left, and every pulse adds.",
                {"pulses": 7.0, "neck": 0.0},
            ),
        ),
        code=(
            "from heterolib import Spine, protocols, simulate_spine\n\n"
            "spine = Spine(neck_radius_um={neck_radius}, neck_length_um={neck_length},\n"
            "              decay_ms={decay})\n"
            "simulate_spine(spine, protocols.burst({pulses}, {interval}), None, 100.0,\n"
            "               weight={weight}, diffusion_um2_per_s={diffusion}, neck='{neck}')"
        ),
        note="The branch at the foot of the neck is held at zero calcium.",
    )


def _how_the_weight_moves() -> Explorer:
    h, n_t, most, n_w = 0.1, 1301, 60, 41
    spine = Spine()
    high = S.variant("figure 2, data files")
    return Explorer(
        name="how-the-weight-moves",
        title="Bursts move the weight, the weight scales the influx",
        kernel=kernels.explore_how_the_weight_moves,
        controls=(
            Control("pulses", "pulses per burst", "", 1.0, 10.0, 1.0, 1.0),
            Control("interval", "interval in the burst", "ms", 1.0, 10.0, 0.5, S["pulse_interval"]),
            Control("bursts", "bursts", "", 1.0, float(most), 1.0, float(most)),
            _weight(),
            *_rule(TO_NM * high["theta_d"], TO_NM * high["theta_p"], 150.0, 1.0),
        ),
        constants=(
            spine.gain_uM_per_pA_ms,
            spine.current_pA,
            spine.current_decay_ms,
            spine.clearance_ms(S["diffusion"]),
            S["first_pulse"],
            h,
            n_t,
            most,
            n_w,
        ),
        outputs=(
            Output("t", n_t),
            Output("calcium", n_t, TO_NM),
            Output("w", n_t),
            Output("burst", most + 1),
            Output("w_burst", most + 1),
            Output("w0", n_w),
            Output("map", n_w),
            Output("peak", 1, TO_NM),
            Output("w_end"),
            Output("change"),
        ),
        work=2 * n_t + 16,
        views=(
            Traces(
                "time in the first burst (ms)",
                "calcium (nM)",
                (Line("t", "calcium"),),
                bands=BAND,
                x_range=(0.0, 60.0),
            ),
            Traces("bursts given", "weight", (Line("burst", "w_burst"),)),
            Traces(
                "weight before a burst",
                "change per burst",
                (Line("w0", "map"),),
                zero_line=True,
            ),
        ),
        readouts=(
            Readout("peak", "peak calcium in the first burst", "nM", 1),
            Readout("w_end", "weight at the end", digits=4),
            Readout("change", "change", digits=4, signed=True),
        ),
        presets=(
            Preset("weak spine", "Too little influx: nothing is reached.", {"weight": 0.2}),
            Preset("middling spine", "Both thresholds are crossed; growth wins.", {"weight": 0.5}),
            Preset(
                "strong spine", "Above the balance point the same input weakens.", {"weight": 0.8}
            ),
        ),
        ordered=(BAND,),
        code=(
            "from heterolib import Spine, ThresholdRule, protocols, simulate_spine\n\n"
            "rule = ThresholdRule(theta_d_uM={theta_d} / 1000, theta_p_uM={theta_p} / 1000,\n"
            "                     gamma_d_per_s={gamma_d}, gamma_p_per_s={gamma_p})\n"
            "w = {weight}\n"
            "for _ in range({bursts}):\n"
            "    w = simulate_spine(Spine(), protocols.burst({pulses}, {interval}), rule, 130.0,\n"
            "                       weight=w, step_ms=0.1).final_weights[0]\n"
            "w"
        ),
        note=(
            "Bursts are far apart: each starts without calcium. The branch at the foot of the "
            "neck is held at zero."
        ),
    )


def _pair_constants() -> tuple[float, ...]:
    return tuple(
        S[name]
        for name in (
            "current",
            "current_decay",
            "calcium_fraction",
            "valence",
            "faraday",
            "head_radius",
        )
    )


def _neck() -> Control:
    return Control("neck", "physics of the neck", "", 0.0, 1.0, 1.0, 0.0, 1.0, NECKS[1:])


def _calcium_travels() -> Explorer:
    h, n_t, every = 0.05, 801, 5
    # the map: 0 to 100 ms after the pulse, 12 µm to either side of spine 1
    every_row, rows, half, stride = 20, 101, 24, 2
    wide = 2 * half + 1
    n = int(S["compartments"])
    return Explorer(
        name="calcium-travels",
        title="One pulse, two spines, one branch",
        kernel=kernels.explore_calcium_travels,
        controls=(
            Control("distance", "distance of the spines", "µm", 0.25, 6.0, 0.25, 1.0),
            Control.of(S, "diffusion", 1.0, 600.0, 1.0, to_kernel=PER_S),
            Control.of(S, "decay", 5.0, 200.0, 1.0),
            Control.of(S, "branch_radius", 0.2, 1.5, 0.05),
            Control.of(S, "neck_radius", 0.02, 0.3, 0.01),
            Control.of(S, "neck_length", 0.1, 2.0, 0.05),
            _neck(),
            Control("snapshot", "snapshot after the pulse", "ms", 0.5, 100.0, 0.5, 10.0),
        ),
        constants=(
            *_pair_constants(),
            S["branch_length"],
            n,
            S["first_pulse"],
            h,
            n_t,
            every,
            every_row,
            rows,
            half,
            stride,
        ),
        outputs=(
            Output("t", n_t),
            Output("calcium_1", n_t, TO_NM),
            Output("calcium_2", n_t, TO_NM),
            Output("w_1", n_t),
            Output("w_2", n_t),
            Output("shaft", n, TO_NM),
            Output("peak_1", 1, TO_NM),
            Output("peak_2", 1, TO_NM),
            Output("t_peak_1"),
            Output("t_peak_2"),
            Output("x", n),
            Output("length_constant"),
            Output("place", wide),
            Output("after", rows),
            Output("shaft_map", rows * wide, TO_NM),
        ),
        work=7 + ((n_t - 1) * every // every_row + 1) * n + 14 + 4 * n,
        views=(
            HeatMap(
                "place",
                "after",
                "shaft_map",
                "distance from spine 1 along the branch (µm)",
                "time after the pulse (ms)",
                "shaft calcium (nM)",
                digits=(1, 0, 2),
                decades=2,
                markers=(
                    Marker("distance", "", "spine 2", 1),
                    Marker("", "snapshot", "snapshot", 0),
                ),
            ),
            Traces(
                "distance from spine 1 along the branch (µm)",
                "shaft calcium (nM)",
                (Line("x", "shaft"),),
                x_range=(-12.0, 12.0),
                zero_line=True,
            ),
            Traces(
                "time (ms)",
                "spine calcium (nM)",
                (Line("t", "calcium_1", "spine 1"), Line("t", "calcium_2", "spine 2", 1)),
                log_y=True,
                x_range=(0.0, 100.0),
            ),
        ),
        readouts=(
            Readout("peak_1", "peak of spine 1", "nM", 1),
            Readout("peak_2", "peak of spine 2", "nM", 2),
            Readout("t_peak_2", "spine 2 peaks after", "ms", 2),
            Readout("length_constant", "length constant", "µm", 2),
        ),
        presets=(
            Preset("as published", "The neighbour gets a few per cent, later.", {}),
            Preset(
                "slow diffusion",
                "At a tenth of the speed the neighbour gets less, later still.",
                {"diffusion": 22.0},
            ),
            Preset(
                "thin branch, consistent neck",
                "With the neck's resistance less gets out; in a thin branch it counts for more.",
                {"branch_radius": 0.5, "neck": 1.0},
            ),
        ),
        code=(
            "from heterolib import Branch, Spine, simulate\n\n"
            "spine = Spine(neck_radius_um={neck_radius}, neck_length_um={neck_length},\n"
            "              decay_ms={decay})\n"
            "branch = Branch([40.125, 40.125 + {distance}], diffusion_um2_per_s={diffusion},\n"
            "                radius_um={branch_radius}, decay_ms={decay}, neck='{neck}',\n"
            "                spine=spine)\n"
            "simulate(branch, [[1.0], []], None, 200.0, weights=1.0, record='all')"
        ),
        note=(
            "Both weights stay at 1. With the published neck, shaft values come out V_comp / V_s "
            "times too high (4.77 for the published geometry); spine values do not."
        ),
    )


def _two_spines() -> Explorer:
    h, n_t = 0.1, 1251
    n = int(S["compartments"])
    apart = studies.compartment_um(103) - studies.compartment_um(100)
    low = (TO_NM * S["theta_d"], TO_NM * S["theta_p"])
    return Explorer(
        name="two-spines",
        title="Two spines: competition and cooperation",
        kernel=kernels.explore_two_spines,
        controls=(
            Control("pulses", "pulses per burst", "", 1.0, 10.0, 1.0, 1.0),
            Control("distance", "distance of the spines", "µm", 0.25, 6.0, 0.25, apart),
            Control.choice("active", "input to spine 2 as well", ("no", "yes")),
            Control("delay", "delay of spine 2", "ms", -60.0, 60.0, 1.0, 15.0),
            Control("theta_d", S.info("theta_d").meaning, "nM", 0.1, 100.0, 0.1, low[0], 1e-3),
            Control("theta_p", S.info("theta_p").meaning, "nM", 0.1, 100.0, 0.1, low[1], 1e-3),
            Control("every", "interval of bursts", "ms", 100.0, 500.0, 25.0, S["burst_interval"]),
            Control.of(S, "diffusion", 1.0, 600.0, 1.0, to_kernel=PER_S),
            _neck(),
        ),
        constants=(
            PER_S * S["gamma_d"],
            PER_S * S["gamma_p"],
            S["repetitions"],
            S["pulse_interval"],
            S["first_pulse"],
            S["weight"],
            S["decay"],
            S["branch_radius"],
            S["neck_radius"],
            S["neck_length"],
            *_pair_constants(),
            S["branch_length"],
            n,
            h,
            n_t,
        ),
        outputs=(
            Output("t", n_t),
            Output("calcium_1", n_t, TO_NM),
            Output("calcium_2", n_t, TO_NM),
            Output("w_1", n_t),
            Output("w_2", n_t),
            Output("shaft", n, TO_NM),
            Output("peak_1", 1, TO_NM),
            Output("peak_2", 1, TO_NM),
            Output("change_1"),
            Output("change_2"),
        ),
        work=2 * 5 * 10 + 6 + 14 + 4 * n,
        views=(
            Traces(
                "time (ms)",
                "calcium (nM)",
                (Line("t", "calcium_1", "spine 1"), Line("t", "calcium_2", "spine 2", 1)),
                bands=BAND,
                log_y=True,
            ),
            Traces(
                "time (ms)",
                "weight",
                (Line("t", "w_1", "spine 1"), Line("t", "w_2", "spine 2", 1)),
            ),
            Bars("change", (("change_1", "spine 1"), ("change_2", "spine 2"))),
        ),
        readouts=(
            Readout("peak_1", "peak of spine 1", "nM", 1),
            Readout("peak_2", "peak of spine 2", "nM", 2),
            Readout("change_1", "spine 1", digits=4, signed=True),
            Readout("change_2", "spine 2", digits=4, signed=True),
        ),
        presets=(
            Preset("competition", "One pulse: spine 1 grows at the cost of its neighbour.", {}),
            Preset(
                "cooperation",
                "Bursts of seven lift the neighbour too.",
                {"pulses": 7.0},
            ),
            Preset(
                "delayed pair",
                "Both active, the second 15 ms later: the first loses, the second wins.",
                {"active": 1.0, "distance": 1.0, "delay": 15.0, "every": 500.0},
            ),
            Preset(
                "data-file thresholds",
                "At 70/50 nM the neighbour never reaches a threshold.",
                {"theta_d": 50.0, "theta_p": 70.0},
            ),
        ),
        ordered=(BAND,),
        code=(
            "from heterolib import Branch, ThresholdRule, protocols, simulate\n\n"
            "branch = Branch([40.125, 40.125 + {distance}], diffusion_um2_per_s={diffusion},\n"
            "                neck='{neck}')\n"
            "rule = ThresholdRule(theta_d_uM={theta_d} / 1000, theta_p_uM={theta_p} / 1000)\n"
            "one = protocols.bursts({pulses}, every_ms={every})\n"
            "delay, active = {delay}, '{active}' == 'yes'\n"
            "trains = [one + max(-delay, 0) if active else one,\n"
            "          one + max(delay, 0) if active else []]\n"
            "simulate(branch, trains, rule, 5 * {every}, step_ms=0.1)"
        ),
        sketch=Sketch("w_2", 0.4, 0.6, 0.5),
    )


def _timing_window() -> Explorer:
    h, n_t, every, n_d, step_d = 0.1, 561, 5, 26, 4.0
    near = round(20.0 * S["current_decay"] / h)  # steps until a pulse's current is gone
    n, n_r = int(S["compartments"]), (n_t - 1) * every - round(S["first_pulse"] / h) + 1
    curve = 2 * n_d - 1
    return Explorer(
        name="timing-window",
        title="One pulse each: what a delay of milliseconds decides",
        kernel=kernels.explore_timing_window,
        controls=(
            Control("distance", "distance of the spines", "µm", 0.25, 6.0, 0.25, 1.0),
            Control("delay", "delay, t₂ − t₁", "ms", -100.0, 100.0, 1.0, S["pairing_delay"]),
            *_rule(TO_NM * S["theta_d"], TO_NM * S["theta_p"], 10.0, 0.1),
            Control.of(S, "diffusion", 1.0, 600.0, 1.0, to_kernel=PER_S),
            _neck(),
        ),
        constants=(
            S["first_pulse"],
            S["weight"],
            S["decay"],
            S["branch_radius"],
            S["neck_radius"],
            S["neck_length"],
            *_pair_constants(),
            S["branch_length"],
            n,
            h,
            n_t,
            every,
            n_d,
            step_d,
            near,
        ),
        outputs=(
            Output("t", n_t),
            Output("calcium_1", n_t, TO_NM),
            Output("calcium_2", n_t, TO_NM),
            Output("w_1", n_t),
            Output("w_2", n_t),
            Output("shaft", n, TO_NM),
            Output("peak_1", 1, TO_NM),
            Output("peak_2", 1, TO_NM),
            Output("delays", curve),
            Output("window_1", curve),
            Output("window_2", curve),
            Output("change_1"),
            Output("change_2"),
        ),
        work=18 + 2 * near + 4 * n_r + n + 2 + 14 + 4 * n,
        views=(
            Traces(
                "time (ms)",
                "calcium (nM)",
                (Line("t", "calcium_1", "spine 1"), Line("t", "calcium_2", "spine 2", 1)),
                bands=BAND,
                log_y=True,
            ),
            Traces(
                "delay, t₂ − t₁ (ms)",
                "change of weight",
                (Line("delays", "window_1", "spine 1"), Line("delays", "window_2", "spine 2", 1)),
                zero_line=True,
                markers=(Marker("delay", "change_1", "", 0), Marker("delay", "change_2", "", 1)),
            ),
        ),
        readouts=(
            Readout("change_1", "spine 1", digits=4, signed=True),
            Readout("change_2", "spine 2", digits=4, signed=True),
        ),
        presets=(
            Preset("together", "At delay 0 both strengthen.", {"delay": 0.0}),
            Preset("15 ms", "The first input loses, the second wins.", {}),
            Preset("far apart", "At 3.5 µm there is no window of weakening.", {"distance": 3.5}),
            Preset(
                "slow weakening",
                "With little weakening every delay strengthens.",
                {"gamma_d": 0.3},
            ),
        ),
        code=(
            "from heterolib import Branch, ThresholdRule, protocols, simulate\n\n"
            "branch = Branch([40.125, 40.125 + {distance}], diffusion_um2_per_s={diffusion},\n"
            "                neck='{neck}')\n"
            "rule = ThresholdRule(theta_d_uM={theta_d} / 1000, theta_p_uM={theta_p} / 1000,\n"
            "                     gamma_d_per_s={gamma_d}, gamma_p_per_s={gamma_p})\n"
            "simulate(branch, protocols.pairing({delay}, 1), rule, 280.0, step_ms=0.1)"
        ),
        ordered=(BAND,),
        sketch=Sketch("window_1", -0.02, 0.02, 0.0),
    )


def _three_experiments() -> Explorer:
    h, tail, absent, count = 0.1, 150.0, -9.0, 12
    values = S.variant("figure 3")
    n = int(S["compartments"])
    pulses = int(S["cluster_pulses"])
    drawn = [studies.random_arrangement(np.random.default_rng(k + 1)) for k in range(count)]
    n_s = len(drawn[0].site)
    table: list[float] = []
    for a in drawn:
        group = {int(i): float(g) for g, name in enumerate(studies.GROUPS) for i in a.group(name)}
        table += [float(i) for i in a.site]
        table += [group[s] for s in range(n_s)]
        table += list(a.weights)
    low, high = TO_NM * values["theta_d"], TO_NM * values["theta_p"]
    d, p = S.info("theta_d"), S.info("theta_p")
    return Explorer(
        name="three-experiments",
        title="Sixteen spines, seven of them active",
        kernel=kernels.explore_three_experiments,
        controls=(
            Control("interval", "interval of pulses", "ms", 5.0, 25.0, 0.5, S["interval_100"]),
            Control("arrangement", "arrangement", "", 1.0, float(count), 1.0, 6.0),
            Control.of(S, "diffusion", 1.0, 1000.0, 1.0, to_kernel=PER_S),
            Control("theta_d", d.meaning, "nM", 10.0, 150.0, 1.0, low, 1.0 / TO_NM),
            Control("theta_p", p.meaning, "nM", 10.0, 150.0, 1.0, high, 1.0 / TO_NM),
            _neck(),
        ),
        constants=(
            *_pair_constants(),
            pulses,
            S["first_pulse"],
            S["decay"],
            S["branch_radius"],
            S["neck_radius"],
            S["neck_length"],
            PER_S * S["gamma_p"],
            PER_S * S["gamma_d"],
            S["branch_length"],
            n,
            h,
            tail,
            n_s,
            absent,
            *table,
        ),
        outputs=(
            Output("x", n_s),
            Output("stimulated", n_s),
            Output("near", n_s),
            Output("far", n_s),
            Output("mean_stimulated"),
            Output("mean_near"),
            Output("mean_far"),
        ),
        work=8 * n_s + 4 * n + pulses * sum(drawn[0].stimulated),
        views=(
            Traces(
                "place along the branch (µm)",
                "change of weight",
                (
                    Line("x", "stimulated", "stimulated"),
                    Line("x", "near", "near", 1),
                    Line("x", "far", "far", 2),
                ),
                zero_line=True,
                points=True,
                missing=absent,
            ),
            Bars(
                "mean change",
                (("mean_stimulated", "stimulated"), ("mean_near", "near"), ("mean_far", "far")),
            ),
        ),
        readouts=(
            Readout("mean_stimulated", "stimulated", digits=4, signed=True),
            Readout("mean_near", "near", digits=4, signed=True),
            Readout("mean_far", "far", digits=4, signed=True),
        ),
        presets=(
            Preset(
                "100 Hz",
                "Pulses 10 ms apart: in this arrangement stimulated up, near down, far unmoved.",
                {},
            ),
            Preset(
                "150 Hz",
                "Pulses 6 ms apart, which the paper calls 150 Hz: near turns up, far turns down.",
                {"interval": 6.0},
            ),
            Preset(
                "slow diffusion",
                "At 30 µm²/s the stimulated keep more for themselves and grow more.",
                {"diffusion": 30.0},
            ),
            Preset(
                "fast diffusion",
                "At 1000 µm²/s calcium runs off: the stimulated weaken, the others stay.",
                {"diffusion": 1000.0},
            ),
        ),
        code=(
            "import numpy as np\n\n"
            "from heterolib import ThresholdRule, protocols, simulate, studies\n\n"
            "a = studies.random_arrangement(np.random.default_rng({arrangement}))\n"
            "rule = ThresholdRule(theta_d_uM={theta_d} / 1000, theta_p_uM={theta_p} / 1000)\n"
            "train = protocols.burst(60, {interval})\n"
            "trains = [train if on else [] for on in a.stimulated]\n"
            "simulate(a.branch({diffusion}, '{neck}'), trains, rule, 60 * {interval} + 151,\n"
            "         weights=a.weights, step_ms=0.1, engine='grid')"
        ),
        ordered=(BAND,),
    )


def _voltage_cable_soma() -> Explorer:
    h, n_t, every, n = 0.05, 401, 2, 80
    length = S["branch_length"]
    matched = round(matched_radius_um(S["branch_radius"]), 2)
    return Explorer(
        name="voltage-cable-soma",
        title="A branch that splits in two, and a soma",
        kernel=kernels.explore_voltage_cable_soma,
        controls=(
            Control("place", "synapse, distance from the soma", "µm", 0.0, 160.0, 1.0, 120.0),
            Control.of(S, "branch_radius", 0.2, 2.0, 0.05),
            Control("daughter_radius", "radius of both daughters", "µm", 0.1, 2.0, 0.01, matched),
            Control.of(S, "membrane_resistance", 500.0, 30_000.0, 500.0),
            Control.of(S, "axial_resistance", 50.0, 400.0, 10.0),
            Control.of(S, "soma_radius", 0.5, 20.0, 0.5),
        ),
        constants=(
            S["membrane_capacitance"],
            S["soma_decay"],
            S["soma_gain"],
            S["current_ratio"] * S.variant("figure 5")["current"],
            S["current_decay"],
            length,
            n,
            S["first_pulse"],
            h,
            n_t,
            every,
        ),
        outputs=(
            Output("t", n_t),
            Output("at_synapse", n_t),
            Output("at_end", n_t),
            Output("at_soma", n_t),
            Output("x", 2 * n),
            Output("steady", 2 * n),
            Output("sister", 2 * n),
            Output("transient", 2 * n),
            Output("resistance"),
            Output("match"),
            Output("steady_share", 1, 100.0),
            Output("share", 1, 100.0),
            Output("peak_synapse"),
            Output("peak_soma"),
            Output("late"),
        ),
        work=10 * (3 * n + 2) + 3 + 2 * (n_t - 1) * every,
        views=(
            Traces(
                "distance from the soma (µm)",
                "share of voltage",
                (
                    Line("x", "steady", "steady"),
                    Line("x", "sister", "steady, sister", 1),
                    Line("x", "transient", "peak of a pulse", 2),
                ),
                zero_line=True,
            ),
            Traces(
                "time (ms)",
                "voltage (mV)",
                (
                    Line("t", "at_synapse", "synapse"),
                    Line("t", "at_end", "trunk at soma", 1),
                    Line("t", "at_soma", "soma", 2),
                ),
                x_range=(0.0, 25.0),
                zero_line=True,
            ),
        ),
        readouts=(
            Readout("resistance", "input resistance at the synapse", "MΩ", 1),
            Readout("match", "daughters over trunk", digits=2),
            Readout("steady_share", "reaches the soma, steady", "%", 1),
            Readout("share", "reaches the soma, of a pulse", "%", 1),
            Readout("peak_soma", "peak in the soma", "mV", 2),
            Readout("late", "after", "ms", 2),
        ),
        presets=(
            Preset("matched", "The daughters load the trunk as its own continuation would.", {}),
            Preset(
                "thick daughters",
                "As thick as the trunk: a larger share reaches the soma, of a smaller voltage.",
                {"daughter_radius": 1.0},
            ),
            Preset(
                "thin daughters",
                "A higher voltage at the synapse, and a smaller share of it in the soma.",
                {"daughter_radius": 0.25},
            ),
            Preset(
                "outward",
                "From the soma into the same thin daughters more than twice the share arrives.",
                {"daughter_radius": 0.25, "place": 0.0},
            ),
            Preset(
                "tight membrane",
                "At 20 000 Ω cm² less is lost on the way, and everything is slower.",
                {"membrane_resistance": 20_000.0},
            ),
            Preset(
                "a soma that only reads",
                "So small that the trunk does not notice it: the soma of the paper.",
                {"soma_radius": 0.5},
            ),
        ),
        code=(
            "import numpy as np\n"
            "from heterolib.cable import Membrane, Section, Tree, steady_state, transient\n"
            "from heterolib.soma import Soma\n"
            "m = Membrane(resistance_ohm_cm2={membrane_resistance}, "
            "axial_ohm_cm={axial_resistance})\n"
            "r, r_d, place = {branch_radius}, {daughter_radius}, {place}\n"
            "soma = Soma(x_um=0.0, radius_um={soma_radius})\n"
            "tree = Tree([Section(80.0, r, 80), Section(80.0, r_d, 80, 0),\n"
            "             Section(80.0, r_d, 80, 0)], m, [soma.leaf(m)])\n"
            "node = tree.node(place) if place <= 80 else tree.node(place - 80, 1)\n"
            "t = np.arange(801) * 0.05\n"
            "charge = 200.0 * (1 - np.exp(-np.maximum(t - 1, 0)))  # one pulse at 1 ms\n"
            "(steady_state(tree, dict.fromkeys([node], 200.0)),\n"
            " transient(tree, dict.fromkeys([node], np.diff(charge) / 0.05), 40.0,\n"
            "           range(tree.n_nodes)))"
        ),
        note=(
            "Trunk and daughters are 80 µm long. The current is 200 pA, first constant, then a "
            "pulse that decays with 1 ms. Daughters over trunk: ratio of input conductances, were "
            "all endless."
        ),
    )


def _order_learning() -> Explorer:
    values = S.variant("figure 5")
    h, n_t, h_v, n_v, tail = 0.25, 241, 0.125, 241, 400.0
    n, pulses = int(S["compartments"]), int(S["sequence_pulses"])
    most, every = int(S["sequence_repetitions"]), S["sequence_interval"]
    current = values["current"]
    size = round((most * every + tail) / h) + 1
    low, high = TO_NM * values["theta_d"], TO_NM * values["theta_p"]
    d, p = S.info("theta_d"), S.info("theta_p")
    return Explorer(
        name="order-learning",
        title="Two inputs trained in one order, shown in both",
        kernel=kernels.explore_order_learning,
        controls=(
            Control.choice("trained", "trained order", (studies.INWARD, studies.OUTWARD)),
            Control("delay", "delay of the second input", "ms", 0.25, 40.0, 0.25, 9.25),
            Control("distance", "distance of the spines", "µm", 0.25, 6.0, 0.25, 1.0),
            Control("presentations", "presentations", "", 0.0, float(most), 1.0, float(most)),
            Control.of(S, "diffusion", 1.0, 600.0, 1.0, to_kernel=PER_S),
            Control.choice("travels", "calcium leaves its spine", ("yes", "no")),
            _neck(),
            Control("theta_d", d.meaning, "nM", 20.0, 200.0, 5.0, low, 1.0 / TO_NM),
            Control("theta_p", p.meaning, "nM", 20.0, 200.0, 5.0, high, 1.0 / TO_NM),
        ),
        constants=(
            current,
            *_pair_constants()[1:],
            PER_S * values["gamma_p"],
            PER_S * values["gamma_d"],
            S["weight"],
            S["decay"],
            S["branch_radius"],
            S["neck_radius"],
            S["neck_length"],
            S["branch_length"],
            n,
            pulses,
            S["sequence_pulse_interval"],
            every,
            tail,
            h,
            n_t,
            most + 1,
            h_v,
            n_v,
            S["membrane_capacitance"],
            S["membrane_resistance"],
            S["axial_resistance"],
            S["spine_capacitance"],
            S["spine_leak"],
            S["spine_neck"],
            S["soma_decay"],
            S["soma_gain"],
            S["soma_site"],
            S["current_ratio"] * current,
            THRESHOLD_MV,
        ),
        outputs=(
            Output("t", n_t),
            Output("calcium_1", n_t, TO_NM),
            Output("calcium_2", n_t, TO_NM),
            Output("given", most + 1),
            Output("w_1", most + 1),
            Output("w_2", most + 1),
            Output("t_soma", n_v),
            Output("inward", n_v),
            Output("outward", n_v),
            Output("limit", n_v),
            Output("w_near"),
            Output("w_far"),
            Output("moderate_1"),
            Output("moderate_2"),
            Output("peak_inward"),
            Output("peak_outward"),
            Output("selectivity"),
        ),
        work=6 + 2 * pulses * most + 4 * size + n + 2 + 14 + 4 * n,
        views=(
            Traces(
                "time in the last presentation (ms)",
                "calcium (nM)",
                (
                    Line("t", "calcium_1", "near spine"),
                    Line("t", "calcium_2", "far spine", 1),
                ),
                bands=BAND,
                log_y=True,
            ),
            Traces(
                "presentations",
                "weight",
                (Line("given", "w_1", "near spine"), Line("given", "w_2", "far spine", 1)),
            ),
            Traces(
                "time when shown (ms)",
                "soma above rest (mV)",
                (
                    Line("t_soma", "inward", "inward", 2),
                    Line("t_soma", "outward", "outward", 3),
                    Line("t_soma", "limit", "−66 mV", 4),
                ),
                zero_line=True,
            ),
        ),
        readouts=(
            Readout("w_near", "weight, near spine", digits=3),
            Readout("w_far", "far spine", digits=3),
            Readout("moderate_1", "moderate calcium per presentation, near", "ms", 1),
            Readout("moderate_2", "far", "ms", 1),
            Readout("peak_inward", "peak of the soma, inward", "mV", 2),
            Readout("peak_outward", "outward", "mV", 2),
            Readout("selectivity", "selectivity", digits=4),
        ),
        presets=(
            Preset(
                "trained inward",
                "Far spine first: the near one, second in line, ends stronger; inward wins.",
                {},
            ),
            Preset(
                "trained outward",
                "The weights change places, and with them the two answers.",
                {"trained": 1.0},
            ),
            Preset(
                "untrained",
                "Equal weights: the soma hardly tells the orders apart.",
                {"presentations": 0.0},
            ),
            Preset(
                "one presentation",
                "The second spine has gained already; the first has hardly moved.",
                {"presentations": 1.0},
            ),
            Preset(
                "calcium stays",
                "Nothing leaves its spine: equal weights, and no preference.",
                {"travels": 1.0},
            ),
            Preset(
                "consistent neck",
                "Both spines see far too much calcium, and end nearly equal.",
                {"neck": 1.0},
            ),
            Preset(
                "wrong way round",
                "3 µm and 13 ms: now the first spine ends stronger, and the other order wins.",
                {"distance": 3.0, "delay": 13.0},
            ),
        ),
        ordered=(BAND,),
        code=(
            "from heterolib import ThresholdRule, protocols, simulate, simulate_neuron, studies\n\n"
            "D = {diffusion} if '{travels}' == 'yes' else 0\n"
            "neuron = studies.sequence_neuron({distance}, diffusion_um2_per_s=D, neck='{neck}')\n"
            "rule = ThresholdRule(theta_d_uM={theta_d} / 1000, theta_p_uM={theta_p} / 1000,\n"
            "                     gamma_d_per_s=5.86, gamma_p_per_s=13.0)\n"
            "orders = dict(inward=(1, 0), outward=(0, 1))\n"
            "n = {presentations}\n"
            "trains = protocols.sequence(orders['{trained}'], {delay}, max(n, 1), start_ms=0)\n"
            "run = simulate(neuron.branch, trains, rule if n else None, 75 * max(n, 1) + 400,\n"
            "               weights=0.5, step_ms=0.25, engine='grid')\n"
            "shown = [simulate_neuron(\n"
            "    neuron, protocols.sequence(orders[k], {delay}, 1, start_ms=0), None, 60.0,\n"
            "    weights=run.final_weights, step_ms=0.125) for k in orders]\n"
            "run, *shown"
        ),
        note=(
            "Converged scheme, steps of 0.25 ms in training. Weights are held when orders are "
            "shown. The soma reads the branch and gives nothing back."
        ),
    )


def _release() -> tuple[float, ...]:
    return C["release_hill"], C["release_half"], C["release_reference"]


def _calcium_outside() -> Control:
    return Control.of(C, "calcium_out", 1.0, 2.5, 0.05)


def _slice_to_brain() -> Explorer:
    frequencies, delays = precomputed.FREQUENCIES_HZ, precomputed.DELAYS_MS
    n_f, n_d, most = len(frequencies), len(delays), 5
    return Explorer(
        name="slice-to-brain",
        title="Pairing in the slice and in the brain",
        kernel=cortex.explore_slice_to_brain,
        controls=(
            Control.choice("frequency", "frequency", tuple(f"{f:g} Hz" for f in frequencies), 2),
            Control.choice("dt", "t_post − t_pre", tuple(f"{d:+g} ms" for d in delays), 4),
            _calcium_outside(),
            Control.of(C, "u", 0.05, 1.0, 0.05),
            Control("sites", C.info("sites").meaning, "", 1.0, float(most), 1.0, C["sites"]),
        ),
        constants=(
            *_release(),
            precomputed.BRAIN,
            n_f,
            n_d,
            most,
            *frequencies,
            *delays,
            *precomputed.read_map_means().ravel(),
        ),
        outputs=(
            Output("f", n_f),
            Output("delay", n_d),
            Output("one", max(n_f, n_d)),
            Output("slice_f", n_f),
            Output("slice_dt", n_d),
            Output("brain_f", n_f),
            Output("brain_dt", n_d),
            Output("released", most + 1),
            Output("chance", most + 1, 100.0),
            Output("f_now"),
            Output("dt_now"),
            Output("slice_now"),
            Output("brain_now"),
            Output("use"),
            Output("some", 1, 100.0),
            Output("all", 1, 100.0),
            Output("all_brain", 1, 100.0),
        ),
        work=1,
        views=(
            Traces(
                "frequency (Hz)",
                "EPSP ratio",
                (
                    Line("f", "slice_f", "2.0 mM"),
                    Line("f", "brain_f", "1.2 mM", 1),
                    Line("f", "one", "no change", 4),
                ),
                markers=(Marker("f_now", "slice_now", "", 0), Marker("f_now", "brain_now", "", 1)),
            ),
            Traces(
                "t_post − t_pre (ms)",
                "EPSP ratio",
                (
                    Line("delay", "slice_dt", "2.0 mM"),
                    Line("delay", "brain_dt", "1.2 mM", 1),
                    Line("delay", "one", "no change", 4),
                ),
                markers=(
                    Marker("dt_now", "slice_now", "", 0),
                    Marker("dt_now", "brain_now", "", 1),
                ),
            ),
            Traces(
                "vesicles released by a spike",
                "chance (%)",
                (Line("released", "chance"),),
                points=True,
                zero_line=True,
            ),
        ),
        readouts=(
            Readout("slice_now", "ratio at 2.0 mM", digits=2),
            Readout("brain_now", "at 1.2 mM", digits=2),
            Readout("use", "utilisation at the calcium chosen", digits=3),
            Readout("some", "spikes that release anything", "%", 1),
            Readout("all", "spikes that release everything", "%", 2),
        ),
        presets=(
            Preset(
                "10 Hz",
                "In the slice the order decides the sign; at 1.2 mM the curve is flat.",
                {"dt": 3.0},
            ),
            Preset(
                "20 Hz",
                "In the slice every delay strengthens; at 1.2 mM every delay weakens.",
                {"frequency": 3.0},
            ),
            Preset(
                "50 Hz",
                "Both strengthen when the presynaptic spike leads, the slice three times as much.",
                {"frequency": 6.0},
            ),
            Preset(
                "2 Hz",
                "Slow pairing weakens in the slice and does nothing at 1.2 mM.",
                {"frequency": 0.0},
            ),
            Preset(
                "release in vivo",
                "Three spikes in four release nothing, one in two thousand releases everything.",
                {"calcium_out": C["calcium_out_in_vivo"]},
            ),
        ),
        code=(
            "from scipy.stats import binom\n\n"
            "from heterolib.neocortex import precomputed, release_scaling\n\n"
            "maps = precomputed.read('maps')\n"
            "here = maps[(maps.frequency_hz == float('{frequency}'[:-3]))\n"
            "            & (maps.dt_ms == float('{dt}'[:-3]))]\n"
            "u = min({u} * release_scaling({calcium_out}), 1)\n"
            "chance = binom.pmf(range({sites} + 1), {sites}, u)\n"
            "here.groupby('cao_mM').ratio.mean(), chance"
        ),
        note=(
            "The two curves are stored means over 30 connections of the reduced layer 5 cell, all "
            "chances included. Calcium, utilisation and sites change only the chances of a rested "
            "synapse, computed as you move."
        ),
    )


def _place_on_the_tree() -> Explorer:
    h, n_t, tail, ratio, window = 0.1, 241, 400.0, K["spike_rise"], 120.0
    pairs = int(C["train_spikes"])
    places = precomputed.read_places()
    basal, apical = places["basal"], places["apical"]
    most = max(len(basal), len(apical))
    slowest = 5.0
    longest = (pairs - 1) * 1000.0 / slowest + tail
    rule = EfficacyRule()
    return Explorer(
        name="place-on-the-tree",
        title="One synapse, moved along the tree",
        kernel=cortex.explore_place,
        controls=(
            Control.choice("kind", "dendrite", ("basal", "apical")),
            Control("distance", "distance from the soma", "µm", 15.0, 385.0, 5.0, 60.0),
            Control("frequency", "frequency of five pairs", "Hz", slowest, 50.0, 5.0, 10.0),
            Control("dt", "t_post − t_pre", "ms", -50.0, 50.0, 5.0, 10.0),
            _calcium_outside(),
        ),
        constants=(
            *Synapse().row(rule, None, None, C["calcium_out"]),
            *rule.basal,
            *rule.apical,
            R["leak_reversal"],
            len(basal),
            len(apical),
            h,
            n_t,
            tail,
            pairs,
            ratio,
            window,
            *_release(),
            C["nmda_calcium_scale"],
            C["nmda_calcium_permeability"],
            C["nmda_monovalent"],
            width_of_unit_decay(ratio),
            *basal.ravel(),
            *apical.ravel(),
        ),
        outputs=(
            Output("along", most),
            Output("low_along", most),
            Output("high_along", most),
            Output("pair_along", most),
            Output("spike_along", most),
            Output("t", n_t),
            Output("c_star", n_t),
            Output("low", n_t),
            Output("high", n_t),
            Output("c_pre"),
            Output("c_post"),
            Output("theta_d"),
            Output("theta_p"),
            Output("pair"),
            Output("t_d"),
            Output("t_p"),
            Output("place"),
            Output("peak"),
        ),
        work=cortex.SIZE_S + cortex.SIZE_F + cortex.SIZE_P + round(longest / h),
        views=(
            Traces(
                "distance from the soma (µm)",
                "action potential (mV)",
                (Line("along", "spike_along"),),
                markers=(Marker("place", "peak", "here", 1),),
            ),
            Traces(
                "distance from the soma (µm)",
                "calcium integral (µM ms)",
                (
                    Line("along", "low_along", "θ_D", 2),
                    Line("along", "high_along", "θ_P", 1),
                    Line("along", "pair_along", "peak of one pair", 0),
                ),
                markers=(Marker("place", "pair", "here", 0),),
            ),
            Traces(
                "time (ms)",
                "calcium integral (µM ms)",
                (
                    Line("t", "c_star", "five pairs", 0),
                    Line("t", "low", "θ_D", 2),
                    Line("t", "high", "θ_P", 1),
                ),
            ),
        ),
        readouts=(
            Readout("peak", "action potential here", "mV", 1),
            Readout("c_pre", "c_pre", "µM ms", 1),
            Readout("c_post", "c_post", "µM ms", 2),
            Readout("t_d", "time above θ_D in one train", "ms", 1),
            Readout("t_p", "above θ_P", "ms", 1),
        ),
        presets=(
            Preset("pre first", "One pair crosses both thresholds.", {}),
            Preset(
                "post first",
                "The train stays between the thresholds: the synapse weakens.",
                {"dt": -10.0},
            ),
            Preset(
                "near the soma",
                "A tall action potential lifts the thresholds: one pair reaches neither.",
                {"distance": 15.0},
            ),
            Preset(
                "far out",
                "The action potential brings no calcium by itself, yet one pair crosses both.",
                {"distance": 220.0},
            ),
            Preset(
                "trunk",
                "Apical: θ_P is out of reach even at 50 Hz, the synapse weakens.",
                {"kind": 1.0, "distance": 200.0, "frequency": 50.0},
            ),
            Preset(
                "in vivo",
                "At 1.2 mM the train of the first setting crosses no threshold.",
                {"calcium_out": C["calcium_out_in_vivo"]},
            ),
        ),
        code=(
            "import numpy as np\n\n"
            "from heterolib.neocortex import EfficacyRule, precomputed, run_synapse\n"
            "from heterolib.neocortex.places import spike_shape\n\n"
            "rows = precomputed.read_places()['{kind}']\n"
            "x = np.clip({distance}, rows[0, 0], rows[-1, 0])\n"
            "peak, width = (np.interp(x, rows[:, 0], rows[:, k]) for k in (1, 2))\n"
            "t = np.arange(0, 120, 0.05)\n"
            "spike = spike_shape(t, peak, width) - 75\n"
            "kind = dict(cao_mM={calcium_out}, release='full')\n"
            "c_pre, c_post = (\n"
            "    run_synapse(t, v, pre_ms=pre, **kind).c_star_uM_ms.max()\n"
            "    for v, pre in ((0 * t - 75, [0.0]), (spike, [])))\n"
            "post = max({dt}, 0) + np.arange(5) * 1000 / {frequency}\n"
            "t = np.arange(0, 4000 / {frequency} + 400, 0.1)\n"
            "v = sum(spike_shape(t - a, peak, width) for a in post) - 75\n"
            "train = run_synapse(t, v, pre_ms=post - {dt}, rho0=1, release='mean',\n"
            "                    cao_mM={calcium_out})\n"
            "c_pre, c_post, EfficacyRule().thresholds(c_pre, c_post, '{kind}'), train"
        ),
        note=(
            "The voltage is given: an action potential of the height and width found at this "
            "place of the reduced cell, and no EPSP of the synapse's own. In the train a strong "
            "synapse releases the mean of its vesicles."
        ),
    )


def _mystery_synapse() -> Explorer:
    h, n_t = 0.1, 1301
    spine = Spine()
    return Explorer(
        name="mystery-synapse",
        title="A synapse with hidden thresholds",
        kernel=kernels.explore_mystery_synapse,
        controls=(
            Control("number", "number of the synapse", "", 1.0, float(mystery.MOST), 1.0, 1.0),
            Control("pulses", "pulses", "", 1.0, 10.0, 1.0, 3.0),
            Control.of(S, "pulse_interval", 1.0, 50.0, 0.5),
            _weight(),
        ),
        constants=(
            spine.gain_uM_per_pA_ms,
            spine.current_pA,
            spine.current_decay_ms,
            spine.clearance_ms(S["diffusion"]),
            PER_S * S["gamma_d"],
            PER_S * S["gamma_p"],
            S["first_pulse"],
            h,
            n_t,
            *mystery.constants(),
        ),
        outputs=(
            Output("t", n_t),
            Output("calcium", n_t, TO_NM),
            Output("peak", 1, TO_NM),
            Output("change"),
            Output("theta_d", 1, TO_NM),  # told by the notebook beside it, after an answer
            Output("theta_p", 1, TO_NM),
        ),
        work=2 * n_t + 16,
        views=(
            Traces(
                "time (ms)",
                "calcium (nM)",
                (Line("t", "calcium"),),
                zero_line=True,
                x_range=(0.0, 60.0),
            ),
            Bars("change of weight", (("change", "the synapse"),)),
        ),
        readouts=(
            Readout("peak", "peak calcium", "nM", 1),
            Readout("change", "change of weight", digits=5, signed=True),
        ),
        presets=(
            Preset(
                "a whisper",
                "One pulse at a weight of 0.1: calcium stays below every threshold.",
                {"pulses": 1.0, "weight": 0.1},
            ),
            Preset(
                "one full pulse",
                "The highest calcium that a single pulse can bring.",
                {"pulses": 1.0, "weight": 1.0},
            ),
            Preset(
                "a shout",
                "Ten pulses at full weight: calcium passes every threshold.",
                {"pulses": 10.0, "weight": 1.0},
            ),
        ),
        code=(
            "from heterolib import Spine, mystery, protocols, simulate_spine\n\n"
            "rule = mystery.rule_of({number})\n"
            "simulate_spine(Spine(), protocols.burst({pulses}, {pulse_interval}), rule, 130.0,\n"
            "               weight={weight}, step_ms=0.1)"
        ),
        note=(
            f"Rates as everywhere: {S['gamma_p']:g} /s up, {S['gamma_d']:g} /s down. The "
            "thresholds are made up for each number."
        ),
    )


ENDS = ("d_pre", "d_post", "p_pre", "p_post")  # the factors of the thresholds


def _single_synapse() -> tuple[float, ...]:
    """What `kernels.single_synapse` reads: the synapse, its voltage, what calcium outside does."""
    scale = cortex.double_exponential_scale
    fast, slow = R["template_rise"], R["template_decay"]
    rise, decay = R["epsp_rise"], R["epsp_decay"]
    return (
        *Synapse().row(EfficacyRule(), None, None, C["calcium_out"]),
        *(R["template_rest"], fast, slow, scale(fast, slow)),
        *(rise, decay, scale(rise, decay), R["epsp_height"]),
        *(C["nmda_calcium_scale"], C["nmda_calcium_permeability"], C["nmda_monovalent"]),
        *(C["release_hill"], C["release_half"], C["release_reference"]),
    )


def _one_synapse_controls() -> tuple[Control, ...]:
    return (
        Control.of(C, "calcium_out", 1.0, 2.5, 0.1),
        Control.of(C, "u", 0.1, 1.0, 0.05),
        Control.of(R, "template_height", 0.0, 80.0, 1.0),
    )


PRESCRIBED = (
    "The voltage is prescribed: rest, an EPSP for each presynaptic spike, a template of the "
    "action potential. Release is the mean of the stochastic one and does not change."
)


def _sweep_work(ticks: int) -> int:
    """Places that a sweep needs at most: after each spike a step per tick, else long ones."""
    k = cortex
    steps = ticks // k.LONG + 2 * int(C["train_spikes"]) * (k.AFTER - k.AFTER // k.LONG + 1)
    return k.AT_C + 2 * (steps + 1)


def _neocortical_synapse() -> Explorer:
    duration, sweeps = 1800.0, int(C["sweeps"])
    ticks = round(duration / cortex.TICK)
    n_t = ticks // cortex.LONG + 1
    names = ("weak", "strong")
    return Explorer(
        name="neocortical-synapse",
        title="Five pairs of spikes at one neocortical synapse",
        kernel=cortex.explore_neocortical_synapse,
        controls=(
            Control("frequency", "frequency of pairs", "Hz", 5.0, 50.0, 1.0, 10.0),
            Control("dt", "post minus pre", "ms", -50.0, 50.0, 1.0, 10.0),
            *_one_synapse_controls(),
            Control("theta_d", "threshold of weakening", "µM ms", 10.0, 250.0, 1.0, 83.0),
            Control("theta_p", "threshold of strengthening", "µM ms", 10.0, 250.0, 1.0, 97.0),
            Control.choice("rho0", "synapse at the start", names, 1),
        ),
        constants=(
            C["train_spikes"],
            ticks,
            sweeps,
            C["sweep_interval"] - duration,
            *_single_synapse(),
        ),
        outputs=(
            Output("t", n_t),
            Output("calcium", n_t),
            Output("c_star", n_t),
            Output("given", sweeps + 1),
            Output("rho", sweeps + 1),
            Output("peak"),
            Output("peak_star"),
            Output("c_pre"),
            Output("c_post"),
            Output("between"),
            Output("above"),
            Output("rho_end"),
            Output("change"),
        ),
        work=_sweep_work(ticks),
        views=(
            Traces("time in a sweep (ms)", "calcium (µM)", (Line("t", "calcium"),)),
            Traces("time in a sweep (ms)", "c* (µM ms)", (Line("t", "c_star"),), bands=BAND),
            Traces("sweeps", "efficacy", (Line("given", "rho"),)),
        ),
        readouts=(
            Readout("peak_star", "peak of c*", "µM ms", 1),
            Readout("c_pre", "one presynaptic spike that releases all, c_pre", "µM ms", 1),
            Readout("c_post", "one action potential, c_post", "µM ms", 1),
            Readout("between", "between the thresholds in a sweep", "ms", 1),
            Readout("above", "above both", "ms", 1),
            Readout("rho_end", "efficacy after ten sweeps", digits=3),
            Readout("change", "change", digits=3, signed=True),
        ),
        presets=(
            Preset("10 Hz", "c* peaks between the thresholds: a strong synapse weakens.", {}),
            Preset(
                "40 Hz",
                "c* passes both thresholds: a weak synapse ends above one half, on its way to 1.",
                {"frequency": 40.0, "rho0": 0.0},
            ),
            Preset(
                "other order",
                "The action potential first: c* stays below both, and nothing changes.",
                {"dt": -10.0},
            ),
            Preset(
                "in vivo calcium",
                "1.2 mM, thresholds measured anew: even at 40 Hz c* stays below both.",
                {
                    "frequency": 40.0,
                    "calcium_out": 1.2,
                    "theta_d": 54.0,
                    "theta_p": 63.0,
                    "rho0": 0.0,
                },
            ),
            Preset(
                "no action potential",
                "Presynaptic spikes alone, at 40 Hz: c* stays below both thresholds.",
                {"frequency": 40.0, "template_height": 0.0},
            ),
        ),
        ordered=(BAND,),
        code=(
            "from heterolib.neocortex import pair_one_synapse\n\n"
            "pair_one_synapse({frequency}, {dt}, cao_mM={calcium_out}, use={u},\n"
            "                 height_mV={template_height}, thresholds=({theta_d}, {theta_p}),\n"
            "                 rho0=('weak', 'strong').index('{rho0}'), duration_ms=1800)"
        ),
        note=PRESCRIBED + " Ten sweeps, one every 4 s.",
    )


PLACES = (20, 2.5, 15, 5.0)  # frequencies and their step (Hz), delays and their step (ms)
FARTHEST = 50.0  # ms, delay of a slider


def _ticks() -> tuple[int, int]:
    """Ticks after the last spike of a sweep, and of the longest sweep."""
    tail = round(TAIL_MS / cortex.TICK)
    train = FARTHEST + (C["train_spikes"] - 1.0) * 1000.0 / PLACES[1]
    return tail, cortex.BEGIN + round(train / cortex.TICK) + tail


def _frequency_curve() -> Explorer:
    n_f, _, n_d, _ = PLACES
    tail, longest = _ticks()
    factors = [C[f"basal_{end}"] for end in ENDS]
    says = ("c_pre in θ_d", "c_post in θ_d", "c_pre in θ_p", "c_post in θ_p")
    return Explorer(
        name="frequency-curve",
        title="Frequency and timing at one synapse",
        kernel=cortex.explore_frequency_curve,
        controls=(
            Control("dt", "post minus pre, over frequency", "ms", -FARTHEST, FARTHEST, 1.0, 10.0),
            Control("frequency", "frequency, over delay", "Hz", 2.5, 50.0, 0.5, 10.0),
            *_one_synapse_controls(),
            *(
                Control(f"p_{k + 1}", f"p{k + 1}: {says[k]}", "", 0.0, 6.0, 0.01, round(x, 2))
                for k, x in enumerate(factors)
            ),
        ),
        constants=(
            C["train_spikes"],
            tail,
            C["sweeps"],
            C["sweep_interval"],
            *PLACES,
            *_single_synapse(),
        ),
        outputs=(
            Output("f", n_f),
            Output("peak", n_f),
            Output("weak", n_f),
            Output("strong", n_f),
            Output("delay", n_d),
            Output("weak_delay", n_d),
            Output("strong_delay", n_d),
            Output("c_pre"),
            Output("c_post"),
            Output("theta_d"),
            Output("theta_p"),
            Output("line_d", n_f),
            Output("line_p", n_f),
            Output("weak_now"),
            Output("strong_now"),
        ),
        work=_sweep_work(longest),
        views=(
            Traces(
                "frequency (Hz)",
                "peak of c* (µM ms)",
                (
                    Line("f", "peak", "peak of c*"),
                    Line("f", "line_d", "θ_d", 1),
                    Line("f", "line_p", "θ_p", 2),
                ),
            ),
            Traces(
                "frequency (Hz)",
                "efficacy",
                (Line("f", "weak", "was weak", 3), Line("f", "strong", "was strong", 4)),
            ),
            Traces(
                "post minus pre (ms)",
                "efficacy",
                (
                    Line("delay", "weak_delay", "was weak", 3),
                    Line("delay", "strong_delay", "was strong", 4),
                ),
            ),
        ),
        readouts=(
            Readout("c_pre", "c_pre", "µM ms", 1),
            Readout("c_post", "c_post", "µM ms", 1),
            Readout("theta_d", "threshold of weakening", "µM ms", 1),
            Readout("theta_p", "threshold of strengthening", "µM ms", 1),
            Readout(
                "weak_now", f"efficacy of a weak synapse after {C['sweeps']:g} sweeps", digits=2
            ),
            Readout("strong_now", "of a strong one", digits=2),
        ),
        presets=(
            Preset(
                "slice",
                "+10 ms: nothing up to 7.5 Hz, the strong weaken at 10, all strengthen from 15.",
                {},
            ),
            Preset(
                "in vivo calcium",
                "1.2 mM, thresholds measured anew: nothing changes at any frequency.",
                {"calcium_out": 1.2},
            ),
            Preset(
                "small action potential",
                "30 mV at the spine: strengthening needs more than 30 Hz.",
                {"template_height": 30.0},
            ),
            Preset(
                "apical factors",
                "θ_p is beyond five times c_pre: fast trains now weaken, and nothing strengthens.",
                {f"p_{k + 1}": round(C[f"apical_{e}"], 2) for k, e in enumerate(ENDS)},
            ),
        ),
        code=(
            "from heterolib.neocortex import EfficacyRule, pair_one_synapse\n\n"
            "rule = EfficacyRule(basal=({p_1}, {p_2}, {p_3}, {p_4}))\n"
            "given = dict(cao_mM={calcium_out}, use={u}, height_mV={template_height}, rule=rule)\n"
            "places = [(2.5 * (k + 1), {dt}) for k in range(20)]\n"
            "places += [({frequency}, 5.0 * k) for k in range(-7, 8)]\n"
            "[[pair_one_synapse(f, dt, rho0=rho, **given) for rho in (0, 1)] for f, dt in places]"
        ),
        note=PRESCRIBED + " Ten sweeps of five pairs, one every 4 s.",
    )


def _two_rules() -> Explorer:
    n_f, _, n_d, _ = PLACES
    tail, longest = _ticks()
    n_r, step_r, minute = 48, 20_000.0, 60_000.0
    n_t = int(C["sweeps"]) + 1 + n_r
    both = ("published", "graded")
    lines = {
        x: tuple(Line(x, f"{rule}_{x}", rule, k) for k, rule in enumerate(both))
        for x in ("t", "f", "delay")
    }
    return Explorer(
        name="two-rules",
        title="Two rules on the same calcium",
        kernel=cortex.explore_two_rules,
        controls=(
            Control("frequency", "frequency of pairs", "Hz", 2.5, 50.0, 0.5, 40.0),
            Control("dt", "post minus pre", "ms", -FARTHEST, FARTHEST, 1.0, 10.0),
            *_one_synapse_controls(),
            Control.of(G, "speed", 0.0, 10.0, 0.1, to_kernel=PER_S),
            Control.of(G, "steepness", 2.0, 100.0, 1.0),
            Control.choice("rho0", "synapse at the start", ("weak", "strong")),
            Control("rest", "rest after the last sweep", "min", 0.0, 60.0, 1.0, 60.0, minute),
        ),
        constants=(
            C["train_spikes"],
            tail,
            C["sweeps"],
            C["sweep_interval"],
            *PLACES,
            *(n_r, step_r),
            *(C[f"basal_{end}"] for end in ENDS),
            *_single_synapse(),
        ),
        outputs=(
            *(Output(name, n_f) for name in ("f", "published_f", "graded_f")),
            *(Output(name, n_d) for name in ("delay", "published_delay", "graded_delay")),
            Output("t", n_t, 1.0 / minute),
            *(Output(name, n_t) for name in ("published_t", "graded_t")),
            *(Output(name) for name in ("peak", "theta_d", "theta_p", *both)),
        ),
        work=_sweep_work(longest),
        views=(
            Traces("time (min)", "efficacy", lines["t"]),
            Traces("frequency (Hz)", "efficacy after the rest", lines["f"]),
            Traces("post minus pre (ms)", "efficacy after the rest", lines["delay"]),
        ),
        readouts=(
            Readout("peak", "peak of c*", "µM ms", 1),
            Readout("theta_d", "threshold of weakening", "µM ms", 1),
            Readout("theta_p", "threshold of strengthening", "µM ms", 1),
            Readout("published", "published efficacy after the rest", digits=2),
            Readout("graded", "graded efficacy after the rest", digits=2),
        ),
        presets=(
            Preset(
                "40 Hz",
                "A weak synapse strengthens under both. The published efficacy stands above one "
                "half and drifts to 1; the graded one stays where the trains left it, at 0.77.",
                {},
            ),
            Preset(
                "10 Hz",
                "c* peaks between the thresholds: a strong synapse weakens under both, to 0 and to "
                "0.20.",
                {"frequency": 10.0, "rho0": 1.0},
            ),
            Preset(
                "no rest",
                "Read at once, the graded rule is ahead from 17.5 Hz up; an hour later it is "
                "behind.",
                {"rest": 0.0},
            ),
            Preset(
                "soft steps",
                "Steps of width one fifth leave a little speed at rest: within the hour the graded "
                "synapse forgets all.",
                {"steepness": 5.0},
            ),
            Preset(
                "in vivo calcium",
                "1.2 mM, thresholds measured anew: c* stays below both, and neither rule moves a "
                "weak synapse at any frequency.",
                {"calcium_out": 1.2},
            ),
        ),
        code=(
            "from heterolib.neocortex import rules\n\n"
            "both = (rules.PublishedRule(), rules.GradedRule(per_s={speed}, k={steepness}))\n"
            "given = dict(cao_mM={calcium_out}, use={u}, height_mV={template_height},\n"
            "             rho0=('weak', 'strong').index('{rho0}'), rest_ms=60_000 * {rest})\n"
            "places = [(2.5 * (k + 1), {dt}) for k in range(20)]\n"
            "places += [({frequency}, 5.0 * k) for k in range(-7, 8)] + [({frequency}, {dt})]\n"
            "[[rules.rule_at_one_synapse(r, f, dt, **given) for r in both] for f, dt in places]"
        ),
        note=PRESCRIBED + " Ten sweeps of five pairs, one every 4 s, then rest without calcium.",
    )


def _neighbourhood() -> Explorer:
    values = S.variant("figure 5")
    h, h_v, n_v, tail, most, n_s = 0.25, 0.125, 641, 400.0, 12, 4
    n, pulses = int(S["compartments"]), int(S["sequence_pulses"])
    current = values["current"]
    table = all_orders(n_s)
    names = tuple(" ".join(str(s + 1) for s in row) for row in table)
    z = np.random.default_rng(15).normal(size=(most, n_s)).clip(-2.5, 2.5)
    nodes = n + n_s
    training = 4 * n + n_s * most * pulses
    reading = 8 * nodes + 4 * n_s + 2 + pulses + 2 * (n_v - 1) + (2 * n_s + 1) * n_v
    return Explorer(
        name="neighbourhood-learner",
        title="Four spines trained in one order, shown in all",
        kernel=kernels.explore_neighbourhood,
        controls=(
            Control.choice("trained", "trained order of spines", names, 8),
            Control("gap", "from one input to the next", "ms", 1.0, 20.0, 0.25, 9.25),
            Control("distance", "distance of neighbours", "µm", 0.5, 4.0, 0.25, 1.0),
            Control("presentations", "presentations", "", 0.0, float(most), 1.0, float(most)),
            Control("jitter", "jitter of the inputs", "ms", 0.0, 4.0, 0.25, 0.0),
            Control.of(S, "diffusion", 0.0, 600.0, 5.0, to_kernel=PER_S),
            _weight(),
        ),
        constants=(
            current,
            *_pair_constants()[1:],
            values["theta_p"],
            values["theta_d"],
            PER_S * values["gamma_p"],
            PER_S * values["gamma_d"],
            S["decay"],
            S["branch_radius"],
            S["neck_radius"],
            S["neck_length"],
            S["branch_length"],
            n,
            pulses,
            S["sequence_pulse_interval"],
            S["sequence_start"],
            S["sequence_interval"] - S["sequence_delay"],
            tail,
            h,
            most,
            h_v,
            n_v,
            n_s,
            len(table),
            S["membrane_capacitance"],
            S["membrane_resistance"],
            S["axial_resistance"],
            S["spine_capacitance"],
            S["spine_leak"],
            S["spine_neck"],
            S["soma_decay"],
            S["soma_gain"],
            S["soma_site"],
            S["current_ratio"] * current,
            *np.argsort(table, axis=1).ravel().tolist(),
            *z.ravel().round(1).tolist(),
        ),
        outputs=(
            Output("given", most + 1),
            *(Output(f"w_{k + 1}", most + 1) for k in range(n_s)),
            Output("t", n_v),
            Output("soma", n_v),
            Output("order", len(table)),
            Output("peak", len(table)),
            *(Output(f"end_{k + 1}") for k in range(n_s)),
            Output("place"),
            Output("peak_trained"),
            Output("peak_others"),
            Output("peak_highest"),
            Output("beaten"),
        ),
        work=8 * n_s + max(training, reading),
        views=(
            Traces(
                "presentations",
                "weight",
                tuple(Line("given", f"w_{k + 1}", f"spine {k + 1}", k) for k in range(n_s)),
            ),
            Traces(
                "time when shown (ms)",
                "soma above rest (mV)",
                (Line("t", "soma", "trained order", 2),),
                zero_line=True,
            ),
            Traces(
                "number of the order",
                "somatic peak (mV)",
                (Line("order", "peak", "all orders", 0),),
                markers=(Marker("place", "peak_trained", "trained", 1),),
                points=True,
            ),
        ),
        readouts=(
            *(
                Readout(f"end_{k + 1}", f"weight, spine {k + 1}" if k == 0 else f"{k + 1}")
                for k in range(n_s)
            ),
            Readout("peak_trained", "peak of the soma, trained order", "mV"),
            Readout("peak_others", "mean of the others", "mV"),
            Readout("peak_highest", "highest of the others", "mV"),
            Readout("beaten", "share of the others beaten", digits=2),
        ),
        presets=(
            Preset(
                "trained",
                "Spine 4, last in line, ends strongest. The trained order beats all others, the "
                "best of them by less than 0.01 mV.",
                {},
            ),
            Preset(
                "untrained",
                "Equal weights: the peaks of all orders lie within one per cent.",
                {"presentations": 0.0},
            ),
            Preset(
                "unsteady teacher",
                "4 ms of jitter cost little: the weights are about the same.",
                {"jitter": 4.0},
            ),
            Preset(
                "calcium stays",
                "Without diffusion the four weights are equal: no order is learned.",
                {"diffusion": 0.0},
            ),
            Preset(
                "too quick",
                "Nearly all other orders end above the trained one.",
                {"gap": 5.0},
            ),
        ),
        code=(
            "import numpy as np\n"
            "from heterolib import responses, simulate, training\n"
            "from heterolib.orders import all_orders, order_neuron\n"
            "from heterolib.soma import input_pulses\n"
            "gap, n = {gap}, {presentations}\n"
            "neuron = order_neuron(4, {distance}, diffusion_um2_per_s={diffusion})\n"
            "z = np.random.default_rng(15).normal(size=(12, 4)).clip(-2.5, 2.5).round(1)\n"
            "every = 78.25 + 3 * gap\n"
            "start = 12.5 + gap * np.argsort('{trained}'.split()) + {jitter} * z[:n]\n"
            "start += every * np.arange(n)[:, None]\n"
            "trains = [np.add.outer(t, input_pulses()).ravel() for t in start.T]\n"
            "run = simulate(neuron.branch, trains, training.rule_of_figure_5(None),\n"
            "               every * n + 400, weights={weight}, step_ms=0.25, engine='grid')\n"
            "places = gap * np.argsort(all_orders(4), axis=1)\n"
            "peaks = responses(neuron, step_ms=0.125).peaks(places, run.final_weights).peak_mV\n"
            "run, peaks"
        ),
        note=(
            "Spine 1 is nearest the soma; an order lists the spines as their inputs come. Orders "
            "are shown without jitter, weights held."
        ),
    )


EXPLORERS = {
    e.name: e
    for e in (
        _calcium_decides(),
        _spikes_to_calcium(),
        _how_the_weight_moves(),
        _calcium_travels(),
        _two_spines(),
        _timing_window(),
        _three_experiments(),
        _voltage_cable_soma(),
        _order_learning(),
        _neocortical_synapse(),
        _frequency_curve(),
        _slice_to_brain(),
        _place_on_the_tree(),
        _neighbourhood(),
        _mystery_synapse(),
        _two_rules(),
    )
}
