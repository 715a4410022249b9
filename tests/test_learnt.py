"""The learnt judge of changes: its grammar, its file, its arithmetic without torch, and how it is measured."""

from __future__ import annotations

import random
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime
from math import log
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from typer.testing import CliRunner

from memoria.cli import app
from memoria.embedders import MINILM_SHA256, minilm_folder
from memoria.english.voice import asserts
from memoria.errors import ModelCorrupt, ModelNotFound
from memoria.evaluation.quality import contenders, endings, sessions
from memoria.evaluation.quality.datasets import Conversation
from memoria.learnt import chatter, judge
from memoria.learnt import fit as fitting
from memoria.learnt.adapted import Adapted, read
from memoria.learnt.detector import NEVER, WEIGHTS, Learnt, Reader
from memoria.learnt.fit import fit, platt
from memoria.learnt.grammar import _FACETS, _WORDINGS, ATTRIBUTES, FOLDS, Grammar, Pair
from memoria.learnt.natural import Turn, natural
from memoria.learnt.scenes import situation
from memoria.learnt.situations import SITUATIONS
from memoria.remember import Draft
from memoria.testing import HashEmbedder

if TYPE_CHECKING:
    from memoria.arrays import Vectors

MATRICES = 36  # six of each of six layers


def silent(what: str, done: int, total: int) -> None:
    """No bar."""


# The grammar.


def test_the_grammar_is_wide_and_says_the_same_for_the_same_seed() -> None:
    assert len(ATTRIBUTES) > 300
    assert Grammar(3, 1).pairs(300) == Grammar(3, 1).pairs(300)
    assert Grammar(3, 1).pairs(50) != Grammar(4, 1).pairs(50)


def test_what_the_grammar_says_is_whole() -> None:
    pairs = Grammar(5).pairs(4000)
    said = [text for one in pairs for text in (one.statement, one.memory)]
    assert [text for text in said if "{" in text or "  " in text or not text.strip()] == []
    assert 0.25 < sum(one.untrue for one in pairs) / len(pairs) < 0.45
    keeping = (
        "question",
        "quote",
        "suppose",
        "event",
        "free",
        "two events",
        "event and habit",
        "friends",
        "near",
        "facet",
    )
    assert {one.kind for one in pairs if not one.untrue} >= set(keeping)
    assert not [one for one in pairs if one.untrue and one.kind in keeping]
    changing = ("inferred", "dropped", "count", "money")
    assert {one.kind for one in pairs if one.untrue} >= set(changing)
    assert not [one for one in pairs if not one.untrue and one.kind in changing]


@pytest.mark.parametrize("fold", range(FOLDS))
def test_what_a_fold_holds_out_is_not_learnt(fold: int) -> None:
    learnt, held = Grammar(1, fold), Grammar(1, fold, held=True)
    for part in ("_nouns", "_of_people", "_of_things", "_people", "_things"):
        mine, theirs = getattr(learnt, part), getattr(held, part)
        assert theirs
        assert not set(map(repr, mine)) & set(map(repr, theirs))
    assert not {one.statement for one in learnt.pairs(1000)} & {one.statement for one in held.pairs(1000)}


@pytest.mark.parametrize("form", ["noun", "verb"])
def test_each_fold_has_wordings_of_each_kind(form: str) -> None:
    assert {kind: len(texts) for kind, texts in _WORDINGS[form].items() if len(texts) < FOLDS} == {}


def test_scenes_are_told_of_anybody() -> None:
    line = "{S} smoke{s} / {S} {be} a smoker | {P} last one was in May | {X} smokes too"
    mine = situation(line, line, "I", "I", random.Random(1))
    hers = situation(line, line, "Maya", "she", random.Random(1))
    assert {memory for _, memory, untrue, _ in mine if untrue} <= {"I smoke", "I am a smoker"}
    assert {memory for _, memory, untrue, _ in hers if untrue} <= {"Maya smokes", "Maya is a smoker"}
    assert {said for said, _, untrue, _ in hers if untrue} == {"her last one was in May"}


def test_each_fold_has_scenes() -> None:
    lists = (SITUATIONS, chatter.TOPICS, chatter.SAID, chatter.DROPPED, chatter.KEPT, chatter.EVENTS, chatter.HABITS)
    assert min(map(len, [*lists, *_FACETS.values()])) >= FOLDS
    assert [line for line in SITUATIONS if line.count(" | ") != 2] == []


# Natural talks.


def test_natural_pairs_leave_doubtful_turns_out() -> None:
    turns = [
        Turn(text="I love opera."),
        Turn(text="My operational budget is fine."),
        Turn(text="I used to like opera.", ended=("opera",)),
        Turn(text="That has changed, too.", doubtful=True),
        Turn(text="How was your day?"),
    ]
    vectors = HashEmbedder().embed([one.text for one in turns])
    found = natural(turns, vectors, 10, 0)
    untrue = [(one.statement, one.memory) for one in found if one.untrue]
    assert untrue == [("I used to like opera.", "I love opera.")]
    assert ("I used to like opera.", "My operational budget is fine.") in {
        (one.statement, one.memory) for one in found if not one.untrue
    }
    assert "That has changed, too." not in {one.statement for one in found}
    assert "How was your day?" in {one.statement for one in found}


def test_sessions_tell_which_value_ends() -> None:
    def session(**of: Any) -> dict[str, Any]:
        return {"session_type": "activity", "operation": "update", "operation_details": {}, "conversation": [], **of}

    def turn(message: str, *, shared: bool) -> dict[str, Any]:
        return {"speaker": "user_agent", "message": message, "share_memory": shared}

    budget = {"memory_updates": [{"updated_from": 800000, "updated_to": 850000}]}
    talk = [turn("Hello!", shared=False), turn("From $800,000 to $850,000.", shared=True), turn("Yes.", shared=True)]
    liked = {"item": "Grace Kelly", "old_item": "Joan Crawford"}
    given = [
        session(operation_details=budget, conversation=talk),
        session(
            session_type="preference", operation_details=liked, conversation=[turn("Joan Crawford? No.", shared=True)]
        ),
        session(operation="add", operation_details=liked, conversation=[turn("Joan Crawford!", shared=True)]),
    ]
    assert [(one.ended, one.doubtful) for one in sessions.turns(given)] == [
        ((), False),
        (("800,000",), False),
        ((), True),
        (("joan crawford",), False),
        ((), False),
    ]


# The file, and the arithmetic.


def drawn(seed: int) -> Adapted:
    """Weights by chance."""
    rng = np.random.default_rng(seed)

    def random_(*shape: int, scale: float) -> Vectors:
        values: Vectors = rng.normal(scale=scale, size=shape).astype(np.float32)
        return values

    names = [f"encoder.layer.0.attention.self.{part}" for part in ("query", "key")]
    return Adapted(
        encoder=MINILM_SHA256,
        down={name: random_(16, 384, scale=0.05) for name in names},
        up={name: random_(384, 16, scale=0.02) for name in names},
        head={
            "U": random_(48, 1536, scale=0.05),
            "b": random_(48, scale=0.05),
            "v": random_(48, scale=0.05),
            "c": random_(1, scale=0.05),
        },
        slope=1.5,
        offset=-0.5,
    )


PAIRS = [
    ("My dentist is Dr. Haddad now.", "My dentist is Dr. Patel."),
    ("word " * 300, "other " * 300),
    ("a", "b"),
    ("", ""),
    ("My dentist is Dr. Haddad now.", "I have two sisters and a very long walk to the office."),
]


def test_the_judge_without_torch_is_that_of_torch() -> None:
    import torch

    from memoria.learnt.train import adapted, judging

    torch.manual_seed(0)
    model = judging(minilm_folder())
    with torch.no_grad():
        for name, one in model.named_parameters():
            if name.endswith(".up"):
                one.copy_(torch.randn(one.shape) / 50)
    made = adapted(model)
    assert len(made.down) == len(made.up) == MATRICES
    theirs = model(PAIRS).detach().numpy()
    assert np.abs(Reader(made).logits(PAIRS) - theirs).max() < 1e-4
    assert np.ptp(theirs) > 0.01


def test_one_pair_is_read_as_among_others() -> None:
    reader = Reader(drawn(1))
    alone = np.concatenate([reader.logits([one]) for one in PAIRS])
    assert np.abs(reader.logits(PAIRS) - alone).max() < 1e-4
    assert reader.log_odds(PAIRS) == pytest.approx(1.5 * alone - 0.5, abs=1e-3)


def test_the_file_keeps_the_weights(tmp_path: Path) -> None:
    made = drawn(2)
    made.write(tmp_path / "judge.npz")
    kept = read(tmp_path / "judge.npz")
    assert (kept.encoder, kept.slope, kept.offset) == (made.encoder, made.slope, made.offset)
    for name, value in made.up.items():
        assert np.abs(kept.up[name] - value).max() < 1e-3


def test_weights_of_another_encoder_or_damaged_ones_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "judge.npz"
    with pytest.raises(ModelNotFound):
        Learnt(path)
    replace(drawn(3), encoder="0" * 64).write(path)
    with pytest.raises(ModelCorrupt, match="0000"):
        Learnt(path)
    replace(drawn(3), head={}).write(path)
    with pytest.raises(ModelCorrupt, match="lacks"):
        Learnt(path)
    path.write_bytes(path.read_bytes()[:5000])
    with pytest.raises(ModelCorrupt):
        Learnt(path)


def test_fitting_makes_a_small_file_that_the_judge_reads(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fitting, "_JUDGED", 24)
    natural_ = {name: [Pair(statement="Hi!", memory=name, untrue=False, kind="natural")] for name in ("one", "two")}
    steps: list[int] = []
    made = fit(natural_, minilm_folder(), 3, 1, 0, lambda what, done, total: steps.append(done))
    made.write(tmp_path / "judge.npz")
    assert steps == [1, 2, 3]
    assert (tmp_path / "judge.npz").stat().st_size < 1.5e6
    assert len(Learnt(tmp_path / "judge.npz")("I moved to Ghent.", ["I live in Porto.", "I have a cat."])) == 2


def test_calibration_finds_the_odds_again() -> None:
    rng = random.Random(0)
    logits = np.array([rng.uniform(-6, 6) for _ in range(4000)], np.float32)
    untrue = [rng.random() < 1 / (1 + np.exp(-(0.5 * one - 1))) for one in logits]
    slope, offset = platt(logits, untrue, np.full(4000, 1 / 4000))
    assert slope == pytest.approx(0.5, abs=0.05)
    assert offset == pytest.approx(-1, abs=0.15)


# The installed judge.

CHANGES = [
    ("My dentist is Dr. Haddad now, not Dr. Patel.", "My dentist is Dr. Patel."),
    ("I no longer live in Porto, I moved to Ghent.", "I live in Porto."),
    ("Maya does not take ibuprofen any more.", "Maya takes ibuprofen."),
]


def test_the_installed_judge_tells_changes_from_what_stays() -> None:
    told = judge()
    assert WEIGHTS.stat().st_size < 1.5e6
    for statement, old in CHANGES:
        first, *others = told(statement, [old, "I have two sisters.", "The printer is on the second floor."])
        assert first > 1, statement
        assert max(others) < 0, statement


@pytest.mark.parametrize(
    ("statement", "memory"),
    [
        ("I had tea at nine.", "I had tea at noon."),
        ("We saw Omar on Friday.", "We saw Omar at the museum last month."),
        ("Thanks, Nadia! Pottery keeps me going.", "I love pottery, it calms me."),
        ("The stand-up is recorded from now on.", "The stand-up is at ten."),
    ],
)
def test_events_and_talk_between_friends_change_nothing(statement: str, memory: str) -> None:
    assert judge()(statement, [memory])[0] < 0


@pytest.mark.parametrize(
    ("statement", "memory"),
    [
        ("Ich wohne jetzt in Leipzig.", "Ich wohne in Kassel."),
        ("I live in Leipzig now.", "Ich wohne in Kassel."),
        ("J'habite maintenant \u00e0 Nantes.", "I live in Dijon."),
        ("\u6211\u73b0\u5728\u4f4f\u5728\u6210\u90fd\u3002", "\u6211\u4f4f\u5728\u6b66\u6c49\u3002"),
    ],
)
def test_what_is_not_in_english_is_never_judged_untrue(statement: str, memory: str) -> None:
    assert judge()(statement, [memory]) == [NEVER]


@pytest.mark.parametrize(
    "text",
    [
        "Did I tell you that I moved?",
        "Is it Ghent? Or Porto?",
        "If I moved to Ghent, I would be happy.",
        "Oh, maybe I will live in Ghent.",
        "I might move to Ghent.",
        "I am thinking of moving to Ghent.",
        'Sam wrote: "I live in Ghent now."',
        'The letter begins with "I live in Ghent now".',
        '"I live in Ghent now", said Sam.',
        'The sign read "the office is on the third floor now".',
        "Should we ever move to Ghent, I will tell you.",
        "We could take the flat in Ghent, but nothing is decided.",
        "I am going to move to Ghent one day.",
        "We plan to move to Ghent.",
        "She moved to Ghent, didn't she?",
        "Is it in Ghent now, you know?",
        "",
    ],
)
def test_questions_suppositions_and_quotes_assert_nothing(text: str) -> None:
    assert not asserts(text)
    assert judge()(text, ["I live in Porto."]) == [NEVER]


@pytest.mark.parametrize(
    "text",
    [
        "I moved to Ghent.",
        "I moved to Ghent. How was your day?",
        "We could not get the hall, so it is in the library.",
        'My new password is "apple".',
        "Dr. Patel left, I see Dr. Haddad now.",
        "Would you believe it? I moved.",
        "She moved to Ghent, isn't that something?",
        "The meeting was moved to noon, can you believe it?",
        "The meeting will be at noon instead.",
        "From now on we'll meet at noon.",
        "The meeting is at noon, if you need to know.",
        "From now on assume that I live in Ghent.",
        "Ann says that the meeting is at noon.",
    ],
)
def test_what_is_said_to_be_so_asserts(text: str) -> None:
    assert asserts(text)


@pytest.mark.parametrize(
    "text",
    ["Maya stopped taking ibuprofen.", "Olga fasts on Mondays.", "Ravi avoids caffeine.", "Kenji plays badminton."],
)
def test_short_english_without_a_common_word_is_read(text: str) -> None:
    reader = judge()
    assert isinstance(reader, Learnt)
    assert reader.reader.reads(text)


def test_a_question_is_never_untrue() -> None:
    assert judge()(CHANGES[0][0], ["Is my dentist Dr. Patel?"]) == [NEVER]


def test_the_judge_is_loaded_once_for_all_threads() -> None:
    with ThreadPoolExecutor(4) as threads:
        found = list(threads.map(lambda n: (judge(), judge()(*[CHANGES[n % 3][0], [CHANGES[n % 3][1]]])), range(6)))
    assert len({id(one) for one, _ in found}) == 1
    assert [odds for _, odds in found[:3]] == [odds for _, odds in found[3:]]
    assert judge()("I moved.", []) == []


# How it is measured.


def test_average_precision_is_that_of_others() -> None:
    from sklearn.metrics import average_precision_score

    rng = random.Random(1)
    for _ in range(20):
        scores = np.array([rng.choice((0, 1, 2, 3, rng.random())) for _ in range(50)], np.float64)
        untrue = [rng.random() < 0.3 for _ in range(49)] + [True]
        assert endings.average_precision(scores, untrue) == pytest.approx(average_precision_score(untrue, scores))


def test_a_curve_of_a_judge_that_is_always_right_goes_up_at_once() -> None:
    untrue = [True, False] * 50
    points = endings.curve([(untrue, np.array(untrue, np.float64))] * 2)
    assert points[0] == (0.0, 0.0)
    assert points[-1] == (1.0, 1.0)
    assert max(found for false, found in points if false == 0) == 1.0
    report = {"curves": {"learnt": points, "rules": points}, "pairs": 200}
    assert endings.svg(report).count("<polyline") == 2


@pytest.mark.parametrize(
    ("odds", "wanted"),
    [([], None), ([3.0], 0), ([1.0, 3.0], 1), ([2.5, 3.0], None), ([0.5, -3.0], None), ([-3.0, log(9)], 1)],
)
def test_an_ending_needs_the_bound_and_the_margin(odds: list[float], wanted: int | None) -> None:
    assert endings.ended(odds, 0.9) == wanted


def test_our_talks_are_whole() -> None:
    talks = endings.talks("talks")
    assert (len(talks), {len(one.facts) for one in talks}, len(endings.talks("still"))) == (100, {4}, 30)
    for code in endings.LANGUAGES:
        assert (len(endings.changes(code)), {len(one.facts) for one in endings.changes(code)}) == (20, {2})


def certain(statement: str, texts: Sequence[str]) -> list[float]:
    """A judge that finds the first untrue, and doubts the second."""
    return [5.0, 0.5, -5.0, -5.0][: len(texts)]


def test_counts_of_talks() -> None:
    talks = [endings.Talk(statement="s", facts=("a", "b", "c")), endings.Talk(statement="s", facts=("a",), stale=None)]
    assert endings.judged(talks, certain) == {
        "stale": 1,
        "first": 1,
        "found": 1,
        "found ahead": 1,
        "found ended": 1,
        "true": 3,
        "lowered": 2,
        "lowered ahead": 1,
        "ended": 1,
    }


class Certain:
    """The same, with its name."""

    name = "certain"

    def __call__(self, statement: str, texts: Sequence[str]) -> Sequence[float]:
        return certain(statement, texts)


def test_chat_counts_endings_in_a_thousand_turns() -> None:
    drafts = tuple(Draft(text=text) for text in ("One.", "Two?", "Three.", "Four?"))
    talk = Conversation(name="talk", drafts=drafts, asked=(), until=datetime(2026, 1, 1, tzinfo=UTC))
    report = endings.chat([talk], HashEmbedder(), Certain(), silent)
    assert (report["turns"]["n"], report["questions"]["n"]) == (3, 2)
    assert report["turns"]["ended at 0.9, of 1,000"] == 1000
    assert report["turns"]["lowered, of 1,000"] == pytest.approx(1000 * 5 / 3, abs=0.01)
    assert len(report["ended"]) == 3


def test_contenders_see_the_same_pairs() -> None:
    known = Grammar(1, 0).pairs(200)
    pairs = Grammar(1, 0, held=True).pairs(40)
    for scores in (
        contenders.by_cosine(pairs, HashEmbedder()),
        contenders.by_boosting(known, pairs, HashEmbedder()),
        contenders.ends_by_rules(pairs),
    ):
        assert scores.shape == (40,)
        assert np.ptp(scores) > 0
    assert contenders.rules_end("I moved from Porto to Ghent.", ["I live in Porto.", "I like tea."]) == [True, False]


def test_a_drawing_needs_the_folds() -> None:
    done = CliRunner().invoke(app, ["eval", "detector", "--plot", "a.svg"])
    assert done.exit_code == 2
    assert "--folds" in done.output
