"""What the site needs of Sphinx beyond its configuration.

- `public_repository` in `_config.yml` is the one place for the repository's address:
  from it come the repository, issue, Colab and Binder buttons, or none of them.
- The API page gets its sections from the folders of the package (api_page.py).
- The bibliography gets roles that screen readers understand.
"""

import re

from sphinx.errors import ConfigError

from api_page import list_modules


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
