"""TensorFlow's advice on retracing, held back where many networks are meant."""

import contextlib
import logging
from collections.abc import Iterator


@contextlib.contextmanager
def no_retracing_advice() -> Iterator[None]:
    """Holds back TensorFlow's advice on retracing, which is meant here."""

    def other(record):
        return "tf.function retracing" not in record.getMessage()

    logger = logging.getLogger("tensorflow")
    logger.addFilter(other)
    try:
        yield
    finally:
        logger.removeFilter(other)
