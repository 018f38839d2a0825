from collections.abc import Iterator

import pytest
import structlog


@pytest.fixture(autouse=True)
def _own_log() -> Iterator[None]:
    """The command sends records to the stderr of its process; here that is one test's, and ends with it."""
    yield
    structlog.reset_defaults()
