"""Writes what `bn-search.js` searches: every section of the site with its text.

Sphinx's own search leads to the top of a page, and reads every page that it finds to
show a line of it, which a browser refuses where the site is opened from the disk. Here
a section, a term of the glossary, an exercise, and a function of the package is found
by itself, and its text comes in one script.
"""

import json
import re

from docutils import nodes
from sphinx import addnodes

from html_tag import HtmlTag

SILENT = (
    nodes.comment,
    nodes.math,
    nodes.math_block,
    nodes.raw,
    nodes.system_message,
    nodes.term,
    nodes.title,
    addnodes.desc_signature,
)
UNUSED = ("searchindex.js", "_static/searchtools.js", "_static/language_data.js")
LOADING = re.compile(
    r"\s*<script\b[^>]*\b(?:searchindex|searchtools|language_data)\.js[^>]*></script>"
)


def is_entry(node):
    """Return whether `node` is found by itself: it has a name and an address."""
    if isinstance(node, nodes.section):
        return isinstance(node.next_node(descend=True), nodes.title)
    if isinstance(node, nodes.definition_list_item):
        return isinstance(node.parent.parent, addnodes.glossary)
    if isinstance(node, addnodes.desc):
        return bool(node[0]["ids"]) and node["objtype"] != "attribute"
    return "exercise" in node.get("classes", ()) and bool(node["ids"])


def title_of(node):
    """Return (the text that names an entry, its address on the page)."""
    if isinstance(node, addnodes.desc):
        signature = node[0]
        return signature.get("fullname", signature.astext()), signature["ids"][0]
    if isinstance(node, nodes.definition_list_item):
        terms = [child for child in node if isinstance(child, nodes.term)]
        return ", ".join(term.astext() for term in terms), terms[0]["ids"][0]
    title = node.next_node(nodes.title)
    if isinstance(node, nodes.section):
        return title.astext(), node["ids"][0]
    name = re.sub(r"^\(|\)$", "", title.astext().strip())
    return f"Exercise: {name}", node["ids"][0]


def is_apart(node):
    """Return whether `node` is no text of the entry that holds it."""
    if isinstance(node, HtmlTag) and node["tag"] in ("button", "summary"):
        return True
    return isinstance(node, SILENT) or is_entry(node)


def own_text(node, code=False):
    """Yield the prose, or the code, of an entry without the entries inside it."""
    for child in node.children:
        if isinstance(child, nodes.Text):
            if not code:
                yield str(child)
        elif is_apart(child):
            continue
        elif isinstance(child, nodes.literal_block):
            if code:
                yield child.astext()
        else:
            yield from own_text(child, code)


def squeeze(parts):
    """Return texts as one line."""
    return re.sub(r"\s+", " ", " ".join(parts)).strip()


def entries(doctree, address):
    """Return [title, address, prose, code] for all that can be found on a page."""
    found = []
    for node in doctree.findall(lambda n: isinstance(n, nodes.Element) and is_entry(n)):
        title, anchor = title_of(node)
        first = not found
        found.append(
            [
                squeeze([title]),
                address if first else f"{address}#{anchor}",
                squeeze(own_text(node)),
                squeeze(own_text(node, code=True)),
            ]
        )
    return found


def collect(app, pagename, templatename, context, doctree):
    """Keep the entries of a page that is being written."""
    if doctree is not None and hasattr(app, "sections"):
        address = app.builder.get_target_uri(pagename)
        title = re.sub(r"<[^>]*>", "", context["title"])
        app.sections[pagename] = [
            [title, *entry] for entry in entries(doctree, address)
        ]


def start(app):
    """Begin without entries."""
    if app.builder.format == "html":
        app.sections = {}


def write(app, exception):
    """Write the script, and take away the files of the search that it replaces."""
    if exception or not hasattr(app, "sections"):
        return
    rows = [row for page in sorted(app.sections) for row in app.sections[page]]
    text = json.dumps(rows, ensure_ascii=False, separators=(",", ":"))
    target = app.outdir / "search-sections.js"
    target.write_text(f"window.bnSections = {text};\n", encoding="utf-8")
    for name in UNUSED:
        (app.outdir / name).unlink(missing_ok=True)
    for page in app.outdir.rglob("*.html"):  # the theme loads them everywhere
        text = page.read_text("utf-8")
        if LOADING.search(text):
            page.write_text(LOADING.sub("", text), encoding="utf-8", newline="\n")


def setup(app):
    """Register the extension with Sphinx."""
    app.setup_extension("html_tag")
    app.add_css_file("search.css")
    app.connect("builder-inited", start)
    app.connect("html-page-context", collect)
    app.connect("build-finished", write)
    return {"parallel_read_safe": True, "parallel_write_safe": False}
