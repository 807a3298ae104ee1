"""``python -m tidewire``: the command line."""

from __future__ import annotations

import sys

from tidewire.cli import main

sys.exit(main())
