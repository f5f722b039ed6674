"""The script of the playground: its modules, kernels and digits in one classic script.

A page that is opened as a file can load neither modules nor data. So the modules under
`book/_static/playground/` are put one behind the other, those that a module imports
before it, without their imports and exports. The part for the worker is a function,
whose text the page starts as a worker.
"""

import base64
import hashlib
import json
import re
import zlib
from pathlib import Path

import numpy as np

from bnteach.datasets.embedded import mnist5k
from bnteach.files import atomic_path

SOURCES = Path(__file__).resolve().parents[1] / "book" / "_static" / "playground"
TRAIN, TEST = 2000, 500
IMPORT = re.compile(r'^import\s[^;]*?from "\./(\w+\.js)";\n', re.MULTILINE)
EXPORT = re.compile(r"^export ", re.MULTILINE)
# Names at the top of a module; in one script they must differ.
NAMES = re.compile(r"^(?:async )?(?:function|class|const|let) (\w+)", re.MULTILINE)


def joined(entry, sources=SOURCES):
    """Return the text of the module `entry` and of all that it imports, as one script.

    Raises:
        ValueError: two modules have the same name at their top.
    """
    parts = {}

    def add(name):
        if name in parts:
            return
        parts[name] = ""  # two modules may import each other
        text = (sources / name).read_text("utf-8")
        for imported in IMPORT.findall(text):
            add(imported)
        del parts[name]
        parts[name] = EXPORT.sub("", IMPORT.sub("", text)).strip("\n")

    add(entry)
    whole = "\n\n".join(f"// {name}\n{text}" for name, text in parts.items())
    names = NAMES.findall(whole)
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise ValueError(f"expected names of their own. Received twice: {twice}")
    return whole


def pack_digits():
    """Return the digits as JSON: 4 bits a pixel, two in a byte, compressed."""
    arrays = mnist5k()
    x = np.concatenate([arrays.x_train[:TRAIN], arrays.x_test[:TEST]])
    y = np.concatenate([arrays.y_train[:TRAIN], arrays.y_test[:TEST]])
    bits = np.round(x.reshape(-1) / 17).astype(np.uint8)  # 0 ... 15
    packed = zlib.compress((bits[::2] << 4 | bits[1::2]).tobytes(), 9)
    return json.dumps(
        {
            "inputs": int(np.prod(x.shape[1:])),
            "train": TRAIN,
            "pixels": base64.b64encode(packed).decode(),
            "labels": "".join(map(str, y)),
        }
    )


def script(sources=SOURCES):
    """Return the whole script."""
    kernels = base64.b64encode((sources / "kernels.wasm").read_bytes()).decode()
    return f"""(() => {{
"use strict";
const CONTENT = {{ kernels: "{kernels}", digits: {pack_digits()} }};
const WORKER = function () {{
"use strict";
{joined("worker.js", sources)}
}};
{joined("page.js", sources)}
start(CONTENT, WORKER);
}})();
"""


def write_script(target, sources=SOURCES):
    """Write the script to `target`, unless the same is there."""
    text = script(sources)
    digest = hashlib.sha256(text.encode()).hexdigest()
    whole = f"// bnteach playground, sha256 {digest}\n{text}".encode()
    if not target.is_file() or target.read_bytes() != whole:
        with atomic_path(target) as part:
            part.write_bytes(whole)
