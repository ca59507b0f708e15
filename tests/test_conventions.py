"""The switch of conventions: every variant is there, right, and shown when it is chosen."""

import itertools

import numpy as np
import pytest
from bs4 import BeautifulSoup

from heterolib.explore import EXPLORERS, conventions
from heterolib.parameters import SHAFIEE_2026 as S

PAGE = "chapters/conventions.html"


@pytest.fixture(scope="module")
def form():
    markup = conventions.Conventions()._repr_html_()
    return BeautifulSoup(markup.split("<script>")[0], "html.parser").form


def test_there_is_one_figure_for_each_pair_and_one_equation_for_each_triple(form):
    blocks = form.select("[data-sign]")
    figures = [b for b in blocks if b.img]
    pairs = itertools.product(conventions.SIGNS, conventions.UNITS)
    assert [(b["data-sign"], b["data-unit"]) for b in figures] == list(pairs)
    assert len({b.img["src"] for b in figures}) == 4
    triples = itertools.product(conventions.SIGNS, conventions.UNITS, conventions.NOTATIONS)
    found = [tuple(b.attrs[f"data-{k}"] for k in ("sign", "unit", "notation"))
             for b in blocks if not b.img]  # fmt: skip
    assert sorted(found) == sorted(triples)
    assert len({b.get_text() for b in blocks if not b.img}) == 12
    shown = [b for b in blocks if not b.has_attr("hidden")]
    assert len(shown) == 2  # without scripts: this book's


def test_figures_say_in_words_what_turns_with_the_sign():
    found = EXPLORERS[conventions.NAME].run()
    lowest = found["delays"][np.argmin(found["window_1"])]
    assert lowest > 0  # the first input loses
    for sign, factor in (("second", 1), ("first", -1)):
        words = conventions.picture(sign, "nM")[1]
        assert f"spine 1 weakens most at {factor * lowest:g} ms" in words
        assert f"spine 2 at {-factor * lowest:g} ms" in words


def test_equations_carry_the_numbers_of_their_unit():
    for notation in conventions.NOTATIONS:
        nano = conventions.equation(notation, "second", "nM")
        micro = conventions.equation(notation, "second", "µM")
        for name in ("theta_d", "theta_p"):
            assert f"{1000 * S[name]:g} nM" in nano and f"{S[name]:g} µM" in micro
    assert conventions.equation("book", "first", "nM") != conventions.equation(
        "book", "second", "nM"
    )


@pytest.mark.book
def test_the_choice_changes_figure_and_equation_together(site, browser):
    page = browser.new_page()
    page.goto(site + PAGE, wait_until="load")
    form = page.locator("form.hl-conventions")

    def seen():
        blocks = form.locator("[data-sign]:visible")
        image, equation = blocks.locator("img"), blocks.locator(".hl-equation")
        assert image.count() == equation.count() == 1 and blocks.count() == 2
        return image.get_attribute("alt"), blocks.last.inner_text()

    start = seen()
    assert "t₂ − t₁" in start[0] and "4 nM" in start[1]
    form.get_by_label("t₁ − t₂", exact=True).check()
    turned = seen()
    assert "t₁ − t₂" in turned[0] and turned[1] != start[1]
    form.get_by_label("µM", exact=True).check()
    assert "0.004 µM" in seen()[0] and "0.004 µM" in seen()[1]
    form.get_by_label("Shouval et al. 2002").check()
    assert "Ω" in seen()[1] and "0.004 µM" in seen()[1]
    for label in ("t₂ − t₁ (this book)", "nM (this book)", "two thresholds (this book)"):
        form.get_by_label(label).check()
    assert seen() == start
    page.close()
