"""The explorer on a built page: alive through WebAssembly, a figure where that cannot be."""

from __future__ import annotations

import html
import json
from dataclasses import asdict
from functools import lru_cache
from typing import Any

from heterolib.explore import figure, wasm
from heterolib.explore.model import Explorer, HeatMap

ALONE = (
    "The sliders need scripts and WebAssembly, which are off here. The figure shows the model at "
    "its start values."
)


@lru_cache(maxsize=32)
def compiled(name: str) -> wasm.Module:
    """The explorer's module, compiled once in this Python session."""
    return wasm.compile_explorer(name)


def parts(explorer: Explorer) -> list[str]:
    """Which parts of the front end the explorer needs, of `heterolib.explore.notebook.PARTS`."""
    needed = {
        "map": any(isinstance(view, HeatMap) for view in explorer.views),
        "sketch": explorer.sketch is not None,
    }
    return [name for name, wanted in needed.items() if wanted]


def declaration(explorer: Explorer) -> dict[str, Any]:
    """What the front end needs to know, ready for JSON."""
    return {
        "name": explorer.name,
        "title": explorer.title,
        "note": explorer.note,
        "controls": [asdict(c) for c in explorer.controls],
        "constants": list(explorer.constants),
        "outputs": [asdict(o) for o in explorer.outputs],
        "work": explorer.work,
        "views": [asdict(v) for v in explorer.views],
        "readouts": [asdict(r) for r in explorer.readouts],
        "presets": [asdict(p) for p in explorer.presets],
        "ordered": [list(pair) for pair in explorer.ordered],
        "code": explorer.code,
        "sketch": explorer.sketch and asdict(explorer.sketch),
    }


def markup(explorer: Explorer) -> str:
    """HTML of the live explorer with its static twin."""
    esc = html.escape
    spec = {**declaration(explorer), **compiled(explorer.name).packed()}
    # "</" would end the script element
    text = json.dumps(spec, separators=(",", ":"), ensure_ascii=False).replace("</", "<\\/")
    title = f"hl-title-{explorer.name}"
    image = figure.data_uri(figure.png(figure.draw(explorer)))
    return (
        f"<section class='hl-explorer' data-explorer='{esc(explorer.name)}' data-state='loading' "
        f"data-parts='{' '.join(parts(explorer))}' "
        f"aria-labelledby='{esc(title)}'>"
        f"<p class='hl-title' id='{esc(title)}'>{esc(explorer.title)}</p>"
        "<div class='hl-live'></div>"
        f"<div class='hl-static'><img src='{image}' alt='{esc(alt_text(explorer), quote=True)}'>"
        f"<p>{esc(explorer.summary(explorer.run()))}</p><p class='hl-why'>{esc(ALONE)}</p></div>"
        f"<script type='application/json' class='hl-spec'>{text}</script></section>"
    )


def alt_text(explorer: Explorer, **changes: float) -> str:
    """What the figure shows, in words."""
    values = explorer.values(**changes)
    set_to = ", ".join(
        f"{c.label} {c.show(values[c.name])} {c.unit}".strip() for c in explorer.controls
    )
    found = explorer.summary(explorer.run(**changes))
    return f"{explorer.title}. Settings: {set_to}. Result: {found}"
