"""Formulas as MathML: every kind that the book uses, numbers, references, the font."""

import base64
import collections
import html
import io
import re
from pathlib import Path

import nbformat
import pytest
import small_site
from fontTools.ttLib import TTFont

BOOK = Path(__file__).resolve().parents[2] / "book"
FENCE = re.compile(r"(```|:::).*?\1|`[^`]*`", re.DOTALL)
FORMULA = re.compile(r"\$\$(.+?)\$\$|(?<![\\$])\$([^$]+?)\$", re.DOTALL)
PAGE = r"""# Formulas

Inline $\hat{x}_i = \frac{x_i - \mu}{\sqrt{\sigma^2 + \epsilon}}$, see {eq}`eq-one`.

$$
\mu = \frac{1}{m} \sum_{i=1}^{m} x_i
$$ (eq-one)

$$
a &= b + c \\
  &= d
$$

\begin{align}
u &= v \\
w &= z
\end{align}

$$
L = \begin{cases} 1 & x > 0 \\ 0 & \text{else} \end{cases}
$$
"""


@pytest.fixture(scope="module")
def formulas():
    import sys

    sys.path.insert(0, str(small_site.EXTENSIONS))
    import formulas

    return formulas


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    folder = tmp_path_factory.mktemp("formulas")
    pages = {"index.md": PAGE, "plain.md": "---\norphan: true\n---\n# No formula\n"}
    config = {"html_math_renderer": "mathml"}
    built, warnings = small_site.build(folder, pages, ["formulas"], **config)
    assert warnings == ""
    return built


@pytest.fixture(scope="module")
def page(site):
    return (site / "index.html").read_text("utf-8")


def text_of(mathml):
    """Return the characters that a formula shows, spaces left out."""
    text = html.unescape(re.sub(r"<[^>]*>", "", mathml))
    return re.sub(r"[\s\u2061-\u2064\ufe00-\ufe0f]", "", text)


def blocks(page):
    return re.findall(
        r'<div class="[^"]*\bmath\b[^>]*>.*?</math>.*?</div>\n', page, re.DOTALL
    )


def test_inline_formula(page):
    inline = re.search(r'<span class="math[^>]*>(<math.*?</math>)</span>', page)[1]
    assert text_of(inline) == "xˆi=xi−μσ2+ϵ"
    assert {"<msqrt", "<mfrac", "<mover"} <= set(re.findall(r"<\w+", inline))


def test_number_and_reference_of_an_equation(page):
    first = blocks(page)[0]
    assert 'id="equation-eq-one"' in first
    assert re.search(r'class="eqno">\(1\)<a class="headerlink"', first)
    assert first.index("<math") < first.index("eqno")
    assert re.search(r'href="#equation-eq-one"[^>]*>.*?\(?1\)?</', page)
    # As with MathJax, Sphinx numbers an environment without a star.
    assert re.findall(r'class="eqno">\((\d)\)', page) == ["1", "2"]


def test_lines_of_one_formula_are_aligned_without_numbers_of_their_own(page):
    for block, text in zip(blocks(page)[1:3], ("a=b+c=d", "u=vw=z"), strict=True):
        assert block.count("<mtr") == 2
        assert text_of(block.split("<span")[0]) == text


def test_cases_are_not_split_into_lines(page):
    block = blocks(page)[3]
    assert block.count("<mtable") == 1
    assert text_of(block) == "L={1x>00else"


def test_nothing_but_a_page_with_formulas_gets_their_style_sheet(site, page):
    assert "bn-formulas.css" in page
    assert "bn-formulas.css" not in (site / "plain.html").read_text("utf-8")
    assert "mathjax" not in page.lower().replace("mathjax_ignore", "")


def test_fractions_side_by_side_stand_apart(formulas):
    made = formulas.to_mathml(r"\frac{1}{m} \frac{a}{b} + \frac{c}{d}", True)
    assert made.count("<mspace") == 1
    assert re.search(r"</mfrac><mspace[^>]*/><mfrac>", made)


def font_data(site):
    style = (site / "_static" / "bn-formulas.css").read_text()
    return re.search(r"data:font/woff;base64,([^\"]+)", style)[1]


def test_root_signs_of_all_sizes_are_equally_wide(site):
    font = TTFont(io.BytesIO(base64.b64decode(font_data(site))))
    root = font.getBestCmap()[ord("√")]
    variants = font["MATH"].table.MathVariants
    place = variants.VertGlyphCoverage.glyphs.index(root)
    sizes = variants.VertGlyphConstruction[place].MathGlyphVariantRecord
    names = [record.VariantGlyph for record in sizes]
    assert len(names) > 2
    assert {font["hmtx"][name][0] for name in names} == {font["hmtx"][root][0]}
    # The line above what stands under the root goes on where the sign ends.
    assert all(abs(font["glyf"][n].xMax - font["hmtx"][n][0]) < 40 for n in names)


def test_font_has_the_characters_and_the_root(site):
    data = font_data(site)
    font = TTFont(io.BytesIO(base64.b64decode(data)))
    codes = font.getBestCmap().keys()
    assert {ord(c) for c in "=√∑𝑥𝜇𝜎𝜖2{"} <= codes
    assert ord("ω") not in codes
    assert "MATH" in font
    assert len(data) < 120_000


@pytest.mark.parametrize("tex", [r"\nosuchcommand{x}", r"\frac{1}{2", r"x^2^3"])
def test_wrong_formula_is_a_warning(tmp_path, tex):
    config = {"html_math_renderer": "mathml"}
    pages = {"index.md": f"# A\n\nsee ${tex}$\n"}
    built, warnings = small_site.build(tmp_path, pages, ["formulas"], **config)
    assert "index.md" in warnings
    assert "formula" in warnings
    assert html.escape(tex) in (built / "index.html").read_text("utf-8")


# --- every formula of the book ---------------------------------------------------

# What a command of LaTeX shows: an independent table, for the commands of the book.
SHOWN = {
    "alpha": "α",
    "beta": "β",
    "gamma": "γ",
    "delta": "δ",
    "epsilon": "ϵ",
    "theta": "θ",
    "mu": "μ",
    "rho": "ρ",
    "sigma": "σ",
    "partial": "∂",
    "sum": "∑",
    "ge": "≥",
    "le": "≤",
    "pm": "±",
    "cdot": "⋅",
    "leftarrow": "←",
    "approx": "≈",
    "times": "×",
    "ln": "ln",
    "ell": "ℓ",
    "odot": "⊙",
    "in": "∈",
    "to": "→",
    "ne": "≠",
    "hat": "^",
    "tilde": "~",
    "bar": "‾",
    "underbrace": "⏟",
}
LAYOUT = {"frac", "sqrt", "mathrm", "text", "mathrel", "mathcal", "left", "right"}
LAYOUT |= {"quad", "qquad", "begin", "end", "big", "bigl", "bigr", "mathbf", "dfrac"}
LAYOUT |= {"mathsf"}
SAME = str.maketrans({"−": "-", "˜": "~", "ˆ": "^", "¯": "‾", "·": "⋅", "∼": "~"})


def letters(tex):
    """Return how often each character should be seen in a formula."""
    tex = re.sub(r"\\(begin|end)\{\w+\*?\}", "", tex)
    tex = re.sub(r"\\[,;:!\\ ]|[&\s{}^_]", lambda m: " ", tex)
    unknown = set(re.findall(r"\\([a-zA-Z]+)", tex)) - SHOWN.keys() - LAYOUT
    assert not unknown, f"add {unknown} to the table of this test"
    tex = re.sub(r"\\([a-zA-Z]+)", lambda m: SHOWN.get(m[1], ""), tex)
    return collections.Counter(tex.replace("'", "′").replace(" ", "").replace("~", ""))


def book_formulas():
    for path in [*sorted(BOOK.glob("*.ipynb")), *sorted(BOOK.glob("*.md"))]:
        text = path.read_text("utf-8")
        if path.suffix == ".ipynb":
            cells = nbformat.reads(text, as_version=4).cells
            text = "\n\n".join(c.source for c in cells if c.cell_type == "markdown")
        for block, inline in FORMULA.findall(FENCE.sub("", text)):
            yield path.name, (block or inline).strip(), bool(block)


def test_every_formula_of_the_book_shows_each_of_its_characters(formulas):
    count = 0
    for name, tex, block in book_formulas():
        count += 1
        shown = text_of(formulas.to_mathml(tex, block)).translate(SAME)
        found = collections.Counter(shown)
        wanted = letters(tex)
        for accent in "~^":  # written by a command, or taken off as LaTeX's own
            wanted[accent] = found[accent] = 0
        script = {"B": "ℬ", "L": "ℒ", "N": "𝒩", "T": "𝖳"}
        for plain, curly in script.items():
            wanted[plain] += wanted.pop(curly, 0)
            found[plain] += found.pop(curly, 0)
        assert +found == +wanted, f"{name}: {tex}"
    assert count > 300
