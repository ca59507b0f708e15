"""Words of the glossary are found as words, and the description of a page is its first sentence."""

import importlib.util
import sys

import pytest
from docutils.core import publish_doctree

from tools.book import ROOT


def load(name):
    spec = importlib.util.spec_from_file_location(name, ROOT / "_ext" / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules.setdefault(name, module)
    spec.loader.exec_module(module)
    return module


terms, social = load("terms"), load("social")
TERMS = {w: (w, f"about {w}") for w in ("spine", "spine neck", "ltp", "length constant")}


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("A spine and its head", ["spine"]),
        ("Two Spines", ["Spine"]),
        ("the spine neck", ["spine neck"]),  # the longer term wins
        ("LTP, not LTPx", ["LTP"]),
        ("a spineless spin", []),
        ("the two-spine case", []),
        ("length constants", ["length constant"]),
    ],
)
def test_terms_are_found_as_whole_words(text, found):
    assert [match[1] for match in terms.pattern(TERMS).finditer(text)] == found


def test_a_link_carries_its_words_safely():
    html = terms.link("spine", "glossary.html", "term-spine", 'a "head" <on> a neck').astext()
    assert 'data-tip="a &quot;head&quot; &lt;on&gt; a neck"' in html
    assert html.count("<a ") == 1 and html.endswith(">spine</a>")


def test_the_description_is_the_first_paragraph_that_says_something():
    words = "This is the first paragraph that has enough words to be of use."
    assert social.description(publish_doctree(f"Title\n=====\n\nShort.\n\n{words}\n")) == words
    long = social.description(publish_doctree("word " * 100))
    assert len(long) <= social.MOST_LETTERS + 2 and long.endswith(" …")
    assert social.description(publish_doctree("Short.")) == social.description(None) == ""
