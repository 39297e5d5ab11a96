"""A device without enough memory, played by a generator that takes at most so many images at once."""

from __future__ import annotations

import pytest
import torch

from gancourse.data import mnist
from gancourse.models import MLPDiscriminator, MLPGenerator
from gancourse.training import Config, Minimax, Trainer, train_step
from gancourse.training.out_of_memory import OutOfMemory, ran_out

IMAGES = mnist("train").subset(256)


class Small(MLPGenerator):
    """Has room for `room` images."""

    room = 16

    def forward(self, z):
        if len(z) > self.room and self.training:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB.")
        return super().forward(z)


def trainer(room=16, out=None, **settings):
    torch.manual_seed(0)
    G, D = Small(), MLPDiscriminator()
    G.room = room
    config = Config(epochs=2, batch_size=64, fast=False, precision="float32")
    return Trainer(Minimax(G, D), IMAGES, config, out, device="cpu", **settings)


def test_the_message_names_the_batch_that_fits_and_the_run_goes_on(tmp_path):
    made = trainer(1000, tmp_path)
    next(made.epochs())
    made.networks["G"].room = 16
    with pytest.raises(OutOfMemory, match=r"with 64 images at a time; batches of 16 fit.*accumulate=4.*goes on"):
        made.fit(progress=False)
    del made
    resumed = trainer(16, tmp_path, accumulate=4)
    assert resumed.epoch == 1
    assert len(resumed.fit(progress=False)) == 2


def test_not_even_one_image_fits():
    with pytest.raises(OutOfMemory, match="fewer do not fit either"):
        trainer(0).fit(progress=False)


def test_other_errors_pass():
    made = trainer()
    made.networks["G"].forward = lambda z: 1 / 0
    with pytest.raises(ZeroDivisionError):
        made.fit(progress=False)
    assert not ran_out(RuntimeError("shapes differ")) and ran_out(MemoryError())


@pytest.mark.parametrize("fresh_z", [True, False])
def test_parts_add_up_to_the_batch(fresh_z):
    """Without BatchNorm, a batch in four parts gives the gradients, and so the weights, of the whole one."""
    weights = []
    for parts in (1, 4):
        torch.manual_seed(0)
        G, D = MLPGenerator(), MLPDiscriminator()
        opt_g, opt_d = (torch.optim.SGD(n.parameters(), 0.1) for n in (G, D))
        x = next(IMAGES.batches(64, torch.Generator().manual_seed(1)))
        rng = torch.Generator().manual_seed(2)
        stats = train_step(G, D, opt_g, opt_d, [x, x], rng, fresh_z=fresh_z, accumulate=parts)
        weights.append([*G.parameters(), *D.parameters(), stats])
    for whole, added in zip(*weights, strict=True):
        torch.testing.assert_close(added, whole, atol=1e-5, rtol=1e-4)


def test_a_batch_that_does_not_divide_is_refused():
    with pytest.raises(ValueError, match="accumulate is 5, expected a divisor of the batch of 64"):
        trainer(accumulate=5)
