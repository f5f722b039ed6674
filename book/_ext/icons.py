"""The icons of the site, drawn here: they take the place of an icon font and script.

The theme marks a place for an icon by a class such as `fa-bars`. A style sheet of a few
kilobytes gives each a drawing, as a mask in the colour of the text around it.
"""

from pathlib import Path
from urllib.parse import quote

# Lines on a square of 24 by 24.
DOCUMENT = '<path d="M14 3H6v18h12V7zM14 3v4h4"/>'
CHEVRON_DOWN = '<path d="m5 9 7 7 7-7"/>'
CIRCLE = '<circle cx="12" cy="12" r="9"/>'
DRAWINGS = {
    "fa-angle-left": '<path d="m15 5-7 7 7 7"/>',
    "fa-angle-right": '<path d="m9 5 7 7-7 7"/>',
    "fa-arrow-up": '<path d="M12 20V4M5 11l7-7 7 7"/>',
    "fa-bars": '<path d="M3 6h18M3 12h18M3 18h18"/>',
    "fa-chevron-down": CHEVRON_DOWN,
    "fa-circle-half-stroke": f'{CIRCLE}<path fill="#000" d="M12 3a9 9 0 0 1 0 18z"/>',
    "fa-download": '<path d="M12 3v12M6 10l6 6 6-6M4 21h16"/>',
    "fa-expand": '<path d="M4 9V4h5M15 4h5v5M20 15v5h-5M9 20H4v-5"/>',
    "fa-file": DOCUMENT,
    "fa-file-pdf": f'{DOCUMENT}<path d="M9 13h6M9 17h6"/>',
    "fa-github": '<path d="m8 8-5 4 5 4M16 8l5 4-5 4M14 5l-4 14"/>',
    "fa-lightbulb": '<path d="M9 18h6M10 21h4M9 15a6 6 0 1 1 6 0v2H9z"/>',
    "fa-list": '<path d="M8 6h13M8 12h13M8 18h13M3.5 6h.1M3.5 12h.1M3.5 18h.1"/>',
    "fa-magnifying-glass": '<circle cx="10" cy="10" r="6.5"/><path d="m15 15 6 6"/>',
    "fa-moon": '<path d="M20 14.5A8.5 8.5 0 0 1 9.5 4a8.5 8.5 0 1 0 10.5 10.5z"/>',
    "fa-pencil-alt": '<path d="M4 20v-4L16 4l4 4L8 20z"/>',
    "fa-rocket": '<path d="M8 14c0-6 4-10 10-11-1 6-5 10-10 11zm0 0-4 1m4-1 2 4"/>',
    "fa-sun": (
        '<circle cx="12" cy="12" r="4"/><path d="M12 2v2M12 20v2M2 12h2M20 12h2'
        'M5 5l1.4 1.4M17.6 17.6 19 19M19 5l-1.4 1.4M6.4 17.6 5 19"/>'
    ),
    "fa-xmark": '<path d="M5 5l14 14M19 5 5 19"/>',
}
INFORMATION = f'{CIRCLE}<path d="M12 11v6M12 7.2v.1"/>'
WARNING = '<path d="M12 3 2 20h20zM12 9v5M12 17v.1"/>'
# Where the theme writes an icon by the style sheet alone: selector -> drawing
TITLE = ".admonition > .admonition-title::after"
WRITTEN = {
    TITLE: INFORMATION,
    **{
        f".{kind}{TITLE}": WARNING
        for kind in ("attention", "caution", "danger", "error", "important", "warning")
    },
    **{f".{kind}{TITLE}": DRAWINGS["fa-lightbulb"] for kind in ("hint", "tip")},
    f".seealso{TITLE}": '<path d="M4 12h15M13 6l6 6-6 6"/>',
    "a.reference.download::before": DRAWINGS["fa-download"],
    "div#searchbox p.highlight-link a::before": DRAWINGS["fa-xmark"],
    "nav.bd-links li > a.reference.external::after": '<path d="M7 17 17 7M9 7h8v8"/>',
    ".nav-link.nav-external::after": '<path d="M7 17 17 7M9 7h8v8"/>',
    ".bd-sidebar-secondary.hide:not(:hover) .onthispage::after": CHEVRON_DOWN,
    "ul.bd-breadcrumbs li.breadcrumb-item::before": DRAWINGS["fa-angle-right"],
    "span.versionmodified::before": INFORMATION,
    "a.github::before, a.gitlab::before": DRAWINGS["fa-github"],
}
FONT_ICONS = ".fa, .fa-solid, .fa-regular, .fa-brands, .fas, .far, .fab"
SHEET = """/* Made from the drawings in book/_ext/icons.py. */
:is({places}) {{
  background-color: currentColor;
  display: inline-block;
  font-family: inherit;
  height: 1em;
  -webkit-mask: var(--bn-icon) center / contain no-repeat;
  mask: var(--bn-icon) center / contain no-repeat;
  vertical-align: -0.125em;
  width: 1em;
}}
:is({places})::before {{
  content: none !important;
}}
{pseudo} {{
  background-color: currentColor;
  content: "" !important;
  display: inline-block;
  font: inherit !important;
  height: 1em !important;
  -webkit-mask: var(--bn-icon) center / contain no-repeat;
  mask: var(--bn-icon) center / contain no-repeat;
  width: 1em !important;
}}
{title} {{
  top: 0.65rem !important;
}}
@media (forced-colors: active) {{
  :is({places}) {{
    background-color: CanvasText;
    forced-color-adjust: none;
  }}
}}
"""


def drawn(lines):
    """Return a drawing as an address that a style sheet can hold."""
    attributes = (
        "xmlns='http://www.w3.org/2000/svg' viewBox='0 0 24 24' fill='none' "
        "stroke='#000' stroke-width='2' stroke-linecap='round' stroke-linejoin='round'"
    )
    text = f"<svg {attributes}>{lines}</svg>".replace('"', "'")
    safe = " =:/'"
    return f'url("data:image/svg+xml,{quote(text, safe=safe)}")'


def style_sheet():
    """Return the style sheet of the icons."""
    pseudo = ",\n".join(WRITTEN)
    sheet = SHEET.format(places=FONT_ICONS, pseudo=pseudo, title=TITLE)
    rules = [
        f"{where} {{ --bn-icon: {drawn(lines)}; }}"
        for where, lines in [
            (f":is({FONT_ICONS})", CIRCLE),
            *((f".{name}", lines) for name, lines in DRAWINGS.items()),
            *WRITTEN.items(),
        ]
    ]
    return sheet + "\n".join(rules) + "\n"


def write_style_sheet(app, config):
    """Add the style sheet of the icons to the static files."""
    folder = Path(app.doctreedir) / "static-of-icons"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "icons.css").write_text(style_sheet(), encoding="utf-8", newline="\n")
    config.html_static_path.append(str(folder))
    config.html_css_files.append("icons.css")


def setup(app):
    """Register the extension with Sphinx."""
    app.connect("config-inited", write_style_sheet)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
