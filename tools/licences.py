"""Make the list of what the site serves of others, with the licences of all.

`tools/licences.toml` says what is served. The licence of a package comes with the
installed package; those of what lies inside one are in `tools/licence_texts`.
"""

import textwrap
import tomllib
from importlib import metadata
from pathlib import Path

HERE = Path(__file__).resolve().parent
# Licences whose text is somewhere else, which is all that they ask for.
ELSEWHERE = {
    "Unlicense": "https://unlicense.org",
}
TITLE = "Software of others that this site serves beside its own pages"


def served():
    """Return what `licences.toml` says."""
    return tomllib.loads((HERE / "licences.toml").read_text("utf-8"))


def text():
    """Return the whole list.

    Raises:
        FileNotFoundError: an installed package comes without a licence.
    """
    listed = served()
    blocks = [f"{TITLE}\n{'=' * len(TITLE)}"]
    blocks += [_part(part) for part in listed["part"]]
    blocks += [_package(name) for name in sorted(listed["packages"])]
    for licence in sorted({part["licence"] for part in listed["part"]} - {*ELSEWHERE}):
        words = (HERE / "licence_texts" / f"{licence}.txt").read_text("utf-8")
        blocks.append(f"{licence}\n{'-' * len(licence)}\n\n{words.rstrip()}")
    return "\n\n".join(blocks) + "\n"


def _part(part):
    names = textwrap.fill(", ".join(part["names"]), 88)
    licence = part["licence"]
    where = ELSEWHERE.get(licence, "text at the end of this file")
    said = f"In {part['where']}. {part['copyright'].strip()}. {licence}, {where}."
    return f"{names}\n{textwrap.indent(textwrap.fill(said, 84), '    ')}"


def _package(name):
    package = metadata.distribution(name)
    info = [file for file in package.files if ".dist-info" in str(file)]
    found = [file for file in info if file.stem in ("LICENSE", "COPYING")]
    texts = [package.locate_file(file).read_text("utf-8").strip() for file in found]
    if not texts:
        raise FileNotFoundError(f"expected a licence in {name}. Received: none")
    title = f"{name} {package.version}"
    return f"{title}\n{'-' * len(title)}\n\n" + "\n\n".join(texts)
