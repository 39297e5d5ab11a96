"""What a run is: every setting that decides how it goes, checked, and the device that it goes on."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

import torch

from gancourse import seeds
from gancourse.training.losses import LOSSES
from gancourse.training.settings import check, choice, number, one_of, setting, switch, whole

_PRECISIONS = ("auto", "float32", "bfloat16")


def _two_betas(value: Any) -> bool:
    return isinstance(value, tuple) and len(value) == 2 and all(map(number(lambda v: 0 <= v < 1), value))


@dataclass(frozen=True)
class Config:
    """Everything that decides how a run goes. The defaults are P1's recipe.

    Raises ValueError for a value out of range, naming it.
    """

    model: str = setting(
        "mlp",
        "a name for messages and folders; the networks themselves are given to the algorithm",
        lambda v: isinstance(v, str),
        'a name such as "mlp"',
    )
    epochs: int = setting(100, "passes over the images", whole(1), "a whole number of at least 1", kind=int)
    batch_size: int = setting(
        128, "images of a batch, of all processes together", whole(1), "a whole number of at least 1", kind=int
    )
    k: int = setting(1, "D steps per G step (Algorithm 1)", whole(1), "a whole number of at least 1", kind=int)
    lr: float = setting(
        2e-4,
        "Adam's learning rate, for both networks",
        number(lambda v: v > 0),
        "a positive number such as 2e-4",
        kind=float,
    )
    betas: tuple[float, float] = setting(
        (0.5, 0.999), "Adam's betas", _two_betas, "two numbers in [0, 1) such as (0.5, 0.999)", kind=float, many="2"
    )
    loss: str = choice("non_saturating", "G's loss; D's is the same for all", tuple(LOSSES))
    fresh_z: bool = setting(
        True,
        "G's step reuses D's fake batch, as P2 and most tutorials do; Algorithm 1 draws new z",
        switch,
        "True or False",
        option="--reuse-fakes",
    )
    seed: int = setting(
        0,
        "of data order and z; the networks are initialised before",
        whole(0, seeds.LARGEST),
        seeds.EXPECTED,
        kind=int,
    )
    ema_half_life: float = setting(
        0.0,
        "images after which an old weight counts half in the average of G; 0: no average",
        number(lambda v: v >= 0),
        "a number of images, 0 for none",
        kind=float,
    )
    precision: str = setting(
        "auto",
        "auto: what is fastest here and safe",
        one_of(_PRECISIONS),
        '"auto", "float32" or "bfloat16"',
        choices=_PRECISIONS,
    )
    fast: bool = setting(
        True, "the readable loop instead of the fast path (models.fast)", switch, "True or False", option="--plain"
    )

    def __post_init__(self) -> None:
        if isinstance(self.betas, list):
            object.__setattr__(self, "betas", tuple(self.betas))
        check(self)

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> Config:
        """From names and values. Raises ValueError for an unknown name or a bad value."""
        known = {f.name for f in fields(cls)}
        if unknown := sorted(set(values) - known):
            raise ValueError(f"unknown setting {', '.join(map(repr, unknown))}; known: {', '.join(sorted(known))}.")
        return cls(**values)


def pick_device(name: str = "auto") -> torch.device:
    """CUDA where there is one, then Apple's MPS, then the CPU; or a device by name. Raises ValueError if absent."""
    if name == "auto":
        if torch.cuda.is_available():
            return torch.device("cuda")
        return torch.device("mps" if torch.backends.mps.is_available() else "cpu")
    try:
        device = torch.device(name)
    except RuntimeError as error:
        raise ValueError(f'device is {name!r}, expected "auto", "cpu", "cuda", "cuda:1" or "mps".') from error
    available = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}
    if not available.get(device.type, True):
        raise ValueError(f'device is {name!r}, but this machine has none; use "auto" or "cpu".')
    return device
