"""Formulas as MathML, made while the site is built: readable without any script.

`math-core` translates LaTeX into the MathML that browsers draw themselves. A formula
that it does not know is a warning, and with that a failed build. The letters come from
STIX Two Math, cut down to the characters that the site shows; the style sheet holds the
font itself, so that no line moves when a font comes later.
"""

import base64
import html
import io
import re
from importlib import resources
from pathlib import Path

import math_core
from docutils import nodes
from fontTools import subset
from fontTools.pens.transformPen import TransformPen
from fontTools.pens.ttGlyphPen import TTGlyphPen
from fontTools.ttLib import TTFont
from sphinx.locale import _
from sphinx.util import logging
from sphinx.util.math import get_node_equation_number

STYLE = "bn-formulas.css"
FONT = resources.files("ziamath") / "fonts" / "STIXTwoMath-Regular.ttf"
MATH = re.compile(r"<math\b.*?</math>", re.DOTALL)
# Sphinx numbers equations itself: with a star an environment writes no number.
NUMBERED = re.compile(r"\\(begin|end)\{(align|alignat|equation|gather|multline)\}")
# Two fractions side by side would look like one: their bars touch.
BARS, GAP = re.compile("(?<=</mfrac>)(?=<mfrac)"), '<mspace width="0.17em"/>'
CONVERTER = math_core.LatexToMathML(fancy_error=False)
LOGGER = logging.getLogger(__name__)
# A single letter is slanted by the browser: it takes the letter from these blocks.
SLANTED = [
    (ord("A"), 26, 0x1D434),
    (ord("a"), 26, 0x1D44E),
    (0x391, 25, 0x1D6E2),
    (0x3B1, 25, 0x1D6FC),
]
ROOT = ord("√")  # drawn for <msqrt>, which has no text of it
SLANTED_ALONE = {"h": 0x210E, "ϵ": 0x1D716, "ϑ": 0x1D717, "ϕ": 0x1D719, "∂": 0x1D715}


def to_mathml(tex, display):
    """Return the MathML of one formula.

    Raises:
        math_core.LatexError: the formula is wrong, or has a command that is not known.
    """
    tex = NUMBERED.sub(r"\\\1{\2*}", tex).replace("{split}", "{aligned}")
    made = CONVERTER.convert_with_local_state(tex, displaystyle=display)
    return BARS.sub(GAP, made)


def aligned(node):
    """Return the LaTeX of a block of formulas; the parts lie under each other."""
    if node.get("nowrap"):
        return node.astext()
    parts = [part for part in node.astext().split("\n\n") if part.strip()]
    if len(parts) == 1:
        tex = parts[0]
        breaks = r"\\" in re.sub(r"\\begin\{.*?\\end\{\w+\*?\}", "", tex, flags=re.S)
        return rf"\begin{{aligned}}{tex}\end{{aligned}}" if breaks else tex
    rows = r" \\ ".join(part if "&" in part else f"& {part}" for part in parts)
    return rf"\begin{{aligned}}{rows}\end{{aligned}}"


def formula(node, tex, display):
    """Return the MathML of a formula, or its LaTeX with a warning."""
    try:
        return to_mathml(tex, display)
    except math_core.LatexError as error:
        LOGGER.warning("formula %r: %s", tex, error, location=node)
        return f"<code>{html.escape(tex)}</code>"


def visit_inline(self, node):
    """Write a formula within a line."""
    self.body.append(self.starttag(node, "span", "", CLASS="math notranslate"))
    self.body.append(formula(node, node.astext(), False) + "</span>")
    raise nodes.SkipNode


def visit_block(self, node):
    """Write a formula of its own, with its number at the end of the line."""
    self.body.append(self.starttag(node, "div", "", CLASS="math notranslate"))
    inner = formula(node, aligned(node), True)
    self.body.append(f'<div class="bn-formula">{inner}</div>')
    if node["number"]:
        number = get_node_equation_number(self, node)
        self.body.append(f'<span class="eqno">({number})')
        self.add_permalink_ref(node, _("Link to this equation"))
        self.body.append("</span>")
    self.body.append("</div>\n")
    raise nodes.SkipNode


def add_style(app, pagename, templatename, context, doctree):
    """Give a page that has formulas the style sheet with their font."""
    if "<math" in context.get("body", ""):
        app.add_css_file(STYLE)


def characters(pages):
    """Return the code points that formulas in these texts are drawn with."""
    found = set()
    for page in pages:
        for part in MATH.findall(page):
            text = html.unescape(re.sub(r"<[^>]*>", "", part))
            found |= {ord(character) for character in text}
    if not found:
        return found
    for start, count, slanted in SLANTED:
        found |= {c - start + slanted for c in found if 0 <= c - start < count}
    alone = {code for c, code in SLANTED_ALONE.items() if ord(c) in found}
    return found | alone | {ROOT}


def even_roots(font):
    """Make all sizes of the root sign as wide as the smallest.

    Chromium gives every root the width of the widest size, so that a smaller sign would
    be followed by a gap.
    """
    root = font.getBestCmap().get(ROOT)
    if root is None:
        return
    variants = font["MATH"].table.MathVariants
    place = variants.VertGlyphCoverage.glyphs.index(root)
    sizes = variants.VertGlyphConstruction[place]
    names = {record.VariantGlyph for record in sizes.MathGlyphVariantRecord}
    if sizes.GlyphAssembly is not None:
        names |= {part.glyph for part in sizes.GlyphAssembly.PartRecords}
    glyphs, wide = font.getGlyphSet(), font["hmtx"][root][0]
    for name in names - {root}:
        factor = wide / font["hmtx"][name][0]
        pen = TTGlyphPen(glyphs)
        glyphs[name].draw(TransformPen(pen, (factor, 0, 0, 1, 0, 0)))
        glyph = font["glyf"][name] = pen.glyph()
        glyph.recalcBounds(font["glyf"])
        font["hmtx"][name] = (wide, glyph.xMin)


def cut_font(codes):
    """Return the font as WOFF with no other characters than `codes`."""
    options = subset.Options()
    options.flavor = "woff"
    options.hinting = options.recalc_timestamp = False
    options.layout_features = ["ssty", "dtls"]
    with FONT.open("rb") as file:
        font = TTFont(file, recalcTimestamp=False)
        subsetter = subset.Subsetter(options)
        subsetter.populate(unicodes=codes)
        subsetter.subset(font)
        even_roots(font)
        font.flavor = "woff"
        stream = io.BytesIO()
        font.save(stream)
    return stream.getvalue()


def write_style(app, exception):
    """Write the style sheet of the formulas: their font with what the pages need."""
    if exception or app.builder.format != "html":
        return
    pages = [path.read_text("utf-8") for path in Path(app.outdir).rglob("*.html")]
    codes = characters(pages)
    if codes:
        font = base64.b64encode(cut_font(codes)).decode("ascii")
        source = f'url("data:font/woff;base64,{font}") format("woff")'
        text = f'@font-face {{ font-family: "Book Math"; src: {source}; }}\n'
        target = Path(app.outdir) / "_static" / STYLE
        target.write_text(text, encoding="utf-8", newline="\n")


def setup(app):
    """Register the extension with Sphinx."""
    app.add_html_math_renderer("mathml", (visit_inline, None), (visit_block, None))
    app.connect("html-page-context", add_style)
    app.connect("build-finished", write_style)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
