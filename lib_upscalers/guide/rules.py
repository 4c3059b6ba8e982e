"""Read the guide's questions, rules, texts and pictures, which are data in one file."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from lib_upscalers.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_FOLDER = Path(__file__).resolve().parent
_FILE = _FOLDER / "guide.json"
Family = Literal["latent", "kernel", "network"]


@dataclass(frozen=True)
class Question:
    """A question of the page.

    Attributes:
        name: Its key in answers.
        text: What is asked.
        choices: The texts of the answers by their keys.
    """

    name: str
    text: str
    choices: Mapping[str, str]


@dataclass(frozen=True)
class GuideUpscaler:
    """An upscaler that the guide knows.

    Attributes:
        name: What it is usually called.
        reason: What speaks for it, and against.
        cost: "fast", "medium" or "slow"; which are left out, the answer about memory says.
        family: What it is.
        also: Patterns of other names, searched in a name's small letters and digits.
        catalogue: Its key on OpenModelDB, or "".
        licence: SPDX; "" where the catalogue's recommendations say it.
        where: Where it is found; "": in the catalogue.
        second_pass: Whether it exists within a WebUI's Hires. fix alone.
    """

    name: str
    reason: str
    cost: str
    family: Family
    also: Sequence[str] = ()
    catalogue: str = ""
    licence: str = ""
    where: str = ""
    second_pass: bool = False


@dataclass(frozen=True)
class Rule:
    """What to prefer, if the answers are some of these.

    Attributes:
        when: Answers by question; a question that is not named may have any.
        prefer: Keys of upscalers, best first.
        reason: Why these.
        repairs: Keys of those that do what the reason speaks of; empty: all.
        otherwise: What to say where none of these is the first.
    """

    when: Mapping[str, Sequence[str]]
    prefer: Sequence[str]
    reason: str
    repairs: Sequence[str] = ()
    otherwise: str = ""

    def fits(self, answers: Mapping[str, str]) -> bool:
        """Return whether the answers are among those that it is for."""
        return all(answers[name] in allowed for name, allowed in self.when.items())


@dataclass(frozen=True)
class Guide:
    """All of the file.

    Attributes:
        questions: In order.
        costs: Which costs an answer about memory allows.
        rules: The first one that fits counts.
        upscalers: By the keys that rules have.
        explanations: Title and text of each.
        pictures: File, name and caption of each.
        short: The short form, one text.
    """

    questions: Sequence[Question]
    costs: Mapping[str, Sequence[str]]
    rules: Sequence[Rule]
    upscalers: Mapping[str, GuideUpscaler]
    explanations: Sequence[Mapping[str, str]]
    pictures: Sequence[Mapping[str, str]]
    short: str

    def check(self, answers: object) -> dict[str, str]:
        """Return answers, one to each question.

        Raises:
            InputError: One is missing, or is none of the choices.
        """
        given: Mapping[Any, Any] = answers if isinstance(answers, dict) else {}
        for question in self.questions:
            answer = given.get(question.name)
            if not isinstance(answer, str) or answer not in question.choices:
                raise InputError(
                    f"Expected one of {', '.join(question.choices)} as {question.name}, but got "
                    f"{answer!r:.60}: choose an answer."
                )
        return {question.name: given[question.name] for question in self.questions}

    def rule_for(self, answers: Mapping[str, str]) -> Rule:
        """Return the first rule that fits; there is one for all answers that `check` returns."""
        return next(rule for rule in self.rules if rule.fits(answers))


@cache
def guide() -> Guide:
    """Return the guide."""
    held: Any = json.loads(_FILE.read_text("utf-8"))
    return Guide(
        questions=tuple(Question(**each) for each in held["questions"]),
        costs=held["costs"],
        rules=tuple(Rule(**each) for each in held["rules"]),
        upscalers={key: GuideUpscaler(**each) for key, each in held["upscalers"].items()},
        explanations=tuple(held["explanations"]),
        pictures=tuple(held["pictures"]),
        short=held["short"],
    )


def picture_file(name: str) -> Path:
    """Return the path of one of the guide's pictures."""
    return _FOLDER / "pictures" / name
