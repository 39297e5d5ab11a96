import json
from pathlib import Path

import pytest

from gancourse.course.studies import runner


def run_square(job):
    if job.get("broken"):
        raise RuntimeError("this job cannot run")
    return {"square": job["x"] ** 2}


@pytest.fixture
def study(monkeypatch):
    jobs = [{"key": f"x-{x}", "x": x} for x in (3, 1, 2)]
    made = runner.Study("squares", lambda quick: jobs[: 1 if quick else 3], run_square)
    monkeypatch.setattr(runner, "find", lambda name: made)
    return jobs


def test_rows_are_in_the_jobs_order_with_their_figures(study, tmp_path):
    out = tmp_path / "squares.json"
    found = runner.reproduce("squares", out, workers=0, work=tmp_path, report=lambda line: None)
    assert [(r["x"], r["square"]) for r in found["rows"]] == [(3, 9), (1, 1), (2, 4)]
    assert json.loads(out.read_text()) == found and found["machine"] and found["commit"]
    about, *rows, end = out.read_text().splitlines()
    assert about.endswith('"rows": [') and end == "]}"
    assert [json.loads(row.rstrip(",")) for row in rows] == found["rows"]  # a line each
    assert json.loads(runner.as_text(found | {"rows": []})) == found | {"rows": []}


def test_a_stopped_study_goes_on_and_changed_jobs_run_again(study, tmp_path):
    study[2]["broken"] = True
    lines: list[str] = []
    with pytest.raises(RuntimeError, match="cannot run"):
        runner.reproduce("squares", tmp_path / "s.json", workers=0, work=tmp_path, report=lines.append)
    assert not (tmp_path / "s.json").exists()
    del study[2]["broken"]
    study[0]["x"] = 5
    found = runner.reproduce("squares", tmp_path / "s.json", workers=0, work=tmp_path, report=lines.append)
    assert [r["square"] for r in found["rows"]] == [25, 1, 4]
    assert "3 jobs, 1 already done" in lines[-3]


def test_a_study_that_went_on_elsewhere_names_both_machines(study, monkeypatch, tmp_path):
    study[2]["broken"] = True
    monkeypatch.setattr("gancourse.training.provenance.describe", lambda: "an old machine")
    with pytest.raises(RuntimeError, match="cannot run"):
        runner.reproduce("squares", tmp_path / "s.json", workers=0, work=tmp_path, report=lambda line: None)
    del study[2]["broken"]
    monkeypatch.setattr("gancourse.training.provenance.describe", lambda: "a new machine")
    found = runner.reproduce("squares", tmp_path / "s.json", workers=0, work=tmp_path, report=lambda line: None)
    assert found["machine"] == "an old machine; a new machine"
    assert [row["computed_on"] for row in found["rows"]] == ["an old machine", "an old machine", "a new machine"]


def test_figures_that_overwrite_a_setting_are_refused(study, monkeypatch, tmp_path):
    """Such a job would be run again and again: its row no longer says what was asked for."""
    renamed = runner.Study("squares", lambda quick: study, lambda job: {"x": job["x"] ** 2})
    monkeypatch.setattr(runner, "find", lambda name: renamed)
    with pytest.raises(runner.StudyError, match="x-3 have another x than its job"):
        runner.reproduce("squares", tmp_path / "s.json", workers=0, work=tmp_path, report=lambda line: None)


def test_keys_cannot_leave_the_folder(study, tmp_path):
    study[0]["key"] = "../elsewhere"
    with pytest.raises(ValueError, match="elsewhere"):
        runner.reproduce("squares", tmp_path / "s.json", workers=0, work=tmp_path)


def test_unknown_study_and_missing_results_name_what_there_is():
    with pytest.raises(runner.StudyError, match="'nothing'"):
        runner.find("nothing")
    with pytest.raises(runner.StudyError, match="reproduce nothing"):
        runner.results("nothing")


def test_a_notebook_goes_on_without_results_and_says_how_to_get_them(capsys):
    assert runner.look_up("nothing") is None
    assert "python -m gancourse reproduce nothing" in capsys.readouterr().out
    assert runner.look_up("cyclegan") == runner.results("cyclegan") and not capsys.readouterr().out


STUDIES = Path(runner.__file__).parent


def test_a_study_has_a_name_that_no_other_module_of_studies_has():
    """`reproduce` finds a study by its name alone."""
    stems = [path.stem for path in STUDIES.glob("lesson[0-9][0-9]/*.py")]
    studies = [path.stem for path in STUDIES.glob("lesson[0-9][0-9]/*.py") if "\nSTUDY = " in path.read_text("utf-8")]
    assert [name for name in studies if stems.count(name) > 1] == [], "call it otherwise"
    assert len(studies) > 20 and set(studies) == set(runner.names()), "a lesson's folder has no __init__.py"


def test_no_committed_result_is_of_a_quick_run():
    """Both are written to one file of build/studies, and the figures of a quick run mean nothing."""
    folder = STUDIES.parents[1] / "assets" / "results"
    found = {path.stem: json.loads(path.read_text("utf-8")) for path in folder.glob("*.json")}
    commands = {name: results["command"] for name, results in found.items() if "command" in results}
    assert len(commands) > 20 and [name for name, command in commands.items() if "--quick" in command] == []
