"""P4's churches made good: the rule chooses, the chosen one grows on, and a finished run is not trained again."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from gancourse.course.studies.lesson12 import made_good
from gancourse.data.sheets import unpack
from gancourse.models import networks
from gancourse.training.run import Run

pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.mark.slow
def test_the_chosen_candidate_goes_on_and_what_is_done_is_kept(tmp_path, monkeypatch):
    for name, value in {"EPOCHS": 3, "COMPARED": 1, "STOPPED": 2, "BEST": 1, "R1_EPOCHS": 1}.items():
        monkeypatch.setattr(made_good, name, value)
    jobs = [job | {"runs": str(tmp_path), "samples": 30} for job in made_good.jobs(True)]
    told = [(job["candidate"], job["until"]) for job in jobs]
    assert told == [("plain", 1), ("factors", 1), ("chosen", 2), ("with R1", 1)]
    plain, factors, best, with_r1 = rows = [made_good.run(job) for job in jobs]
    nearer, other = sorted((plain, factors), key=lambda row: row["distance"])
    assert best["network"] == with_r1["network"] == nearer["network"] and best["curve"][0] == nearer["curve"][0]
    assert plain["obeys"] == {} and set(factors["obeys"]) == set(made_good.FACTORS)
    assert [point["images"] for point in best["curve"]] == [32, 64] and best["curve"][-1]["distance"] == best[
        "distance"
    ]
    assert [point["images"] for point in with_r1["curve"]] == [64]  # 32 of them in the run before
    assert [unpack(row["strip"]).shape for row in (plain, factors)] == 2 * [(made_good.N_SHOWN, 3, 128, 128)]
    assert Run(made_good.folder(jobs[2], other["network"])).checkpointed_epochs() == [1]
    config: Any = Run(made_good.folder(jobs[2], best["network"])).config
    assert config["recipe"]["decay"] and config["epochs"] == 3 and not config["recipe"]["r1"]
    config = Run(made_good.folder(jobs[3], made_good.WITH_R1)).config
    assert config["recipe"]["r1"] == 1 and (config["before"]["epochs"], config["before"]["planned"]) == (1, 3)

    monkeypatch.setattr(made_good.Trainer, "rounds", None)  # nothing can be trained any more
    assert [made_good.run(job) for job in jobs] == rows


@pytest.mark.parametrize("name", made_good.MODELS)
def test_both_candidates_have_p4s_generator(name):
    G, D = made_good._pair(name, 8, 4)
    assert str(G.net) == str(networks("dcgan128", width=8)[0].net)
    assert str(D.net[:-2]) == str(networks("dcgan128", width=4)[1].net[:-2])
    networks_: list[Any] = [G, D]
    for network in networks_:
        assert network.net[0].weight.std().item() == pytest.approx(0.02, rel=0.1)


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
