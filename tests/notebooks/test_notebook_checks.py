"""Each check of a notebook passes a good one and catches what it is there for."""

import copy

import nbformat
import pytest
from notebook_checks import (
    CHECKS,
    PROGRESS,
    ROOT,
    alternative_text,
    closed_forms_compared,
    compared_cells,
    executed_top_to_bottom,
    no_errors,
    no_foreign_metadata,
    no_local_paths,
    progress_at_the_end,
    title_goals_time,
    training_took_time,
    unique_ids,
)

START = "# 02 A notebook\n\n**What you will learn**\n\n- much\n\n**Time.** The plan cell prints it."


def printed(text, name="stdout"):
    return nbformat.v4.new_output("stream", name=name, text=text)


def picture(alt):
    data = {"image/png": "AAAA", "text/plain": "Figure 1.1"}
    return nbformat.v4.new_output("display_data", data=data, metadata={"image/png": {"alt": alt}} if alt else {})


@pytest.fixture
def good():
    sources = ["from gancourse import theory\nimport sympy as sp", "print(theory.jsd(p, q))", "trainer.fit()"]
    results = [[], [printed("0.693\n")], [printed("20 epochs of mlp in 96 s (12,345 images/s)\n")]]
    sources += [f"print({n})" for n in range(6)]
    results += [[printed(f"{n}\n")] for n in range(6)]
    cells = [nbformat.v4.new_markdown_cell(START)]
    for n, (source, outs) in enumerate(zip(sources, results, strict=True), start=1):
        cells.append(nbformat.v4.new_code_cell(source, execution_count=n, outputs=outs))
    cells[3].metadata["tags"] = ["nbval-ignore-output"]
    cells[-1].outputs.append(picture("the loss falls"))
    return nbformat.v4.new_notebook(cells=cells)


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
def test_a_good_notebook_passes(check, good):
    assert list(check(good)) == []


def set_count(notebook):
    notebook.cells[2].execution_count = 7


def unexecuted(notebook):
    notebook.cells[2].execution_count = None


def widget_state(notebook):
    notebook.metadata["widgets"] = {}


def papermill_cell(notebook):
    notebook.cells[2].metadata["papermill"] = {"duration": 1.0}


def widget_view(notebook):
    notebook.cells[-1].outputs[-1].data["application/vnd.jupyter.widget-view+json"] = {}


def error(notebook):
    notebook.cells[2].outputs = [nbformat.v4.new_output("error", ename="NameError", evalue="p", traceback=[])]


def warning(notebook):
    notebook.cells[2].outputs.append(printed("UserWarning: no", "stderr"))


def home(notebook):
    notebook.cells[2].outputs.append(printed("saved to /home/somebody/run\n"))


def windows(notebook):
    notebook.cells[-1].outputs[-1].data["text/plain"] = "C:\\course\\run"


def checkout(notebook):
    notebook.cells[2].outputs.append(printed(f"saved to {ROOT}/runs\n"))


def twin(notebook):
    notebook.cells[2]["id"] = notebook.cells[3]["id"]


def no_title(notebook):
    notebook.cells[0].source = START.replace("# 02", "#")


def no_goals(notebook):
    notebook.cells[0].source = START.replace("learn", "see")


def no_time(notebook):
    notebook.cells[0].source = START.replace("Time", "Hour")


def no_alt(notebook):
    notebook.cells[-1].outputs[-1] = picture("")


def no_alt_in_text(notebook):
    notebook.cells[0].source += "\n\n![](picture.png)"


def ignored(notebook):
    for cell in notebook.cells[2:7]:
        cell.metadata["tags"] = ["nbval-ignore-output"]


def wordy(notebook):
    for cell in notebook.cells[4:]:
        cell.outputs = [printed("ok\n"), picture("Figure 3")]


def hidden_theory(notebook):
    notebook.cells[2].metadata["tags"] = ["nbval-ignore-output"]


def hidden_sympy(notebook):
    notebook.cells[4].source = "print(sp.diff(f, d))"
    notebook.cells[4].metadata["tags"] = ["nbval-skip"]


def silent_training(notebook):
    notebook.cells[3].outputs = []


def instant_training(notebook):
    notebook.cells[3].outputs = [printed("20 epochs of mlp in 0.0 s (0 images/s)\n")]


@pytest.mark.parametrize(
    ("check", "spoil"),
    [
        (executed_top_to_bottom, set_count),
        (executed_top_to_bottom, unexecuted),
        (no_foreign_metadata, widget_state),
        (no_foreign_metadata, papermill_cell),
        (no_foreign_metadata, widget_view),
        (no_errors, error),
        (no_errors, warning),
        (no_local_paths, home),
        (no_local_paths, windows),
        (no_local_paths, checkout),
        (unique_ids, twin),
        (title_goals_time, no_title),
        (title_goals_time, no_goals),
        (title_goals_time, no_time),
        (alternative_text, no_alt),
        (alternative_text, no_alt_in_text),
        (compared_cells, ignored),
        (compared_cells, wordy),
        (closed_forms_compared, hidden_theory),
        (closed_forms_compared, hidden_sympy),
        (training_took_time, silent_training),
        (training_took_time, instant_training),
    ],
    ids=lambda function: function.__name__,
)
def test_a_spoilt_notebook_is_caught(check, spoil, good):
    bad = copy.deepcopy(good)
    spoil(bad)
    assert list(check(bad))
    assert list(check(good)) == []


@pytest.fixture
def lesson(good):
    """A good notebook with an exercise, what is passed, and a recap: its last five cells."""
    stub = nbformat.v4.new_code_cell("my_jsd = ...", metadata={"tags": ["exercise"]}, execution_count=10)
    check = nbformat.v4.new_code_cell("ex.jsd.check(my_jsd)", execution_count=11)
    text = nbformat.v4.new_markdown_cell(PROGRESS, metadata={"tags": ["progress"]})
    code = 'from gancourse.exercises import progress\n\nprogress("02")'
    told = nbformat.v4.new_code_cell(code, metadata={"tags": ["progress"]}, execution_count=12)
    good.cells += [stub, check, text, told, nbformat.v4.new_markdown_cell("## What we now know\n\nMuch.")]
    return good


def another_lesson(notebook):
    notebook.cells[-2].source = notebook.cells[-2].source.replace("02", "03")


def other_words(notebook):
    notebook.cells[-3].source += " Well done!"


def not_said(notebook):
    del notebook.cells[-3:-1]


def said_twice(notebook):
    notebook.cells.append(notebook.cells[-2])


def not_tagged(notebook):
    notebook.cells[-2].metadata["tags"] = []


def said_too_early(notebook):
    notebook.cells.append(nbformat.v4.new_code_cell("ex.kl.check(my_kl)"))


def no_recap(notebook):
    notebook.cells[-1].source = "## References"


def no_exercise(notebook):
    del notebook.cells[-5]


@pytest.mark.parametrize(
    "spoil",
    [another_lesson, other_words, not_said, said_twice, not_tagged, said_too_early, no_recap, no_exercise],
    ids=lambda function: function.__name__,
)
def test_what_is_passed_is_said_once_after_the_exercises_and_alike(spoil, lesson):
    bad = copy.deepcopy(lesson)
    spoil(bad)
    assert list(progress_at_the_end(bad))
    assert [problem for check in CHECKS for problem in check(lesson)] == []


def test_what_is_passed_is_no_number_to_compare(lesson):
    lesson.cells[-2].outputs = [printed("It has 3\n")]
    assert list(compared_cells(lesson, at_least=7)) == []
    assert list(compared_cells(lesson, at_least=8)) == ["7 cells have numbers that are compared, expected at least 8"]


def test_setting_a_mode_is_not_training(good):
    good.cells[4].source = "G.train()\nD.eval()"
    assert list(training_took_time(good)) == []


def test_lines_of_ipython_are_read_over(good):
    good.cells[4].source = "if on_colab:\n    %pip install gancourse\n!ls"
    assert list(closed_forms_compared(good)) == []
