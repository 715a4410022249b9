"""ask: weights and store together, and nothing that nobody said."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import memoria
from memoria.agent import Agent
from memoria.distill import base
from memoria.distill.answered import names_thing, quoted, quotes, stands
from memoria.distill.asking import NOTHING
from memoria.distill.dataset import told_apart
from memoria.distill.general import QUESTIONS
from memoria.distill.judge import Judge
from memoria.distill.model import DistilledModel
from memoria.distill.route import BACKGROUND, Known, Router, embed, said_of, words_of
from memoria.embedders import MiniLM
from memoria.engine.memory import Memoria
from memoria.english.kinds import full_names, kind_asked, thing_told, ways_told
from memoria.english.notes import NOTES, noted_kind
from memoria.english.questions import examples
from memoria.errors import InvalidQuery, NotPermitted
from memoria.evaluation.quality import facts
from memoria.types import EmbedderCard, Example, Memory, Provenance
from tests import tiny_model
from tests.tiny_model import RECIPE

AT = datetime(2026, 1, 1, tzinfo=UTC)
GATSBY = "Speaking of reading, I just finished the book 'The Great Gatsby' and I liked it."
LUND = "My sister Eva moved to Lund in May."


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_model.make(tmp_path_factory.mktemp("tiny"))


@pytest.fixture
def memory(tmp_path: Path, tiny: Path) -> Iterator[Memoria]:
    """A store in which one memory is distilled and one is not."""
    with memoria.open(tmp_path / "a.memoria") as memory:
        memory.remember(GATSBY)
        memory.distill(tiny, recipe=RECIPE)
        memory.remember(LUND)
        yield memory


@pytest.fixture
def says(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What the weights say to everything: the last of this list."""
    told = ["I"]
    monkeypatch.setattr(DistilledModel, "answer", lambda _, prompts, *__, **___: [told[-1]] * len(prompts))
    return told


def one(text: str, id: str = "0" * 32) -> Memory:
    return Memory(id=id, namespace=("a",), text=text, created_at=AT)


def test_weights_are_believed_only_with_a_sentence_of_a_near_memory_or_a_sure_value() -> None:
    said = one(GATSBY)
    taught: Any = lambda _: ["The Great Gatsby."]  # noqa: E731
    assert stands("I just finished the book \u2018The Great Gatsby\u2019 and I liked it.", [said], (), taught) == said
    assert stands(GATSBY, [said], (), taught) == said
    assert stands("The Great Gatsby", [said], [said.id], taught) == said
    assert stands("The Great Gatsby", [said], (), taught) is None
    assert stands("I just finished the book 'Ulysses' and I liked it.", [said], [said.id], taught) is None
    assert stands("I just finished the book", [said], [said.id], taught) is None
    assert stands("", [said], [said.id], taught) is None
    assert quoted([said, one("b", "1" * 32), one("c", "2" * 32)]).text == f"{GATSBY}\nb"


def test_a_question_that_two_memories_answer_otherwise_is_taught_of_neither() -> None:
    both, own, only = (Example(prompt=p, answer=a) for p, a in (("q", "1"), ("r", "1"), ("q", "2")))
    assert told_apart([[both, own], [only]]) == [(own,), (only,)]
    assert told_apart([[both, own], [both]]) == [(both, own), (both,)]


def test_who_answers_is_said(memory: Memoria, says: list[str]) -> None:
    book, town = memory.list()
    says.append("I just finished the book 'The Great Gatsby' and I liked it.")
    told = memory.ask("Which book did I say I like?")
    assert (told.text, told.source, told.memories) == (says[-1], "weights", (book.id,))
    assert told.tokens > 0 and told.saved > 0  # noqa: PT018
    says.append("I just finished the book 'Ulysses' and I liked it.")
    told = memory.ask("Which book did I say I like?")
    assert (told.text, told.source, told.memories, told.tokens) == (GATSBY, "store", (book.id,), 0)
    told = memory.ask("Where did my sister Eva move?")
    assert (told.text, told.source, told.memories) == (LUND, "store", (town.id,))
    assert memory.ask("Which car do I own?").text == NOTHING
    assert memory.ask("Which car does Eva drive?").source == "store"
    told = memory.ask("What do bees make?")
    assert (told.text, told.source, told.memories, told.saved) == (says[-1], "base", (), 0)
    assert memory.ask("What do bees make?", base=False).text == NOTHING


def test_general_questions_are_the_bases_to_the_bit(memory: Memoria) -> None:
    import torch

    model = memory.distilled()
    assert not [query for query in QUESTIONS if model.route(query).memories]
    assert all(torch.equal(model.logits(query), model.logits_with(query, ())) for query in list(QUESTIONS)[:5])


def test_what_is_forgotten_ended_or_liked_no_more_answers_nothing(memory: Memoria, says: list[str]) -> None:
    says.append("I just finished the book 'The Great Gatsby' and I liked it.")
    assert memory.ask("Which book do I dislike?").source != "weights"
    book, _ = memory.list()
    assert memory.ask("Which book did I say I like?").source == "weights"
    memory.forget(book.id)
    assert memory.ask("Which book did I say I like?").text == NOTHING
    memory.expire(memory.remember("I like the book 'Emma'.").id, at=datetime.now(UTC) - timedelta(seconds=1))
    assert memory.ask("Which book did I say I like?").text == NOTHING


def test_a_question_and_an_echo_are_no_answers(memory: Memoria, says: list[str]) -> None:
    says.append("I just finished the book 'The Great Gatsby' and I liked it.")
    memory.remember("Which book did I say I like?")
    echo = Provenance(source="chat", speaker="assistant", derived_from=(memory.list()[0].id,))
    memory.remember("You finished the novel 'The Great Gatsby' and liked it.", provenance=echo)
    assert memory.ask("Which book did I say I like?").source == "weights"
    memory.remember("Which novel did I finish?")
    told = memory.ask("Which novel did I finish?")
    assert (told.text, told.source, told.memories) == (says[-1], "weights", (memory.list()[0].id,))


def test_without_weights_the_store_answers_alone() -> None:
    with memoria.open(":memory:") as memory:
        assert memory.ask("Where does Eva live?").text == NOTHING
        memory.remember(LUND)
        assert memory.ask("Where did my sister Eva move?").text == LUND
        assert memory.ask("Who wrote Hamlet?").text == NOTHING


def test_only_a_question_is_asked_and_only_by_the_owner(memory: Memoria) -> None:
    for wrong in ("", " \n"):
        with pytest.raises(InvalidQuery, match="question"):
            memory.ask(wrong)
    with pytest.raises(InvalidQuery, match="most"):
        memory.ask("x", most=0)
    with pytest.raises(NotPermitted):
        memory.reading_as("ann").ask("Which book do I like?")


@pytest.mark.parametrize("weights", [True, False])
def test_an_agent_answers_by_heart_without_notes(memory: Memoria, says: list[str], weights: bool) -> None:
    asked: list[Sequence[Any]] = []

    def model(messages: Sequence[Any]) -> str:
        asked.append(messages)
        return "I do not know."

    says.append("I just finished the book 'The Great Gatsby' and I liked it.")
    agent = Agent(memory, model, weights=weights)
    reply = agent.say("Which book did I say I like?")
    assert reply.text == (says[-1] if weights else "I do not know.")
    assert bool(asked) is not weights
    if weights:
        assert reply.hits == ()
        assert memory.list()[0].id in (reply.said or memory.list()[0]).provenance.derived_from
    assert agent.say("Hello there.").text == "I do not know."


# -- the judge --


@pytest.mark.parametrize(
    ("query", "kind"),
    [
        ("Which film do I like?", "film"),
        ("I forgot which kind of destination I told you I like. Which is it?", "destination"),
        ("Name the Indian restaurant that I mentioned.", "restaurant"),
        ("What's my sister's job?", "job"),
        ("Do you know a book I like?", "book"),
        ("Where did I move?", ""),
        ("What did I buy in Porto?", ""),
        ("Who wrote Hamlet?", ""),
    ],
)
def test_a_question_asks_for_a_kind_or_for_none(query: str, kind: str) -> None:
    assert kind_asked(query) == kind


@pytest.mark.parametrize(
    ("text", "thing"),
    [
        ("I watched 'Lost in Translation' recently and I really disliked it.", "Lost in Translation"),
        ("I love *Ran*, it's a classic!", "Ran"),
        ("I'm a huge fan of Spike Jonze's movies. His style is unique.", "Spike Jonze"),
        ("I really dislike Mediterranean climates, so I stay at home.", "Mediterranean climates"),
        ("I really enjoy books that delve into war and conflict.", "war and conflict"),
        ("Speaking of cities, I love botanical gardens when I travel.", "botanical gardens"),
        ("I always wanted to see Alaska; I like the idea of its ice.", "Alaska"),
    ],
)
def test_a_text_tells_of_a_thing(text: str, thing: str) -> None:
    assert thing_told(text) == thing


def test_a_sentence_beside_the_thing_that_was_judged_is_not_its_answer() -> None:
    said = one("I'm a huge fan of Spike Jonze's movies. His style is unique.")
    assert names_thing("I'm a huge fan of Spike Jonze's movies.", said)
    assert not names_thing("His style is unique.", said)


class Says:
    """A judge who was told what each text is."""

    def __init__(self, **kinds: str) -> None:
        self.kinds, self.asked, self.all = kinds, list[str](), True

    def knows(self, kind: str) -> bool:
        return self.all

    def log_odds(self, kind: str, memories: Sequence[Memory], near: Any) -> Any:
        self.asked += [kind] * len(memories)
        return np.array([1.0 if self.kinds.get(one.id[-1]) == kind else -1.0 for one in memories])


FILMS = "I'm a big fan of Nicholas Ray's films, I like to watch them."
READS = "I like reading Emma, I always come back to it."
CODE = "Ann's locker code is 4821."


def router_of(*texts: str) -> Router:
    embedder, known = MiniLM(), []
    for n, text in enumerate(texts):
        memory, made = one(text, f"{n:032x}"), examples(one(text))
        asked = [each.prompt for each in made]
        said, questions = embed(embedder, said_of(memory)), embed(embedder, asked)
        whole = quotes(memory, [each.answer for each in made])
        words = words_of(memory, asked)
        known.append(Known(memory=memory, shard=str(n), questions=questions, said=said, words=words, whole=whole))
    assert [one.whole for one in known] == [text != CODE for text in texts]
    return Router(embedder, known, embed(embedder, BACKGROUND))


@pytest.fixture(scope="module")
def router() -> Router:
    return router_of(FILMS, READS, CODE)


def test_nearness_alone_lets_a_memory_answer_beside_the_point_and_a_judge_does_not(router: Router) -> None:
    asked = "Which book do I like?"
    assert f"{0:032x}" in router.route(asked).memories or f"{1:032x}" in router.route(asked).memories
    found = router.route(asked, Says(**{"0": "director", "1": "book"}))
    assert (list(found.memories), found.shards, found.judged, found.sure) == ([f"{1:032x}"], ("1",), True, ())
    nothing = router.route(asked, Says(**{"0": "director", "1": "author"}))
    assert (nothing.memories, nothing.shards, nothing.judged) == ({}, (), True)
    assert nothing.probability < 0.5
    both = router.route(asked, Says(**{"0": "book", "1": "book"}))
    assert set(both.memories) == {f"{0:032x}", f"{1:032x}"}


def test_a_judge_is_not_asked_where_it_cannot_know(router: Router) -> None:
    judge = Says()
    assert router.route("What is Ann's locker code?", judge).sure == (f"{2:032x}",)
    assert not any(router.route(query, judge).memories for query in QUESTIONS)
    # "Which planet do we live on?" is about the speaker by its words.
    assert set(judge.asked) <= {"planet"}
    judge.asked.clear()
    router.route("When did I read Emma?", judge)
    assert judge.asked == []
    judge.all = False
    asked = "Which book do I like?"
    assert router.route(asked, judge) == router.route(asked)


def test_what_is_liked_answers_no_question_about_what_is_disliked() -> None:
    judge, router = Says(**{"0": "climate"}), router_of("Oh, absolutely! I've really grown to love temperate climates.")
    assert list(router.route("Which climate do I like?", judge).memories) == [f"{0:032x}"]
    assert not router.route("Which climate do I dislike?", judge).memories


@pytest.mark.parametrize(
    ("text", "ways"),
    [
        # A remark about what was said before is of no thing.
        ("That's fascinating! I've always disliked camping; it's just not my thing.", {-1}),
        ("I'm not really a fan of the Balkans; I much prefer the north.", {-1, 1}),
        ("Ragtime is great.", {1}),
        ("I moved to Lund.", {0}),
    ],
)
def test_a_text_likes_or_dislikes_by_what_its_speaker_says(text: str, ways: set[int]) -> None:
    assert ways_told(text) == ways


def test_made_up_notes_tell_of_what_kind_a_thing_is_and_of_no_other(tiny: Path) -> None:
    said = ["I just read 'Emma' again and adore it.", "I love the way Greta Gerwig directs.", "I really like Norway."]
    kinds, near = ("novels", "director", "country"), np.zeros(3)
    judge = Judge(base.load(tiny), MiniLM())
    assert [(kind, judge.knows(kind)) for kind in kinds] == [(kind, True) for kind in kinds]
    memories = [one(text, f"{n:032x}") for n, text in enumerate(said)]
    found = np.stack([judge.log_odds(kind, memories, near) for kind in kinds])
    assert (found.argmax(0) == range(3)).all()
    assert max(judge.log_odds(kind, memories, near).max() for kind in ("drink", "game", "climate")) < 0
    assert not judge.knows("perfume")


def test_an_embedder_that_cannot_tell_notes_apart_is_not_asked(tiny: Path) -> None:
    class Blind(MiniLM):
        card = EmbedderCard(name="blind", dimension=2)

        def embed(self, texts: Sequence[str]) -> Any:
            return np.ones((len(texts), 2), np.float32)

    judge = Judge(base.load(tiny), Blind())
    assert not judge.knows("book")


def test_notes_are_of_kinds_that_people_ask_for_in_singular_or_plural() -> None:
    assert [noted_kind(one) for one in ("Films", "countries", "hobbies", "dishes", "perfume")] == [
        *("film", "region", "hobby", "food"),
        None,
    ]
    assert [kind for kind, notes in NOTES.items() if len(set(notes)) < 11 or noted_kind(kind) != kind] == []


def test_the_base_knows_a_film_from_a_book_and_one_without_weights_knows_nothing(tiny: Path) -> None:
    judge = Judge(base.load())
    assert judge.able
    said = [one("I watched 'Minari' and I really liked it.", "1" * 32), one("I really love Thomas Mann's novels.")]
    film, author = (judge.log_odds(kind, said, np.array([0.0, 0.0])).tolist() for kind in ("film", "author"))
    assert film[0] > 0 > film[1]
    assert author[1] > 0 > author[0]
    assert not Judge(base.load(tiny)).able


def test_the_base_has_heard_of_the_famous_and_not_of_strangers() -> None:
    judge = Judge(base.load())
    assert [full_names(query) for query in ("What's Mira Velasko's car?", "Who is Eva?")] == [["Mira Velasko"], []]
    general = [name for query in QUESTIONS for name in full_names(query)]
    assert {"Eiffel Tower", "Mona Lisa", "Romeo and Juliet"} <= set(general)
    assert [name for name in (*general, "Albert Einstein", "Nelson Mandela", "Eva") if not judge.heard_of(name)] == []
    strangers = {name for fact in facts.synthetic(40, 999)[0] for name in full_names(fact.asked[0])}
    assert len(strangers) == 10
    assert [name for name in (*strangers, "Mira Velasko") if judge.heard_of(name)] == []


def test_nothing_is_invented_about_somebody_whom_nobody_has_heard_of(
    memory: Memoria, says: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = "What is Mira Velasko's locker code?"
    assert memory.ask(asked).source == "base"
    monkeypatch.setattr(Judge, "able", True)
    monkeypatch.setattr(Judge, "heard_of", lambda _, name: name != "Mira Velasko")
    assert memory.ask(asked).text == NOTHING
    assert memory.ask("Who painted the Mona Lisa?").source == "base"


@pytest.mark.parametrize("noted", [True, False])
def test_what_a_judge_thought_of_a_memory_goes_with_it(tiny: Path, noted: bool) -> None:
    judge = Judge(base.load(tiny), MiniLM() if noted else None)
    said = [one(GATSBY, "1" * 32), one(LUND, "2" * 32)]

    def thought() -> set[str]:
        kept: Any = judge._telling._vectors if judge._telling else judge._thought
        return {id for id, _ in kept if id}

    def thought_of() -> set[str]:
        judge.log_odds("film", said, np.array([0.0, 0.0]))
        return thought()

    assert thought_of() == set()
    judge.keep(["1" * 32, "2" * 32])
    assert thought_of() == {"1" * 32, "2" * 32}
    judge.keep(["2" * 32])
    assert thought() == {"2" * 32}


def test_where_no_shard_holds_a_question_of_that_kind_the_store_answers(memory: Memoria, says: list[str]) -> None:
    says.append("I just finished the book 'The Great Gatsby' and I liked it.")
    asked = "Did I finish reading Gatsby at midnight?"
    route = memory.distilled().route(asked)
    assert (bool(route.memories), route.sure, route.judged) == (True, (), False)
    told = memory.ask(asked)
    assert (told.text, told.source) == (GATSBY, "store")
