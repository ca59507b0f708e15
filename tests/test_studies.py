"""Figures 3 and 4 of Shafiee 2026 against the authors' data and our reference runs."""

from __future__ import annotations

import csv
from collections import defaultdict
from pathlib import Path

import numpy as np
import pytest

from heterolib import ThresholdRule, simulate, studies

DATA = Path(__file__).parent / "data"
RATES = ("2 Hz", "100 Hz", "150 Hz")


def table(name: str) -> list[dict[str, str]]:
    with (DATA / name).open(newline="") as f:
        return list(csv.DictReader(f))


def column(rows: list[dict[str, str]], *names: str) -> np.ndarray:
    return np.array([[float(row[name]) for name in names] for row in rows]).squeeze()


def arrangements() -> dict[int, studies.Arrangement]:
    by_seed = defaultdict(list)
    for row in table("fig3_arrangements.csv"):
        by_seed[int(row["seed"])].append(row)
    return {
        seed: studies.Arrangement(
            tuple(int(r["compartment"]) for r in rows),
            tuple(r["stimulated"] == "1" for r in rows),
            tuple(float(r["weight"]) for r in rows),
        )
        for seed, rows in by_seed.items()
    }


@pytest.fixture(scope="module")
def drawn() -> dict[int, studies.Arrangement]:
    return arrangements()


# -- figure 4 --------------------------------------------------------------------------------


@pytest.mark.parametrize("distance", [1.0, 2.5, 3.5])
def test_figure_4b(distance):
    rows = [r for r in table("fig4b.csv") if float(r["distance_um"]) == distance]
    delays = column(rows, "delay_ms")
    assert delays.tolist() == list(studies.DELAYS_MS)
    ours = studies.delay_curve(distance, scheme="published")
    assert np.abs(ours.ratio[:, 0] - column(rows, "published")).max() < 2e-6
    ours = studies.delay_curve(distance)
    assert np.abs(ours.ratio[:, 0] - column(rows, "converged")).max() < 1e-4


def test_windows_narrow_with_distance():
    lowest = [studies.delay_curve(d).ratio[:, 0].min() for d in (1.0, 2.5, 3.5)]
    assert lowest[0] < 1.0 < lowest[1] < lowest[2]


@pytest.mark.parametrize("scheme", ["published", "converged"])
def test_figure_4a_every_label(scheme):
    rows = table("fig4a_labels.csv")
    ours = studies.sign_map(scheme=scheme)
    assert ours.rows[1] == float(rows[20]["gamma_p"])
    for spine in (0, 1):
        expected = [r[f"{scheme}_{spine + 1}"] for r in rows]
        assert ours.labels(spine).ravel().tolist() == expected


@pytest.mark.parametrize("protocol", ["triplet", "repeated", "pairing"])
@pytest.mark.parametrize("axes", ["rates", "thresholds"])
def test_maps_equal_single_runs(axes, protocol):
    grid, delays = [1.142, 4.0], [-20.0, 8.0]
    ours = studies.sign_map(
        axes, protocol=protocol, grid=grid, delays_ms=delays, scheme="published", distance_um=2.0
    )
    for i in range(2):
        for j in range(2):
            if axes == "rates":
                rule = ThresholdRule(gamma_p_per_s=grid[i], gamma_d_per_s=grid[j])
            elif j > i:
                continue
            else:
                rule = ThresholdRule(theta_p_uM=grid[i] / 1000, theta_d_uM=grid[j] / 1000)
            for k, d in enumerate(delays):
                if protocol == "triplet":
                    trains, end = [[200.0, 220.0], [200.0 + d]], 999.25
                else:
                    n = 5 if protocol == "repeated" else 1
                    first = 1 + 700.0 * np.arange(n)
                    trains, end = [first + max(-d, 0), first + max(d, 0)], 6999.25
                    end = end if n > 1 else 999.25
                one = simulate(
                    studies.window_branch(2.0), trains, rule, end,
                    scheme="published", record="final", engine="grid",
                )  # fmt: skip
                assert np.abs(ours.weights[i, j, k] - one.final_weights).max() < 1e-10


def test_labels_follow_the_published_rules():
    weights = np.array([0.5, 0.5000004, 0.500001, 0.6, 0.4, 0.5])[:, None].repeat(2, axis=1)
    one = np.ones(1)
    m = studies.SignMap("rates", one, one, np.arange(6.0), weights[None, None], 0.5, "pairing", "")
    assert m.labels(0)[0, 0] == "DPD"


def test_triplets_are_read_in_the_published_order():
    assert sorted(studies.DELAYS_TRIPLET_MS) == list(studies.DELAYS_MS)
    assert studies.DELAYS_TRIPLET_MS[3:7] == (-40, -50, -30, -20)
    assert studies.sign_map(protocol="triplet", grid=[1.0]).delay_ms[3] == -40


# -- figure 3 --------------------------------------------------------------------------------


def test_figure_3_one_arrangement_spine_by_spine(drawn):
    rows = table("fig3_seed907.csv")
    for scheme, bound in (("published", 1e-9), ("converged", 2e-5)):
        ours = studies.cluster(drawn[907], scheme=scheme)
        expected = column(rows, *(f"{scheme}_{r.split()[0]}" for r in RATES)).T
        assert np.abs(ours.weights - expected).max() < bound


@pytest.mark.parametrize("rate", RATES)
def test_figure_3_every_published_realisation(drawn, rate):
    rows = [r for r in table("fig3_realisations.csv") if r["rate_Hz"] == rate.split()[0]]
    assert [int(r["realisation"]) for r in rows] == list(range(20))
    ours = {}
    for seed in {int(r["seed"]) for r in rows}:
        one = studies.cluster(drawn[seed], [rate], scheme="published", peaks=False)
        ours[seed] = one.means()[0]
    change = np.array([ours[int(r["seed"])] for r in rows])
    assert np.abs(change - column(rows, *studies.GROUPS)).max() < 1e-6
    # averages that carry over: each is the true one plus the one before over the group's size
    carried, sizes = studies.carried_over(change), np.array([7.0, 3.0, 6.0])
    assert np.abs(carried[1:] - carried[:-1] / sizes - change[1:]).max() < 1e-12
    assert np.abs(carried[0] - change[0]).max() < 1e-12


def test_published_arrangements_are_those_of_the_reference(drawn):
    for seed, expected in drawn.items():
        assert studies.published_arrangement(seed)[0] == expected
    chain, seed = [], 283
    for _ in range(20):
        chain.append(seed)
        seed = studies.published_arrangement(seed)[1]
    rows = [r for r in table("fig3_realisations.csv") if r["rate_Hz"] == "2"]
    assert chain == [int(r["seed"]) for r in rows]


def test_published_realisations_follow_the_chains():
    study = studies.published_realisations()
    assert study.change.shape == (1, 3, 20, 3)
    for i, rate in enumerate(RATES):
        rows = [r for r in table("fig3_realisations.csv") if r["rate_Hz"] == rate.split()[0]]
        assert np.abs(study.change[0, i] - column(rows, *studies.GROUPS)).max() < 1e-6


def test_independent_arrangements_meet_the_means_of_a_thousand():
    some = [studies.random_arrangement(np.random.default_rng([3, k])) for k in range(200)]
    for scheme in ("published", "converged"):
        study = studies.cluster_study(some, scheme=scheme)
        rows = [r for r in table("fig3_means.csv") if r["scheme"] == scheme]
        expected = column(rows, *studies.GROUPS)
        spread = column(rows, *(f"sd_{g}" for g in studies.GROUPS))
        two = 2 * spread * np.sqrt(1 / 200 + 1 / 1000)
        assert np.all(np.abs(study.mean[0] - expected) <= two)
        assert np.all(np.abs(study.standard_error[0] - spread / np.sqrt(200)) <= 0.003)
    mean, error = study.error_summary()
    assert abs(mean[0] - 0.197) < 3 * error[0]


def test_share_and_error_count_signs():
    change = np.zeros((1, 3, 2, 3))
    change[0, 0, :, 0] = -1
    change[0, 1] = [1, -1, 0]
    change[0, 2] = [1, 1, -1]
    change[0, 2, 1, 2] = 0
    study = studies.ClusterStudy(np.array([1.0]), RATES, change)
    assert study.error().tolist() == [[0.0, 0.125]]
    assert study.share(-1)[0, 2].tolist() == [0.0, 0.0, 0.5]
    with pytest.raises(ValueError, match="rates lack 150 Hz"):
        studies.ClusterStudy(np.array([1.0]), RATES[:2], change[:, :2]).error()
    assert np.isnan(
        studies.ClusterStudy(np.array([1.0]), RATES, change[:, :, :1]).standard_error
    ).all()


def test_random_arrangements_follow_the_published_distribution():
    rng = np.random.default_rng(5)
    many = [studies.random_arrangement(rng) for _ in range(300)]
    site = np.array([a.site for a in many]) - 140
    assert site.min() == 0 and site.max() == 43
    assert np.all((site < 8).sum(axis=1) == 3) and np.all((site > 36).sum(axis=1) == 3)
    assert all(a.group("near").size == 3 and a.group("far").size == 6 for a in many)
    weights = np.array([a.weights for a in many])
    assert np.unique(weights).round(3).tolist() == (0.1 + 0.05 * np.arange(16)).round(3).tolist()
    assert abs(weights.mean() - 0.475) < 0.015
    assert studies.random_arrangement(np.random.default_rng(1)) == studies.random_arrangement(
        np.random.default_rng(1)
    )


def test_rates_in_hz_are_cut_to_the_published_grid():
    rates = ["150 Hz", 145.0, 147.0]
    assert studies._intervals_ms(rates, "published", None) == [6.0, 6.75, 6.75]
    assert studies._intervals_ms(rates, "converged", None) == [6.0, 1000 / 145.0, 1000 / 147.0]


BAD = {
    "distance_um": lambda: studies.delay_curve(-1.0),
    "delays_ms": lambda: studies.delay_curve(delays_ms="late"),
    "protocol": lambda: studies.delay_curve(protocol="quartet"),
    "axes": lambda: studies.sign_map("places"),
    "grid": lambda: studies.sign_map(grid=[0.0]),
    "scheme": lambda: studies.sign_map(scheme="best"),
    "spine": lambda: studies.sign_map(grid=[1.0]).labels(2),
    "site": lambda: studies.Arrangement((3, 2), (True, False), (0.5, 0.5)),
    "stimulated": lambda: studies.Arrangement((2, 3), (False, False), (0.5, 0.5)),
    "weights": lambda: studies.Arrangement((2, 3), (True, False), (0.5,)),
    "rng": lambda: studies.random_arrangement(1),
    "arrangement ": lambda: studies.cluster("all"),
    "rates[0]": lambda: studies.cluster(ARRANGEMENT, ["5 Hz"]),
    "arrangements": lambda: studies.cluster_study([]),
    "diffusion_um2_per_s": lambda: studies.cluster_study([ARRANGEMENT], [-1.0]),
    "change": lambda: studies.carried_over([1.0]),
    "seed": lambda: studies.published_arrangement(0),
    "diffusion_um2_per_s ": lambda: studies.published_realisations(100.0),
    "count": lambda: studies.published_realisations(count=0),
    "name": lambda: ARRANGEMENT.group("distant"),
}
ARRANGEMENT = studies.Arrangement((100, 104), (True, False), (0.5, 0.5))


@pytest.mark.parametrize("name", BAD)
def test_bad_input_is_refused_by_name(name):
    with pytest.raises(ValueError) as info:
        BAD[name]()
    assert str(info.value).startswith(name)
