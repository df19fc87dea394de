"""The pages: each a function of what the read side gives, one template and its parts.

``add_pages`` gives an application all of them.
"""

from cloud.web.pages.router import add_pages as add_pages
