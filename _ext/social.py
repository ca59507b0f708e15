"""What a shared link shows: title, description and the book's card, as plain meta elements.

Nothing is fetched by the page. The address of the site is html_baseurl; without it a card could
not be found by others, and only title and description are given.
"""

from __future__ import annotations

import html
import re

from docutils import nodes
from sphinx.application import Sphinx

CARD = "_static/card.png"  # drawn by tools/picture.py
CARD_WORDS = "Two spines on a dendrite: one strengthens, its silent neighbour weakens"
LEAST_WORDS, MOST_LETTERS = 8, 200


def description(doctree: nodes.document | None) -> str:
    """Return the first paragraph that says something, cut at a word."""
    if doctree is None:
        return ""
    for paragraph in doctree.findall(nodes.paragraph):
        text = " ".join(paragraph.astext().split())
        if len(text.split()) < LEAST_WORDS:
            continue
        if len(text) > MOST_LETTERS:
            text = text[:MOST_LETTERS].rsplit(" ", 1)[0] + " …"
        return text
    return ""


def add_card(app: Sphinx, page: str, template: str, context: dict, doctree: object) -> None:
    """Add the meta elements to a page made from a document of ours."""
    if not isinstance(doctree, nodes.document):
        return
    title = html.unescape(re.sub(r"<[^>]*>", "", str(context.get("title", ""))))
    found = {
        "og:type": "article",
        "og:site_name": app.config.html_title or app.config.project,
        "og:title": title,
        "og:description": description(doctree),
    }
    base = app.config.html_baseurl.rstrip("/")
    if base:
        found |= {
            "og:url": f"{base}/{app.builder.get_target_uri(page)}",
            "og:image": f"{base}/{CARD}",
            "og:image:alt": CARD_WORDS,
        }
    lines = [
        f'<meta property="{key}" content="{html.escape(text)}" />'
        for key, text in found.items()
        if text
    ]
    if found["og:description"]:
        lines.append(
            f'<meta name="description" content="{html.escape(found["og:description"])}" />'
        )
    if base:
        lines.append('<meta name="twitter:card" content="summary_large_image" />')
    context["metatags"] = context.get("metatags", "") + "\n" + "\n".join(lines) + "\n"
