"""The notebooks as web pages that need no network: equations as MathML, a light and a dark theme, search and contents.

nbconvert's own pages load MathJax, require.js and Mermaid from the network; here those scripts are left out. Its
styles, the same in every page, become one file beside them. The cells before the first section are folded.
"""

from __future__ import annotations

import re
from importlib import resources
from pathlib import Path

from jinja2 import DictLoader
from nbconvert import HTMLExporter
from nbconvert.filters.markdown_mistune import IPythonRenderer, MarkdownWithMath

from gancourse.publishing import notebook_head, notebooks
from gancourse.publishing.website import live
from gancourse.publishing.website.mathml import to_mathml

TEMPLATE = """{% extends 'lab/index.html.j2' %}
{%- block html_head_js -%}{%- endblock -%}
{%- block jupyter_widgets -%}{%- endblock -%}
{%- block html_head_js_mathjax -%}{%- endblock -%}
{%- block html_head_js_mermaidjs -%}{%- endblock -%}
{%- block html_head_css -%}
<link rel="stylesheet" href="jupyter.css"><link rel="stylesheet" href="site.css"><link rel="icon" href="data:,">
<script src="theme.js"></script>
{%- endblock -%}
{%- block body_header -%}
<body class="jp-Notebook" data-jp-theme-light="true">
<!--bar-->
<main id="content">
{%- endblock -%}
{%- block body_footer -%}
</main>
<!--neighbours-->
</div>
<script src="site.js" defer></script>
{%- if nb.metadata.live %}
<script src="live.js" defer></script>
{%- endif %}
</body>
{%- endblock -%}
{%- block any_cell scoped -%}
{%- if cell.metadata.fold == "begins" -%}
<details class="setup"><summary>Set-up: {{ cell.metadata.folded }} cells</summary>
{%- endif -%}
{{ super() }}
{%- if cell.metadata.fold_ends -%}</details>{%- endif -%}
{%- endblock -%}
{%- block data_latex -%}
<div class="jp-RenderedLatex jp-OutputArea-output">{{ output.data['text/latex'] | mathml }}</div>
{%- endblock -%}
{%- block data_png scoped -%}
{%- set live = output | get_metadata('live', 'image/png') -%}
{%- if live -%}
<div class="live" data-parts="{{ live.parts }}" data-form="{{ live.form }}" data-note="{{ live.note | escape_html }}">
{%- endif -%}
<div class="jp-RenderedImage jp-OutputArea-output {{ extra_class }}">
<img src="data:image/png;base64,{{ output.data['image/png'] | escape_html }}"
 alt="{{ (output | get_metadata('alt', 'image/png') or '') | escape_html }}">
</div>
{%- if live -%}</div>{%- endif -%}
{%- endblock -%}
"""

BAR = """<a class="skip" href="#content">Skip to the text</a>
<header class="bar"><a class="home" href="index.html">gancourse</a>
<nav class="places" aria-label="the site"><!--places--></nav>
<div class="find"><input id="find" type="search" placeholder="search ( / )" aria-label="search the course"
 autocomplete="off"><ul id="found" hidden></ul></div>
<button id="theme" type="button" aria-label="dark or light">dark</button></header>
"""

_PRE = re.compile(r'(<div class="highlight[^"]*"><pre>(?:<span></span>)?)(.*?)</pre>', re.DOTALL)
# At once, and not by site.js, which comes after a page of a megabyte.
FOLDED = 'document.currentScript.previousSibling.open = matchMedia("(min-width: 72rem)").matches'


class _Renderer(IPythonRenderer):
    def inline_math(self, body: str) -> str:
        return to_mathml(body)

    def block_math(self, body: str) -> str:
        return to_mathml(body, "block")

    def latex_environment(self, name: str, body: str) -> str:
        return to_mathml(f"\\begin{{{name}}}{body}\\end{{{name}}}", "block")


def _latex_output(text: str) -> str:
    return to_mathml(re.sub(r"^\$+|\$+$", "", text.strip()).replace(r"\displaystyle", ""), "block")


def markdown(text: str) -> str:
    """HTML of a notebook's Markdown, with equations as MathML and links from page to page; the badge is words there."""
    page = MarkdownWithMath(renderer=_Renderer(escape=False)).render(text)
    page = re.sub(
        r' xmlns:ns\d+="[^"]*"|(?<=<)ns\d+:|(?<=</)ns\d+:', "", page
    )  # nbconvert's, for equations in headings
    page = re.sub(rf'<img src="{re.escape(notebook_head.BADGE)}" alt="([^"]*)"\s*/?>', r"\1", page)
    page = re.sub(r'href="(?:\./)?(\d\d_\w+)\.ipynb(?=[#"])', r'href="\1.html', page)
    return re.sub(r'href="(?:\./)?([A-Z]+)\.md(?=[#"])', lambda link: f'href="{link[1].lower()}.html', page)


def inline(text: str) -> str:
    """HTML of a line of Markdown, without the paragraph round it."""
    return re.sub(r"^<p>(.*)</p>$", r"\1", markdown(text).strip(), flags=re.DOTALL)


def write_page(path: Path, folder: Path) -> Path:
    """Write the notebook ``path`` as ``folder/NAME.html``; `site.finish` adds what pages share."""
    exporter = HTMLExporter(
        template_name="lab",
        template_file="course.html.j2",
        extra_loaders=[DictLoader({"course.html.j2": TEMPLATE})],
        exclude_input_prompt=True,
        exclude_output_prompt=True,
    )
    exporter.register_filter("markdown2html", markdown)
    exporter.register_filter("mathml", _latex_output)
    notebook = fold(notebooks.tidy(notebooks.read(path)))
    notebook.metadata["title"] = notebooks.title(notebook, path.stem)
    if live.mark(notebook, path.stem[:2]):
        notebook.metadata["live"] = True
        live.write(folder)
    body, _ = exporter.from_notebook_node(notebook)
    head, end, body = body.partition("</head>")
    styles = re.findall(r"<style[^>]*>(.*?)</style>", head, re.DOTALL)
    head = re.sub(r"<style[^>]*>.*?</style>\s*", "", head, flags=re.DOTALL)
    # nbconvert makes every cell and every output a stop of the Tab key.
    body = re.sub(r'(<div class="jp-[^"]*(?:inputWrapper|output)\b[^"]*"[^>]*?) tabindex="0"', r"\1", body)
    body = _PRE.sub(lambda pre: pre[1] + code_lines(pre[2]) + "</pre>", body)
    body = body.replace("<!--bar-->", f'{BAR}<div class="page">{contents(body)}')
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "jupyter.css").write_text("\n".join([*styles, _dark()]), encoding="utf-8")
    page = folder / f"{path.stem}.html"
    page.write_text(f"{head}{end}{body}", encoding="utf-8")
    return page


def code_lines(code: str) -> str:
    """HTML of highlighted code with an element a line, which knows its indentation: a wrapped line hangs from it."""
    lines = []
    for line in code.rstrip("\n").split("\n"):
        plain = re.sub(r"<[^>]*>", "", line)
        deep = len(plain) - len(plain.lstrip(" "))
        style = f' style="--deep:{deep}"' if deep else ""
        lines.append(f'<span class="line"{style}>{line}\n</span>')
    return "".join(lines)


def fold(notebook: notebooks.Notebook) -> notebooks.Notebook:
    """Mark, in place, the code cells before a notebook's second text, where some of them are tagged as set-up.

    In its page they stand in one <details>, from the cell with the metadata fold "begins" to that with fold_ends.
    """
    cells = notebook.cells
    first = next((i for i, cell in enumerate(cells) if cell.cell_type == "code"), len(cells))
    end = next((i for i in range(first, len(cells)) if cells[i].cell_type != "code"), len(cells))
    if any({"setup", "parameters"} & set(cell.metadata.get("tags", [])) for cell in cells[first:end]):
        cells[first].metadata.update(fold="begins", folded=end - first)
        cells[end - 1].metadata["fold_ends"] = True
    return notebook


def _dark() -> str:
    """JupyterLab's dark theme, for pages whose <html> says data-theme="dark"."""
    places = [Path(p) / "static" / "theme-dark.css" for p in HTMLExporter(template_name="lab").template_paths]
    found = next((p for p in places if p.is_file()), None)
    return "" if found is None else found.read_text(encoding="utf-8").replace(":root", 'html[data-theme="dark"]')


def contents(body: str) -> str:
    """The sections of a page as a list of links, in the margin of a wide screen and folded on a narrow one."""
    sections = re.findall(r'<h2 id="([^"]+)">(.*?)(?:<a\b|</h2>)', body, re.DOTALL)
    if not sections:
        return ""
    links = "".join(f'<li><a href="#{anchor}">{heading}</a></li>' for anchor, heading in sections)
    inside = f"<details open><summary>On this page</summary><ol>{links}</ol></details>"
    return f'<nav class="contents" aria-label="sections of this page">{inside}<script>{FOLDED}</script></nav>'


def asset(name: str) -> str:
    """The text of one of the site's own files."""
    return resources.files("gancourse").joinpath("assets", "site", name).read_text(encoding="utf-8")
