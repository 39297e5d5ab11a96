"""Scores while training, and of run folders: history's column, `evaluate`, `compare`, their table and figure."""

import json
import math
from typing import Any

import pytest
import torch

from gancourse import evaluation, plots
from gancourse.__main__ import main
from gancourse.data import Images, mnist
from gancourse.evaluation import EvaluationError, comparison, quick_fid, score_run, scores_of, table
from gancourse.models import networks
from gancourse.training import Minimax, Trainer
from gancourse.training.run import Run, RunError
from gancourse.training.trainer import Config


def trainer(out=None, epochs=2, n=256, seed=0, **options):
    torch.manual_seed(seed)
    config = Config(epochs=epochs, seed=seed, **options.pop("config", {}))
    return Trainer(Minimax(*networks("mlp")), mnist("train").subset(n), config, out, "cpu", **options)


def strip(history):
    """What must not depend on whether the run was scored: all but times and the score."""
    return [{k: v for k, v in row.items() if k not in ("fid", "seconds", "images_per_second")} for row in history]


# --- while training --------------------------------------------------------------------------------------


def test_a_score_goes_into_history_and_changes_nothing_else():
    plain, scored = trainer(epochs=3), trainer(epochs=3, score=quick_fid, score_every=2)
    assert strip(plain.fit(progress=False)) == strip(scored.fit(progress=False))
    for a, b in zip(plain.networks["G"].state_dict().values(), scored.networks["G"].state_dict().values(), strict=True):
        assert torch.equal(a, b)
    first, second, third = (row["fid"] for row in scored.history)
    assert math.isnan(first) and math.isnan(third)
    assert second > 1
    assert "fid" not in plain.history[0]


def test_the_average_is_scored_where_there_is_one():
    seen = []

    def score(G):
        seen.append(G)
        return 1.0

    run = trainer(epochs=1, config={"ema_half_life": 500.0}, score=score)
    run.fit(progress=False)
    assert seen == [run.averages["ema"]] and run.history[0]["fid"] == 1.0


def test_a_run_goes_on_with_and_without_scores(tmp_path):
    trainer(tmp_path, epochs=1).fit(progress=False)
    trainer(tmp_path, epochs=2, score=lambda G: 7.5).fit(progress=False)
    last = trainer(tmp_path, epochs=3)
    last.fit(progress=False)
    whole = trainer(epochs=3)
    assert strip(last.history) == strip(whole.fit(progress=False))
    rows = Run(tmp_path).history()
    assert [row["fid"] for row in rows][1] == 7.5
    assert math.isnan(rows[0]["fid"]) and math.isnan(rows[2]["fid"])


def test_what_a_score_draws_at_random_is_not_the_runs(tmp_path):
    """Judges draw some when they are made, once in a process: a resumed run would have others than a whole one."""

    def judging():
        made: list[torch.nn.Module] = []

        def score(G):
            if not made:
                made.append(torch.nn.Linear(3, 3))
            return 7.5

        return score

    trainer(tmp_path / "whole", epochs=3, score=judging()).fit(progress=False)
    trainer(tmp_path / "run", epochs=2, score=judging()).fit(progress=False)
    trainer(tmp_path / "run", epochs=3, score=judging()).fit(progress=False)
    whole, resumed = (Run(tmp_path / name).load(3).tensors for name in ("whole", "run"))
    assert whole.keys() == resumed.keys() and "rng.torch" in whole
    assert [name for name in whole if not torch.equal(whole[name], resumed[name])] == []


def test_score_every_is_checked():
    with pytest.raises(ValueError, match="score_every is 0"):
        trainer(score=quick_fid, score_every=0)


def test_the_curve_of_scores_gets_its_own_panel():
    row = dict.fromkeys(
        ("loss_d", "loss_g", "d_real", "d_fake_before", "d_fake_after", "grad_norm_d", "grad_norm_g"), 0.5
    )
    history = [{"epoch": i, **row, "fid": math.nan if i % 2 else 100.0 / i} for i in range(1, 7)]
    fig = plots.losses(history)
    assert len(fig.axes) == 4
    (line,) = fig.axes[3].lines
    points: Any = line.get_xydata()
    assert points.tolist() == [[2, 50.0], [4, 25.0], [6, 100 / 6]]
    assert len(plots.losses([{**r, "fid": math.nan} for r in history]).axes) == 3


# --- run folders -----------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def two_runs(tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs")
    for name, epochs in (("short", 1), ("long", 3)):
        trainer(folder / name, epochs=epochs, n=2560, config={"ema_half_life": 500.0} if name == "long" else {}).fit(
            progress=False
        )
    return folder / "short", folder / "long"


def test_evaluate_and_compare_from_the_command_line(two_runs, capsys, tmp_path, monkeypatch):
    short, long = two_runs
    assert main(["compare", str(short)]) == 1
    assert "has no scores yet: python -m gancourse evaluate" in capsys.readouterr().err
    before = {p: p.read_bytes() for p in short.rglob("*") if p.is_file() and p.name != ".lock"}
    assert main(["evaluate", str(short), str(long), "--samples", "300"]) == 0
    out = capsys.readouterr().out
    assert "mnist-classifier, against mnist-test" in out and out.count("300") == 2
    assert {p: p.read_bytes() for p in before} == before  # it only adds
    (row,) = scores_of(short)
    assert (row["epoch"], row["network"], row["n"]) == (1, "G", 300)
    assert scores_of(long)[-1]["network"] == "ema"
    G, _ = networks("mlp")
    G.load_state_dict(Run(short).load(1).network("G"))
    assert row["fid"] == pytest.approx(evaluation.classifier_fid(G, n=300), rel=1e-5)

    picture = tmp_path / "scores.png"
    assert main(["compare", str(short), str(long), "--out", str(picture)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines[:4]] == ["run", "real", "short", "long"]
    assert picture.read_bytes()[:4] == b"\x89PNG"
    rows = comparison([short, long])
    assert rows[0]["fid"] < rows[1]["fid"] / 20  # the floor

    assert main(["evaluate", str(short), "--samples", "301"]) == 0
    with pytest.raises(EvaluationError, match="scored with n 301, long with 300"):
        comparison([short, long])


def test_evaluating_again_replaces_and_another_epoch_adds(tmp_path):
    trainer(tmp_path, epochs=2).fit(progress=False)
    for epoch in (1, 2, 2):
        score_run(tmp_path, epoch, n=256)
    assert [row["epoch"] for row in scores_of(tmp_path)] == [1, 2]
    with pytest.raises(RunError, match="no checkpoint of epoch 9"):
        score_run(tmp_path, 9, n=256)
    with pytest.raises(EvaluationError, match="100 images are too few"):
        score_run(tmp_path, n=100)


def test_what_cannot_be_scored_is_named(tmp_path, capsys):
    with pytest.raises(RunError, match="holds no run"):
        score_run(tmp_path / "nothing")
    assert main(["evaluate", str(tmp_path / "nothing")]) == 1
    assert "holds no run" in capsys.readouterr().err
    Run(tmp_path).write_config({"model": "unheard-of", "parameters": {}})
    with pytest.raises(RunError, match="no checkpoint"):
        score_run(tmp_path)


def test_damaged_scores_are_named(tmp_path):
    folder = tmp_path / "scores"
    folder.mkdir()
    path = folder / "epoch-0001-mnist-classifier-300-0.json"
    for text in ("{", "[]", "{}", json.dumps({"epoch": 1})):
        path.write_text(text)
        with pytest.raises(RunError, match="holds no scores"):
            scores_of(tmp_path)
    path.unlink()
    (folder / "notes.json").write_text("{")
    assert scores_of(tmp_path) == []


def test_a_run_of_colour_images_is_scored_against_given_ones(tmp_path):
    torch.manual_seed(0)
    rng = torch.Generator().manual_seed(0)
    photographs = Images(torch.randint(0, 256, (300, 3, 128, 128), generator=rng, dtype=torch.uint8), name="noise")
    config = Config(epochs=1, batch_size=4, model="dcgan128")
    run = Trainer(Minimax(*networks("dcgan128", width=2)), photographs.subset(4), config, tmp_path, "cpu")
    run.fit(progress=False)
    with pytest.raises(EvaluationError, match=r"images of shape \(3, 128, 128\): give the real ones"):
        score_run(tmp_path, n=256)
    row = score_run(tmp_path, n=256, real=photographs)
    assert (row["features"], row["real"], row["inception_score"], row["kl"]) == ("random-0", "noise", None, None)
    assert row["fid"] > 1
    assert " - " in table([{"run": "a", **row}])


def test_the_scoreboard_draws_every_row_with_its_number_and_refuses_none():
    numbers = {"precision": 0.5, "coverage": 0.3}
    rows = [{"run": f"run {i}", "epoch": i or None, "fid": 10.0**i, "recall": 0.1 * i, **numbers} for i in range(4)]
    left, *others = plots.scoreboard(rows).axes
    assert [text.get_text() for text in left.get_yticklabels()] == [f"run {i}   {i + 1}" for i in range(4)]
    for ax in others:
        assert len(ax.lines) == 4 and [t.get_text() for t in ax.texts] == ["1", "2", "3", "4"]
        assert len({t.get_position() for t in ax.texts}) == 4  # also where all four points are one
    with pytest.raises(ValueError, match="rows is empty"):
        plots.scoreboard([])
