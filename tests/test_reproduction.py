"""The published scheme meets the published digits; the converged one our exact reference.

The data are our own reference outputs (see data/README.md), made by a separate implementation.
"""

import csv
import functools
import json
from pathlib import Path

import numpy as np
import pytest

from heterolib import Branch, ThresholdRule, protocols, simulate, studies

DATA = Path(__file__).parent / "data"


def rows(name):
    with (DATA / name).open(encoding="utf-8") as file:
        return list(csv.DictReader(file))


CASES = json.loads((DATA / "branch_cases.json").read_text(encoding="utf-8"))
ALL = [*CASES["named"].items(), *((f"random{i}", c) for i, c in enumerate(CASES["random"]))]
FIG2 = rows("fig2.csv")
KERNEL = rows("kernel.csv")


def run_case(case, **kwargs):
    branch = Branch(case["spines_um"], diffusion_um2_per_s=case["diffusion_um2_per_s"])
    names = ("theta_p_uM", "theta_d_uM", "gamma_p_per_s", "gamma_d_per_s")
    rule = ThresholdRule(**{name: case[name] for name in names})
    return simulate(
        branch, case["spikes_ms"], rule, case["duration_ms"], weights=case["weights0"], **kwargs
    )


@functools.cache
def converged(index):
    """A case in the converged scheme at its default step."""
    return run_case(ALL[index][1], record="final")


@functools.cache
def panel(name, thresholds, scheme, step_ms=None):
    """Figure 2 by its name in the data: A, B, or C and the delay in ms."""
    delay = {"delay_ms": float(name[1:])} if name[0] == "C" else {}
    return studies.two_spines(
        name[0], thresholds=thresholds, scheme=scheme, step_ms=step_ms, **delay
    )


def of(row):
    scheme = {"be": "published", "exact": "converged"}[row["scheme"]]
    return panel(row["panel"], f"{row['thetaP_nM']}/{row['thetaD_nM']}", scheme)


def numbers(row, *names):
    return np.array([float(row[n]) for n in names])


def ids(row):
    return f"{row['panel']}-{row['thetaP_nM']}"


# -- the cases of the acceptance -------------------------------------------------------------


def test_the_data_are_all_there():
    assert len(CASES["named"]) == 4 and len(CASES["random"]) == 60
    assert len(FIG2) == 68 and len(KERNEL) == 10
    moved = [np.abs(np.subtract(c["final_weights"], c["weights0"])).max() for _, c in ALL]
    assert np.median(moved) > 0.01  # most cases do test the rule


@pytest.mark.parametrize("case", [c for _, c in ALL], ids=[n for n, _ in ALL])
def test_published_scheme_on_every_case(case):
    """Required: 1e-6. Reached: the last digit, 1e-15 in weights and 1e-12 in peaks."""
    r = run_case(case, scheme="published")
    np.testing.assert_allclose(r.final_weights, case["final_weights"], rtol=0, atol=1e-10)
    np.testing.assert_allclose(r.peak_uM, case["peak_calcium_uM"], rtol=1e-10)
    np.testing.assert_allclose(r.calcium_uM.max(axis=1), r.peak_uM, rtol=0)
    assert r.t_ms[0] == 0.0 and r.t_ms[-1] == case["duration_ms"] - 0.25
    assert r.t_ms.size == case["duration_ms"] / 0.25


def test_half_the_step_hardly_changes_any_case():
    """Required: less than 1e-4 in the weights."""
    worst = 0.0
    for i, (_, case) in enumerate(ALL):
        a = converged(i)
        b = run_case(case, record="final", step_ms=0.025)
        worst = max(worst, abs(a.final_weights - b.final_weights).max())
        np.testing.assert_allclose(a.peak_uM, b.peak_uM, rtol=1e-3)
    assert worst < 2e-5


def test_converged_scheme_is_near_the_published_one():
    """They differ by the error of the published step: some per cent of calcium."""
    apart = []
    for i, (_, case) in enumerate(ALL):
        r = converged(i)
        apart.append(abs(r.final_weights - case["final_weights"]).max())
        if max(case["peak_calcium_uM"]) > 0.0:
            ratio = max(r.peak_uM) / max(case["peak_calcium_uM"])
            assert 0.8 < ratio < 1.0
    assert np.median(apart) < 0.01 and max(apart) > 1e-4


# -- figure 2 --------------------------------------------------------------------------------


@pytest.mark.parametrize("row", [r for r in FIG2 if r["scheme"] == "be"], ids=ids)
def test_figure_2_published(row):
    r = of(row)
    theta_p, theta_d = numbers(row, "thetaP_nM", "thetaD_nM") / 1000.0
    assert (r.rule.theta_p_uM, r.rule.theta_d_uM) == (theta_p, theta_d)
    np.testing.assert_allclose(r.final_weights, numbers(row, "w0_final", "w1_final"), atol=1e-9)
    np.testing.assert_allclose(1000.0 * r.peak_uM, numbers(row, "peak0_nM", "peak1_nM"), rtol=1e-8)
    for name, theta in (("P", theta_p), ("D", theta_d)):
        wanted = numbers(row, f"t_above_{name}_0_ms", f"t_above_{name}_1_ms")
        np.testing.assert_array_equal(r.time_above_ms(theta), wanted)


@pytest.mark.parametrize("row", [r for r in FIG2 if r["scheme"] == "exact"], ids=ids)
def test_figure_2_converged(row):
    """At the default step. Required: 1e-4 in weights; reached: 4e-6."""
    r = of(row)
    np.testing.assert_allclose(
        r.final_weights, numbers(row, "w0_final", "w1_final"), rtol=0, atol=1e-5
    )
    np.testing.assert_allclose(1000.0 * r.peak_uM, numbers(row, "peak0_nM", "peak1_nM"), rtol=1e-4)
    for name, theta in (("P", r.rule.theta_p_uM), ("D", r.rule.theta_d_uM)):
        wanted = numbers(row, f"t_above_{name}_0_ms", f"t_above_{name}_1_ms")
        np.testing.assert_allclose(r.time_above_ms(theta), wanted, rtol=0, atol=0.01)


@pytest.mark.parametrize("scheme", ["published", "converged"])
def test_figure_2_says_what_the_book_says(scheme):
    """Competition with single pulses, cooperation with bursts; nothing of it with 70/50."""
    a = panel("A", "4/2", scheme).weight_change
    assert a[0] > 0.02 and a[1] < -0.01
    b = panel("B", "4/2", scheme).weight_change
    assert b[0] > 0.05 and b[1] > 0.04
    for name in "AB":
        stronger, untouched = panel(name, "70/50", scheme).weight_change
        assert stronger > 0.004 and untouched == 0.0
    # both active: the later input depresses the earlier one, for delays about 15 ms
    early = [panel(f"C{d}", "4/2", scheme).weight_change[0] for d in (0, 15, 150)]
    assert early[0] > 0.0 > early[1] and early[2] > 0.0


def test_panels_use_the_published_places_and_protocols():
    a, c = panel("A", "4/2", "published"), panel("C15", "4/2", "published")
    assert a.system.site == (100, 103) and c.system.site == (100, 104)
    assert a.spikes_ms[0].tolist() == [1, 201, 401, 601, 801] and a.spikes_ms[1].size == 0
    assert c.spikes_ms[0].tolist() == [1, 501, 1001, 1501, 2001]
    assert c.spikes_ms[1].tolist() == [16, 516, 1016, 1516, 2016]
    b = panel("B", "4/2", "published")
    assert b.spikes_ms[0].size == 35
    assert b.spikes_ms[0][:8].tolist() == [1, 3, 5, 7, 9, 11, 13, 201]
    assert (a.step_ms, a.t_ms.size, c.t_ms.size) == (0.25, 4000, 16400)


def test_negative_delay_swaps_the_spines():
    forth = studies.two_spines("C", delay_ms=15.0, scheme="published")
    back = studies.two_spines("C", delay_ms=-15.0, scheme="published")
    np.testing.assert_allclose(forth.final_weights, back.final_weights[::-1], atol=1e-6)


# Reference (exact scheme): radius, D, one pulse at weight 0.5 (own and neighbour's peak 1 µm away,
# nM), weight changes of panel A and of panel B.
VARIANTS = {
    "published neck": ("published", 1.0, 220.0, (92.9401, 1.80451)),
    "published, thin": ("published", 0.5, 220.0, (95.2288, 6.38542)),
    "published, slow": ("published", 1.0, 65.0, (127.274, 1.39806)),
    "consistent": ("consistent", 1.0, 220.0, (140.015, 0.555205)),
    "consistent, thin": ("consistent", 0.5, 220.0, (140.218, 2.12057)),
    "consistent, thin, slow": ("consistent", 0.5, 65.0, (154.827, 0.964189)),
}
CHANGES = {
    "published neck": ((0.0251108, -0.0144454), (0.058619, 0.0447888)),
    "published, thin": ((0.0204977, 0.00578544), (0.111905, 0.108917)),
    "published, slow": ((0.0635759, 0.0), (0.0920819, 0.0728954)),
    "consistent": ((0.0938009, 0.0), (0.124054, -0.00661777)),
    "consistent, thin": ((0.0920327, -0.0872347), (0.115042, 0.101837)),
    "consistent, thin, slow": ((0.134707, 0.0), (0.16775, 0.118732)),
}


@pytest.mark.parametrize("name", list(VARIANTS))
def test_other_physics(name):
    """Both necks, thin branches and slow diffusion against the reference, printed to six digits."""
    neck, radius, diffusion, peaks = VARIANTS[name]

    def branch(i, j):
        places = [studies.compartment_um(i), studies.compartment_um(j)]
        return Branch(places, neck=neck, radius_um=radius, diffusion_um2_per_s=diffusion)

    one = simulate(branch(100, 104), [[1.0], []], None, 100.0, step_ms=0.0125)
    np.testing.assert_allclose(1000.0 * one.peak_uM, peaks, rtol=6e-5)
    for pulses, changes in zip((1, 7), CHANGES[name], strict=True):
        trains = [protocols.bursts(pulses), []]
        # the reference waits for calcium to fall below theta_D again: longer than the figure
        r = simulate(branch(100, 103), trains, ThresholdRule(), 1200.0, record="final")
        np.testing.assert_allclose(r.final_weights - 0.5, changes, rtol=0, atol=2e-5)


def test_consistent_neck_takes_competition_away():
    """With calcium conserved the neighbour stays below theta_D."""
    r = studies.two_spines("A", neck="consistent")
    assert r.weight_change[0] > 0.0 and r.weight_change[1] == 0.0
    assert r.peak_uM[1] < 0.5 * r.rule.theta_d_uM


def test_compartments_are_counted_as_in_the_code():
    assert studies.compartment_um(0) == 0.125
    assert studies.compartment_um(319) == 79.875
    for i in (0, 100, 319):
        assert Branch([studies.compartment_um(i)]).site == (i,)


# -- one pulse -------------------------------------------------------------------------------


def pulse(row, step_ms=None):
    """Samples after one pulse at weight 1 in the lower of two spines."""
    branch = Branch([40.125, 40.125 + float(row["separation_um"])])
    scheme = {"be": "published", "exact": "converged"}[row["scheme"]]
    run = {"weights": 1.0, "scheme": scheme, "step_ms": step_ms}
    return simulate(branch, [[0.0], []], None, 210.0, **run)


def kernel_id(row):
    return f"{row['scheme']}-{row['separation_um']}"


@pytest.mark.parametrize("row", [r for r in KERNEL if r["scheme"] == "be"], ids=kernel_id)
def test_kernel_published(row):
    r = pulse(row)
    for s, name in enumerate(("own", "other")):
        peak, at = numbers(row, f"{name}_peak_nM", f"{name}_tpeak_ms")
        # the reference leaves out the last 1e-6 of the current: late samples miss a little
        tight = 2e-9 if at < 12.0 else 1e-7
        assert 1000.0 * r.peak_uM[s] == pytest.approx(peak, rel=tight)
        assert r.t_ms[r.calcium_uM[s].argmax()] == at
        for t in (1, 5, 10, 20, 50, 100, 200):
            wanted = float(row[f"{name}_at_{t}ms"])
            assert 1000.0 * r.calcium_uM[s, 4 * t] == pytest.approx(wanted, rel=1e-5)


@pytest.mark.parametrize("row", [r for r in KERNEL if r["scheme"] == "exact"], ids=kernel_id)
def test_kernel_converged(row):
    r = pulse(row, 0.0125)
    default = pulse(row)
    for s, name in enumerate(("own", "other")):
        # the reference was sampled every 0.05 ms: its peak is the value at that sample
        peak, at = numbers(row, f"{name}_peak_nM", f"{name}_tpeak_ms")
        assert 1000.0 * r.calcium_uM[s, round(80 * at)] == pytest.approx(peak, rel=1e-5)
        assert 1000.0 * default.peak_uM[s] == pytest.approx(peak, rel=2e-4)
        assert default.t_ms[default.calcium_uM[s].argmax()] == pytest.approx(at, abs=0.051)
        for t in (1, 5, 10, 20, 50, 100, 200):
            wanted = float(row[f"{name}_at_{t}ms"])
            got = 1000.0 * r.calcium_uM[s, 80 * t]
            assert got == pytest.approx(wanted, rel=3e-5, abs=1e-6 * peak)


def test_published_step_overestimates_the_peak_by_ten_per_cent():
    be, exact = (next(r for r in KERNEL if r["scheme"] == s) for s in ("be", "exact"))
    ratio = pulse(be).peak_uM[0] / pulse(exact).peak_uM[0]
    assert ratio == pytest.approx(1.0975, abs=2e-4)
