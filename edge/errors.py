"""Errors of the terminal, split by what the caller does.

```
EdgeError
├── TryAgain            the cause may pass: show it, keep working, try later
│   ├── LedgerUnavailable   the disk refused; nothing of the job was kept
│   │   └── LedgerFull          for want of room
│   └── CloudUnavailable    no answer, or none that makes sense
└── CannotStart         a person has to act; the message is one sentence that says what to do
    ├── LedgerBusy          another process owns the ledger
    ├── LedgerUnsafe        this disk or SQLite cannot promise what a ledger must
    ├── NotClaimed          no identity yet
    ├── StillWaiting        punches would be left behind
    ├── CannotExport        the file cannot be written
    ├── NotInstalled        pip did not take the release
    ├── ClaimRefused        the cloud did not take the code
    └── BadSettings         a setting is wrong
```

Expected outcomes (a repeated punch, nobody known) are values, not errors.
"""

from __future__ import annotations


class EdgeError(Exception):
    """Base of what the terminal's parts raise."""


class TryAgain(EdgeError):
    """The cause may pass by itself."""


class LedgerUnavailable(TryAgain):
    """The ledger could not do the job; nothing of it was kept."""


class LedgerFull(LedgerUnavailable):
    """There was no room for it; nothing of it was kept."""


class CloudUnavailable(TryAgain):
    """The cloud did not answer, or not with what was asked for."""


class CannotStart(EdgeError):
    """Somebody has to act; ``str(error)`` is the sentence that tells them what to do."""


class LedgerBusy(CannotStart):
    """Another process owns the ledger."""


class LedgerUnsafe(CannotStart):
    """The ledger's file or its pragmas cannot promise durability."""


class NotClaimed(CannotStart):
    """The terminal has no identity yet."""


class StillWaiting(CannotStart):
    """The terminal keeps punches that only it has, and what was asked for would leave them behind."""


class CannotExport(CannotStart):
    """The file to export to exists already, or its disk refused it."""


class NotInstalled(CannotStart):
    """A release could not be installed; the one before is still there."""


class ClaimRefused(CannotStart):
    """The cloud did not take the claim code."""


class BadSettings(CannotStart):
    """A setting is wrong; the message names it."""
