"""P4's churches made good: the rule chooses, the chosen one grows on, and a finished run is not trained again."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from gancourse.course.studies.lesson12 import made_good
from gancourse.models import networks
from gancourse.training.run import Run

pytestmark = pytest.mark.usefixtures("one_thread")


def test_the_chosen_candidate_goes_on_and_what_is_done_is_kept(tmp_path, monkeypatch):
    monkeypatch.setattr(made_good, "STAGES", {16: (1, 0.1, False, False), 32: (1, 0.1, True, True)})
    monkeypatch.setattr(made_good, "COMPARED", 16)
    jobs = [job | {"runs": str(tmp_path), "churches": 16, "samples": 30} for job in made_good.jobs(True)]
    assert [(job["candidate"], job["size"]) for job in jobs] == [("plain", 16), ("factors", 16), ("chosen", 32)]
    rows = [made_good.run(job) for job in jobs]
    plain, factors, best = rows
    assert best["network"] == min((plain, factors), key=lambda row: row["distance"])["network"]
    assert plain["obeys"] == {} and set(factors["obeys"]) == set(made_good.FACTORS)
    assert [point["images"] for point in best["curve"]] == [16] and best["curve"][-1]["distance"] == best["distance"]
    config: Any = Run(made_good.folder(jobs[2], best["network"], 32)).config
    assert config["before"]["options"]["G"]["size"] == 16 and not config["fresh_z"] and config["recipe"]["decay"]

    monkeypatch.setattr(made_good.Trainer, "rounds", None)  # nothing can be trained any more
    assert made_good.run(jobs[2]) == best


def test_a_generator_that_does_as_it_is_told_is_seen_to(monkeypatch):
    torch.manual_seed(0)
    made: Any = networks("dcgan128-factors", width=8, width_d=8, size=64)
    G = made[0]
    truth = {}

    def read(x):
        z = made_good.latent.sample(len(x), 100, 0)
        truth["code"] = G.code(z)
        return {
            name: truth["code"][:, i] if name != "time" else 4 - truth["code"][:, i]
            for i, name in enumerate(made_good.FACTORS)
        }

    monkeypatch.setattr(made_good.church_reader, "read", read)
    obeys = made_good.judged(G, 40)["obeys"]
    assert all(share == 1 for name, share in obeys.items() if name != "time") and obeys["time"] < 0.5
