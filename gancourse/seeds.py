"""What a seed may be, and random numbers that begin at one."""

from __future__ import annotations

import torch

LARGEST = 2**63 - 1
EXPECTED = "a whole number from 0 to 2**63 - 1"


def check_seed(seed: object) -> None:
    """Raises ValueError for a seed that is no whole number from 0 to 2**63 - 1.

    torch's own messages ("an integer is required") do not say what was wrong, and it takes negative seeds, with which
    no run could be trained.
    """
    if not isinstance(seed, int) or isinstance(seed, bool) or not 0 <= seed <= LARGEST:
        raise ValueError(f"seed is {seed!r}, expected {EXPECTED}.")


def random_numbers(seed: int) -> torch.Generator:
    """torch's random numbers that begin at `seed`. ValueError as in `check_seed`."""
    check_seed(seed)
    return torch.Generator().manual_seed(seed)
