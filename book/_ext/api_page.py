"""The sections of the API page, from the folders and modules of the package.

A module that stands alone has a section. A folder has one that begins with its face,
what readers import from it, and goes on with its modules.
"""

import importlib
import pkgutil

import bnteach

MODULES_LINE = "% modules-of-bnteach\n"
SECTION = """
{level} `{name}`

```{{eval-rst}}
.. automodule:: {name}
   :members:
   :ignore-module-all:
```
"""


def names_in(package):
    """Return (dotted name, is a folder) of what lies in `package`, sorted."""
    found = pkgutil.iter_modules(package.__path__, f"{package.__name__}.")
    names = [(module.name, module.ispkg) for module in found]
    return sorted(pair for pair in names if "._" not in pair[0])


def link(package, name):
    """Return a link to what `package` offers under `name`, or the name as code."""
    offered = getattr(package, name)
    home = getattr(offered, "__module__", None)
    if home is None or not hasattr(offered, "__qualname__"):
        return f"``{name}``"  # a constant
    return f":py:obj:`{name} <{home}.{offered.__qualname__}>`"


def face(name):
    """Return the line that says what readers import from the folder `name`."""
    package = importlib.import_module(name)
    offered = getattr(package, "__all__", ())
    if not offered:
        return ""
    links = ", ".join(link(package, each) for each in offered)
    return f"\n```{{eval-rst}}\nImported from here: {links}.\n```\n"


def sections(package=bnteach):
    """Return the Markdown of the sections of `package`, in the order of their names."""
    parts = []
    for name, is_folder in names_in(package):
        parts.append(SECTION.format(level="##", name=name))
        if is_folder:
            parts.append(face(name))
            inside = names_in(importlib.import_module(name))
            parts += [SECTION.format(level="###", name=each) for each, _ in inside]
    return "".join(parts)


def list_modules(app, docname, source):
    """Replace the marked line of the API page by the sections."""
    if MODULES_LINE in source[0]:
        source[0] = source[0].replace(MODULES_LINE, sections())
