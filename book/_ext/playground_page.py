"""Gives the page with the playground its script and style, and no other page."""


def add_files(app, pagename, templatename, context, doctree):
    """Let a page that keeps a place for the playground load its files."""
    if 'id="playground"' in context.get("body", ""):
        app.add_css_file("playground/playground.css")
        app.add_js_file("playground.js", loading_method="defer")


def setup(app):
    """Register the extension with Sphinx."""
    app.connect("html-page-context", add_files)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
