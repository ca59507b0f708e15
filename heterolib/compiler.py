"""numba's `njit`, or plain Python where there is no numba.

Without numba (in a browser's Python, say) the kernels run as they are written: slowly, with
the same numbers.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

__all__ = ["njit"]

try:
    from numba import njit
except ModuleNotFoundError as missing:
    if missing.name not in ("numba", "llvmlite"):
        raise

    def njit(**_options: object) -> Callable[[Any], Any]:
        """Leave a function as it is."""
        return lambda function: function
