"""Gives every page the definitions of the glossary's terms that it uses.

A link to a term is described by its definition, which stands hidden at the end of the
page: a screen reader reads it with the link, and `bn-terms.js` shows it at the link on
hover, focus and tap. No other page has to be fetched for that.
"""

import re

from docutils import nodes
from sphinx import addnodes

LINK = re.compile(
    r'<a class="reference internal" href="(?P<page>[^"#]*)#(?P<term>term-[^"]+)"'
    r'(?P<rest>[^>]*)>(?=<span class="xref std std-term">)'
)


def plain(definition):
    """Return a copy of a definition without links, which a tip cannot offer."""
    copy = definition.deepcopy()
    for reference in list(copy.findall(addnodes.pending_xref)):
        if reference.get("refdomain") == "cite":
            reference.parent.remove(reference)
        else:
            reference.replace_self(reference.children)
    for reference in list(copy.findall(nodes.reference)):
        reference.replace_self(reference.children)
    for node in copy.findall(nodes.Element):
        node["ids"] = []
    return copy


def read_definitions(app):
    """Return {id of a term: its definition as HTML} for all glossaries of the site."""
    env, found = app.env, {}
    terms = [key for key in env.domaindata["std"]["objects"] if key[0] == "term"]
    pages = {env.domaindata["std"]["objects"][key][0] for key in terms}
    for page in pages:
        for item in env.get_doctree(page).findall(nodes.definition_list_item):
            *named, definition = item.children
            parts = nodes.container("", *plain(definition).children)
            html = app.builder.render_partial(parts)["fragment"]
            # Where a citation stood, a space before the stop is left.
            html = re.sub(r"\s+(?=[.,;])", "", html)
            found |= {name: html for term in named for name in term["ids"]}
    return found


def add_tips(app, pagename, templatename, context, doctree):
    """Describe the links to terms on a page by the definitions of these terms."""
    if doctree is None or "std-term" not in context.get("body", ""):
        return
    if not hasattr(app.env, "glossary_definitions"):
        app.env.glossary_definitions = read_definitions(app)
    definitions, used = app.env.glossary_definitions, {}

    def describe(match):
        term = match["term"]
        if term not in definitions:
            return match[0]
        used[term] = definitions[term]
        return f'{match[0][:-1]} aria-describedby="about-{term}">'

    body = LINK.sub(describe, context["body"])
    tips = "".join(
        f'<div id="about-{term}">{html}</div>' for term, html in sorted(used.items())
    )
    context["body"] = f'{body}<div class="bn-terms" hidden>{tips}</div>'
    app.add_js_file("bn-terms.js", loading_method="defer")


def setup(app):
    """Register the extension with Sphinx."""
    app.connect("html-page-context", add_tips)
    app.add_css_file("terms.css")
    return {"parallel_read_safe": True, "parallel_write_safe": True}
