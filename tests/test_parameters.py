"""The registry: complete, true to the specification, and what the classes really use."""

import dataclasses
import inspect
import math
from types import MappingProxyType

import pytest

from heterolib import (
    BistableRule,
    Branch,
    Membrane,
    Neuron,
    PairRule,
    Soma,
    Spine,
    ThresholdRule,
    protocols,
    simulate,
    simulate_spine,
)
from heterolib.parameters import (
    GRAUPNER_2012,
    SETS,
    SHAFIEE_2026,
    SONG_2000,
    STATUSES,
    Parameter,
    cite,
    diff,
    show,
    table,
)
from heterolib.soma import THRESHOLD_MV

# Written by hand from the specification, not read from the registry.
SHAFIEE = {
    "diffusion": (220.0, "µm²/s"),
    "branch_length": (80.0, "µm"),
    "compartments": (320, ""),
    "branch_radius": (1.0, "µm"),
    "head_radius": (0.34, "µm"),
    "neck_radius": (0.1, "µm"),
    "neck_length": (0.5, "µm"),
    "decay": (80.0, "ms"),
    "current": (0.1, "pA"),
    "current_decay": (1.0, "ms"),
    "calcium_fraction": (0.11, ""),
    "valence": (2, ""),
    "faraday": (96485.309, "C/mol"),
    "gamma_p": (2.3, "1/s"),
    "gamma_d": (1.0, "1/s"),
    "theta_p": (0.004, "µM"),
    "theta_d": (0.002, "µM"),
    "weight": (0.5, ""),
    "time_step": (0.25, "ms"),
    "converged_step": (0.05, "ms"),
    "pulse_interval": (2.0, "ms"),
    "burst_pulses": (7, ""),
    "burst_interval": (200.0, "ms"),
    "pairing_interval": (500.0, "ms"),
    "pairing_delay": (15.0, "ms"),
    "repetitions": (5, ""),
    "first_pulse": (1.0, "ms"),
    "duration_bursts": (1000.0, "ms"),
    "duration_pairings": (4100.0, "ms"),
    "cluster_pulses": (60, ""),
    "interval_2": (500.0, "ms"),
    "interval_100": (10.0, "ms"),
    "interval_150": (6.0, "ms"),
    "duration_cluster": (130_000.0, "ms"),
    "cluster_site": (140, ""),
    "cluster_inner": (10, ""),
    "cluster_near": (3, ""),
    "cluster_outer": (3, ""),
    "cluster_left": (2.0, "µm"),
    "cluster_right": (9.0, "µm"),
    "cluster_end": (10.75, "µm"),
    "weight_lowest": (0.1, ""),
    "weight_highest": (0.85, ""),
    "weight_spacing": (0.05, ""),
    "map_site": (160, ""),
    "map_lowest": (0.1, ""),
    "map_highest": (10.0, ""),
    "map_cells": (20, ""),
    "map_time": (999.0, "ms"),
    "window_interval": (700.0, "ms"),
    "window_time": (6999.0, "ms"),
    "triplet_start": (200.0, "ms"),
    "triplet_interval": (20.0, "ms"),
    "sequence_site": (160, ""),
    "sequence_distance": (1.0, "µm"),
    "sequence_pulses": (10, ""),
    "sequence_pulse_interval": (0.25, "ms"),
    "sequence_start": (12.5, "ms"),
    "sequence_delay": (9.25, "ms"),
    "sequence_interval": (75.0, "ms"),
    "sequence_repetitions": (24, ""),
    "sequence_duration": (3000.0, "ms"),
    "membrane_capacitance": (1.0, "µF/cm²"),
    "membrane_resistance": (1000.0, "Ω cm²"),
    "axial_resistance": (200.0, "Ω cm"),
    "soma_decay": (80.0, "ms"),
    "soma_gain": (20.0, ""),
    "soma_site": (138, ""),
    "rest": (-70.0, "mV"),
    "soma_threshold": (-66.0, "mV"),
    "spine_capacitance": (0.05 * math.pi, "pF"),
    "spine_leak": (10.0, "nS"),
    "spine_neck": (2.5, "nS"),
    "current_ratio": (1000.0, ""),
    "soma_radius": (10.0, "µm"),
    "test_tail": (60.0, "ms"),
    "order_delays": (40, ""),
    "order_delay_spacing": (1.0, "ms"),
    "order_distances": (20, ""),
    "order_distance_spacing": (0.5, "µm"),
    "order_inputs": (4, ""),
    "learner_classes": (4, ""),
    "learner_afferents": (6, ""),
    "learner_spines": (3, ""),
    "learner_branches": (12, ""),
    "learner_gap": (8.0, "ms"),
    "learner_jitter": (1.0, "ms"),
    "learner_missing": (0.05, ""),
    "learner_background": (1.0, "1/s"),
    "learner_noise": (0.02, "mV"),
    "learner_shown": (25, ""),
    "learner_bin": (4.0, "ms"),
    "learner_ridge": (1.0, ""),
}
VARIANTS = {
    "figure 2": {},
    "figure 2, data files": {"theta_p": 0.070, "theta_d": 0.050},
    "figure 3": {"theta_p": 0.070, "theta_d": 0.050},
    "figure 4A": {},
    "figure 4B": {"gamma_p": 5.311, "gamma_d": 2.184},
    "figure 5": {
        "theta_p": 0.110,
        "theta_d": 0.060,
        "gamma_p": 13.0,
        "gamma_d": 5.86,
        "current": 0.2,
    },
}
GRAUPNER = {
    "calcium_decay": (20.0, "ms"),
    "calcium_pre": (1.0, ""),
    "calcium_post": (2.0, ""),
    "calcium_delay": (13.7, "ms"),
    "theta_p": (1.3, ""),
    "theta_d": (1.0, ""),
    "gamma_p": (321.808, ""),
    "gamma_d": (200.0, ""),
    "rho_star": (0.5, ""),
    "tau": (150_000.0, "ms"),
}
SONG = {
    "a_plus": (0.01, ""),
    "a_minus": (0.0105, ""),
    "tau_plus": (20.0, "ms"),
    "tau_minus": (20.0, "ms"),
}


def all_entries():
    for key, values in SETS.items():
        for name, entry in values.entries.items():
            yield pytest.param(entry, id=f"{key}-{name}")
        for variant, changes in values.variants.items():
            for name, entry in changes.items():
                yield pytest.param(entry, id=f"{key}-{variant}-{name}")


# -- the entries -----------------------------------------------------------------------------


@pytest.mark.parametrize("entry", list(all_entries()))
def test_every_entry_is_complete(entry):
    assert isinstance(entry.value, float) and math.isfinite(entry.value)
    for text in (entry.symbol, entry.meaning, entry.source):
        assert isinstance(text, str) and text.strip() == text and text
    assert entry.status in STATUSES
    assert isinstance(entry.unit, str) and isinstance(entry.note, str)
    assert entry.label == (f"{entry.meaning} ({entry.unit})" if entry.unit else entry.meaning)
    if entry.status == "converted":
        assert entry.note  # from what, and how


def test_units_are_those_of_the_library():
    units = {e.unit for s in SETS.values() for e in s.entries.values()}
    of_both_papers = {"", "µm", "µm²/s", "ms", "mV", "µM", "nS", "pA", "1/s", "C/mol"}
    of_textbooks = {"pF", "µF/cm²", "Ω cm²", "Ω cm"}  # electrical constants as they give them
    of_the_neocortex = {"µm³", "mM", "nS/µm²", "1/mV", "1/ms", "1/(mV ms)", "J/(mol K)", "°C"}
    of_the_neocortex |= {"pF/µm²", "MΩ µm", "Hz", "µM ms"}
    assert units <= of_both_papers | of_textbooks | of_the_neocortex


def test_shafiee_has_the_values_of_the_specification():
    found = {n: (e.value, e.unit) for n, e in SHAFIEE_2026.entries.items()}
    assert found.keys() == SHAFIEE.keys()
    for name, wanted in SHAFIEE.items():
        assert found[name] == (pytest.approx(wanted[0], rel=1e-14), wanted[1]), name
    assert SHAFIEE_2026["branch_length"] / SHAFIEE_2026["compartments"] == 0.25


def test_graupner_has_the_values_of_the_authors_code():
    assert {n: (e.value, e.unit) for n, e in GRAUPNER_2012.entries.items()} == GRAUPNER


def test_song_has_the_values_of_its_source():
    assert {n: (e.value, e.unit) for n, e in SONG_2000.entries.items()} == SONG
    assert SONG_2000["a_minus"] == pytest.approx(1.05 * SONG_2000["a_plus"])


@pytest.mark.parametrize("name", list(VARIANTS))
def test_variants(name):
    assert SHAFIEE_2026.variants.keys() == VARIANTS.keys()
    changed = SHAFIEE_2026.variant(name)
    wanted = {n: v for n, (v, _) in SHAFIEE.items()} | VARIANTS[name]
    assert dict(changed) == pytest.approx(wanted, rel=1e-14)
    assert changed.name == name and changed.key == SHAFIEE_2026.key
    for n in VARIANTS[name]:
        assert changed.info(n).unit == SHAFIEE[n][1]
        # a variant names the figure it belongs to
        assert "figure" in changed.info(n).source
    assert SHAFIEE_2026["theta_p"] == 0.004  # the set itself stays as it was


def test_thresholds_are_nested_in_every_variant():
    for name in SHAFIEE_2026.variants:
        rule = ThresholdRule.of(SHAFIEE_2026.variant(name))
        assert 0.0 < rule.theta_d_uM < rule.theta_p_uM


def test_oddities_name_what_is_known_to_be_odd():
    text = " ".join(SHAFIEE_2026.oddities)
    for word in (
        "µM",
        "nM",
        "volume",
        "resistance",
        "end compartments",
        "4/2",
        "70/50",
        "1000 times",
        "3.8 ms",
        "freezes the weights",
    ):
        assert word in text


# -- as a mapping ----------------------------------------------------------------------------


@pytest.mark.parametrize("values", list(SETS.values()), ids=list(SETS))
def test_behaves_like_a_mapping(values):
    assert len(values) == len(list(values)) == len(dict(values))
    assert "diffusion" in SHAFIEE_2026
    assert "no such name" not in values
    assert values.get("no such name") is None
    first = next(iter(values))
    assert values.get(first) == values[first] == values.entries[first].value
    with pytest.raises(ValueError, match="name is 'no such name'") as caught:
        values.info("no such name")
    assert first in str(caught.value)  # what it does hold


def test_cannot_be_changed():
    with pytest.raises(TypeError):
        SHAFIEE_2026.entries["diffusion"] = None
    with pytest.raises(TypeError):
        SHAFIEE_2026["diffusion"] = 3.0
    with pytest.raises(dataclasses.FrozenInstanceError):
        SHAFIEE_2026.info("diffusion").value = 3.0
    with pytest.raises(dataclasses.FrozenInstanceError):
        SHAFIEE_2026.key = "other"
    assert isinstance(SHAFIEE_2026.variants, MappingProxyType)


def test_status_must_be_one_of_four():
    assert STATUSES == ("printed", "from code", "converted", "chosen for teaching")
    with pytest.raises(ValueError, match="status"):
        Parameter("x", "a thing", 1.0, "ms", "here", "guessed")


def test_unknown_variant_is_refused():
    with pytest.raises(ValueError, match="figure 9") as caught:
        SHAFIEE_2026.variant("figure 9")
    assert "figure 4B" in str(caught.value)
    with pytest.raises(ValueError, match="figure 3"):
        GRAUPNER_2012.variant("figure 3")


# -- table, diff, cite -----------------------------------------------------------------------


@pytest.mark.parametrize("values", list(SETS.values()), ids=list(SETS))
def test_table_holds_everything(values):
    t = table(values)
    assert list(t.columns) == ["symbol", "meaning", "value", "unit", "status", "source", "note"]
    assert list(t.index) == list(values)
    for name, entry in values.entries.items():
        assert t.loc[name].to_dict() == dataclasses.asdict(entry)


@pytest.mark.parametrize("values", list(SETS.values()), ids=list(SETS))
def test_show_prints_every_row_without_raw_tex(values):
    rows = table(values)
    shown = show(rows, rows.iloc[:1], notes=True).data
    assert len(shown) == len(values) + 1
    assert not shown["symbol"].str.contains(r"[\\\\{}$_]").any()
    for printed, entry in zip(shown.to_dict("records"), values.entries.values(), strict=False):
        number, _, unit = printed["value"].partition(" ")
        assert float(number) == pytest.approx(entry.value, rel=5e-9)  # nine digits are printed
        assert unit == entry.unit.removeprefix("1")
        assert entry.note == "" or "<small>" in printed["meaning"]


def test_show_escapes_text():
    rows = table(SHAFIEE_2026).iloc[:1].assign(meaning="a < b")
    assert show(rows).data["meaning"].item() == "a &lt; b"


def test_diff_of_variants():
    d = diff(SHAFIEE_2026, SHAFIEE_2026.variant("figure 5"))
    assert list(d.columns) == ["shafiee2026", "figure 5", "unit"]
    assert set(d.index) == set(VARIANTS["figure 5"])
    assert d.loc["theta_p"].tolist() == [0.004, 0.11, "µM"]
    assert d.loc["current"].tolist() == [0.1, 0.2, "pA"]
    a, b = SHAFIEE_2026.variant("figure 3"), SHAFIEE_2026.variant("figure 4B")
    assert set(diff(a, b).index) == {"theta_p", "theta_d", "gamma_p", "gamma_d"}


def test_diff_of_a_set_with_itself_is_empty():
    d = diff(SHAFIEE_2026, SHAFIEE_2026)
    assert len(d) == 0 and d.shape[1] == 3


def test_diff_of_two_papers():
    """A value that one set lacks is missing there."""
    d = diff(SHAFIEE_2026, GRAUPNER_2012)
    assert set(d.index) == set(SHAFIEE) | set(GRAUPNER)
    assert math.isnan(d.loc["diffusion", "graupner2012"])
    assert math.isnan(d.loc["rho_star", "shafiee2026"])
    assert d.loc["rho_star", "graupner2012"] == 0.5


def test_cite():
    text = cite(SHAFIEE_2026)
    assert "2026" in text and "https://doi.org/10.1038/s42003-026-09719-3" in text
    assert "figure" not in text
    assert "figure 4B" in cite(SHAFIEE_2026.variant("figure 4B"))
    assert "Graupner" in cite(GRAUPNER_2012)


def test_values_of_no_paper_point_to_none():
    assert {s.key for s in SETS.values() if not s.doi} == {"reducedcells", "circuits"}
    for s in (SETS["reducedcells"], SETS["circuits"]):
        assert cite(s) == s.citation and s.citation.startswith("Heterolib:")
    assert cite(SETS["reducedcells"].variant("L4")).endswith(" Values as used for L4.")


# -- no drift --------------------------------------------------------------------------------


def defaults(what):
    if dataclasses.is_dataclass(what):
        fields = dataclasses.fields(what)
        return {f.name: f.default for f in fields if f.default is not dataclasses.MISSING}
    parameters = inspect.signature(what).parameters.values()
    return {p.name: p.default for p in parameters if p.default is not inspect.Parameter.empty}


@pytest.mark.parametrize(
    ("what", "wanted"),
    [
        (
            Branch,
            {
                "diffusion_um2_per_s": "diffusion",
                "length_um": "branch_length",
                "radius_um": "branch_radius",
                "compartments": "compartments",
                "decay_ms": "decay",
            },
        ),
        (
            Spine,
            {
                "head_radius_um": "head_radius",
                "neck_radius_um": "neck_radius",
                "neck_length_um": "neck_length",
                "decay_ms": "decay",
                "current_pA": "current",
                "current_decay_ms": "current_decay",
                "calcium_fraction": "calcium_fraction",
            },
        ),
        (
            ThresholdRule,
            {
                "theta_p_uM": "theta_p",
                "theta_d_uM": "theta_d",
                "gamma_p_per_s": "gamma_p",
                "gamma_d_per_s": "gamma_d",
            },
        ),
        (simulate, {"weights": "weight"}),
        (
            Membrane,
            {
                "capacitance_uF_per_cm2": "membrane_capacitance",
                "resistance_ohm_cm2": "membrane_resistance",
                "axial_ohm_cm": "axial_resistance",
            },
        ),
        (
            Neuron,
            {
                "spine_capacitance_pF": "spine_capacitance",
                "spine_leak_nS": "spine_leak",
                "spine_neck_nS": "spine_neck",
                "current_ratio": "current_ratio",
            },
        ),
        (
            protocols.sequence,
            {
                "delay_ms": "sequence_delay",
                "repetitions": "sequence_repetitions",
                "every_ms": "sequence_interval",
                "pulses": "sequence_pulses",
                "interval_ms": "sequence_pulse_interval",
                "start_ms": "sequence_start",
            },
        ),
        (
            simulate_spine,
            {"weight": "weight", "diffusion_um2_per_s": "diffusion", "step_ms": "converged_step"},
        ),
        (protocols.single, {"at_ms": "first_pulse"}),
        (
            protocols.bursts,
            {
                "pulses": "burst_pulses",
                "repetitions": "repetitions",
                "every_ms": "burst_interval",
                "interval_ms": "pulse_interval",
                "start_ms": "first_pulse",
            },
        ),
        (
            protocols.pairing,
            {
                "repetitions": "repetitions",
                "every_ms": "pairing_interval",
                "start_ms": "first_pulse",
            },
        ),
    ],
    ids=lambda x: getattr(x, "__name__", ""),
)
def test_defaults_are_those_of_the_paper(what, wanted):
    given = defaults(what)
    assert {name: given[name] for name in wanted} == pytest.approx(
        {name: SHAFIEE[key][0] for name, key in wanted.items()}, rel=1e-14
    )
    numeric = {n for n, v in given.items() if isinstance(v, int | float) and v is not False}
    assert numeric == set(wanted)  # no number outside the registry


def test_defaults_of_the_soma():
    wanted = {"decay_ms": 80.0, "gain": 20.0, "radius_um": 10.0, "coupling": "published"}
    # in the middle of compartment 138 of 0.25 µm
    assert defaults(Soma) == {"x_um": 138.5 * 0.25, **wanted}
    assert THRESHOLD_MV == 4.0


def test_defaults_of_the_pair_rule():
    wanted = {"a_plus": 0.01, "a_minus": 0.0105, "tau_plus_ms": 20.0, "tau_minus_ms": 20.0}
    assert defaults(PairRule) == wanted


def test_default_of_the_bistable_rule():
    wanted = {
        "theta_p": 1.3,
        "theta_d": 1.0,
        "gamma_p": 321.808,
        "gamma_d": 200.0,
        "rho_star": 0.5,
        "tau_ms": 150_000.0,
    }
    assert defaults(BistableRule) == wanted


def test_steps_of_the_two_schemes():
    for scheme, step in (("published", 0.25), ("converged", 0.05)):
        r = simulate(Branch([40.125]), [[]], None, 5.0, scheme=scheme)
        assert r.step_ms == step and r.weights[0, 0] == 0.5


def test_rule_of_a_variant():
    rule = ThresholdRule.of(SHAFIEE_2026.variant("figure 5"))
    assert rule == ThresholdRule(
        theta_p_uM=0.11, theta_d_uM=0.06, gamma_p_per_s=13.0, gamma_d_per_s=5.86
    )
    assert ThresholdRule.of(SHAFIEE_2026) == ThresholdRule()
    assert rule.kernel_arguments() == pytest.approx((0.11, 0.06, 0.013, 0.00586))
