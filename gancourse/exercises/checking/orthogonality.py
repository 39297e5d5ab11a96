"""The check of lesson 12's orthogonal penalty, off the diagonal."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

from gancourse.exercises.checking.engine import StudentFunction, Wrong
from gancourse.exercises.checking.gradient_penalty import judge_value
from gancourse.exercises.checking.judging import close
from gancourse.exercises.checking.watching import gradients, one_number


class _Generator(nn.Module):
    """A class embedding, linear layers, convolutions and BatchNorms, as a small BigGAN has them; never called."""

    def __init__(self) -> None:
        super().__init__()
        self.shared = nn.Embedding(7, 5)
        self.first = nn.Linear(6, 8)
        blocks = [nn.ModuleDict({"gain": nn.Linear(9, c, bias=False), "conv": nn.Conv2d(c, o, 3)}) for c, o in _SIZES]
        self.blocks = nn.ModuleList(blocks)
        self.last = nn.Sequential(nn.BatchNorm2d(2), nn.ReLU(), nn.Conv2d(2, 3, 1))


_SIZES = ((4, 3), (3, 2))


def check_orthogonal_penalty(call: StudentFunction) -> str:
    """The check of `lesson12.orthogonal_penalty`: orthogonal_penalty(G) -> a scalar."""
    G = _Generator()
    with torch.no_grad():
        for p in G.parameters():
            p.copy_(torch.randn(p.shape) * 0.6 + 0.2)
    before = [p.detach().clone() for p in G.parameters()]
    value = call(G)
    if not all(torch.equal(p.detach(), kept) for p, kept in zip(G.parameters(), before, strict=True)):
        raise Wrong("It changes weights of G: the penalty is only computed here, the step comes later.")
    if any(p.grad is not None for p in G.parameters()):
        raise Wrong("It calls `backward`: return the penalty, the step does the rest.")
    value, right = one_number(value), _penalty(_matrices(G))
    judge_value(value, right, _mistakes(G), "a small generator")
    if not value.requires_grad:
        raise Wrong("The value is right, but has no gradient: look for `.detach()`, `.data`, `.item()` or `no_grad`.")
    for (name, _), a, b in zip(
        G.named_parameters(),
        gradients(value, *G.parameters()),
        gradients(right, *G.parameters()),
        strict=True,
    ):
        if not close(a, b, rtol=1e-3, atol=1e-4):
            raise Wrong(f"The value is right, its gradient for `{name}` is not: is a part of it detached?")
    return (
        "Two filters of a layer shall not look for the same, and how long each of them is remains its own affair: with "
        "the diagonal in it, the penalty would also ask for a length of 1, which limits a layer more than it helps. "
        "BigGAN's authors wanted a G that is good also where z seldom was, since truncation asks for it there."
    )


def _matrices(G: nn.Module) -> list[Tensor]:
    """The weights of linear layers and convolutions as (out, rest)."""
    return [m.weight.flatten(1) for m in G.modules() if isinstance(m, nn.Linear | nn.Conv2d)]


def _off(gram: Tensor) -> Tensor:
    return gram * (1 - torch.eye(len(gram)))


def _sum(terms: list[Tensor]) -> Tensor:
    return torch.stack(terms).sum()


def _penalty(matrices: list[Tensor]) -> Tensor:
    return _sum([_off(w @ w.t()).square().sum() for w in matrices])


def _mistakes(G: nn.Module) -> list[tuple[Tensor, str]]:
    given = _matrices(G)
    convs = [m.weight for m in G.modules() if isinstance(m, nn.Conv2d)]
    linear = [m.weight for m in G.modules() if isinstance(m, nn.Linear)]
    embedding = [m.weight for m in G.modules() if isinstance(m, nn.Embedding)]
    vectors = [p.reshape(len(p), -1) for p in G.parameters() if p.ndim == 1]

    def of(change: Callable[[Tensor], Tensor]) -> Tensor:
        return _sum([change(w) for w in given])

    def gram(change: Callable[[Tensor], Tensor]) -> Tensor:
        return of(lambda w: change(w @ w.t()))

    transposed = "W^T W compares the inputs of a layer: here the rows of W, its filters, are compared, W W^T."
    diagonal = "The diagonal is in it"
    return [
        (gram(lambda g: g.square().sum()), f"{diagonal}: the penalty would pull every filter towards 0. Take it out."),
        (
            gram(lambda g: (g - torch.eye(len(g))).square().sum()),
            f"{diagonal}, W W^T - I: that is the older penalty, which also asks for filters of length 1. Multiply by "
            "1 - I instead.",
        ),
        (
            gram(lambda g: (g * torch.eye(len(g))).square().sum()),
            "This is the diagonal alone: take what is off it, times 1 - I.",
        ),
        (_penalty([w.t() for w in given]), transposed),
        (of(lambda w: (w.t() @ w - torch.eye(w.shape[1])).square().sum()), f"{transposed} And the diagonal is in it."),
        (
            _penalty(linear + [w.flatten(1).t() for w in convs]),
            "Of convolutions you take W^T W, which compares inputs and pixels: filters are the rows of (out, rest).",
        ),
        (gram(lambda g: _off(g).norm()), "The norm is not squared: the sum of the squares is asked for."),
        (gram(lambda g: _off(g).abs().sum()), "You add up absolute values: the squares are asked for."),
        (gram(lambda g: _off(g).sum()), "Nothing is squared, so that numbers of both signs cancel."),
        (gram(lambda g: _off(g).square().mean()), "This is the mean over the matrix: the sum of the squares."),
        (_penalty(given) / len(given), "This is the mean over the layers: they are added."),
        (_penalty(given) / 2, "This is half of it: each pair of filters stands in W W^T twice, and counts so."),
        (1e-4 * _penalty(given), "beta is in it: return the sum without it."),
        (
            _penalty(given + embedding),
            "The class embedding is in it: classes may be alike, so `G.shared` is left out.",
        ),
        (
            _penalty([*given, *embedding, *vectors]),
            "Biases, BatchNorm's weights and the class embedding are in it: only the layers' matrices are asked for.",
        ),
        (
            _penalty(given + vectors),
            "Biases and BatchNorm's weights are in it: they are no matrices, and have no filters to compare.",
        ),
        (
            _penalty(given[:1]),
            "Only one layer counts: `G.modules()` has the layers at every depth, `G.children()` the outermost alone. "
            "Or does the `return` stand inside the loop?",
        ),
        (_penalty(linear), "Convolutions are missing: as (out, rest), `weight.flatten(1)`, they are matrices, too."),
        (_penalty(linear + embedding), "Convolutions are missing, and the class embedding is in it."),
        (_penalty([w.flatten(1) for w in convs]), "Linear layers are missing: their weights are matrices already."),
        (
            _penalty(linear + [w.transpose(0, 1).flatten(1) for w in convs]),
            "The rows of a convolution are its inputs here: they are its outputs, `weight.flatten(1)`.",
        ),
        (
            _penalty(linear + [w.flatten(0, 2) for w in convs]),
            "A convolution is cut into rows of its kernels: it has one row for each output, `weight.flatten(1)`.",
        ),
        (
            _penalty(linear + [w.sum((2, 3)) for w in convs]),
            "The kernels are summed up: every weight of a filter counts, `weight.flatten(1)`.",
        ),
        (
            _sum([_off(_unit(w) @ _unit(w).t()).square().sum() for w in given]),
            "The filters are divided by their lengths: here W is taken as it is.",
        ),
    ]


def _unit(w: Tensor) -> Tensor:
    return w / w.norm(dim=1, keepdim=True)
