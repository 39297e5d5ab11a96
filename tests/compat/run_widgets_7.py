"""Construct and drive the widgets under ipywidgets 7.7.1 (Google Colab's): run by .ci/run in a venv of its own."""

import asyncio

import ipywidgets
import torch

from gancourse import models, widgets
from gancourse.data import Images
from gancourse.training import Minimax, Trainer
from gancourse.training.trainer import Config
from gancourse.widgets.dashboard import Dashboard

assert ipywidgets.__version__ == "7.7.1", ipywidgets.__version__
explorer = widgets.optimal_discriminator_explorer()
before = explorer.picture.value
explorer.mean_q.value = 0.0
assert bytes(explorer.picture.value) != bytes(before) and "mean 0.0" in explorer.status.value

board = widgets.playground()
for name, after in (("step_d", (1, 0)), ("step_g", (1, 1)), ("step_both", (2, 2))):
    before = bytes(board.picture.value)
    board.buttons[name].click()
    assert (board.game.rounds["D"], board.game.rounds["G"]) == after and bytes(board.picture.value) != before


async def run_and_pause():
    board.run.click()
    while board.game.rounds["G"] < 12:
        await asyncio.sleep(0.02)
    board.pause.click()


asyncio.run(asyncio.wait_for(run_and_pause(), 30))
assert not board.running and "Paused" in board.status.value
board.controls["data"].value = "spiral"
assert board.game.rounds == {"D": 0, "G": 0}

board.controls["data"].value = "drawn"
assert board.empty and "Press Add point" in board.status.value
board.add.click()
before = bytes(board.picture.value)
board.pointer._listener.set_state({"alive": True})  # what the script in the page would send
board.pointer._listener.set_state({"at": [0.1, 0.5, 1]})
assert len(board.settings.drawn) == 2 and board.pointer.works and bytes(board.picture.value) != before
board.buttons["step_both"].click()
assert board.game.rounds == {"D": 1, "G": 1}

torch.manual_seed(0)
G, D = models.networks("mlp")
latent = {
    "latent_explorer": widgets.latent_explorer(G),
    "interpolator": widgets.interpolator(G),
    "arithmetic": widgets.arithmetic(G),
    "epochs_scrubber": widgets.epochs_scrubber({epoch: torch.rand(64, 1, 28, 28) for epoch in range(3)}),
    "real_or_fake": widgets.real_or_fake(G, D),
    "nearest_neighbours": widgets.nearest_neighbours(G, Images(torch.zeros(99, 1, 28, 28, dtype=torch.uint8))),
    "seed_map": widgets.seed_map(G),
    "style_mixer": widgets.style_mixer(models.StyleGenerator(width=4, size=16)),
    "draw_a_church": widgets.draw_a_church(),
    "there_and_back": widgets.there_and_back(),
    "lens": widgets.lens({"noise": torch.rand(2, 3, 48, 48)}, torch.rand(2, 3, 48, 48)),
}
acts = {
    "latent_explorer": lambda figure: setattr(figure.controls["direction 1"], "value", 2.0),
    "interpolator": lambda figure: setattr(figure.controls["t"], "value", 0.8),
    "arithmetic": lambda figure: figure.put.click(),
    "epochs_scrubber": lambda figure: figure.before.click(),
    "real_or_fake": lambda figure: figure.real.click(),
    "nearest_neighbours": lambda figure: setattr(figure.controls["sample"], "value", 5),
    "seed_map": lambda figure: figure.ways["Right"].click(),
    "style_mixer": lambda figure: figure.buttons["Fine"].click(),
    "draw_a_church": lambda figure: (figure.set("", brush="hill", x=5, y=5), figure.paint_here()),
    "there_and_back": lambda figure: figure.buttons["Back"].click(),
    "lens": lambda figure: setattr(figure.controls["x"], "value", 5),
}
assert {*latent, "optimal_discriminator_explorer", "playground"} == {*widgets.__all__}, widgets.__all__
for name, figure in latent.items():
    assert not figure.trouble, (name, figure.trouble)
    before, said = bytes(figure.picture.value), figure.status.value
    acts[name](figure)
    assert bytes(figure.picture.value) != before and figure.status.value != said, name

shown: list = []
import IPython.display  # noqa: E402

IPython.display.display = lambda data, **kwargs: shown.append((data, kwargs))
for figure in (explorer, board, *latent.values()):
    figure._ipython_display_()
    data, kwargs = shown.pop()
    assert kwargs["raw"] and kwargs["metadata"]["image/png"]["alt"] and data["image/png"]
    assert data["application/vnd.jupyter.widget-view+json"]["model_id"] == figure.model_id
live = Dashboard("a run")
few = Images(torch.zeros(64, 1, 28, 28, dtype=torch.uint8))
trainer = Trainer(Minimax(*models.networks("mlp")), few, Config(batch_size=32, epochs=1), device="cpu")
live(trainer)
before = bytes(live.picture.value)
trainer.fit(progress=False, watch=live)
assert bytes(live.picture.value) != before and "After epoch 1" in live.status.value
print("the widgets work under ipywidgets", ipywidgets.__version__)
