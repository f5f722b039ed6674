"""Gives the pages that show a figure of `bnteach.page_figures` its script and style."""


def add_files(app, pagename, templatename, context, doctree):
    """Let the pages that have such a figure load its files, and no other page."""
    if 'class="bn-numbers"' in context.get("body", ""):
        app.add_css_file("bn-numbers.css")
        app.add_js_file("bn-numbers.js", loading_method="defer")


def setup(app):
    """Register the extension with Sphinx."""
    app.connect("html-page-context", add_files)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
