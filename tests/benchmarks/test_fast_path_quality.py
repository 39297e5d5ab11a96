"""The gate on the fast path: what the study `fast_path` measured, printed and judged (`pytest -m benchmark -s`)."""

import pytest

from gancourse.course.studies import runner
from gancourse.course.studies.lesson02 import fast_path


def test_a_fast_path_that_is_worse_than_every_plain_seed_is_refused():
    rows = [{"model": "mlp", "path": p, "fid": v} for p, v in (("plain", 9.0), ("plain", 10.0), ("fast", 10.1))]
    assert not fast_path.verdict(rows, "mlp")["within"]
    rows[-1]["fid"] = 9.9
    assert fast_path.verdict(rows, "mlp")["within"]


@pytest.mark.slow
def test_the_study_runs(tmp_path):
    out = runner.reproduce(
        "fast_path", tmp_path / "out.json", quick=True, workers=0, work=tmp_path, report=lambda s: None
    )
    assert {(r["model"], r["path"]) for r in out["rows"]} == {
        (m, p) for m in fast_path.EPOCHS for p in ("plain", "fast")
    }
    assert all(r["fid"] > 0 for r in out["rows"])


@pytest.mark.benchmark
@pytest.mark.parametrize("model", fast_path.EPOCHS)
def test_the_fast_path_is_as_good_as_the_plain_one(model):
    found = runner.results("fast_path")
    verdict, epochs = fast_path.verdict(found["rows"], model), fast_path.EPOCHS[model]
    print(f"\n{model}, {epochs} epochs, {found['machine']}: plain {verdict['plain']}, fast {verdict['fast']}")
    assert verdict["within"]
