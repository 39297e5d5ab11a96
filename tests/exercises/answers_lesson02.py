"""Answers to the exercises of lesson02: right ones, and wrong ones with a part of their message."""

import itertools
import math
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

bce = F.binary_cross_entropy_with_logits


def scale_in_place(pixels):
    x = pixels.to(torch.float32)
    x -= 127.5
    x /= 127.5
    return x


def d_loss_bce(real, fake):
    return bce(real, torch.ones_like(real)) + bce(fake, torch.zeros_like(fake))


def d_loss_module(real, fake):
    criterion = nn.BCEWithLogitsLoss()
    return criterion(fake, torch.zeros(len(fake))) + criterion(real, torch.ones(len(real)))


def d_step_two_backwards(G, D, optimiser, x_real, z):
    optimiser.zero_grad()
    with torch.no_grad():
        x_fake = G(z)
    F.softplus(D(x_fake)).mean().backward()
    logits = D(x_real)
    bce(logits, torch.ones_like(logits)).backward()
    optimiser.step()


def d_step_one_batch(G, D, optimiser, x_real, z):
    """This D has no BatchNorm, so that one batch of both is the same as two."""
    x = torch.cat([x_real, G(z).detach()])
    target = torch.cat([torch.ones(len(x_real)), torch.zeros(len(z))])
    loss = 2 * bce(D(x), target)
    for parameter in D.parameters():
        parameter.grad = None
    loss.backward()
    optimiser.step()
    return loss.item()


def d_step_probability(G, D, optimiser, x_real, z):
    G.train()
    D.train()
    fakes = G(z).detach()
    loss = -torch.log(D.probability(x_real)).mean() - torch.log(1 - D.probability(fakes)).mean()
    D.zero_grad()
    loss.backward()
    optimiser.step()


def d_step(  # the step with one thing changed
    detach=True, zero=True, before=None, loss=d_loss_bce, steps=1, back=True, after=None
):
    def step(G, D, optimiser, x_real, z):
        if before:
            before(G, D)
        x_fake = G(z).detach() if detach else G(z)
        value = loss(D(x_real), D(x_fake))
        if zero:
            optimiser.zero_grad()
        if back:
            value.backward()
        for _ in range(steps):
            optimiser.step()
        if after:
            after(G, D)

    return step


def d_step_without_detach_but_clean(G, D, optimiser, x_real, z):
    d_step(detach=False)(G, D, optimiser, x_real, z)
    G.zero_grad()


def d_step_own_z(G, D, optimiser, x_real, z):
    d_step()(G, D, optimiser, x_real, torch.randn(len(z), 100))


def g_loss_bce(fake):
    return bce(fake, torch.ones_like(fake))


def g_step(draw=torch.randn, loss=g_loss_bce, zero=True, detach=False, before=None, after=None):
    def step(G, D, optimiser, batch_size):
        if before:
            before(G, D)
        x_fake = G(draw(batch_size, 100))
        value = loss(D(x_fake.detach() if detach else x_fake))
        if zero:
            optimiser.zero_grad()
        value.backward()
        optimiser.step()
        if after:
            after(G, D)

    return step


def g_step_frozen_d(G, D, optimiser, batch_size):
    D.requires_grad_(False)
    optimiser.zero_grad(set_to_none=True)
    z = torch.empty(batch_size, 100).normal_()
    (-F.logsigmoid(D(G(z)))).mean().backward()
    optimiser.step()
    D.requires_grad_(True)


def g_step_moves_d(G, D, optimiser, batch_size):
    both = torch.optim.SGD([*G.parameters(), *D.parameters()], lr=0.1)
    loss = g_loss_bce(D(G(torch.randn(batch_size, 100))))
    both.zero_grad()
    loss.backward()
    both.step()
    optimiser.step()


def g_step_no_grad(G, D, optimiser, batch_size):
    with torch.no_grad():
        loss = g_loss_bce(D(G(torch.randn(batch_size, 100))))
    loss.backward()
    optimiser.step()


def same_noise(*shape):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(3))


def count_with_layers(widths):
    layers = [nn.Linear(a, b) for a, b in itertools.pairwise(widths)]
    return sum(p.numel() for layer in layers for p in layer.parameters())


def count_with_while(widths):
    total = 0
    for i in range(1, len(widths)):
        total += (widths[i - 1] + 1) * widths[i]
    return float(total)


def counted(of):
    return lambda widths: sum(of(a, b) for a, b in itertools.pairwise(widths))


def slopes(D, x, output=None, reduce=torch.sum, graph=True):
    x = x.detach().requires_grad_()
    logits = (output or D)(x)
    (gradient,) = torch.autograd.grad(reduce(logits), x, create_graph=graph)
    return gradient.flatten(1)


def r1_one_by_one(D, x):
    total = 0
    for image in x:
        image = image[None].clone().requires_grad_()
        (gradient,) = torch.autograd.grad(D(image).squeeze(), image, create_graph=True)
        total = total + (gradient**2).sum()
    return total / len(x)


def r1_with_backward(D, x):
    """`.backward` fills D's own gradients too, which D's zero_grad would clear; the number is the same."""
    x = x.clone().requires_grad_()
    D(x).sum().backward(create_graph=True)
    return x.grad.square().sum(dim=(1, 2, 3)).mean()


def r1_moves_d(D, x):
    with torch.no_grad():
        for parameter in D.parameters():
            parameter.add_(1e-3)
    return slopes(D, x).square().sum(1).mean()


CURVES = {"A": "discriminator wins", "B": "no learning", "C": "balance", "D": "oscillation"}

PATIENTS = {
    1: "data range",
    2: "mode collapse",
    3: "G is detached",
    4: "sigmoid twice",
    5: "learning rate too high",
    6: "target swapped in G's step",
}


def branch(c_in, c_out, padding=1, kernel=3, first=None):
    return nn.Sequential(
        nn.Conv2d(c_in, c_out, kernel, padding=padding if first is None else first),
        nn.BatchNorm2d(c_out),
        nn.ReLU(),
        nn.Conv2d(c_out, c_out, kernel, padding=padding),
        nn.BatchNorm2d(c_out),
    )


def branch_padded_outside(c_in, c_out):
    return nn.Sequential(nn.ReflectionPad2d(2), branch(c_in, c_out, padding=0))


RIGHT = {
    "scale_images": [
        scale_in_place,
        lambda pixels: pixels.float() / 255 * 2 - 1,
        lambda pixels: (pixels / 255 - 0.5) / 0.5,
    ],
    "discriminator_loss": [
        d_loss_bce,
        d_loss_module,
        lambda real, fake: -F.logsigmoid(real).mean() - F.logsigmoid(-fake).mean(),
        lambda a, b: (F.softplus(-a) + F.softplus(b)).mean(),
    ],
    "generator_loss": [
        g_loss_bce,
        lambda fake: -F.logsigmoid(fake).mean(),
        lambda fake: torch.logaddexp(torch.zeros(()), -fake).sum() / len(fake),
    ],
    "discriminator_step": [
        d_step(),
        d_step_two_backwards,
        d_step_one_batch,
        d_step_probability,
        d_step_without_detach_but_clean,
    ],
    "generator_step": [g_step(), g_step_frozen_d],
    "mlp_parameters": [count_with_layers, count_with_while],
    "read_curves": [
        CURVES,
        {"d": "Oscillation", "c": "balance", "b": " no  learning", "a": "discriminator wins"},
    ],
    "jsd_bound": [
        lambda loss: max(math.log(2) - loss / 2, 0),
        lambda loss: (2 * math.log(2) - min(loss, 2 * math.log(2))) / 2,
        lambda loss: torch.tensor(math.log(2) - loss / 2).clamp(min=0),
        lambda loss: np.float64(max(0, np.log(2) - 0.5 * loss)),
    ],
    "r1": [
        lambda D, x: slopes(D, x).square().sum(1).mean(),
        lambda D, x: slopes(D, x).norm(dim=1).pow(2).mean(),
        lambda D, x: (slopes(D, x) ** 2).sum() / len(x),
        lambda D, x: (len(x) * slopes(D, x, reduce=torch.mean)).square().sum(1).mean(),
        r1_one_by_one,
        r1_with_backward,
    ],
    "flatten_batch": [
        lambda x: x.view(x.size(0), -1),
        lambda x: x.reshape(len(x), -1),
        torch.nn.Flatten(),
        lambda x: torch.stack([image.flatten() for image in x]),
    ],
    "criterion": [
        lambda o, t: F.binary_cross_entropy(o.squeeze(1), t),
        lambda o, t: nn.BCELoss()(o.view(-1), t),
        lambda o, t: -torch.where(t.bool(), o[:, 0], 1 - o[:, 0]).log().mean(),
    ],
    "residual_branch": [
        lambda a, b: branch(a, b, padding="same"),
        branch_padded_outside,
    ],
    "clinic": [PATIENTS, {str(n): word.upper() + " " for n, word in PATIENTS.items()}],
}

WRONG = {
    "jsd_bound": {
        "no half": (lambda loss: max(0, 2 * math.log(2) - loss), "half is missing"),
        "neither half nor floor": (lambda loss: 2 * math.log(2) - loss, "half is missing"),
        "below 0": (lambda loss: math.log(2) - loss / 2, "nothing is proved"),
        "turned": (lambda loss: max(0, loss / 2 - math.log(2)), "small* loss"),
        "turned, no floor": (lambda loss: loss / 2 - math.log(2), "small* loss"),
        "G's mark": (lambda loss: max(0, math.log(2) - loss), "mark of G's"),
        "a share": (lambda loss: max(0, 1 - loss / (2 * math.log(2))), "share of the largest value"),
        "bits": (lambda loss: max(0, 1 - loss / (2 * math.log(2))) * 1.1, "For a loss of 1 it gives"),
        "a word": (lambda loss: "log 2", "numbers are expected"),
    },
    "r1": {
        "no create_graph": (lambda D, x: slopes(D, x, graph=False).square().sum(1).mean(), "create_graph=True"),
        "detached": (lambda D, x: slopes(D, x).detach().square().sum(1).mean(), "create_graph=True"),
        "half detached": (
            lambda D, x: (slopes(D, x) * slopes(D, x).detach()).sum(1).mean(),
            "is not: is a `.detach()`",
        ),
        "a number": (lambda D, x: slopes(D, x).square().sum(1).mean().item(), "as a tensor"),
        "half": (lambda D, x: slopes(D, x).square().sum(1).mean() / 2, "gamma / 2 comes later"),
        "not squared": (lambda D, x: slopes(D, x).norm(dim=1).mean(), "not squared"),
        "mean over pixels": (lambda D, x: slopes(D, x).square().mean(), "mean over the pixels"),
        "summed": (lambda D, x: slopes(D, x).square().sum(), "sum over the images"),
        "one for each image": (lambda D, x: slopes(D, x).square().sum(1), "one number is asked for"),
        "mean of the logits": (
            lambda D, x: slopes(D, x, reduce=torch.mean).square().sum(1).mean(),
            "gradient of their sum",
        ),
        "of the probability": (lambda D, x: slopes(D, x, D.probability).square().sum(1).mean(), "slope of the logit"),
        "of its sigmoid": (
            lambda D, x: slopes(D, x, lambda images: D(images).sigmoid()).square().sum(1).mean(),
            "slope of the logit",
        ),
        "WGAN-GP": (lambda D, x: (slopes(D, x).norm(dim=1) - 1).square().mean(), "slope 0 at real images"),
        "averaged first": (lambda D, x: slopes(D, x).mean(0).square().sum(), "opposite slopes cancel"),
        "moves D": (r1_moves_d, "D's weights have changed"),
        "of the weights": (lambda D, x: sum(p.square().sum() for p in D.parameters()), "For a small D and six images"),
    },
    "scale_images": {
        "not moved": (lambda x: x.float() / 127.5, "range is [0, 2]"),
        "[0, 1]": (lambda x: x.float() / 255, "The range is [0, 1]"),
        "mean and std": (lambda x: (x / 255 - 0.1307) / 0.3081, "classifiers' normalisation"),
        "divided by 128": (lambda x: x.float() / 128 - 1, "0.992"),
        "half the range": (lambda x: x.float() / 255 - 0.5, "[-0.5, 0.5]"),
        "uint8 arithmetic": (lambda x: 2 * x - 255, "wraps around at 256"),
        "inverted": (lambda x: 1 - x.float() / 127.5, "Black and white"),
        "float64": (lambda x: x.double() / 127.5 - 1, "torch.float64"),
        "flattened": (lambda x: x.float().flatten() / 127.5 - 1, "the shape must stay"),
    },
    "discriminator_loss": {
        "both real": (lambda r, f: F.softplus(-r).mean() + F.softplus(-f).mean(), "Both halves call their images real"),
        "log of logits": (lambda r, f: -r.log().mean() - (1 - f).log().mean(), "a logit can be negative"),
        "bce": (lambda r, f: F.binary_cross_entropy(r, torch.ones(6)), "takes probabilities"),
        "labels swapped": (lambda r, f: d_loss_bce(f, r), "labels are swapped"),
        "averaged": (lambda r, f: d_loss_bce(r, f) / 2, "half of the loss"),
        "summed": (lambda r, f: (F.softplus(-r) + F.softplus(f)).sum(), "sum over the batch"),
        "real only": (lambda r, f: F.softplus(-r).mean(), "Only the real batch"),
        "fake only": (lambda r, f: F.softplus(f).mean(), "Only the fake batch"),
        "the value V": (lambda r, f: -d_loss_bce(r, f), "This is the value V"),
        "sigmoid twice": (lambda r, f: d_loss_bce(r.sigmoid(), f.sigmoid()), "sigmoid is applied twice"),
        "eps in the logarithm": (
            lambda r, f: -torch.log(r.sigmoid() + 1e-8).mean() - torch.log(1 - f.sigmoid() + 1e-8).mean(),
            "before the logarithm sees it",
        ),
        "log of the sigmoid": (
            lambda r, f: -torch.log(r.sigmoid()).mean() - torch.log(1 - f.sigmoid()).mean(),
            "it gives inf, and 200 is right",
        ),
        "BCELoss clamps": (
            lambda r, f: nn.BCELoss()(r.sigmoid(), torch.ones(len(r))) + nn.BCELoss()(f.sigmoid(), torch.zeros(len(f))),
            "it gives 100, and 200 is right",
        ),
        "a number": (lambda r, f: d_loss_bce(r, f).item(), "return the loss as a tensor"),
        "detached": (lambda r, f: d_loss_bce(r, f).detach(), "has no gradient"),
        "one for each image": (lambda r, f: F.softplus(-r) + F.softplus(f), "take the mean"),
    },
    "generator_loss": {
        "logits": (lambda f: -f.mean(), "as WGAN has it"),
        "D": (lambda f: f.sigmoid().mean(), "the logarithm is missing, and the sign"),
        "saturating": (lambda f: -F.softplus(f).mean(), "saturating loss"),
        "target 0": (lambda f: bce(f, torch.zeros_like(f)), "decreases when D recognises the fakes"),
        "sign": (lambda f: F.logsigmoid(f).mean(), "check the sign"),
        "sigmoid twice": (lambda f: g_loss_bce(f.sigmoid()), "sigmoid is applied twice"),
        "no logarithm": (lambda f: -f.sigmoid().mean(), "logarithm is missing"),
        "eps": (lambda f: -torch.log(f.sigmoid() + 1e-8).mean(), "removes the gradient"),
        "summed": (lambda f: F.softplus(-f).sum(), "sum over the batch"),
    },
    "discriminator_step": {
        "missing detach": (d_step(detach=False), "detach the fakes"),
        "swapped labels": (d_step(loss=lambda r, f: d_loss_bce(f, r)), "labels are swapped"),
        "G in eval mode": (
            d_step(before=lambda G, D: G.eval(), after=lambda G, D: G.train()),
            "G ran in eval",
        ),
        "D in eval mode": (d_step(before=lambda G, D: D.eval()), "D ran in eval mode"),
        "left in eval mode": (d_step(after=lambda G, D: G.eval()), "G is left in eval mode"),
        "left frozen": (d_step(after=lambda G, D: G.requires_grad_(False)), "G is left frozen"),
        "no zero_grad": (d_step(zero=False), "optimiser.zero_grad()"),
        "no step": (d_step(steps=0), "never called"),
        "no backward": (d_step(back=False), "gradients were empty"),
        "two steps": (d_step(steps=2), "called 2 times"),
        "ascent": (d_step(loss=lambda r, f: -d_loss_bce(r, f)), "goes uphill"),
        "real only": (d_step(loss=lambda r, f: F.softplus(-r).mean()), "real batch only"),
        "fake only": (d_step(loss=lambda r, f: F.softplus(f).mean()), "fake batch only"),
        "averaged": (d_step(loss=lambda r, f: d_loss_bce(r, f) / 2), "Half a step"),
        "summed": (d_step(loss=lambda r, f: 64 * d_loss_bce(r, f)), "summed over the batch"),
        "another z": (d_step_own_z, "come from the z that was given"),
    },
    "generator_step": {
        "detached": (g_step(detach=True), "must not be detached"),
        "no_grad": (g_step_no_grad, "cut off from the weights"),
        "uniform z": (g_step(draw=torch.rand), "uniform on [0, 1]"),
        "uniform on [-1, 1]": (g_step(draw=lambda *s: 2 * torch.rand(*s) - 1), "standard deviation 0.58"),
        "z of the wrong shape": (g_step(draw=lambda b, n: torch.randn(b // 2, n)), "z has shape (32, 100)"),
        "the same z": (g_step(draw=same_noise), "fresh one"),
        "saturating": (g_step(loss=lambda f: -F.softplus(f).mean()), "saturating loss"),
        "target 0": (g_step(loss=lambda f: F.softplus(f).mean()), "learns to be recognised"),
        "sign": (g_step(loss=lambda f: -g_loss_bce(f)), "check the sign"),
        "no zero_grad": (g_step(zero=False), "optimiser.zero_grad()"),
        "D left frozen": (g_step(before=lambda G, D: D.requires_grad_(False)), "D is left frozen"),
        "D moves": (g_step_moves_d, "D's weights have changed"),
        "D in eval mode": (g_step(before=lambda G, D: D.eval()), "D ran in eval mode"),
    },
    "mlp_parameters": {
        "no biases": (counted(lambda a, b: a * b), "biases are missing"),
        "biases of the inputs": (counted(lambda a, b: a * b + a), "not to its inputs"),
        "one bias a layer": (counted(lambda a, b: a * b + 1), "not a single one"),
        "sums": (counted(lambda a, b: a + b), "a product of weights"),
        "biases of the first layer": (lambda w: count_with_layers(w) + w[0], "inputs have no biases"),
        "one off": (lambda w: count_with_layers(w) + 1, "widths [100, 128, 256, 784]"),
    },
    "read_curves": {
        "marks taken for balance": (CURVES | {"B": "balance"}, "Run B is not a case of `balance`"),
        "low loss taken for success": (CURVES | {"A": "balance", "C": "no learning"}, "D loss goes to 0"),
        "swings taken for a win": (CURVES | {"D": "discriminator wins"}, "swing by turns"),
        "unknown word": (CURVES | {"A": "collapse"}, "the diagnoses to choose from"),
        "one open": (CURVES | {"C": ...}, "Run C has no diagnosis yet"),
        "one missing": ({"A": "discriminator wins"}, "Run B has no diagnosis yet"),
        "a word": ("balance", "a dict is expected"),
    },
    "flatten_batch": {
        "as P2 prints it": (lambda x: x.reshape(128, -1), "128 rows of 588"),
        "only MNIST": (lambda x: x.view(-1, 784), "Print the shapes"),
        "everything in one row": (lambda x: x.flatten(), "expected (128, 784)"),
        "pixels mixed": (lambda x: x.flatten(1).t().reshape(len(x), -1), "pixels of several images are mixed"),
        "a shape": (lambda x: x.shape, "a tensor is expected"),
        "view as printed": (lambda x: x[:96].view(128, -1), "expected (128, 784)"),
    },
    "criterion": {
        "as P2 prints it": (F.binary_cross_entropy, "stopped"),
        "broadcast": (lambda o, t: -(t * o.log() + (1 - t) * (1 - o).log()).mean(), "every output met every target"),
        "squeezed of all": (lambda o, t: F.binary_cross_entropy(o.squeeze(), t), "stopped"),
        "summed": (lambda o, t: F.binary_cross_entropy(o[:, 0], t, reduction="sum"), "summed over the batch"),
        "not reduced": (lambda o, t: F.binary_cross_entropy(o[:, 0], t, reduction="none"), "take the mean"),
        "swapped": (lambda o, t: F.binary_cross_entropy(o[:, 0], 1 - t), "labels are swapped"),
        "sign": (lambda o, t: -F.binary_cross_entropy(o[:, 0], t), "sign is wrong"),
        "sigmoid again": (lambda o, t: bce(o[:, 0], t), "a second time"),
        "squared": (lambda o, t: F.mse_loss(o[:, 0], t), "squared error"),
        "a number": (lambda o, t: F.binary_cross_entropy(o[:, 0], t).item(), "a loss with a gradient"),
    },
    "residual_branch": {
        "as P2 prints it": (lambda a, b: branch(a, b, padding=0), "take a border of one pixel each"),
        "one padded": (lambda a, b: branch(a, b, padding=0, first=1), "One of the two convolutions still"),
        "padded twice": (lambda a, b: branch(a, b, padding=2), "2 * padding - 2"),
        "kernels of 1": (lambda a, b: branch(a, b, padding=0, kernel=1), "two of 3 x 3"),
        "channels": (lambda a, b: branch(a, a, padding=1), "(2, 4, 28, 28)"),
        "a tensor": (lambda a, b: torch.zeros(2, b, 28, 28), "a Module is expected"),
        "channels do not meet": (lambda a, b: nn.Sequential(branch(a, b), nn.Conv2d(7, b, 1)), "the branch stopped"),
    },
    "clinic": {
        "collapse not seen": (PATIENTS | {2: "healthy"}, "compare its samples with each other"),
        "grey not seen": (PATIENTS | {1: "mode collapse"}, "what colour is it"),
        "no gradient not seen": (PATIENTS | {3: "learning rate too low"}, "norm of G's gradient"),
        "one sigmoid": (PATIENTS | {4: "learning rate too low"}, "never fall below 1/2"),
        "swapped": (
            PATIENTS | {5: PATIENTS[6], 6: PATIENTS[5]},
            "Patient 5 is not a case of `target swapped in G's step`",
        ),
        "target": (PATIENTS | {6: "healthy"}, "which loss rewards that"),
        "unknown": (PATIENTS | {4: "flu"}, "the diagnoses to choose from are data range"),
        "one open": (PATIENTS | {6: ...}, "Patient 6 has no diagnosis yet"),
        "a word": ("healthy", "a dict is expected"),
    },
}


# --- unusual right answers, and wrong ones that are nearly right -----------------------------------------------------

right: Any = RIGHT  # the same tables, whose types differ from row to row
wrong: Any = WRONG


def d_loss_where(real, fake):
    """Right values everywhere, and NaN for a gradient where the logit is large: both branches are differentiated."""

    def softplus(x):
        return torch.where(x > 50, x, torch.log1p(torch.exp(x)))

    return softplus(-real).mean() + softplus(fake).mean()


def scaled_by_hand(pixels):
    out = np.empty(pixels.shape, np.float32)
    for index in np.ndindex(*pixels.shape):
        out[index] = int(pixels[index]) / 127.5 - 1
    return out


def g_step_numpy(G, D, optimiser, batch_size):
    z = torch.from_numpy(np.random.standard_normal((batch_size, 100)).astype("float32"))
    optimiser.zero_grad()
    F.softplus(-D(G(z))).mean().backward()
    optimiser.step()


def d_step_by_grad(G, D, optimiser, x_real, z):
    loss = d_loss_bce(D(x_real), D(G(z).detach()))
    for parameter, gradient in zip(D.parameters(), torch.autograd.grad(loss, list(D.parameters())), strict=True):
        parameter.grad = gradient
    optimiser.step()


def d_step_closure(G, D, optimiser, x_real, z):
    def closure():
        optimiser.zero_grad()
        loss = d_loss_bce(D(x_real), D(G(z).detach()))
        loss.backward()
        return loss

    optimiser.step(closure)


def zero_after_backward(G, D, optimiser, x_real, z):
    d_loss_bce(D(x_real), D(G(z).detach())).backward()
    optimiser.zero_grad()
    optimiser.step()


def smoothed(real, fake):
    return bce(real, torch.full_like(real, 0.9)) + bce(fake, torch.zeros_like(fake))


class BranchOfFunctions(nn.Module):
    """The branch with parameters of its own, in another order, and without a layer for anything."""

    w1: torch.Tensor
    w2: torch.Tensor

    def __init__(self, c_in, c_out):
        super().__init__()
        for n, c in (("2", c_out), ("1", c_in)):
            self.register_buffer("var" + n, torch.ones(c_out))
            self.register_buffer("mean" + n, torch.zeros(c_out))
            setattr(self, "beta" + n, nn.Parameter(torch.zeros(c_out)))
            setattr(self, "gamma" + n, nn.Parameter(torch.ones(c_out)))
            setattr(self, "w" + n, nn.Parameter(0.1 * torch.randn(c_out, c, 3, 3)))

    def norm(self, x, n):
        mean, var = getattr(self, "mean" + n), getattr(self, "var" + n)
        return F.batch_norm(x, mean, var, getattr(self, "gamma" + n), getattr(self, "beta" + n), self.training)

    def forward(self, x):
        return self.norm(F.conv2d(F.relu(self.norm(F.conv2d(x, self.w1, padding=1), "1")), self.w2, padding=1), "2")


def changed(c_in, c_out, drop=(), swap=None, replace=None, eps=1e-5):
    layers = list(branch(c_in, c_out))
    layers[1], layers[4] = nn.BatchNorm2d(c_out, eps), nn.BatchNorm2d(c_out, eps)
    for place, layer in (replace or {}).items():
        layers[place] = layer
    if swap:
        layers[swap[0]], layers[swap[1]] = layers[swap[1]], layers[swap[0]]
    return nn.Sequential(*[layer for place, layer in enumerate(layers) if place not in drop])


right["scale_images"] += [
    lambda pixels: np.asarray(pixels, dtype=np.float32) / np.float32(127.5) - 1,
    scaled_by_hand,
    lambda pixels: torch.lerp(torch.tensor(-1.0), torch.tensor(1.0), pixels / 255),
    lambda pixels: torch.linspace(-1, 1, 256)[pixels.long()],
]
right["discriminator_loss"] += [
    lambda r, f: torch.logaddexp(torch.zeros(()), -r).mean() + torch.logaddexp(torch.zeros(()), f).mean(),
    lambda r, f: 2 * bce(torch.cat([r, f]), torch.cat([torch.ones_like(r), torch.zeros_like(f)])),
    lambda r, f: (F.softplus(-r.double()).mean() + F.softplus(f.double()).mean())[None],
]
right["generator_loss"] += [
    lambda f: F.softplus(-f.double()).mean(),
    lambda f: -torch.log_softmax(torch.stack([f, torch.zeros_like(f)]), 0)[0].mean(),
    lambda f: (f.relu() - f + torch.log1p(torch.exp(-f.abs()))).mean(),
]
right["discriminator_step"] += [d_step_by_grad, d_step_closure]
right["generator_step"] += [g_step_numpy, g_step(draw=lambda *s: torch.normal(0.0, 1.0, s))]
right["mlp_parameters"] += [
    lambda w: np.dot(np.array(w[:-1]) + 1, w[1:]),
    lambda w: torch.tensor([(a + 1) * b for a, b in itertools.pairwise(w)]).sum(),
    lambda w: sum(w.pop(0) * w[0] + w[0] for _ in range(len(w) - 1)),
]
right["read_curves"] += [
    {f"Run {run}": diagnosis.upper() for run, diagnosis in CURVES.items()},
    {run: diagnosis.replace(" ", "-") + "." for run, diagnosis in CURVES.items()},
]
right["flatten_batch"] += [
    lambda x: x.numpy().reshape(len(x), -1),
    lambda x: torch.cat([x[:, c].flatten(1) for c in range(x.shape[1])], 1),
    lambda x: np.array([image.ravel() for image in x.numpy()]),
]
right["criterion"] += [
    lambda o, t: -(t[:, None] * o.log() + (1 - t[:, None]) * (1 - o).log()).mean(),
    lambda o, t: F.binary_cross_entropy(o.double(), t.reshape_as(o).double()),
    lambda o, t: bce(torch.logit(o[:, 0]), t),
]
right["residual_branch"] += [
    BranchOfFunctions,
    lambda a, b: nn.Sequential(*[m for m in branch(a, b)][:2], nn.Sequential(nn.ReLU(True), *list(branch(b, b))[3:])),
    lambda a, b: changed(a, b, replace={0: nn.LazyConv2d(b, 3, padding=1, bias=False)}),
    lambda a, b: changed(a, b, replace={2: nn.LeakyReLU(0.0)}),
]
right["clinic"] += [
    PATIENTS | {6: "Target swapped in G\u2019s step"},
    {f"Patient {n}": word.replace(" ", "-") for n, word in PATIENTS.items()},
    {float(n): f"`{word}`." for n, word in PATIENTS.items()},
]

wrong["scale_images"] |= {
    "by the batch": (lambda x: 2 * (x.float() - x.min()) / (x.float().max() - x.min()) - 1, "for every batch"),
    "by its maximum": (lambda x: 2 * x.float() / x.max() - 1, "for every batch"),
    "rounded": (lambda x: torch.round(x / 127.5 - 1, decimals=2), "is right"),
    "float16": (lambda x: (x / 127.5 - 1).half(), "is right"),
    "numpy's float64": (lambda x: x.numpy() / 127.5 - 1, "float64"),
}
wrong["discriminator_loss"] |= {
    "fakes detached": (lambda r, f: d_loss_bce(r, f.detach()), "no gradient reaches the fake logits"),
    "real detached": (lambda r, f: d_loss_bce(r.detach(), f), "no gradient reaches the real logits"),
    "NaN gradients": (d_loss_where, "the gradient is nan"),
    "a gradient twice": (lambda r, f: 2 * d_loss_bce(r, f) - d_loss_bce(r, f).detach(), "its gradient on the real"),
    "targets of 0.9": (smoothed, "is right"),
}
wrong["generator_loss"] |= {
    "half detached": (lambda f: F.softplus(-torch.cat([f[:3], f[3:].detach()])).mean(), "its gradient on the fake"),
    "overflows": (lambda f: nn.SoftMarginLoss()(f, torch.ones_like(f)), "it gives inf"),
    "largest": (lambda f: F.softplus(-f).max(), "is right"),
    "clamped": (lambda f: F.softplus(-f.clamp(-20, 20)).mean(), "it gives 20"),
}
wrong["discriminator_step"] |= {
    "zeroed too late": (zero_after_backward, "gradients were empty"),
    "smoothed": (d_step(loss=smoothed), "target 0.9"),
    "weights clipped": (d_step(loss=lambda r, f: f.mean() - r.mean()), "not along the gradient"),
}
wrong["generator_step"] |= {
    "uniform with the right spread": (g_step(draw=lambda *s: (2 * torch.rand(*s) - 1) * 3**0.5), "is not normal"),
    "one row for all": (g_step(draw=lambda b, n: torch.randn(1, n).expand(b, n)), "All rows of z are the same"),
    "one number a row": (g_step(draw=lambda b, n: torch.randn(b, 1).expand(b, n)), "of a row of z are the same"),
    "half twice": (g_step(draw=lambda b, n: torch.randn(b // 2, n).repeat(2, 1)), "rows of z are repeated"),
    "sorted": (g_step(draw=lambda b, n: torch.randn(b, n).sort(1).values), "not independent"),
    "always 64": (g_step(draw=lambda b, n: torch.randn(64, n)), "here (48, 100)"),
    "reseeded": (g_step(before=lambda G, D: torch.manual_seed(1)), "fresh one"),
}
wrong["mlp_parameters"] |= {
    "no last biases": (lambda w: count_with_layers(w) - w[-1], "The last layer has biases"),
    "no last layer": (lambda w: count_with_layers(w[:-1]) if len(w) > 2 else 0, "n - 1 layers"),
    "three layers": (lambda w: (w[0] + 1) * w[1] + (w[1] + 1) * w[2] + (w[2] + 1) * w[3], "IndexError"),
    "a hundredth off": (lambda w: count_with_layers(w) + 0.01, "it gives"),
}
wrong["flatten_batch"] |= {
    "channels last": (lambda x: x.permute(0, 2, 3, 1).flatten(1), "in another order"),
    "a column short": (lambda x: x.flatten(1)[:, 1:], "expected (128, 784)"),
}
wrong["criterion"] |= {
    "detached": (lambda o, t: F.binary_cross_entropy(o.detach()[:, 0], t) + 0 * o.sum(), "its gradient"),
    "rounded": (lambda o, t: o.log().mean() * 0 + torch.round(F.binary_cross_entropy(o[:, 0], t), decimals=2), "it"),
    "smoothed": (lambda o, t: F.binary_cross_entropy(o[:, 0], 0.9 * t), "is right"),
}
wrong["residual_branch"] |= {
    "no ReLU": (lambda a, b: changed(a, b, drop=[2]), "The ReLU is missing"),
    "ReLU first": (lambda a, b: changed(a, b, swap=(1, 2)), "BatchNorm comes before the ReLU"),
    "ReLU at the end": (lambda a, b: nn.Sequential(*branch(a, b), nn.ReLU()), "ReLU comes after the sum"),
    "LeakyReLU": (lambda a, b: changed(a, b, replace={2: nn.LeakyReLU(0.2)}), "lets a part of the negative"),
    "Tanh": (lambda a, b: changed(a, b, replace={2: nn.Tanh()}), "are not the same"),
    "one BatchNorm": (lambda a, b: changed(a, b, drop=[4]), "The last BatchNorm is missing"),
    "no BatchNorm": (lambda a, b: changed(a, b, drop=[1, 4]), "BatchNorms are missing"),
    "eps": (lambda a, b: changed(a, b, eps=0.8), "eps is 0.8"),
    "dropout": (lambda a, b: changed(a, b, replace={2: nn.Sequential(nn.ReLU(), nn.Dropout(0.5))}), "in train mode"),
}


# --- mistakes that can be told from the numbers that they give -------------------------------------------------------


def squared(reduce):
    def penalty(D, x):
        x = x.detach().requires_grad_()
        (gradient,) = torch.autograd.grad(D(x).sum(), x, create_graph=True)
        return reduce(gradient.flatten(1))

    return penalty


wrong["scale_images"] |= {
    "by 255": (lambda pixels: pixels.float() / 255 - 1, "The range is [-1, 0]"),
    "moved up": (lambda pixels: pixels.float() / 127.5 + 1, "always 2 too much"),
}
wrong["discriminator_loss"] |= {
    "both fake": (lambda r, f: F.softplus(r).mean() + F.softplus(f).mean(), "Both halves call their images fake"),
    "no logarithm": (lambda r, f: f.sigmoid().mean() - r.sigmoid().mean(), "The logarithms are missing"),
    "one minus": (lambda r, f: (1 - r.sigmoid()).mean() + f.sigmoid().mean(), "The logarithms are missing"),
    "WGAN": (lambda r, f: f.mean() - r.mean(), "as WGAN has it"),
    "real summed": (lambda r, f: F.softplus(-r).sum() + F.softplus(f).mean(), "The real half is summed"),
    "fake summed": (lambda r, f: F.softplus(-r).mean() + F.softplus(f).sum(), "The fake half is summed"),
    "minus the real half": (lambda r, f: F.softplus(f).mean() - F.softplus(-r).mean(), "The real half has the wrong"),
    "bits": (lambda r, f: -r.sigmoid().log2().mean() - (1 - f.sigmoid()).log2().mean(), "It is in bits"),
}
wrong["generator_loss"] |= {
    "one minus": (lambda f: (1 - f.sigmoid()).mean(), "the mean of 1 - D"),
    "to the base 10": (lambda f: -f.sigmoid().log10().mean(), "the base 10"),
}
wrong["jsd_bound"] |= {
    "half of the loss alone": (lambda loss: max(0.0, math.log(4) - loss / 2), "The half goes over both"),
    "plus": (lambda loss: max(0.0, math.log(2) + loss / 2), "a large loss lowers the bound"),
}
wrong["r1"] |= {
    "over the images": (squared(lambda g: g.square().sum(0).mean()), "The sum goes over the images"),
    "absolute": (squared(lambda g: g.abs().sum(1).mean()), "absolute values"),
    "nothing squared": (squared(lambda g: g.sum(1).mean()), "Nothing is squared"),
}
wrong["criterion"] |= {
    "exchanged": (lambda o, t: F.binary_cross_entropy(t[:, None], o), "The arguments are exchanged"),
}
