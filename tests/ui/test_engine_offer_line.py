"""When the line that offers our engine looks for an offer."""

from __future__ import annotations

from types import SimpleNamespace

from lib_upscalers.ui.engine_offer_line import end_of_run


def test_a_result_that_reports_changes_is_asked_and_not_the_text() -> None:
    log, gallery = SimpleNamespace(change="text"), SimpleNamespace(change="result")
    assert end_of_run(log, gallery) == "result"
    assert end_of_run(log, SimpleNamespace()) == "text"
    assert end_of_run(log, None) == "text"
