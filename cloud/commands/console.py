"""Speaking to the person at the command line, and logging beside it."""

from __future__ import annotations

import sys


def say(line: str) -> None:
    """A line of the answer, on standard output."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def complain(line: str) -> None:
    """A line about what went wrong, on standard error."""
    sys.stderr.write(f"{line}\n")


def log_to_stderr() -> None:
    """Structured logs on standard error: for eyes on a terminal, JSON lines elsewhere."""
    import logging

    import structlog

    logging.basicConfig(level=logging.WARNING, stream=sys.stderr)
    eyes = sys.stderr.isatty()
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            structlog.dev.ConsoleRenderer() if eyes else structlog.processors.JSONRenderer(),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )
