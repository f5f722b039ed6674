"""What others show of a page: its description, its picture, what kind of page it is.

Search engines, chats and feeds take these from the head of a page. The description is
the page's first paragraph; the picture is drawn here, with the title of the page. Once
`html_baseurl` in `_config.yml` is the address of the site, every page names its own
(Sphinx does that), pictures are named in full, and there is a site map.
"""

import json
import re
from html import escape
from pathlib import Path
from urllib.parse import quote, urljoin, urlsplit

from docutils import nodes

import share_picture

TEXT_LICENCE = "https://creativecommons.org/licenses/by/4.0/"
LONGEST = 160  # characters of a description that search engines show
MISSING = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<link rel="icon" href="data:,">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex">
<title>No such page \N{EM DASH} {book}</title>
<base href="{base}">
<style>
:root {{ color-scheme: light dark; }}
body {{ font: 1.1rem/1.6 system-ui, sans-serif; margin: 15vh auto; max-width: 34rem;
  padding: 0 1rem; }}
</style>
</head>
<body>
<main>
<h1>No such page</h1>
<p>Nothing is at this address, or no longer. You can</p>
<ul>
<li><a href="search.html">search the book</a>, or</li>
<li>begin at its <a href="{root}">first page</a>, with all chapters.</li>
</ul>
</main>
</body>
</html>
"""


def shortened(text, longest=LONGEST):
    """Return text cut between two words, with dots where something is left out."""
    text = re.sub(r"\s+", " ", text).strip()
    if len(text) <= longest:
        return text
    return (
        text[: longest - 1].rpartition(" ")[0].rstrip(",;:") + "\N{HORIZONTAL ELLIPSIS}"
    )


def first_paragraph(doctree):
    """Return the text of the first paragraph of a page's own text, "" without one."""
    for paragraph in doctree.findall(nodes.paragraph) if doctree else ():
        if isinstance(paragraph.parent, nodes.section):
            return paragraph.astext()
    return ""


def reading_minutes(doctree):
    """Return the minutes that reading a chapter takes, None where none are named."""
    text = doctree.astext() if doctree else ""
    found = re.search(r"(\d+) minutes to read", text)
    return int(found[1]) if found else None


def structured_data(app, pagename, title, description, doctree):
    """Return what kind of page this is, in the words of schema.org."""
    config = app.config
    book = {
        "@type": "Book",
        "name": config.html_title,
        "author": {"@type": "Organization", "name": config.author},
        "inLanguage": config.language,
        "license": TEXT_LICENCE,
    }
    if pagename == config.root_doc:
        data = {**book, "description": description}
    else:
        numbered = re.match(r"\d\d_", pagename.rpartition("/")[2])
        kind = "Chapter" if numbered else "WebPage"
        data = {"@type": kind, "name": title, "description": description}
        data["isPartOf"] = book
        if minutes := reading_minutes(doctree):
            data["timeRequired"] = f"PT{minutes}M"
    if config.html_baseurl:
        data["url"] = urljoin(config.html_baseurl, app.builder.get_target_uri(pagename))
    return {"@context": "https://schema.org", **data}


def picture_link(app, pagename, own, title):
    """Draw the picture of the page `own`; return the link to it from `pagename`."""
    name = re.sub(r"\W+", "-", own)
    path = f"{app.builder.imagedir}/share-{name}.png"
    share_picture.write(Path(app.outdir) / path, app.config.html_title, title)
    if app.config.html_baseurl:
        return urljoin(app.config.html_baseurl, quote(path))
    return "../" * pagename.count("/") + quote(path)


def open_graph(app, pagename, title, description, picture):
    """Return the properties that chats and feeds read."""
    config = app.config
    properties = {
        "og:type": "website" if pagename == config.root_doc else "article",
        "og:site_name": config.html_title,
        "og:title": title,
        "og:description": description,
        "og:image": picture,
        "og:image:width": share_picture.WIDTH,
        "og:image:height": share_picture.HEIGHT,
        "og:image:alt": f"{title}, in large letters, above two curves of accuracy",
    }
    if config.html_baseurl:
        address = app.builder.get_target_uri(pagename)
        properties["og:url"] = urljoin(config.html_baseurl, address)
    return properties


def add_metadata(app, pagename, templatename, context, doctree):
    """Write what others show of a page into its head."""
    if app.builder.format != "html":
        return
    book = app.config.html_title
    title = re.sub(r"<[^>]*>", "", context.get("title", "")).strip() or book
    description = shortened(first_paragraph(doctree)) or f"{title}: a page of {book}"
    own = (pagename, title) if doctree else (app.config.root_doc, book)
    picture = picture_link(app, pagename, *own)
    properties = open_graph(app, pagename, title, description, picture)
    tags = [f'<meta name="description" content="{escape(description)}">']
    tags.append('<meta name="twitter:card" content="summary_large_image">')
    for name, value in properties.items():
        tags.append(f'<meta property="{name}" content="{escape(str(value))}">')
    data = structured_data(app, pagename, title, description, doctree)
    text = json.dumps(data, ensure_ascii=False).replace("</", "<\\/")
    tags.append(f'<script type="application/ld+json">{text}</script>')
    context["metatags"] = context.get("metatags", "") + "\n".join(["", *tags, ""])


def write_files(app, exception):
    """Write the page for wrong addresses, and the site map once there is an address."""
    if exception or app.builder.format != "html":
        return
    site, address = Path(app.outdir), app.config.html_baseurl
    root = app.builder.get_target_uri(app.config.root_doc)
    base = urlsplit(address).path or "/"
    page = MISSING.format(
        book=escape(app.config.html_title), base=escape(base), root=root
    )
    (site / "404.html").write_text(page, encoding="utf-8", newline="\n")
    if not address:
        return
    pages = (app.builder.get_target_uri(name) for name in sorted(app.env.found_docs))
    places = "".join(
        f"<url><loc>{escape(urljoin(address, page))}</loc></url>\n" for page in pages
    )
    (site / "sitemap.xml").write_text(
        '<?xml version="1.0" encoding="utf-8"?>\n'
        '<urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">\n'
        f"{places}</urlset>\n",
        encoding="utf-8",
        newline="\n",
    )
    robots = f"User-agent: *\nAllow: /\nSitemap: {urljoin(address, 'sitemap.xml')}\n"
    (site / "robots.txt").write_text(robots, encoding="utf-8", newline="\n")


def end_with_slash(app, config):
    """Let the address of the site be that of a folder."""
    if config.html_baseurl and not config.html_baseurl.endswith("/"):
        config.html_baseurl += "/"


def setup(app):
    """Register the extension with Sphinx."""
    app.connect("config-inited", end_with_slash)
    app.connect("html-page-context", add_metadata)
    app.connect("build-finished", write_files)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
