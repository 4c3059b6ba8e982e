"""Log errors of ours with a line that names the doctor, and raise them as one sentence."""

from __future__ import annotations

import logging
from contextlib import contextmanager
from typing import TYPE_CHECKING

from lib_upscalers.errors import REPORT_HINT, Cancelled, InputError, UpscalerError

if TYPE_CHECKING:
    from collections.abc import Generator

_log = logging.getLogger("lib_upscalers")


@contextmanager
def faults_logged(what: str) -> Generator[None, None, None]:
    """Let errors of the block reach the page as one sentence, and the log in full.

    Args:
        what: What the block does, for the sentence, such as "The picture".

    Raises:
        UpscalerError: An error of ours, as it is; or any other, as one sentence.
        Cancelled: The user stopped the work.
    """
    try:
        yield
    except (Cancelled, InputError):
        raise
    except UpscalerError as error:
        _log.error("%s %s", error, REPORT_HINT)
        raise
    except Exception as error:
        _log.exception("%s could not be enlarged. %s", what, REPORT_HINT)
        text = " ".join(str(error).split())
        raise UpscalerError(
            f"{what} could not be enlarged ({type(error).__name__}: {text[:200]}): the log has "
            "what a bug report needs."
        ) from error
