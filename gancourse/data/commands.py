"""The commands of this room: `fetch` and `pack-mnist`."""

from __future__ import annotations

import argparse
from typing import Any


def add_commands(commands: Any) -> None:
    """Add them to the subparsers of `python -m gancourse`."""
    get = commands.add_parser("fetch", help="fetch LSUN's churches (2.4 GB); the same command goes on after a break")
    get.add_argument("what", choices=["lsun-church"])
    get.add_argument("--to", help="folder for them (default: in $GANCOURSE_CACHE or your cache)")
    get.add_argument("--from", dest="from_file", metavar="FILE", help="the zip, had by other means")
    get.add_argument("--url", help="another place of the same zip")
    get.set_defaults(run=_fetch)

    pack = commands.add_parser("pack-mnist", help="make assets/mnist.xz from a torchvision-style folder")
    pack.add_argument("root")
    pack.add_argument("out")
    pack.set_defaults(run=_pack)


def _fetch(options: argparse.Namespace) -> None:
    from gancourse.data.photographs.fetch import fetch

    print(f"LSUN's churches are in {fetch(options.to, options.from_file, options.url)}")


def _pack(options: argparse.Namespace) -> None:
    from gancourse.data.mnist_digits import pack_mnist

    print(f"SHA-256 of the decoded data: {pack_mnist(options.root, options.out)}")
