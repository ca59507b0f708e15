"""What the book needs beyond ``_config.yml``.

* MathJax is copied from its Python package into the site.
* The explorers' scripts are put on the pages that have an explorer.
* Scripts that a page does not use, or that would ask an outside host, are left out.
* Tables are marked by what they hold, so that the style sheet can fit them to a phone.
* A widget without a text/html form is a warning, and so an error in a strict build.
* The list of works is a list to a screen reader, too.
* A shared link shows a card (social.py), and words of the glossary are explained (terms.py).
* ``index.html`` at the root of the site is the landing page itself.
"""

from __future__ import annotations

import os
import re
import shutil
import sys
from importlib import metadata
from pathlib import Path

from bs4 import BeautifulSoup
from docutils import nodes
from sphinx.application import Sphinx
from sphinx.config import Config
from sphinx.errors import ExtensionError
from sphinx.util import logging

from heterolib.explore import BOOK, notebook, vendor

sys.path.insert(0, str(Path(__file__).parent))
import social
import terms

logger = logging.getLogger(__name__)

MATHJAX_PACKAGE = "sphinx-mathjax-offline"
# One bundle with its fonts, and what it loads only when asked (rare TeX packages, its menu).
MATHJAX_PARTS = ("tex-chtml.js", "a11y", "input/tex", "output/chtml", "sre", "ui")
MATHJAX_NOTICE = "MathJax 3, Apache License 2.0, https://www.mathjax.org\n"
WIDGET_VIEW = "application/vnd.jupyter.widget-view+json"
WIDGET_STATE = "application/vnd.jupyter.widget-state+json"

TABLE = re.compile(r"<table\b.*?</table>", re.DOTALL)
PROSE = re.compile(r"(?:[^\W\d_]{3,}\W+){2}[^\W\d_]{3,}")  # three words in a row
FEW_COLUMNS = 3
NO_BREAK = "\u00a0"


def set_theme(app: Sphinx, config: Config) -> None:
    """Drop the theme's header bar, which would hold nothing but a second search button.

    Setting html_theme_options in _config.yml would replace all of Jupyter Book's own options.
    """
    config.html_theme_options.setdefault("navbar_persistent", [])


def copy_mathjax(app: Sphinx) -> None:
    """Copy MathJax from its Python package to _static/mathjax."""
    if app.builder.format != "html":
        return
    try:
        package = metadata.distribution(MATHJAX_PACKAGE)
    except metadata.PackageNotFoundError as error:
        raise ExtensionError(f"{MATHJAX_PACKAGE} is missing: pip install -e '.[book]'") from error
    source = Path(str(package.locate_file(f"{MATHJAX_PACKAGE}/static/mathjax")))
    target = Path(app.outdir) / "_static" / "mathjax"
    for part in MATHJAX_PARTS:
        (target / part).parent.mkdir(parents=True, exist_ok=True)
        if (source / part).is_dir():
            shutil.copytree(source / part, target / part, dirs_exist_ok=True)
        else:
            shutil.copy2(source / part, target / part)
    (target / "NOTICE.txt").write_text(MATHJAX_NOTICE, encoding="utf-8")


def copy_explorer(app: Sphinx) -> None:
    """Copy the front end of the explorers and its chart library to _static/heterolib."""
    if app.builder.format != "html":
        return
    try:
        charts = vendor.charts()
    except vendor.ChartsMissing as error:
        raise ExtensionError(str(error)) from error
    target = Path(app.outdir) / "_static" / "heterolib"
    target.mkdir(parents=True, exist_ok=True)
    for source in charts.iterdir():
        shutil.copy2(source, target / source.name)
    for source in notebook.ASSETS.iterdir():
        if source.name == notebook.WIDGET:
            continue
        (target / source.name).write_text(notebook.asset(source.name), encoding="utf-8")


def add_explorer(app: Sphinx, page: str, template: str, context: dict, doctree: object) -> None:
    """Load the explorer's scripts where there is an explorer, its style also for predictions."""
    body = context.get("body", "")
    if "hl-explorer" in body or "hl-predict" in body:
        app.add_css_file("heterolib/explorer.css")
    if "data-explorer=" in body:
        app.add_css_file(f"heterolib/{vendor.STYLE}", priority=400)
        app.add_js_file(f"heterolib/{vendor.SCRIPT}", loading_method="defer")
        needed = set(" ".join(re.findall(r"data-parts='([^']*)'", body)).split())
        for part in sorted(needed):
            app.add_js_file(f"heterolib/{notebook.PARTS[part]}", loading_method="defer")
        app.add_js_file("heterolib/explorer.js", loading_method="defer")


def fit_table(source: str) -> str:
    """Mark one table: with prose beside its first column it becomes cards on a phone.

    Numbers stay in columns and on one line, but for a cell with a no-break space: there its
    author says where it may wrap. Pandas gives the names of an index a header row of their own;
    they move into the first.
    """
    page = BeautifulSoup(source, "html.parser")
    table = page.table
    if table is None or table.thead is None or table.tbody is None:
        return source
    first, *more = table.thead.find_all("tr")
    heads = first.find_all(["th", "td"])
    if len(more) == 1:
        names = [cell.get_text(strip=True) for cell in more[0].find_all(["th", "td"])]
        if len(names) == len(heads) and not any(
            name and head.get_text(strip=True) for name, head in zip(names, heads, strict=True)
        ):
            for name, head in zip(names, heads, strict=True):
                if name:
                    head.string = name
            more.pop().decompose()
    labels = [head.get_text(" ", strip=True) for head in heads]
    rows = [row.find_all(["th", "td"]) for row in table.tbody.find_all("tr")]
    simple = not more and all(len(row) == len(labels) for row in rows)
    beside = [cell for row in rows for cell in row[1:] if cell.name == "td"]
    prose = any(PROSE.search(cell.get_text(" ")) for cell in beside)
    kind = ""
    if simple and prose and len(labels) > FEW_COLUMNS:
        kind = "hl-cards"
        # a table shown as blocks is no table to a screen reader unless told so
        table["role"] = "table"
        for group in (table.thead, table.tbody):
            group["role"] = "rowgroup"
        for head in heads:
            head["role"] = "columnheader"
        for row in rows:
            row[0].parent["role"] = "row"
            for cell, label in zip(row, labels, strict=True):
                cell["role"] = "rowheader" if cell.name == "th" else "cell"
                cell["data-label"] = label
            for cell in row[1:]:
                if cell.get_text(strip=True):  # one box beside the label
                    box = page.new_tag("div")
                    box.extend(list(cell.contents))
                    cell.append(box)
                else:  # an empty cell is not shown
                    cell.clear()
        first["role"] = "row"
    elif not prose:
        kind = "hl-numbers"
        for cell in beside:
            if NO_BREAK in cell.get_text():
                cell["class"] = "hl-wrap"
    if table.caption:  # stays in view when the table scrolls
        words = page.new_tag("span")
        words.extend(list(table.caption.contents))
        table.caption.append(words)
    if kind:
        table["class"] = [*table.get("class", []), kind]
    return str(table)


def fit_tables(app: Sphinx, page: str, template: str, context: dict, doctree: object) -> None:
    """Mark every table of a page."""
    if "body" in context:
        context["body"] = TABLE.sub(lambda found: fit_table(found[0]), context["body"])


def fix_roles(app: Sphinx, page: str, template: str, context: dict, doctree: object) -> None:
    """Make the works of a bibliography items of their list: their own role is out of use."""
    if "body" in context:
        context["body"] = context["body"].replace('role="doc-biblioentry"', 'role="listitem"')


def warn_of_bare_widgets(app: Sphinx, doctree: nodes.document) -> None:
    """Warn of every cell output that is a widget and has no text/html form for the page."""
    for bundle in doctree.findall(nodes.container):
        if bundle.get("nb_element") != "mime_bundle":
            continue
        kinds = {child.get("mime_type") for child in bundle.children}
        if WIDGET_VIEW in kinds and "text/html" not in kinds:
            logger.warning(
                "a widget without a text/html form cannot be shown on a page without a kernel: "
                "tag the cell 'remove-output' or give the object such a form",
                location=bundle,
                type="heterolib",
                subtype="widget",
            )


def _is_wanted(script: object) -> bool:
    """Say whether a script belongs on the page: not thebe, not saved widget states."""
    attributes = getattr(script, "attributes", {})
    name = str(getattr(script, "filename", None) or "")
    body = attributes.get("body") or ""
    return not ("thebe" in name or "THEBE_JS_URL" in body or attributes.get("type") == WIDGET_STATE)


def choose_files(app: Sphinx, page: str, template: str, context: dict, doctree: object) -> None:
    """Leave out unwanted scripts and style sheets; sphinx-thebe adds its own to every page."""
    context["script_files"] = [s for s in context.get("script_files", []) if _is_wanted(s)]
    context["css_files"] = [s for s in context.get("css_files", []) if _is_wanted(s)]


def finish(app: Sphinx, error: Exception | None) -> None:
    """Write index.html, and remove the files of thebe, which no page uses."""
    if error or app.builder.format != "html":
        return
    out = Path(app.outdir)
    for unused in (out / "_static").glob("sphinx-thebe.*"):
        unused.unlink()
    address = app.builder.get_target_uri(app.config.root_doc)
    if address != "index.html":
        # The landing page itself rather than a redirect: its links start from where it lies.
        base = f'<head>\n<base href="{address}">'
        if not app.config.html_baseurl:  # else the page has one
            base += f'\n<link rel="canonical" href="{address}">'
        landing = (out / address).read_text(encoding="utf-8")
        (out / "index.html").write_text(landing.replace("<head>", base, 1), encoding="utf-8")


def setup(app: Sphinx) -> dict[str, bool]:
    """Connect everything above to the build."""
    os.environ[BOOK] = "1"  # the notebooks' kernels inherit it
    app.connect("config-inited", set_theme)
    app.connect("builder-inited", copy_mathjax)
    app.connect("builder-inited", copy_explorer)
    app.connect("doctree-read", warn_of_bare_widgets)
    app.connect("doctree-read", terms.collect)
    app.connect("doctree-resolved", terms.explain)
    app.connect("html-page-context", add_explorer)
    app.connect("html-page-context", fit_tables)
    app.connect("html-page-context", fix_roles)
    app.connect("html-page-context", social.add_card)
    app.connect("html-page-context", choose_files, priority=900)
    app.connect("build-finished", finish)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
