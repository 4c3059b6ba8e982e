"""Advise an upscaler: from answers, the list of what is installed and the user's own picks."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lib_upscalers.guide.rules import guide
from lib_upscalers.models.catalogue.recommended import recommendations

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from lib_upscalers.compare.picks import Preference
    from lib_upscalers.guide.rules import GuideUpscaler, Rule

# Fewer picks say nothing about a preference.
_LEAST_PICKS = 6
_CLEAR = 0.6
_MOST_MISSING = 3
_CATALOGUE = "openmodeldb.info/models/"


@dataclass(frozen=True)
class Suggestion:
    """An upscaler that is installed here.

    Attributes:
        name: As it is called here.
        reason: What speaks for it.
    """

    name: str
    reason: str


@dataclass(frozen=True)
class Missing:
    """An upscaler that would fit better, and is not installed.

    Attributes:
        name: What it is called.
        reason: What speaks for it.
        licence: SPDX, or "".
        where: Where it is found.
        catalogue: Its key on OpenModelDB, or "".
    """

    name: str
    reason: str
    licence: str
    where: str
    catalogue: str


@dataclass(frozen=True)
class Advice:
    """What the guide says to some answers.

    Attributes:
        reason: Why these.
        caveat: What `first` does not do of what the reason speaks of; "" for nothing.
        first: What to use; None where nothing that it knows is installed.
        second: What to compare it with.
        missing: What fits better than `first` and is not installed.
        slow: Names that fit better, left out for want of memory.
        taste: What the user's own picks say of the two: whom they prefer, to whom, how often, of
            how many pairs; None where there are too few.
    """

    reason: str
    caveat: str
    first: Suggestion | None
    second: Suggestion | None
    missing: tuple[Missing, ...]
    slow: tuple[str, ...]
    taste: Preference | None


def advise(
    answers: Mapping[str, str], names: Sequence[str], tallies: Sequence[Preference] = ()
) -> Advice:
    """Return the advice for answers.

    Args:
        answers: To each question, checked.
        names: The upscalers that are installed and can be used here.
        tallies: What the user picked in blind tests, on pictures of this kind.
    """
    known = guide()
    rule = known.rule_for(answers)
    allowed = known.costs[answers["budget"]]
    # Without a second pass there is no latent to enlarge.
    alone = answers["strength"] == "none"
    fitting = [known.upscalers[key] for key in rule.prefer]
    fitting = [each for each in fitting if not (alone and each.second_pass)]
    usable = [each for each in fitting if each.cost in allowed]
    here = [Suggestion(name, each.reason) for each in usable for name in _own_names(each, names)]
    here, taste = _by_taste(here, tallies)
    better = usable if not here else usable[: _place(usable, here[0].name)]
    return Advice(
        reason=rule.reason,
        caveat=_caveat(rule, here),
        first=here[0] if here else None,
        second=here[1] if len(here) > 1 else None,
        missing=tuple(_missing(each) for each in better if not _own_name(each, names)),
        slow=tuple(each.name for each in fitting if each.cost not in allowed),
        taste=taste,
    )


def _caveat(rule: Rule, here: Sequence[Suggestion]) -> str:
    reasons = {guide().upscalers[key].reason for key in rule.repairs}
    return rule.otherwise if here and reasons and here[0].reason not in reasons else ""


def _own_names(upscaler: GuideUpscaler, names: Sequence[str]) -> Iterator[str]:
    name = _own_name(upscaler, names)
    if name:
        yield name


def _own_name(upscaler: GuideUpscaler, names: Sequence[str]) -> str:
    """Return what an upscaler is called here, or "" where it is not installed."""
    if upscaler.name in names:
        return upscaler.name
    for pattern in upscaler.also:
        for name in names:
            if re.search(pattern, _plain(name)):
                return name
    return ""


def _plain(name: str) -> str:
    return re.sub(r"[^a-z0-9]", "", name.lower())


def _place(upscalers: Sequence[GuideUpscaler], name: str) -> int:
    """Return the place of the upscaler that is called so here."""
    found = (i for i, each in enumerate(upscalers) if _own_name(each, [name]))
    return min(next(found, len(upscalers)), _MOST_MISSING)


def _by_taste(
    here: Sequence[Suggestion], tallies: Sequence[Preference]
) -> tuple[list[Suggestion], Preference | None]:
    """Return suggestions with what the user prefers before the first, and that preference."""
    ordered = list(here)
    if not ordered:
        return ordered, None
    first = ordered[0].name
    for place, other in enumerate(ordered[1:], 1):
        tally = next((each for each in tallies if each.is_of(first, other.name)), None)
        if tally is None or tally.pairs < _LEAST_PICKS:
            continue
        if tally.better == other.name and tally.wins >= _CLEAR * tally.pairs:
            ordered.insert(0, ordered.pop(place))
        else:
            ordered.insert(1, ordered.pop(place))
        return ordered, tally
    return ordered, None


def _missing(upscaler: GuideUpscaler) -> Missing:
    recommended = {each.id: each.licence for each in recommendations()}
    return Missing(
        upscaler.name,
        upscaler.reason,
        upscaler.licence or recommended.get(upscaler.catalogue, ""),
        upscaler.where or _CATALOGUE + upscaler.catalogue,
        upscaler.catalogue,
    )
