"""Notebooks built from sources, run, refreshed and published, on notebooks small enough to read here."""

import json
import os
import re

import nbformat
import pytest

from gancourse.__main__ import main
from gancourse.publishing import notebooks, pipeline
from gancourse.publishing.website import mathml, pages

SOURCE = """\
# %% [markdown]
# # 00 A small one
#
# The best answer is
#
# $$ D^*_G(x) = \\frac{p(x)}{p(x)+p_g(x)} \\tag{1.6} $$

# %% tags=["parameters"]
profile = "auto"

# %%
import os
from tqdm.auto import tqdm

total = sum(n for n in tqdm(range(5)))
print(f"{total} in profile", os.environ["GANCOURSE_PROFILE"])

# %%
import base64
from IPython.display import display

dot = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8BQDwAEhQGAhKmMIQAAAABJRU5ErkJggg=="
display({"image/png": dot, "text/plain": "Figure 1"}, metadata={"image/png": {"alt": "a dot"}}, raw=True)
"""
BROKEN = """\
# %% [markdown]
# # 01 A broken one

# %%
print("so far")
raise RuntimeError("the reason")
"""


@pytest.fixture
def root(tmp_path, monkeypatch):
    folder = tmp_path / "notebooks" / "src"
    folder.mkdir(parents=True)
    (folder / "00_small.py").write_text(SOURCE, encoding="utf-8")
    monkeypatch.setenv("GANCOURSE_PROFILE", "smoke")  # so that what the pipeline sets does not outlive the test
    monkeypatch.setenv("JUPYTER_PATH", "")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def built(root, name="00_small"):
    return notebooks.read(notebooks.built_path(root, name))


def edit(root, old, new):
    path = notebooks.source_path(root, "00_small")
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")


def with_outputs(root):
    """Build, and give each code cell an output without running anything."""
    pipeline.sync(root)
    notebook = built(root)
    for n, cell in enumerate((c for c in notebook.cells if c.cell_type == "code"), start=1):
        cell.execution_count = n
        cell.outputs = [nbformat.v4.new_output("stream", name="stdout", text=f"{n}\n")]
    notebooks.write(notebook, notebooks.built_path(root, "00_small"))
    return notebook


def test_no_run_of_a_notebook_writes_into_a_progress_file(root, monkeypatch):
    monkeypatch.setenv("GANCOURSE_PROGRESS", str(root / "mine.json"))
    seen = []
    monkeypatch.setattr(
        pipeline.papermill, "execute_notebook", lambda *_, **__: seen.append(os.environ["GANCOURSE_PROGRESS"])
    )
    pipeline.execute(root / "a.ipynb", root / "b.ipynb", root, "smoke")
    assert seen == ["off"]


def test_sync_builds_and_then_has_nothing_to_do(root):
    assert pipeline.check(root) == ["00_small: not built yet"]
    assert pipeline.sync(root) == ["00_small"]
    assert pipeline.check(root) == []
    assert pipeline.sync(root) == []
    notebook = built(root)
    assert [c.cell_type for c in notebook.cells] == ["markdown", "code", "code", "code"]
    assert notebook.cells[1].metadata.tags == ["parameters"]
    nbformat.validate(notebook)


def test_sync_from_nothing_gives_the_same_file_twice(root):
    path = notebooks.built_path(root, "00_small")
    pipeline.sync(root)
    first = path.read_bytes()
    path.unlink()
    pipeline.sync(root)
    assert path.read_bytes() == first


def test_sync_keeps_outputs_of_unchanged_cells_and_ids_of_all(root):
    before = with_outputs(root)
    edit(root, "sum(n for", "sum(2 * n for")
    assert "the source differs" in pipeline.check(root)[0]
    pipeline.sync(root)
    after = built(root)
    assert [c.id for c in after.cells] == [c.id for c in before.cells]
    assert after.cells[1].outputs and after.cells[3].outputs
    assert after.cells[2].outputs == [] and after.cells[2].execution_count is None


def test_sync_with_an_inserted_cell_moves_outputs_along(root):
    before = with_outputs(root)
    edit(root, "# %%\nimport os", '# %%\nprint("new")\n\n# %%\nimport os')
    pipeline.sync(root)
    after = built(root)
    assert after.cells[2].outputs == []
    assert [after.cells[n].outputs for n in (1, 3, 4)] == [before.cells[n].outputs for n in (1, 2, 3)]
    assert len({c.id for c in after.cells}) == len(after.cells)


def test_sync_takes_over_tags_and_keeps_the_output(root):
    with_outputs(root)
    edit(root, "# %%\nimport base64", '# %% tags=["nbval-ignore-output"]\nimport base64')
    assert "the tags differs" in pipeline.check(root)[0]
    pipeline.sync(root)
    assert built(root).cells[3].metadata.tags == ["nbval-ignore-output"]
    assert built(root).cells[3].outputs


def test_refresh_writes_tidy_outputs_and_is_idempotent(root, capfd):
    path = notebooks.built_path(root, "00_small")
    assert [r["status"] for r in pipeline.refresh(root, "smoke")] == ["ok"]
    first = path.read_bytes()
    notebook = built(root)
    assert [c.execution_count for c in notebook.cells[1:]] == [1, 2, 3]
    assert [o.output_type for o in notebook.cells[2].outputs] == ["stream"]  # the progress bar is gone
    assert notebook.cells[2].outputs[0].text == "10 in profile smoke\n"
    assert notebook.cells[3].outputs[0].metadata["image/png"].alt == "a dot"
    assert set(notebook.metadata) == {"kernelspec", "language_info"}
    assert [r["status"] for r in pipeline.refresh(root, "smoke")] == ["ok"]
    assert path.read_bytes() == first
    assert "nothing changed" in capfd.readouterr().out


def test_course_reports_the_failing_cell_and_still_writes_pages(root, capfd):
    (root / "notebooks" / "src" / "01_broken.py").write_text(BROKEN, encoding="utf-8")
    (root / "notebooks" / "src" / "02_after.py").write_text(SOURCE, encoding="utf-8")
    assert main(["course", "--profile", "smoke"]) == 1
    said = capfd.readouterr().out
    assert "01_broken failed" in said and 'raise RuntimeError("the reason")' in said
    assert "RuntimeError: the reason" in said and "so far" in said
    records = json.loads((root / "build" / "course.json").read_text(encoding="utf-8"))
    assert [r["status"] for r in records] == ["ok", "failed", "not run"]
    pages_folder = root / "build" / "html"
    index = (pages_folder / "index.html").read_text(encoding="utf-8")
    page = (pages_folder / "00_small.html").read_text(encoding="utf-8")
    assert 'alt="a dot"' in page and "No description" not in page
    assert "00 A small one" in index and "failed" in index and 'alt="a dot"' in index
    for page in pages_folder.glob("*.html"):
        text = page.read_text(encoding="utf-8")
        assert 'src="http' not in text and "url(http" not in text  # the page's own scripts lie beside it
        assert not re.search(r'<link[^>]*href="http', text)
    assert "<math" in (pages_folder / "00_small.html").read_text(encoding="utf-8")
    # A later run of one notebook keeps what is known of the others.
    assert main(["course", "--profile", "smoke", "--notebooks", "02"]) == 0
    records = json.loads((root / "build" / "course.json").read_text(encoding="utf-8"))
    assert [r["status"] for r in records] == ["ok", "failed", "ok"]


def test_a_wrong_choice_of_notebooks_says_which_there_are(root, capsys):
    assert main(["sync", "--notebooks", "07"]) == 2
    assert "'07'" in (said := capsys.readouterr().err) and "00_small" in said


def test_outside_the_repository_it_says_where_to_run(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert main(["sync"]) == 2
    assert "root of the repository" in capsys.readouterr().err


def test_tidy_merges_streams_and_drops_bars_and_widgets():
    view = "application/vnd.jupyter.widget-view+json"
    out = nbformat.v4.new_output
    cell = nbformat.v4.new_code_cell("x", execution_count=9)
    cell.metadata["papermill"] = {"duration": 1}
    cell.outputs = [
        out("stream", name="stdout", text="a\n"),
        out("display_data", data={view: {}, "text/plain": "  0%|          | 0/5 [00:00<?, ?it/s]"}),
        out("stream", name="stderr", text="\r 50%|#####     | 1/2\r100%|##########| 2/2 [00:01<00:00]\n"),
        out("stream", name="stdout", text="b\n"),
        out("display_data", data={view: {}, "image/png": "AAAA", "text/plain": "a slider"}),
    ]
    notebook = notebooks.tidy(nbformat.v4.new_notebook(cells=[cell], metadata={"widgets": {}}))
    assert [o.output_type for o in cell.outputs] == ["stream", "display_data"]
    assert cell.outputs[0].text == "a\nb\n"
    assert set(cell.outputs[1].data) == {"image/png", "text/plain"}
    assert cell.execution_count == 1 and cell.metadata == {} and "widgets" not in notebook.metadata


@pytest.mark.parametrize(
    "tex",
    [
        r"\begin{aligned} a &= b \\ c &= d \end{aligned} \tag{1.5}",
        r"\mathbb{E}_{x\sim p}\left[\log D(x)\right] \tag{1.1}",
        r"\operatorname*{arg\,max}_D V(D, G) \tag{1.2}",
    ],
)
def test_equations_become_mathml_with_their_number(tex):
    text = mathml.to_mathml(tex, "block")
    assert "<math" in text and "<code>" not in text and "&</mi>" not in text
    assert text.endswith(f"<span>({tex[-4:-1]})</span></span>")


def test_links_between_notebooks_lead_to_their_pages():
    assert 'href="01_theory.html#x"' in pages.markdown("[theory](01_theory.ipynb#x)")
    assert 'href="src/01_theory.py"' in pages.markdown("[source](src/01_theory.py)")


def test_minutes_are_recorded_where_profiles_reads_them(tmp_path):
    from gancourse.course import profiles

    path = tmp_path / "minutes.json"
    records = [
        {"name": "02_a", "status": "ok", "seconds": 90.0, "profile": "laptop"},
        {"name": "03_b", "status": "failed", "seconds": 1.0, "profile": "laptop"},
    ]
    pipeline.record_minutes(records, path)
    pipeline.record_minutes([dict(records[0], profile="smoke", seconds=6.0)], path)
    table = json.loads(path.read_text(encoding="utf-8"))
    device = profiles.device_class()
    assert table["lessons"] == {"02_a": {device: {"laptop": 1.5, "smoke": 0.1}}}
    assert list(table["machines"]) == [device]
    assert "torch" in table["machines"][device]


def test_a_kernel_that_starts_slowly_is_waited_for(tmp_path, monkeypatch):
    """Sixty seconds, papermill's patience, were not enough beside other work."""
    for name in ("GANCOURSE_PROFILE", "GANCOURSE_PROGRESS", "JUPYTER_PATH"):
        monkeypatch.setenv(name, "")  # so that what the pipeline sets does not outlive the test
    asked = {}
    monkeypatch.setattr(pipeline.papermill, "execute_notebook", lambda *paths, **options: asked.update(options))
    trouble, _ = pipeline.execute(tmp_path / "a.ipynb", tmp_path / "out" / "a.ipynb", tmp_path, "smoke")
    assert trouble is None and asked["start_timeout"] >= 300
