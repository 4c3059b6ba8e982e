"""What the guide advises."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

import pytest

from lib_upscalers.compare.picks import KINDS, Preference
from lib_upscalers.errors import InputError
from lib_upscalers.guide.advice import advise
from lib_upscalers.guide.rules import guide
from lib_upscalers.latent import LATENT_MODES
from lib_upscalers.models.catalogue.recommended import recommendations
from lib_upscalers.models.file_cache import Facts
from lib_upscalers.models.folders import built_in_entries
from lib_upscalers.resampling.kernels import KERNELS
from tests.cases import each_case
from tests.offenders import fail_for

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

OWN = ("Nearest", "Lanczos", "Lab Fast 2x", "Lab Fine 2x", "Lab Fine 4x", "Lab Anime 2x")
WEBUI = ("Latent", "Latent (nearest-exact)", "Latent (Lab)", *OWN, "R-ESRGAN 4x+ Anime6B")
ANSWERS = {"picture": "drawing", "state": "clean", "strength": "low", "budget": "middling"}


def every_answer() -> Iterator[dict[str, str]]:
    questions = guide().questions
    for answers in itertools.product(*(question.choices for question in questions)):
        yield dict(zip((question.name for question in questions), answers, strict=True))


def test_all_answers_lead_to_something_that_comes_with_the_program() -> None:
    without = [answers for answers in every_answer() if advise(answers, OWN).first is None]
    fail_for(map(str, without), "Expected an upscaler of ours for these answers")


def test_all_answers_lead_to_a_pair_in_a_webui() -> None:
    without = [answers for answers in every_answer() if advise(answers, WEBUI).second is None]
    fail_for(map(str, without), "Expected two upscalers of a WebUI for these answers")


def test_what_is_advised_can_be_used() -> None:
    for answers in every_answer():
        advice = advise(answers, WEBUI)
        allowed = guide().costs[answers["budget"]]
        for each in (advice.first, advice.second):
            if each is None:
                continue
            assert each.name in WEBUI
            latent = each.name.startswith("Latent")
            assert not (latent and answers["strength"] == "none"), "there is no latent to enlarge"
            plain = latent and each.name != "Latent (Lab)"
            assert not plain or answers["strength"] == "strong", "it would stay blurred"
            known = guide().upscalers.values()
            costs = {each.cost for each in known if each.reason == advice.reason}
            assert costs <= set(allowed)


def test_an_anime_picture_at_a_low_strength_has_the_pair_that_people_use() -> None:
    advice = advise(ANSWERS, WEBUI)
    assert advice.first is not None
    assert advice.second is not None
    assert (advice.first.name, advice.second.name) == ("Latent (Lab)", "R-ESRGAN 4x+ Anime6B")
    assert "0.4" in advice.reason


@each_case(
    "picture, state, more, alone",
    [
        ("photograph", "jpeg", (), True),
        ("photograph", "soft", (), True),
        ("photograph", "jpeg", ("R-ESRGAN 4x+",), False),
        ("photograph", "clean", (), False),
        ("drawing", "jpeg", (), False),
    ],
)
def test_what_is_advised_and_does_not_repair_the_picture_is_said_not_to(
    picture: str, state: str, more: tuple[str, ...], alone: bool
) -> None:
    advice = advise({**ANSWERS, "picture": picture, "state": state}, [*more, *OWN])
    assert bool(advice.caveat) == alone


def test_a_small_machine_gets_what_is_quick_and_reads_what_is_left_out() -> None:
    advice = advise(
        {**ANSWERS, "strength": "none", "budget": "little"}, [*WEBUI, "4x-UltraSharpV2"]
    )
    assert advice.first is not None
    assert advice.first.name == "Lab Anime 2x"
    assert {"4x-UltraSharpV2", "R-ESRGAN 4x+ Anime6B"} <= set(advice.slow)


def test_what_fits_better_and_is_missing_is_named_with_licence_and_place() -> None:
    advice = advise({**ANSWERS, "strength": "none"}, OWN)
    names = [each.name for each in advice.missing]
    assert names == ["2x-AnimeSharpV4", "R-ESRGAN 4x+ Anime6B"]
    assert all(each.licence and each.where for each in advice.missing)


@each_case(
    "file, name",
    [
        ("RealESRGAN_x4plus_anime_6B", "anime6b"),
        ("4x_realesrgan-x4plus-anime_6B", "anime6b"),
        ("4x-UltraSharp", "ultrasharp"),
        ("4x-UltraSharpV2_Lite", "ultrasharp-2"),
        ("4x_foolhardy_Remacri", "remacri"),
        ("4xLSDIRplus", "lsdir"),
        ("2x_AnimeSharpV4_RCAN", "animesharp"),
    ],
)
def test_files_are_known_by_their_usual_names(file: str, name: str) -> None:
    reason = guide().upscalers[name].reason
    found = [
        each.reason
        for answers in every_answer()
        for each in (advise(answers, [file]).first,)
        if each is not None
    ]
    assert set(found) == {reason}


def test_own_picks_change_the_order_and_are_named() -> None:
    liked = Preference("R-ESRGAN 4x+ Anime6B", "Latent (Lab)", 24, 34)
    advice = advise(ANSWERS, WEBUI, [liked])
    assert advice.first is not None
    assert advice.second is not None
    assert (advice.first.name, advice.second.name) == ("R-ESRGAN 4x+ Anime6B", "Latent (Lab)")
    assert advice.taste == liked


@each_case(
    "tally, named",
    [
        (Preference("R-ESRGAN 4x+ Anime6B", "Latent (Lab)", 4, 5), False),
        (Preference("R-ESRGAN 4x+ Anime6B", "Latent (Lab)", 9, 17), True),
        (Preference("Latent (Lab)", "R-ESRGAN 4x+ Anime6B", 17, 17), True),
        (Preference("Lanczos", "Nearest", 17, 17), False),
    ],
)
def test_few_or_even_picks_change_nothing(tally: Preference, named: bool) -> None:
    advice = advise(ANSWERS, WEBUI, [tally])
    assert advice.first is not None
    assert advice.first.name == "Latent (Lab)"
    assert (advice.taste is not None) == named


@each_case(
    "answers",
    [None, [], {}, {**ANSWERS, "budget": ""}, {**ANSWERS, "state": ["clean"]}, {"picture": "cat"}],
)
def test_answers_that_are_none_are_refused(answers: object) -> None:
    with pytest.raises(InputError, match="Expected one of"):
        guide().check(answers)


def test_the_data_name_only_what_there_is(tmp_path: Path) -> None:
    known = guide()
    unknown = {key for rule in known.rules for key in rule.prefer} - set(known.upscalers)
    assert all(set(rule.repairs) <= set(rule.prefer) for rule in known.rules)
    assert all(bool(rule.repairs) == bool(rule.otherwise) for rule in known.rules)
    unused = set(known.upscalers) - {key for rule in known.rules for key in rule.prefer}
    assert not unknown | unused
    catalogue = {each.id: each for each in recommendations()}
    for upscaler in known.upscalers.values():
        assert upscaler.licence or catalogue[upscaler.catalogue].licence, upscaler.name
        assert upscaler.where or upscaler.catalogue, upscaler.name
    choices = next(each.choices for each in known.questions if each.name == "picture")
    assert {"", *choices} == set(KINDS), "picks name the same kinds of pictures"
    own = {entry.name for entry in built_in_entries(Facts(tmp_path / "facts.json", "1"))}
    ours = {each.name for each in known.upscalers.values() if each.where.startswith("It comes")}
    assert ours <= own | set(KERNELS)
    modes = {each.name for each in known.upscalers.values() if each.second_pass}
    assert modes <= set(LATENT_MODES)
