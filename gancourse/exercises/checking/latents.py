"""Checks of what lesson 11 does with w: style mixing, and truncation."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from gancourse.exercises.checking.crashes import describe
from gancourse.exercises.checking.engine import StudentFunction, Wrong
from gancourse.exercises.checking.judging import check_draws, close
from gancourse.exercises.checking.layers import compare
from gancourse.exercises.checking.noise import judge_normal
from gancourse.exercises.checking.styles import unchanged
from gancourse.exercises.checking.watching import gradients

# --- style mixing ----------------------------------------------------------------------------------------------------


def check_mix(call: StudentFunction) -> str:
    """The check of `lesson11.mix`: mix(w_source, w_donor, first, last, n_styles), (B, d) -> (B, n_styles, d)."""
    for b, d, first, last, n in (
        *((3, 4, 2, 4, 6), (3, 4, 1, 2, 6), (2, 5, 4, 10, 10), (1, 7, 3, 3, 8)),
        *((4, 3, 1, 8, 8), (3, 3, 2, 2, 3), (2, 2, 5, 6, 8)),
    ):
        kept = torch.randn(b, d), torch.randn(b, d)
        source, donor = (w.clone() for w in kept)
        value = call(source, donor, first, last, n)
        unchanged({"w_source": source, "w_donor": donor}, kept)
        wanted = _mixed(*kept, range(first - 1, last), n)
        otherwise = (
            f"With layers {first} to {last} of {n} these are not w_donor's w in those layers, and w_source's in all "
            "others."
        )
        slips = [(item.double(), message) for item, message in _mix_slips(*kept, first, last, n)]
        compare(value, wanted.double(), slips, otherwise)
        if value.dtype != wanted.dtype:
            raise Wrong(f"It returned {describe((value,))}: w is float32, and stays so.")
    return (
        "The first layers work at 4 and 8 pixels, the last ones at 64: which layers the donor gives says at which "
        "sizes it is copied."
    )


def _mixed(source: Tensor, donor: Tensor, layers: range, n: int) -> Tensor:
    chosen = torch.tensor([i in layers for i in range(n)])[None, :, None]
    return torch.where(chosen, donor[:, None], source[:, None])


def _mix_slips(source: Tensor, donor: Tensor, first: int, last: int, n: int) -> list[tuple[Tensor, str]]:
    right = _mixed(source, donor, range(first - 1, last), n)

    def layers(start: int, end: int) -> Tensor:
        return _mixed(source, donor, range(max(0, start), end), n)

    slips = [
        (_mixed(donor, source, range(first - 1, last), n), "Source and donor are exchanged."),
        (_mixed(donor, source, range(first, last + 1), n), "Source and donor are exchanged, and you count from 0."),
        (layers(first, last + 1), "You count from 0: layer 1 is the first one, at index 0."),
        (layers(first, last), "Layer `first` is left out: counted from 1, it stands at index first - 1."),
        (layers(first - 1, last - 1), "Layer `last` is left out: it has the donor's w, too, so the slice ends at it."),
        (layers(first - 1, last + 1), "One layer too many behind `last`: a slice that ends at index `last` has it."),
        (layers(first - 1, n), "All layers from `first` on are the donor's: only those up to `last`."),
        (layers(0, last), "All layers up to `last` are the donor's: only those from `first` on."),
        (layers(0, 0), "The donor is missing: all layers have the source's w."),
        (_mixed(donor, donor, range(0), n), "All layers have the donor's w: only `first` to `last`."),
        (right.transpose(0, 1), "The answer is (n_styles, B, d): the images are the first axis."),
        (right.transpose(1, 2), "The answer is (B, d, n_styles): layers are axis 1."),
        (right.flatten(1), "The layers of an image are one long row: return (B, n_styles, d)."),
    ]
    half = _mixed((source + donor) / 2, source, range(0), n)
    slips.append((torch.where(right == source[:, None], right, half), "The two w are averaged: the donor's replaces."))
    return slips


# --- truncation ------------------------------------------------------------------------------------------------------


class _Mapping(nn.Module):
    """z (m, 6) -> w (m, 5), far from linear; notes the z that it was given. Its weights ask for gradients."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(5, 6))
        self.seen: list[Tensor] = []

    def forward(self, z: Tensor) -> Tensor:
        if z.ndim not in (1, 2) or z.shape[-1] != 6:
            raise ValueError(f"mapping takes z (m, {self.weight.shape[1]}), and was given shape {tuple(z.shape)}")
        self.seen.append(z.detach().clone().reshape(-1, 6))
        return self.of(z)

    def of(self, z: Tensor) -> Tensor:
        """w of z, without a note."""
        y = z @ self.weight.t()
        return 0.3 * y.square() + y.sin() - 1


def check_truncate(call: StudentFunction) -> str:
    """The check of `lesson11.truncate`: truncate(mapping, w, psi, n, rng, z_size), (B, d) -> (B, d)."""
    for psi, n in ((0.7, 3000), (0.0, 40), (-0.5, 7), (1.0, 12)):
        z = _truncated(call, psi, n, 1)
        if n > 1000:
            check_draws(z)
            if close(z.square().mean(1), torch.ones(n), rtol=1e-3):
                raise Wrong("z is put on its sphere: the mapping does that itself. Give it N(0, I) as it is drawn.")
            judge_normal(z.double(), "z")
            if not torch.equal(_truncated(call, psi, n, 1), z):
                raise Wrong(
                    "Two generators with the same seed give different z: they are not drawn from `rng`. Pass "
                    "`generator=rng`."
                )
            if torch.equal(_truncated(call, psi, n, 2), z):
                raise Wrong("Generators with different seeds give the same z: draw from `rng`, and do not seed it.")
    return (
        "With psi 0 every image is that of the mean w, a picture that no z may give. The mean belongs to this mapping: "
        "lucidrains/stylegan2-pytorch #282 reports one that was taken with the mapping in training, and used for the "
        "averaged one."
    )


def _truncated(call: StudentFunction, psi: float, n: int, seed: int) -> Tensor:
    """One call, judged but for where its z come from: these z, (n, z_size)."""
    mapping = _Mapping()
    leaf = mapping.of(torch.randn(3, 6)).detach().requires_grad_()
    w = leaf * 1
    value = call(mapping, w, psi, n, torch.Generator().manual_seed(seed), 6)
    unchanged({"w": w}, [leaf])
    z = torch.cat(mapping.seen) if mapping.seen else torch.zeros(0, 6)
    if len(z) == 1 and n > 1:
        at = "0" if not bool(z.any()) else "the mean of z" if float(z.abs().max()) < 8 / n**0.5 else "a single z"
        raise Wrong(
            f"The mapping is asked for {at} alone: it is not linear, so that is not the mean of w. Put all n vectors "
            "through it, and take the mean of what comes out."
        )
    if not mapping.seen:
        raise Wrong("`mapping` is never called: the mean is that of w, over n draws of z put through it.")
    if len(z) != n:
        raise Wrong(f"The mapping was given {len(z)} vectors z, and n = {n} of them are asked for.")
    of_z = mapping.of(z)
    mean = of_z.detach().mean(0)
    wanted = mean + psi * (leaf - mean)
    what = f"With psi {psi:g} and n = {n} this is not mean + psi (w - mean)."
    slips = [(item.detach().double(), message) for item, message in _truncate_slips(leaf, mean, of_z, z, psi)]
    compare(value, wanted.detach().double(), slips, what)
    if value.dtype != leaf.dtype:
        raise Wrong(f"It returned {describe((value,))}: w is float32, and stays so.")
    if value.requires_grad and bool(gradients(value.sum(), mapping.weight)[0].any()):
        raise Wrong(
            "The numbers are right, but the mean keeps a graph of all n vectors, for the mapping's weights: compute it "
            "under `torch.no_grad()`."
        )
    if psi and not value.requires_grad:
        raise Wrong("The numbers are right, but no gradient comes to w: only the mean goes without a graph.")
    if psi and not close(gradients(value.sum(), leaf)[0], torch.full_like(leaf, psi), rtol=1e-3):
        raise Wrong("The numbers are right, their gradient for w is not psi: is a part of it detached?")
    return z


def _truncate_slips(w: Tensor, mean: Tensor, of_z: Tensor, z: Tensor, psi: float) -> list[tuple[Tensor, str]]:
    own, middle, n = w.mean(0), of_z.median(0).values, len(z)
    return [
        (w, "w comes back as it was: mean + psi (w - mean)."),
        (w + psi * (mean - w), "psi and 1 - psi are exchanged: with psi 1, w stays where it is."),
        (psi * w, "w is drawn towards 0: towards the mean of w."),
        (own + psi * (w - own), "The mean is that of the w that were given: take it over n draws of z."),
        (psi * (w - mean), "The mean is not added again: mean + psi (w - mean)."),
        (mean + psi * w, "The mean is not taken away first: mean + psi (w - mean)."),
        (psi * mean + (w - mean), "psi scales the mean: it scales the distance from it, w - mean."),
        (mean.expand_as(w), "All w are the mean: psi of the distance stays, mean + psi (w - mean)."),
        (mean - psi * (w - mean), "The sign is turned: mean + psi (w - mean)."),
        (w + psi * (w - mean), "It begins at w: it begins at the mean, mean + psi (w - mean)."),
        (mean.mean() + psi * (w - mean.mean()), "The mean is a single number: it has one for each of the d axes."),
        (mean * n + psi * (w - mean * n), "You sum over the n vectors: take their mean."),
        (middle + psi * (w - middle), "This is the median: take the mean."),
        (of_z[0] + psi * (w - of_z[0]), "This draws w towards the w of the first z: towards the mean of all."),
    ]
