"""Explain the words of the glossary where they are used.

The first use of a term in a chapter becomes a link to the glossary that carries the definition;
_static/terms.js shows it when the pointer or the focus is on the link. A chapter's author does
nothing for it.
"""

from __future__ import annotations

import html
import re

from docutils import nodes
from sphinx import addnodes
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment

GLOSSARY = "chapters/glossary"
CHAPTER = re.compile(r"chapters/(\d\d-|failure-gallery|mystery-synapse)")
# Where a link would be in the way, or the words are not prose.
NOT_IN = (
    nodes.reference,
    nodes.title,
    nodes.literal,
    nodes.literal_block,
    nodes.math,
    nodes.math_block,
    nodes.raw,
    nodes.caption,
    nodes.strong,
    nodes.term,
    nodes.image,
    nodes.Admonition,
    addnodes.pending_xref,
)


def collect(app: Sphinx, doctree: nodes.document) -> None:
    """Keep the terms of the glossary page: word to (anchor, definition)."""
    if app.env.docname != GLOSSARY:
        return
    found: dict[str, tuple[str, str]] = {}
    for glossary in doctree.findall(addnodes.glossary):
        for item in glossary.findall(nodes.definition_list_item):
            definition = next(iter(item.findall(nodes.definition)))
            words = " ".join(definition.astext().split())
            for term in item.findall(nodes.term):
                found[term.astext().lower()] = (term["ids"][0], words)
    app.env.hl_terms = found  # type: ignore[attr-defined]


def terms_of(env: BuildEnvironment) -> dict[str, tuple[str, str]]:
    """Return the terms that were collected, none if the book has no glossary."""
    return getattr(env, "hl_terms", {})


def pattern(terms: dict[str, tuple[str, str]]) -> re.Pattern[str]:
    """Return what finds any term as a whole word, the longest first; a plural s may follow."""
    words = sorted(terms, key=len, reverse=True)
    return re.compile(rf"(?<![\w-])({'|'.join(map(re.escape, words))})(s?)(?![\w-])", re.IGNORECASE)


def link(shown: str, address: str, anchor: str, words: str) -> nodes.raw:
    """Return the link that explains a word."""
    attributes = f'class="hl-term reference internal" href="{address}#{anchor}"'
    tip = f'data-tip="{html.escape(words)}"'
    return nodes.raw("", f"<a {attributes} {tip}>{html.escape(shown)}</a>", format="html")


def explain(app: Sphinx, doctree: nodes.document, page: str) -> None:
    """Link the first use of each term on a page to its definition."""
    terms = terms_of(app.env)
    if not terms or not CHAPTER.match(page) or app.builder.format != "html":
        return
    address = app.builder.get_relative_uri(page, GLOSSARY)
    search, left = pattern(terms), dict(terms)
    for text in list(doctree.findall(nodes.Text)):
        ancestor, free = text.parent, isinstance(text.parent, nodes.paragraph | nodes.emphasis)
        while free and ancestor is not None:
            free = not isinstance(ancestor, NOT_IN)
            ancestor = ancestor.parent
        if not free:
            continue
        pieces: list[nodes.Node] = []
        source, at = text.astext(), 0
        for found in search.finditer(source):
            known = left.pop(found[1].lower(), None)
            if known is None:
                continue
            # words of one definition are explained once
            left = {word: entry for word, entry in left.items() if entry[1] != known[1]}
            pieces += [nodes.Text(source[at : found.start()]), link(found[0], address, *known)]
            at = found.end()
        if pieces:
            text.parent.replace(text, [*pieces, nodes.Text(source[at:])])
