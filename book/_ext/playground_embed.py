"""Small copies of the playground in other pages, and links that set it.

    :::{playground} accuracy
    :name: fig-01-rate
    :knob: lr
    :settings: lr=1

    What to see, which becomes the caption.
    :::

shows both networks with one plot (`accuracy`, `loss`, `spread` or `gradients`) and one
knob, a setting by the name that the playground's address gives it. It starts when it
comes near the view; all copies on a page share one script. With `:plays:` the networks
learn as soon as they are seen, unless the reader wants no motion. Without `:name:` the
figure has no number.

    {try-it}`Batches of 2 <batch=2&lr=0.05>`

links to the playground with these settings.
"""

import re
from html import escape

from docutils import nodes
from docutils.parsers.rst import directives
from sphinx.util.docutils import SphinxDirective, SphinxRole

from html_tag import HtmlTag, tag

PAGE = "book/playground"
PLOTS = ("accuracy", "loss", "spread", "gradients")
HREF = re.compile(r'href="playground:([^"]*)"')
OPTIONS = {
    "name": directives.unchanged,
    "knob": directives.unchanged_required,
    "settings": directives.unchanged,
    "plays": directives.flag,
}
WAITING = "Two networks learn here in a script, which has not run. "
WHOLE = "Open in the playground"


def link(text, settings, classes=()):
    """Return a link to the playground with these settings."""
    query = (
        settings
        if "seed=" in settings
        else "&".join(filter(None, (settings, "seed=1")))
    )
    return tag("a", text, classes=["pg-try", *classes], href=f"playground:{query}")


class PlaygroundFigure(SphinxDirective):
    """Puts a small copy of the playground into the page."""

    required_arguments = 1
    has_content = True
    option_spec = OPTIONS

    def run(self):
        """Return the figure."""
        plot = self.arguments[0]
        if plot not in PLOTS:
            raise self.error(f"expected a plot among {PLOTS}. Received: {plot!r}")
        settings = self.options.get("settings", "")
        copy = tag(
            "div",
            tag("p", WAITING, link(WHOLE, settings)),
            classes=["pg-embed"],
            data_plot=plot,
            data_knob=self.options.get("knob", "b"),
            data_settings=settings,
            data_plays="plays" in self.options,
        )
        caption = nodes.Element()
        self.state.nested_parse(self.content, self.content_offset, caption)
        if "name" not in self.options:
            return [copy, *caption.children]
        figure = nodes.figure("", copy)
        if caption.children:
            figure += nodes.caption("", "", *caption.children[0].children)
        self.set_source_info(figure)
        self.add_name(figure)
        return [figure]


class TryIt(SphinxRole):
    """A link to the playground with the experiment set."""

    def run(self):
        """Return the link."""
        found = re.fullmatch(r"(.*?)\s*<(.*)>", self.text, re.DOTALL)
        if not found:
            message = self.inliner.reporter.error(
                f"expected try-it like `text <lr=1>`. Received: {self.text!r}",
                line=self.lineno,
            )
            return [], [message]
        return [link(*found.groups())], []


def finish(app, pagename, templatename, context, doctree):
    """Resolve the links of a page, and give it the files of its small copies."""
    if "body" not in context or "playground:" not in context["body"]:
        return
    page = escape(context["pathto"](app.config.playground_page))
    context["body"] = HREF.sub(rf'href="{page}?\1#playground"', context["body"])
    if any("pg-embed" in node["classes"] for node in doctree.findall(HtmlTag)):
        app.add_css_file("playground/playground.css")
        app.add_js_file("bn-playgrounds.js", loading_method="defer")


def setup(app):
    """Register the directive and the role with Sphinx."""
    app.setup_extension("html_tag")
    app.add_config_value("playground_page", PAGE, "html", (str,))
    app.add_directive("playground", PlaygroundFigure)
    app.add_role("try-it", TryIt())
    app.connect("html-page-context", finish)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
