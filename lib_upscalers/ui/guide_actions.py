"""The actions of the page "Which one?", without gradio: from messages of the page to its feed."""

from __future__ import annotations

import base64
import contextlib
import logging
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

from lib_upscalers.errors import Cancelled, UpscalerError
from lib_upscalers.guide.advice import advise
from lib_upscalers.guide.rules import guide, picture_file
from lib_upscalers.progress import NULL
from lib_upscalers.targets import Target
from lib_upscalers.ui.sample import draw_sample
from lib_upscalers.ui.viewer_feed import feed, message_values
from lib_upscalers.upscaling.candidates import candidates
from lib_upscalers.upscaling.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from lib_upscalers.guide.advice import Advice, Suggestion
    from lib_upscalers.ui.compare_actions import CompareActions

_log = logging.getLogger("lib_upscalers")
# A picture of 512 x 512, which Hires. fix usually begins with.
_PIXELS = 512 * 512


@dataclass
class GuideActions:
    """What the page's buttons do.

    Attributes:
        comparing: The comparison beside it: its upscalers, host and picks.
        notes: Returns what to say of an upscaler here, such as that it goes another way with the
            loaded model, or "".
        names: Returns the upscalers that can be used here; None: those of the comparison.
    """

    comparing: CompareActions
    notes: Callable[[str], str] = lambda _name: ""
    names: Callable[[], Sequence[str]] | None = None
    _seconds: dict[str, float] = field(default_factory=dict[str, float])

    def open(self) -> str:
        """Return the feed of the page with all of its texts and pictures."""
        return feed({"problem": "", "advice": None, "page": self._page()})

    def answer(self, message: object) -> str:
        """Return the feed with the advice for the answers in a message."""
        try:
            return self._feed(self._answers(message))
        except UpscalerError as error:
            return _problem(str(error))

    def measure(self, message: object) -> str:
        """Time what was advised on a small picture, and return the feed with that."""
        try:
            answers = self._answers(message)
            with self.comparing.job() as stopped:
                for each in _suggested(self._advice(answers)):
                    if not stopped():
                        self._time(each.name)
            return self._feed(answers)
        except Cancelled:
            return _problem("It was stopped.")
        except (UpscalerError, MemoryError) as error:
            return _problem(str(error) or "There is not enough memory.")

    def pair(self, message: object) -> list[str]:
        """Return the names of what was advised, to be compared; none for invalid answers."""
        with contextlib.suppress(UpscalerError):
            suggested, there = (
                _suggested(self._advice(self._answers(message))),
                self.comparing.names(),
            )
            return [each.name for each in suggested if each.name in there]
        return []

    def _answers(self, message: object) -> dict[str, str]:
        return guide().check(message_values(message).get("answers"))

    def _time(self, name: str) -> None:
        comparing, sample = self.comparing, draw_sample()
        settings = Settings() if comparing.settings is None else comparing.settings()
        (chosen,) = candidates(comparing.upscaler, [name], comparing.more(), settings)
        # The first run loads, and chooses the layout.
        chosen.run(sample, Target(scale=2.0), NULL)
        seconds = chosen.run(sample, Target(scale=2.0), NULL).run_seconds
        self._seconds[name] = seconds * _PIXELS / sample.size.area

    def _advice(self, answers: Mapping[str, str]) -> Advice:
        picks, names = self.comparing.picks, self.names or self.comparing.names
        return advise(answers, names(), picks.tallies(answers["picture"]))

    def _feed(self, answers: Mapping[str, str]) -> str:
        advice = self._advice(answers)
        here = [each.name for each in _suggested(advice)]
        about = {
            **asdict(advice),
            "notes": {name: note for name in here if (note := self.notes(name))},
            "seconds": {name: self._seconds[name] for name in here if name in self._seconds},
        }
        return feed({"problem": "", "advice": about, "page": None})

    def _page(self) -> dict[str, Any]:
        """Return all that stays the same while the page is open."""
        known = guide()
        return {
            "questions": [asdict(question) for question in known.questions],
            "explanations": list(known.explanations),
            "pictures": [
                {**each, "url": _data_url(picture_file(each["file"]))} for each in known.pictures
            ],
            "folders": [str(folder.absolute()) for folder in self.comparing.host.model_folders()],
        }


def _suggested(advice: Advice) -> list[Suggestion]:
    return [each for each in (advice.first, advice.second) if each is not None]


def _problem(text: str) -> str:
    return feed({"problem": text, "advice": None, "page": None})


def _data_url(path: Path) -> str:
    return "data:image/webp;base64," + base64.b64encode(path.read_bytes()).decode()
