"""``python -m scripts.story``."""

from __future__ import annotations

import sys

from scripts.story.cli import main

sys.exit(main())
