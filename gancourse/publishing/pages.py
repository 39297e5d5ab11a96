"""The notebooks as web pages that need no network: equations as MathML, a light and a dark theme, search and contents.

nbconvert's own pages load MathJax, require.js and Mermaid from the network; here those scripts are left out.
"""

from __future__ import annotations

import re
from importlib import resources
from pathlib import Path

from jinja2 import DictLoader
from nbconvert import HTMLExporter
from nbconvert.filters.markdown_mistune import IPythonRenderer, MarkdownWithMath

from gancourse.publishing import notebook_head, notebooks
from gancourse.publishing.mathml import to_mathml

TEMPLATE = """{% extends 'lab/index.html.j2' %}
{%- block html_head_js -%}{%- endblock -%}
{%- block jupyter_widgets -%}{%- endblock -%}
{%- block html_head_js_mathjax -%}{%- endblock -%}
{%- block html_head_js_mermaidjs -%}{%- endblock -%}
{%- block html_head_css -%}
<!--dark--><link rel="stylesheet" href="site.css"><link rel="icon" href="data:,">
<script src="theme.js"></script>
{%- endblock -%}
{%- block body_header -%}
<body class="jp-Notebook" data-jp-theme-light="true">
<!--bar-->
<main>
{%- endblock -%}
{%- block body_footer -%}
</main>
<!--neighbours-->
<script src="search.js" defer></script><script src="site.js" defer></script>
</body>
{%- endblock -%}
{%- block data_latex -%}
<div class="jp-RenderedLatex jp-OutputArea-output">{{ output.data['text/latex'] | mathml }}</div>
{%- endblock -%}
{%- block data_png scoped -%}
<div class="jp-RenderedImage jp-OutputArea-output {{ extra_class }}">
<img src="data:image/png;base64,{{ output.data['image/png'] | escape_html }}"
 alt="{{ (output | get_metadata('alt', 'image/png') or '') | escape_html }}">
</div>
{%- endblock -%}
"""

BAR = """<header class="bar"><a class="home" href="index.html">gancourse</a>
<div class="find"><input id="find" type="search" placeholder="search the course ( / )" aria-label="search the course"
 autocomplete="off"><ul id="found" hidden></ul></div>
<button id="theme" type="button" aria-label="dark or light">dark</button></header>
"""


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
    page = re.sub(rf'<img src="{re.escape(notebook_head.BADGE)}" alt="([^"]*)"\s*/?>', r"\1", page)
    page = re.sub(r'href="(?:\./)?(\d\d_\w+)\.ipynb(?=[#"])', r'href="\1.html', page)
    return re.sub(r'href="(?:\./)?([A-Z]+)\.md(?=[#"])', lambda link: f'href="{link[1].lower()}.html', page)


def write_page(path: Path, folder: Path) -> Path:
    """Write the notebook ``path`` as ``folder/NAME.html``; `site.finish` adds what pages share."""
    exporter = HTMLExporter(
        template_name="lab",
        template_file="course.html.j2",
        extra_loaders=[DictLoader({"course.html.j2": TEMPLATE})],
    )
    exporter.register_filter("markdown2html", markdown)
    exporter.register_filter("mathml", _latex_output)
    notebook = notebooks.tidy(notebooks.read(path))
    notebook.metadata["title"] = notebooks.title(notebook, path.stem)
    body, _ = exporter.from_notebook_node(notebook)
    body = body.replace("<!--dark-->", f"<style>{_dark()}</style>").replace("<!--bar-->", BAR + _contents(body))
    folder.mkdir(parents=True, exist_ok=True)
    page = folder / f"{path.stem}.html"
    page.write_text(body, encoding="utf-8")
    return page


def _dark() -> str:
    """JupyterLab's dark theme, for pages whose <html> says data-theme="dark"."""
    places = [Path(p) / "static" / "theme-dark.css" for p in HTMLExporter(template_name="lab").template_paths]
    found = next((p for p in places if p.is_file()), None)
    return "" if found is None else found.read_text(encoding="utf-8").replace(":root", 'html[data-theme="dark"]')


def _contents(body: str) -> str:
    """The page's sections, as a list of links."""
    sections = re.findall(r'<h2 id="([^"]+)">(.*?)<a', body, re.DOTALL)
    links = "".join(f'<li><a href="#{anchor}">{heading}</a></li>' for anchor, heading in sections)
    inside = f"<details open><summary>On this page</summary><ol>{links}</ol></details>"
    return f'<nav class="contents" aria-label="sections of this page">{inside}</nav>' if links else ""


def asset(name: str) -> str:
    """The text of one of the site's own files."""
    return resources.files("gancourse").joinpath("assets", "site", name).read_text(encoding="utf-8")
