"""How lesson 11's layers are judged, by numbers and gradients, and the check of equalised rates."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor

from gancourse.exercises.checking.engine import StudentFunction, Wrong
from gancourse.exercises.checking.judging import close
from gancourse.exercises.checking.layers import compare
from gancourse.exercises.checking.watching import gradients

#: What a known mistake makes of the inputs, and its message.
Slip = tuple[Callable[..., Tensor], str]


def judge_tensor(
    call: StudentFunction,
    leaves: dict[str, Tensor],
    more: tuple[Any, ...],
    right: Callable[..., Tensor],
    slips: Sequence[Slip],
    otherwise: str,
) -> None:
    """`Wrong` unless the answer computes what `right` does of these tensors and `more`, with the same gradients.

    leaves: name -> tensor, the first arguments. slips: known mistakes, tried in order; those that cannot be computed
    in these shapes are left out. otherwise: the message where none fits.
    """
    given = [leaf.detach().clone().requires_grad_() for leaf in leaves.values()]
    passed = [leaf * 1 for leaf in given]  # no leaves: what changes them in place must not end in torch's error
    value = call(*passed, *more)
    unchanged(dict(zip(leaves, passed, strict=True)), given)
    wanted = right(*given, *more)
    mistakes = []
    for slip, message in slips:
        try:
            mistakes.append((slip(*given, *more).detach().double(), message))
        except RuntimeError:
            continue
    if isinstance(value, Tensor) and bool(value.isnan().any()):
        for mistaken, message in mistakes:
            if close(value.detach().double().nan_to_num(), mistaken.nan_to_num(), rtol=1e-4, atol=1e-4):
                raise Wrong(message)
        raise Wrong(f"Some of its numbers are NaN. {otherwise}")
    compare(value, wanted.detach().double(), mistakes, otherwise)
    if value.dtype != wanted.dtype:
        raise Wrong(
            f"The numbers are right, in {_short(value)}: what it was given is {_short(wanted)}, and so is the answer."
        )
    if not value.requires_grad:
        raise Wrong("The numbers are right, but no gradient passes: look for a `.detach()`, `.data` or `no_grad`.")
    probe = torch.randn_like(wanted)
    found, expected = gradients((value * probe).sum(), *given), gradients((wanted * probe).sum(), *given)
    for name, a, b in zip(leaves, found, expected, strict=True):
        if not bool(a.any()):
            raise Wrong(f"The numbers are right, but no gradient comes to `{name}`: is it detached?")
        if not close(a, b, rtol=1e-3, atol=1e-5 * float(b.abs().max())):
            raise Wrong(f"The numbers are right, their gradient for `{name}` is not: is a part of it detached?")


def unchanged(passed: dict[str, Tensor], kept: Sequence[Tensor]) -> None:
    """`Wrong` where a tensor that was given is no longer what it was; passed: by its name."""
    for (name, now), before in zip(passed.items(), kept, strict=True):
        if not torch.equal(now.detach(), before.detach()):
            raise Wrong(f"It changes `{name}` in place: others still need it, so make a new tensor.")


def _short(x: Tensor) -> str:
    return str(x.dtype).removeprefix("torch.")


# --- equal rates -----------------------------------------------------------------------------------------------------


def check_equal_linear(call: StudentFunction) -> str:
    """The check of `lesson11.equal_linear`: equal_linear(x, weight, bias, lr), (B, in) -> (B, out)."""
    for b, n_in, n_out, lr in ((4, 5, 3, 0.01), (4, 4, 4, 0.1), (1, 9, 2, 1.0)):
        leaves = {
            "x": torch.randn(b, n_in),
            "weight": torch.randn(n_out, n_in) / lr,
            "bias": torch.randn(n_out) / lr,
        }
        what = f"For x {(b, n_in)}, weight {(n_out, n_in)} and lr {lr:g}"
        judge_tensor(call, leaves, (lr,), _linear, _LINEAR_SLIPS, f"{what} these are not the layer's outputs.")
    return (
        "Adam moves a parameter by about its rate, so what multiplies x moves by rate x lr / sqrt(in): in every layer "
        "the same part of its size, and in the mapping a hundredth of that. (lucidrains/stylegan2-pytorch #112 is "
        "about code without it.)"
    )


def _linear(
    x: Tensor,
    weight: Tensor,
    bias: Tensor,
    lr: float,
    of_weight: Callable[[int, int, float], float] = lambda n, out, lr: lr / n**0.5,
    of_bias: Callable[[int, int, float], float] = lambda n, out, lr: lr,
) -> Tensor:
    sizes = weight.shape[1], weight.shape[0], lr
    return x @ (weight * of_weight(*sizes)).t() + bias * of_bias(*sizes)


def _scaled(
    of_weight: Callable[[int, int, float], float] = lambda n, out, lr: lr / n**0.5,
    of_bias: Callable[[int, int, float], float] = lambda n, out, lr: lr,
) -> Callable[..., Tensor]:
    return lambda x, weight, bias, lr: _linear(x, weight, bias, lr, of_weight, of_bias)


_LINEAR_SLIPS: list[Slip] = [
    (_scaled(lambda n, out, lr: 1, lambda n, out, lr: 1), "Weight and bias are used as they are: scale both of them."),
    (_scaled(lambda n, out, lr: lr), "1 / sqrt(in) is missing: a layer with many inputs would have large outputs."),
    (
        _scaled(lambda n, out, lr: 1, lambda n, out, lr: lr),
        "The weight is used as it is: it is multiplied by lr / sqrt(in).",
    ),
    (_scaled(lambda n, out, lr: 1 / n**0.5), "The weight lacks lr: it is multiplied by lr / sqrt(in)."),
    (
        _scaled(lambda n, out, lr: 1 / n**0.5, lambda n, out, lr: 1),
        "lr is missing, in the weight and in the bias: both were made 1 / lr times as large.",
    ),
    (_scaled(of_bias=lambda n, out, lr: 1), "The bias counts lr times, as the weight does: multiply it by lr."),
    (
        _scaled(of_bias=lambda n, out, lr: lr / n**0.5),
        "The bias is divided by sqrt(in), too: it is one number, and no sum over the inputs. It counts lr times.",
    ),
    (_scaled(of_bias=lambda n, out, lr: 1 / n**0.5), "The bias is scaled by 1 / sqrt(in): it counts lr times."),
    (_scaled(of_bias=lambda n, out, lr: 0), "The bias is missing."),
    (_scaled(lambda n, out, lr: lr / n), "The square root is forgotten: lr / sqrt(in)."),
    (
        _scaled(lambda n, out, lr: lr / n, lambda n, out, lr: lr / n),
        "The square root is forgotten, and the bias is scaled like the weight: it counts lr times.",
    ),
    (_scaled(lambda n, out, lr: lr * n**0.5), "You multiply by sqrt(in): divide by it."),
    (
        _scaled(lambda n, out, lr: lr / out**0.5),
        "The root is that of the outputs: the sum is over the inputs, `x.shape[1]`, so it is theirs.",
    ),
    (_scaled(lambda n, out, lr: lr / (n * out) ** 0.5), "The root has all weights in it: take the inputs alone."),
    (
        _scaled(lambda n, out, lr: lr * (2 / n) ** 0.5),
        "The weight has a gain of sqrt(2) more, that of He et al. for a ReLU behind the layer: lr / sqrt(in) alone.",
    ),
    (_scaled(lambda n, out, lr: lr**2 / n**0.5), "The weight has lr twice."),
    (
        _scaled(lambda n, out, lr: 1 / lr / n**0.5, lambda n, out, lr: 1 / lr),
        "You divide by lr: the weight was made 1 / lr times as large, so multiply it by lr.",
    ),
    (lambda x, w, b, lr: _linear(x, w.t(), b, lr), "The weight is transposed: it is (out, in), so x @ weight.T."),
    (
        lambda x, w, b, lr: _linear(x / len(x) ** 0.5 * x.shape[1] ** 0.5, w, b, lr),
        "The root is that of the batch: take the inputs, `x.shape[1]`.",
    ),
]
