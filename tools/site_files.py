"""Files that the site serves itself, made from installed packages.

Each is written in one step and checked by its bytes before it is taken for done, so
that an interrupted build or a full disk leaves nothing that a later build would serve.
"""

import hashlib

import licences
import playground
import vl_convert

from bnteach.files import atomic_path

VEGA_LITE = "6.4"  # the version of the specifications that Altair 6 writes


def write_all(static):
    """Write the list of licences, and what else is missing or damaged in `static`."""
    write_vega_bundle(static / "vega-bundle.js")
    write_licences(static / "licences.txt")
    playground.write_script(static / "playground.js")


def write_vega_bundle(target):
    """Write the script that draws the interactive figures, unless it is whole."""
    for left in target.parent.glob(f".{target.stem}-*{target.suffix}"):
        left.unlink()  # by a build that was killed
    if target.is_file():
        head, _, body = target.read_bytes().partition(b"\n")
        if head == _bundle_head(body):
            return
    # The bundle is a classic script with thousands of short global names: shut them in.
    bundle = vl_convert.javascript_bundle(vl_version=VEGA_LITE)
    body = f"(() => {{\n{bundle}\n}})();\n".encode()
    with atomic_path(target) as part:
        part.write_bytes(_bundle_head(body) + b"\n" + body)


def write_licences(target):
    """Write the list of what the site serves of others, unless it is there."""
    text = licences.text().encode()
    if not target.is_file() or target.read_bytes() != text:
        with atomic_path(target) as part:
            part.write_bytes(text)


def _bundle_head(body):
    """Return the first line of the script: what made it, and a hash of the rest."""
    made = f"vl-convert {vl_convert.__version__}, Vega-Lite {VEGA_LITE}"
    return f"// {made}, sha256 {hashlib.sha256(body).hexdigest()}".encode()
