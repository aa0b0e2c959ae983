"""Structured logs: one event a line with its facts, as JSON for machines or as text for a terminal.

Nothing is configured globally: a logger is a value that the composition root makes and hands on.
"""

import logging
from typing import TextIO

import structlog
from structlog.tracebacks import ExceptionDictTransformer
from structlog.typing import FilteringBoundLogger, Processor

from fairlead.config import LogConfig


def make_logger(config: LogConfig, stream: TextIO) -> FilteringBoundLogger:
    """A logger that writes to `stream`, a line an event, flushed at once.

    JSON lines have `event`, `level`, `timestamp` (UTC, ISO 8601) and the facts of the event. An exception is a
    structure of its frames without their variables, which may hold what customers said.
    """
    shared: list[Processor] = [
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    last: list[Processor] = (
        [
            structlog.processors.ExceptionRenderer(ExceptionDictTransformer(show_locals=False)),
            structlog.processors.JSONRenderer(ensure_ascii=False),
        ]
        if config.format == "json"
        else [structlog.dev.ConsoleRenderer(colors=stream.isatty())]
    )
    level = logging.getLevelNamesMapping()[config.level.upper()]
    logger: FilteringBoundLogger = structlog.wrap_logger(
        structlog.WriteLogger(stream),
        processors=[*shared, *last],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        cache_logger_on_first_use=False,
    )
    return logger
