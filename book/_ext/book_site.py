"""What the site needs of Sphinx beyond its configuration.

- `public_repository` in `_config.yml` is the one place for the repository's address:
  from it come the repository, issue, Colab and Binder buttons, or none of them.
- The API page gets one section for each module of the package.
- The bibliography gets roles that screen readers understand.
"""

import pkgutil
import re

from sphinx.errors import ConfigError

import bnteach

MODULES_LINE = "% modules-of-bnteach\n"
MODULE_SECTION = """
## `{name}`

```{{eval-rst}}
.. automodule:: {name}
   :members:
   :ignore-module-all:
```
"""


def theme_options_for(address):
    """Return the theme's options for the repository at `address`, {} for none.

    Raises:
        ConfigError: if `address` is not that of a GitHub repository, which is what
            Colab can open.
    """
    if not address:
        return {}
    if not re.fullmatch(r"https://github\.com/[\w.-]+/[\w.-]+", address):
        raise ConfigError(
            "expected public_repository to be empty or like "
            f"https://github.com/OWNER/NAME. Received: {address!r}"
        )
    return {
        "repository_url": address,
        "repository_branch": "main",
        "use_repository_button": True,
        "use_issues_button": True,
        "launch_buttons": {
            "colab_url": "https://colab.research.google.com",
            "binderhub_url": "https://mybinder.org",
            "notebook_interface": "jupyterlab",
        },
    }


def add_public_links(app, config):
    """Put the links to the public repository into the theme's options."""
    config.html_theme_options.update(theme_options_for(config.public_repository))


def module_names():
    """Return the dotted names of the modules of bnteach, `__main__` left out."""
    modules = pkgutil.walk_packages(bnteach.__path__, "bnteach.")
    return sorted(module.name for module in modules if "._" not in module.name)


def list_modules(app, docname, source):
    """Replace the marked line of the API page by a section for each module."""
    sections = "".join(MODULE_SECTION.format(name=name) for name in module_names())
    source[0] = source[0].replace(MODULES_LINE, sections)


def mend_roles(app, pagename, templatename, context, doctree):
    """Give entries of a bibliography the role that children of a list must have.

    Sphinx writes `doc-biblioentry`, which is deprecated and not allowed in a list.
    """
    if "body" in context:
        entry = 'role="doc-biblioentry"'
        context["body"] = context["body"].replace(entry, 'role="listitem"')


def setup(app):
    """Register the extension with Sphinx."""
    app.add_config_value("public_repository", "", "html", (str,))
    app.connect("config-inited", add_public_links)
    app.connect("source-read", list_modules)
    app.connect("html-page-context", mend_roles)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
