"""A node that becomes one HTML element, for extensions that build their own markup."""

from docutils import nodes

EMPTY = {"input", "img", "br"}


class HtmlTag(nodes.General, nodes.Element):
    """One HTML element: its name in `tag`, its attributes in `html`."""


def tag(element, /, *children, classes=(), ids=(), **html):
    """Return the node of an element.

    Args:
        element: Its name, for example "label".
        *children: Nodes, or text.
        classes: Values of its `class`.
        ids: Values of its `id`.
        **html: Its other attributes, with "_" for "-" and after a word of Python
            (`for_`). None and False leave an attribute out, True writes an empty one.
    """
    given = {
        key.rstrip("_").replace("_", "-"): "" if value is True else str(value)
        for key, value in html.items()
        if value is not None and value is not False
    }
    node = HtmlTag("", tag=element, html=given, classes=list(classes), ids=list(ids))
    for child in children:
        node += nodes.Text(child) if isinstance(child, str) else child
    return node


def visit_tag(translator, node):
    """Write the start of the element."""
    write = translator.emptytag if node["tag"] in EMPTY else translator.starttag
    translator.body.append(write(node, node["tag"], "", **node["html"]))


def depart_tag(translator, node):
    """Write the end of the element."""
    if node["tag"] not in EMPTY:
        translator.body.append(f"</{node['tag']}>")


def setup(app):
    """Register the node with Sphinx."""
    app.add_node(HtmlTag, html=(visit_tag, depart_tag))
    return {"parallel_read_safe": True, "parallel_write_safe": True}
