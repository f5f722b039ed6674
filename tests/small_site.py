"""Builds a site of a few pages with the book's own Sphinx extensions and files."""

import io
import shutil
import sys
from pathlib import Path

import nbformat
from sphinx.application import Sphinx
from sphinx.util.docutils import docutils_namespace

ROOT = Path(__file__).resolve().parents[1]
EXTENSIONS = ROOT / "book" / "_ext"
STATIC = ROOT / "book" / "_static"
MADE = ("vega-bundle.js", "playground.js")  # by a build, perhaps an older one
CONFIG = {
    "html_theme": "sphinx_book_theme",
    "html_static_path": ["_static"],
    "html_css_files": ["custom.css"],
    "myst_enable_extensions": ["amsmath", "colon_fence", "deflist", "dollarmath"],
    "nb_execution_mode": "off",
    "numfig": True,
}


def write_notebook(path, cells):
    """Store a notebook; a cell is Markdown, or (code, metadata, outputs)."""
    made = []
    for cell in cells:
        if isinstance(cell, str):
            made.append(nbformat.v4.new_markdown_cell(cell))
            continue
        code, metadata, outputs = cell
        made.append(
            nbformat.v4.new_code_cell(
                code, metadata=metadata, outputs=outputs, execution_count=1
            )
        )
    metadata = {
        "kernelspec": {"name": "python3", "display_name": "Python 3"},
        "language_info": {"name": "python", "pygments_lexer": "ipython3"},
    }
    nbformat.write(nbformat.v4.new_notebook(cells=made, metadata=metadata), path)


def build(folder, pages, extensions, **config):
    """Build `pages` under `folder`; return (folder of the site, the warnings).

    Args:
        folder: An empty folder.
        pages: By name with suffix, the text of a page or the cells of a notebook.
        extensions: Names of the book's own extensions to load beside the usual ones.
        **config: More settings of Sphinx.
    """
    if str(EXTENSIONS) not in sys.path:
        sys.path.insert(0, str(EXTENSIONS))
    static = folder / "_static"
    static.mkdir(parents=True, exist_ok=True)
    for path in STATIC.glob("*.*"):
        if path.suffix in (".css", ".js") and path.name not in MADE:
            shutil.copy(path, static)
    for name, content in pages.items():
        if isinstance(content, str):
            (folder / name).write_text(content, encoding="utf-8")
        else:
            write_notebook(folder / name, content)
    settings = {**CONFIG, "extensions": ["myst_nb", *extensions], **config}
    warnings = io.StringIO()
    folders = (folder, None, folder / "html", folder / "doctrees")
    with docutils_namespace():  # what one build registers is not known to the next
        Sphinx(*folders, "html", settings, status=None, warning=warnings).build()
    return folder / "html", warnings.getvalue()
