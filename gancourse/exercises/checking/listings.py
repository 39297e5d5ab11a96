"""The bug hunt of lesson 07: eight pieces of code to read, seven of them with a bug, and the check of the diagnoses.

Each piece runs as it stands; `tests/exercises/test_listings.py` runs it and shows that it does what its diagnosis says.
"""

from __future__ import annotations

from typing import Any

from gancourse.exercises.checking.engine import Wrong
from gancourse.exercises.checking.judging import choices

_HEAD = "import torch\nfrom torch import nn\n\n"

LISTINGS = {
    1: '''
def gradient_penalty(D, x_real, x_fake):
    """Images (B, 3, 64, 64) -> a scalar."""
    t = torch.rand(len(x_real), 1, 1, 1)
    x_hat = (t * x_real + (1 - t) * x_fake).detach().requires_grad_()
    (gradient,) = torch.autograd.grad(D(x_hat).sum(), x_hat, create_graph=True)
    return 10 * ((gradient.norm(2, dim=1) - 1) ** 2).mean()
''',
    2: '''
def gradient_penalty(D, x_real, x_fake):
    """Images (B, 3, 64, 64) -> a scalar."""
    t = torch.rand(x_real.shape)
    x_hat = (t * x_real + (1 - t) * x_fake).detach().requires_grad_()
    (gradient,) = torch.autograd.grad(D(x_hat).sum(), x_hat, create_graph=True)
    return 10 * ((gradient.flatten(1).norm(2, dim=1) - 1) ** 2).mean()
''',
    3: '''
def critic_step(D, G, opt_d, x_real, z, penalty):
    """One step of WGAN-GP's critic; penalty(D, x_real, x_fake) is right."""
    x_fake = G(z).detach()
    loss = D(x_fake).mean() - D(x_real).mean() + 10 * penalty(D, x_real, x_fake)
    opt_d.zero_grad()
    loss.backward()
    opt_d.step()
''',
    4: '''
def gradient_penalty(D, x_real, x_fake):
    """Images (B, 3, 64, 64) -> a scalar."""
    t = torch.rand(len(x_real), 1, 1, 1)
    x_hat = (t * x_real + (1 - t) * x_fake).detach().requires_grad_()
    (gradient,) = torch.autograd.grad(D(x_hat).sum(), x_hat, retain_graph=True)
    return 10 * ((gradient.flatten(1).norm(2, dim=1) - 1) ** 2).mean()
''',
    5: '''
def critic():
    """The critic of WGAN-GP: images (B, 1, 28, 28) -> scores (B,)."""
    return nn.Sequential(
        nn.Conv2d(1, 64, 4, 2, 1),
        nn.LeakyReLU(0.2),
        nn.Conv2d(64, 128, 4, 2, 1),
        nn.BatchNorm2d(128),
        nn.LeakyReLU(0.2),
        nn.Flatten(),
        nn.Linear(128 * 7 * 7, 1),
        nn.Flatten(0),
    )
''',
    6: '''
def wgan_round(G, D, opt_g, opt_d, x_reals):
    """Five steps of the critic, one for each batch of x_reals, then one of G."""
    for x_real in x_reals:
        z = torch.randn(len(x_real), 100)
        loss = D(G(z).detach()).mean() - D(x_real).mean()
        opt_d.zero_grad()
        loss.backward()
        opt_d.step()
        with torch.no_grad():
            for p in D.parameters():
                p.clamp_(-0.01, 0.01)
    loss = -D(G(z)).mean()
    opt_g.zero_grad()
    loss.backward()
    opt_g.step()
''',
    7: '''
def critic():
    """The critic of WGAN: images (B, 3, 64, 64) -> scores (B,)."""
    layers = [nn.Conv2d(3, 64, 4, 2, 1), nn.LeakyReLU(0.2)]
    for c in (64, 128, 256):
        layers += [nn.Conv2d(c, 2 * c, 4, 2, 1), nn.BatchNorm2d(2 * c), nn.LeakyReLU(0.2)]
    return nn.Sequential(*layers, nn.Conv2d(512, 1, 4), nn.Flatten(0))


def after_each_step(D):
    with torch.no_grad():
        for p in D.parameters():
            p.clamp_(-0.01, 0.01)
''',
    8: '''
def critic():
    """The critic of SN-GAN: images (B, 1, 28, 28) -> scores (B,)."""
    sn = nn.utils.parametrizations.spectral_norm
    return nn.Sequential(
        sn(nn.Conv2d(1, 64, 4, 2, 1)),
        nn.LeakyReLU(0.1),
        sn(nn.Conv2d(64, 128, 4, 2, 1)),
        nn.LeakyReLU(0.1),
        nn.Flatten(),
        sn(nn.Linear(128 * 7 * 7, 1)),
        nn.Flatten(0),
    )


@torch.no_grad()
def log_scores(D, images):
    """Called between two steps of the training, for the log."""
    return torch.cat([D(batch) for batch in images.split(100)])
''',
}

CHOICES = (
    "norm over channels",
    "t per pixel",
    "D never feels the penalty",
    "BatchNorm in the critic",
    "G's step on stale fakes",
    "clipping with BatchNorm",
    "an evaluation changes D",
    "detached fakes",
    "wrong sign",
    "healthy",
)
DIAGNOSES = {
    1: "norm over channels",
    2: "t per pixel",
    3: "healthy",
    4: "D never feels the penalty",
    5: "BatchNorm in the critic",
    6: "G's step on stale fakes",
    7: "clipping with BatchNorm",
    8: "an evaluation changes D",
}
EVIDENCE = {
    1: "write down the shape of `gradient.norm(...)` for a batch of eight: how many slopes has one image?",
    2: "write down the shape of t: where do the points x_hat lie, between an image and its fake?",
    3: "does the loss fall when real images score higher? Whom does its gradient reach, and whom should it not?",
    4: "it gives the right number. Differentiate that number for D's weights: what comes out?",
    5: "the penalty asks for the slope of an image's score: on what does the score of an image depend in this network?",
    6: "follow z through the round: when was the one drawn that G's step uses?",
    7: "which numbers of D does the loop go through, and what was each of them before?",
    8: "call it twice on the same images, between two steps that are to be repeated bit for bit: does anything differ?",
}
CAUSES = {
    1: "`gradient.norm(2, dim=1)` has the shape (B, 64, 64): every pixel's slope is pushed to 1, and the image's own "
    "to 64 (caogang/wgan-gp #25 and #27, Zeleni9/pytorch-wgan #40)",
    2: "a t for each pixel: the points lie in the box between two images, off the line that the theory asks for "
    "(hwalsuklee's collection #33)",
    3: "nothing: the fakes of D's step are detached, as they should be, for this step must not reach G",
    4: "without `create_graph=True` the penalty is a constant: it shows in the loss, and the weights never feel it",
    5: "with BatchNorm a score depends on the whole batch, and the penalty of one image punishes the slopes of all "
    "(Gulrajani et al. 2017, section 4, forbid it; a well-known course has it all the same)",
    6: "G's z is the last one of D's, which has just been trained on those fakes (PyTorch-GAN)",
    7: "clipping takes BatchNorm's scale from 1 to 0.01, and with it the gradient that reaches G, once a layer "
    "(WassersteinGAN #18)",
    8: "in train mode each forward moves spectral normalisation's u and v, under `no_grad` too: who logs more often "
    "trains another D",
}


def listings() -> dict[int, str]:
    """Number -> code that runs, of the exercise `lesson07.bug_hunt`."""
    return {number: _HEAD + code for number, code in LISTINGS.items()}


def check_bug_hunt(answer: Any) -> str:
    """The check of `lesson07.bug_hunt`: listing -> diagnosis; right answers are told where each bug was published."""
    given = choices(answer, "Listing", DIAGNOSES, CHOICES)
    for number, right in DIAGNOSES.items():
        if (word := given[str(number)]) != right:
            raise Wrong(f"Listing {number} is not a case of `{word}`: {EVIDENCE[number]}")
    return "What is wrong in them:\n" + "\n".join(f"{n}: {cause}." for n, cause in CAUSES.items())
