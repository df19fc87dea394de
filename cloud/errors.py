"""What a person has to do something about: the command line says the sentence and exits with 2.

Each part of the service names its own kinds, so that who can help itself may catch just those.
"""

from __future__ import annotations


class CloudError(Exception):
    """Base of them; ``str(error)`` is one sentence that says what is wrong, and where."""
