"""The version of this package, the same as in ``pyproject.toml``."""

from __future__ import annotations

#: The version of this package.
__version__ = "0.1.0"

__all__ = ["__version__"]
