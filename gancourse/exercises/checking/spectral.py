"""The check of lesson 07's spectral normalisation: one step of the power iteration, with a state that is kept."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import normalize

from gancourse.exercises.checking.crashes import describe
from gancourse.exercises.checking.engine import StudentFunction, Wrong
from gancourse.exercises.checking.judging import close

_Answer = tuple[Tensor, Tensor, Tensor]


def _spectral(W: Tensor, u: Tensor, v: Tensor, first: str = "v", through: bool = False) -> _Answer:
    """W / sigma, u, v after one power iteration, v first or u first; through: with gradients through u and v."""
    flat = W.flatten(1)
    M = flat if through else flat.detach()
    for name in ("v", "u") if first == "v" else ("u", "v"):
        if name == "v":
            v = normalize(M.T @ u, dim=0)
        else:
            u = normalize(M @ v, dim=0)
    return W / (u @ flat @ v), u, v


def _three(found: Any, shapes: tuple[torch.Size, ...]) -> _Answer:
    if not isinstance(found, tuple | list) or len(found) != 3:
        raise Wrong(f"It returned {describe((found,))}: three tensors are expected, W / sigma, u and v.")
    for name, item, shape in zip(("W / sigma", "u", "v"), found, shapes, strict=True):
        if not isinstance(item, Tensor):
            raise Wrong(f"{name} came back as {describe((item,))}: a tensor is expected.")
        if item.shape != shape:
            raise Wrong(f"{name} has shape {tuple(item.shape)}, and {tuple(shape)} is expected.")
    W, u, v = found
    return W, u, v


def _run_spectral(call: StudentFunction, W: Tensor, u: Tensor, v: Tensor, training: bool) -> _Answer:
    given_u, given_v, given_w = u.clone(), v.clone(), W.detach().clone()
    answer = _three(call(W, given_u, given_v, training), (W.shape, u.shape, v.shape))
    if not torch.equal(W.detach(), given_w):
        raise Wrong("W itself has changed: return a new tensor, the optimiser's weight stays as it is.")
    if not (torch.equal(given_u, u) and torch.equal(given_v, v)):
        raise Wrong(
            "u or v is changed in place: a second forward before `backward` then breaks the graph of the first "
            "(PyTorch itself had this bug). Return new tensors."
        )
    return answer


def check_spectral_norm(call: StudentFunction) -> str:
    """The check of `lesson07.spectral_norm`: spectral_norm(W, u, v, training) -> (W / sigma, u, v)."""
    for shape in ((5, 7), (4, 3, 3, 2)):
        W = torch.randn(shape).requires_grad_()
        flat = W.detach().flatten(1)
        u, v = (normalize(torch.randn(n), dim=0) for n in flat.shape)
        found = _run_spectral(call, W, u, v, True)
        first = "u" if _same(found, _spectral(W, u, v, "u")) else "v"
        _judge_spectral(found, W, u, v, first)
        _judge_spectral_gradient(found[0], W, u, v, first)
        kept = _run_spectral(call, W, u, v, False)
        if not (close(kept[1].detach(), u) and close(kept[2].detach(), v)):
            raise Wrong(
                "With training=False u or v has moved: looking at scores must leave no trace, so an evaluation uses "
                "them as they are."
            )
        if not close(kept[0].detach(), W.detach() / (u @ flat @ v), rtol=1e-4):
            raise Wrong("With training=False, W / sigma is not that of the u and v that were given: sigma = u . W v.")
    return "One product with W and one with its transpose a step; the state remembers the rest of the iteration."


def _same(found: _Answer, right: _Answer) -> bool:
    return all(close(a.detach(), b.detach(), rtol=1e-4, atol=1e-5) for a, b in zip(found, right, strict=True))


def _judge_spectral(found: _Answer, W: Tensor, u: Tensor, v: Tensor, first: str) -> None:
    right = _spectral(W, u, v, first)
    if _same(found, right):
        return
    flat = W.detach().flatten(1)
    scaled, new_u, new_v = (item.detach() for item in found)
    raw_v = flat.T @ u
    raw_u = flat @ raw_v
    for name, item, raw in (("v", new_v, raw_v), ("u", new_u, raw_u), ("u", new_u, flat @ right[2])):
        if close(item, raw, rtol=1e-4):
            raise Wrong(f"{name} is not normalised: divide it by its length, or it grows from step to step.")
    if close(new_u, u) and close(new_v, v):
        raise Wrong(
            "In training u and v come back as they were: without its memory each step begins the iteration anew, and "
            "one step from a fixed u finds no more than that."
        )
    if not (close(new_u, right[1], atol=1e-5) and close(new_v, right[2], atol=1e-5)):
        if close(new_v, right[2], atol=1e-5):
            raise Wrong("v is right, u is not: u = W v / |W v|, with the new v.")
        if close(new_u, right[1], atol=1e-5):
            raise Wrong("u is right, v is not: v = W^T u / |W^T u|, with the old u.")
        twice = _spectral(W, right[1].detach(), right[2].detach(), first)
        if close(new_u, twice[1], atol=1e-5):
            raise Wrong("These are two steps of the iteration: one a call is asked for, the state keeps the rest.")
        raise Wrong("u and v are not those of one power iteration: v from the old u first, then u from the new v.")
    new = right[1].detach(), right[2].detach()
    sigma = new[0] @ flat @ new[1]
    largest = torch.linalg.matrix_norm(flat, 2)
    wrong = [
        (W.detach() * sigma, "W is multiplied by sigma: divide, so that its largest singular value becomes 1."),
        (
            W.detach() / flat.norm(),
            "This divides by Frobenius' norm, the root of all squares, which is larger.",
        ),
        (
            W.detach() / largest,
            "This is the exact sigma, at the price of a decomposition a step: u . W v estimates it.",
        ),
        (W.detach() / (u @ flat @ v), "sigma is that of the old u and v: use the new ones."),
        (W.detach() / (u @ flat @ new[1]), "sigma takes the old u: use the new one, as u . W v."),
        (W.detach() / sigma.sqrt(), "There is no root: u . W v is the singular value itself."),
        (W.detach() / sigma.square(), "sigma is squared: u . W v is the singular value itself."),
        (W.detach(), "u and v are right, and W came back as it was: divide it by sigma."),
    ]
    for value, message in wrong:
        if close(scaled, value, rtol=1e-4):
            raise Wrong(message)
    raise Wrong("u and v are right, and W / sigma is not: sigma = u . W v, with W as a matrix (c_out, the rest).")


def _judge_spectral_gradient(scaled: Tensor, W: Tensor, u: Tensor, v: Tensor, first: str) -> None:
    if not scaled.requires_grad:
        raise Wrong("W / sigma has no gradient for W: only u and v are made under `torch.no_grad()`.")
    weights = torch.randn(W.shape)

    def gradient(value: Tensor) -> Tensor:
        return torch.autograd.grad((value * weights).sum(), W, retain_graph=True)[0]

    found, right = gradient(scaled), gradient(_spectral(W, u, v, first)[0])
    if close(found, right, rtol=1e-3, atol=1e-4):
        return
    sigma = W.detach().flatten(1).norm() / scaled.detach().flatten(1).norm()
    if close(found, weights / sigma, rtol=1e-3, atol=1e-4):
        raise Wrong(
            "The numbers are right, but sigma is cut off from W's gradient: a step may then go on making W longer. "
            "Only u and v are constants, sigma = u . W v is not."
        )
    if close(found, gradient(_spectral(W, u, v, first, through=True)[0]), rtol=1e-3, atol=1e-4):
        raise Wrong("The numbers are right, but gradients go through u and v: make them under `torch.no_grad()`.")
    raise Wrong(
        "The numbers are right, W / sigma's gradient for W is not: u and v are constants, sigma = u . W v is not."
    )
