"""The types behind the registry, and ways to look into it: `table`, `show`, `diff`, `cite`."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd
    from pandas.io.formats.style import Styler

STATUSES = ("printed", "from code", "converted", "chosen for teaching")


@dataclass(frozen=True)
class Parameter:
    """One number and all that is known of where it comes from.

    Parameters
    ----------
    symbol : str
        As in the equations of the book, in LaTeX without dollar signs.
    meaning : str
        In words; used as axis and slider label.
    value : float
        In `unit`.
    unit : str
        Empty for a pure number.
    source : str
        Where the value was read.
    status : str
        One of `STATUSES`.
    note : str
        What a careful reader should know about it.
    """

    symbol: str
    meaning: str
    value: float
    unit: str
    source: str
    status: str
    note: str = ""

    def __post_init__(self) -> None:
        if self.status not in STATUSES:
            raise ValueError(f"status is {self.status!r}; allowed: {', '.join(STATUSES)}")

    @property
    def label(self) -> str:
        """Meaning and unit, as they stand on an axis."""
        return f"{self.meaning} ({self.unit})" if self.unit else self.meaning


@dataclass(frozen=True)
class ParameterSet(Mapping[str, float]):
    """The values of one paper. ``set["name"]`` gives the number, ``set.info("name")`` its entry.

    Values that no paper gives have an empty `doi`.

    Examples
    --------
    >>> from heterolib.parameters import SHAFIEE_2026
    >>> SHAFIEE_2026["diffusion"]
    220.0
    >>> SHAFIEE_2026.info("diffusion").unit
    'µm²/s'
    >>> SHAFIEE_2026.variant("figure 5")["current"]
    0.2
    """

    key: str
    title: str
    citation: str
    doi: str
    entries: Mapping[str, Parameter]
    variants: Mapping[str, Mapping[str, Parameter]] = field(default_factory=dict)
    oddities: tuple[str, ...] = ()
    name: str = ""

    def __post_init__(self) -> None:
        object.__setattr__(self, "entries", MappingProxyType(dict(self.entries)))
        object.__setattr__(self, "variants", MappingProxyType(dict(self.variants)))

    def __getitem__(self, name: str) -> float:
        return self.info(name).value

    def __iter__(self) -> Iterator[str]:
        return iter(self.entries)

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and name in self.entries

    def get(self, name: str, default: Any = None) -> Any:
        """The value of one parameter, or `default` if the set holds no such name."""
        return self[name] if name in self else default

    def __len__(self) -> int:
        return len(self.entries)

    def info(self, name: str) -> Parameter:
        """The whole entry of one parameter.

        Raises
        ------
        ValueError
            If the set holds no such name.
        """
        if not isinstance(name, str) or name not in self.entries:
            raise ValueError(
                f"name is {name!r}; {self.key} holds: {', '.join(sorted(self.entries))}"
            )
        return self.entries[name]

    def variant(self, name: str) -> ParameterSet:
        """The set as one figure uses it.

        Raises
        ------
        ValueError
            If the set has no such variant.
        """
        if not isinstance(name, str) or name not in self.variants:
            raise ValueError(
                f"name is {name!r}; variants of {self.key}: {', '.join(self.variants)}"
            )
        return replace(self, entries={**self.entries, **self.variants[name]}, name=name)


def of_set(name: str, value: object) -> None:
    """Refuse what is no ParameterSet.

    Raises
    ------
    ValueError
        If it is none.
    """
    if not isinstance(value, ParameterSet):
        raise ValueError(f"{name} is {value!r}; allowed: a ParameterSet")


def table(parameters: ParameterSet) -> pd.DataFrame:
    """One row a parameter: symbol, meaning, value, unit, status, source, note.

    Examples
    --------
    >>> from heterolib.parameters import SHAFIEE_2026, table
    >>> table(SHAFIEE_2026).loc["theta_p", "unit"]
    'µM'
    """
    import pandas as pd

    of_set("parameters", parameters)
    columns = ("symbol", "meaning", "value", "unit", "status", "source", "note")
    rows = [[getattr(p, c) for c in columns] for p in parameters.entries.values()]
    return pd.DataFrame(rows, columns=list(columns), index=list(parameters.entries))


def symbol_html(latex: str) -> str:
    r"""A symbol of the registry as HTML: Greek letters, one subscript, one superscript.

    Examples
    --------
    >>> symbol_html(r"\tau_{Ca}")
    '<i>τ</i><sub>Ca</sub>'
    >>> symbol_html(r"\bar g").encode("ascii", "backslashreplace")
    b'<i>g\\u0304</i>'
    """
    latex = re.sub(r"\\bar ([A-Za-z])", "\\1\N{COMBINING MACRON}", latex)
    greek = html.unescape(re.sub(r"\\([A-Za-z]+) ?", r"&\1;", latex))
    base, _, rest = greek.partition("_")
    below, _, above = rest.partition("^")
    return f"<i>{base}</i>" + "".join(
        f"<{tag}>{text.strip('{}')}</{tag}>"
        for tag, text in (("sub", below), ("sup", above))
        if text
    )


def show(*tables: pd.DataFrame, notes: bool = False) -> Styler:
    """Rows of `table` one under the other, as the book prints them.

    Parameters
    ----------
    *tables : DataFrame
        Of `table`, or rows of it.
    notes : bool
        Put each note under its meaning.

    Raises
    ------
    ValueError
        If there is no table, or one that is not of `table`.

    Examples
    --------
    >>> from heterolib.parameters import SHAFIEE_2026, show, table
    >>> "<i>θ</i><sub>P</sub>" in show(table(SHAFIEE_2026).loc[["theta_p"]]).to_html()
    True
    """
    import pandas as pd

    needed = ("symbol", "meaning", "value", "unit", "status", "source", "note")
    if not tables or not all(isinstance(t, pd.DataFrame) and set(needed) <= {*t} for t in tables):
        raise ValueError(f"tables is {tables!r:.60}; allowed: one or more with columns {needed}")
    rows = pd.concat(tables).reset_index(drop=True)
    meaning = rows["meaning"].map(html.escape)
    if notes:
        small = "<small>" + rows["note"].map(html.escape) + "</small>"
        meaning += small.where(rows["note"] != "", "")
    unit = rows["unit"].str.removeprefix("1")  # 2.3 /s rather than 2.3 1/s
    shown = pd.DataFrame(
        {
            "symbol": rows["symbol"].map(symbol_html),
            "meaning": meaning,
            "value": (rows["value"].map("{:.9g} ".format) + unit).str.strip(),
            "status": rows["status"],
            # a long path may break at its slashes
            "source": rows["source"].map(html.escape).str.replace("/", "/<wbr>"),
        }
    )
    return shown.style.hide(axis="index").set_table_attributes('class="dataframe"')


def diff(a: ParameterSet, b: ParameterSet) -> pd.DataFrame:
    """The parameters in which two sets differ; a value that one set lacks is missing there.

    Examples
    --------
    >>> from heterolib.parameters import SHAFIEE_2026, diff
    >>> list(diff(SHAFIEE_2026, SHAFIEE_2026.variant("figure 3")).index)
    ['theta_p', 'theta_d']
    """
    import pandas as pd

    of_set("a", a)
    of_set("b", b)
    names = [*a.entries, *(n for n in b.entries if n not in a.entries)]
    left, right = a.name or a.key, b.name or b.key
    if left == right:
        left, right = f"{left} (first)", f"{right} (second)"
    rows = {
        n: {left: a.get(n), right: b.get(n), "unit": (a.entries.get(n) or b.entries[n]).unit}
        for n in names
        if a.get(n) != b.get(n)
    }
    return pd.DataFrame.from_dict(rows, orient="index", columns=[left, right, "unit"])


def cite(parameters: ParameterSet) -> str:
    """How to cite a set, with the variant in use.

    Examples
    --------
    >>> from heterolib.parameters import SHAFIEE_2026, cite
    >>> cite(SHAFIEE_2026).startswith("Shafiee")
    True
    """
    of_set("parameters", parameters)
    used = f" Values as used for {parameters.name}." if parameters.name else ""
    where = f" https://doi.org/{parameters.doi}." if parameters.doi else ""
    return f"{parameters.citation}{where}{used}"
