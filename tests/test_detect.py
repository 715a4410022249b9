"""Detection of updates and deletions in what is said: sentences written by hand, and properties."""

from __future__ import annotations

import re
from ast import literal_eval
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from itertools import permutations
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import memoria
from memoria import Memory, Provenance
from memoria.change.reconcile import Finding, candidates, propose
from memoria.english.cues import read
from memoria.english.detect import by_rules, named
from memoria.english.sentences import units
from memoria.testing import HashEmbedder
from memoria.types import Proposal
from tests.waiting import growth

MANUAL = Path(__file__).parents[1] / "docs" / "forgetting.md"
START = datetime(2026, 3, 2, tzinfo=UTC)
# What stands around: none of it is ever touched.
OTHERS = (
    "I walked 6,200 steps today.",
    "My sister likes jazz and plays the piano.",
    "I spent $17.01 on lunch.",
    "The title of the report is 'Rivers of Europe'.",
    "I visited Berlin in May with Tom.",
    "I really like tea with lemon.",
)


def finding(memory: memoria.Memoria) -> Finding:
    """The rules, as far as they may end something when all may that is sure."""
    return Finding(candidates_for=candidates(memory.store, memory.embedder), endings="sure")


def memory(number: int, text: str, **fields: object) -> Memory:
    return Memory(
        id=f"{number:032x}",
        namespace=("ada",),
        text=text,
        created_at=START + timedelta(hours=number),
        **fields,  # type: ignore[arg-type]  # fields of Memory
    )


def said(before: str, statement: str) -> tuple[Proposal | None, Memory, Memory]:
    """What is proposed for a statement that comes after `before` and the others."""
    earlier = [memory(number, text) for number, text in enumerate(OTHERS, 1)]
    old, new = memory(50, before), memory(99, statement)
    proposals = by_rules(new, [*earlier, old])
    untouched = {one.id for one in earlier}
    for proposal in proposals:
        assert not untouched & {*proposal.ends, *(id for id, _ in proposal.amends)}, proposal
    return (proposals[0] if proposals else None), old, new


ENDED = [
    # Deletion by command.
    ("I need to prepare the slides.", "Please remove 'Prepare the slides' from my to-do list.", None),
    ("I have to renew my passport.", "You can take renew passport off my list.", None),
    ("My dentist appointment is on Friday.", "Cancel my dentist appointment.", None),
    ("I should call the plumber.", "Please delete the call to the plumber.", None),
    ("I need to organize the garage.", "I can remove 'organize the garage' from my to-do list.", None),
    ("We planned a picnic at the lake.", "Let's scrap the picnic at the lake.", None),
    ("I need to buy stamps.", "Could you please remove 'Buy stamps' from the list?", None),
    # Tasks that are done, or will not be.
    ("I need to review the audit findings.", "I finished reviewing the audit findings.", None),
    ("I must update the wiki page.", "I'm done with updating the wiki page, so that's off my plate.", None),
    ("I need to call my parents.", "I called my parents.", None),
    ("I have to write a cover letter.", "I wrote the cover letter.", None),
    ("I need to visit the local library.", "I finally got around to visiting the local library.", None),
    ("I need to file the tax return.", "I got the tax return filed and done.", None),
    ("I need to book a spa day.", "I no longer need to book a spa day.", None),
    ("I want to renew the gym membership.", "I decided not to renew the gym membership.", None),
    ("I need to pick up the parcel.", "I no longer need to track \"Pick up the parcel\".", None),
    ("I need to clean the aquarium.", "The aquarium cleaning is done.", None),
    ("I need to send the invoices.", "All the invoices are sent.", None),
    ("I need to water the plants.", "I watered the plants this morning, so we can check that off.", None),
    ("I need to schedule a haircut.", "You can drop the haircut from my schedule, I already had one.", None),
    # Likings that are over.
    ("I really like opera.", "I don't like opera anymore.", None),
    ("I love Joan Crawford's films.", "I used to love Joan Crawford, but her films don't do it for me anymore.", None),
    ("I enjoy detective novels.", "I've gone off detective novels.", None),
    ("I'm a fan of techno.", "I'm just not a fan of techno anymore.", None),
    ("I love sushi.", "I've lost my taste for sushi.", None),
    ("I like camping in the hills.", "I don't enjoy camping as much as I used to.", None),
    ("I love horror films.", "Horror films no longer excite me.", None),
    ("I like hiking.", "Hiking has lost its charm for me.", None),
    ("I love superhero movies.", "I've grown tired of superhero movies.", None),
    ("I really like Eastern Europe.", "My love for Eastern Europe has faded.", None),
    ("I enjoy baking bread.", "Baking bread doesn't bring me joy like it used to.", None),
    ("I really enjoy stand-up comedy.", "These days stand-up comedy leaves me cold.", None),
    ("I really like Italy.", "Italy was my favorite for years, but I'm over it now.", None),
    ("I love crime dramas.", "I think I'm done with crime dramas for good.", None),
    ("I like K-pop.", "I've completely lost interest in K-pop.", None),
    ("I like podcasts about history.", "I'm not as into podcasts about history as I was.", None),
    # What was so and is no longer.
    ("I work at Acme as an engineer.", "I no longer work at Acme.", None),
    ("I play the violin.", "I don't play the violin any more.", None),
    ("I smoke cigarettes.", "I quit smoking cigarettes.", None),
    # Updates: the statement is kept without what is old.
    ("I live in Lisbon.", "I moved from Lisbon to Madrid.", "I moved to Madrid."),
    ("I like Grace Kelly.", "I used to like Grace Kelly, but now I prefer Bette Davis.", "Now I prefer Bette Davis."),
    ("I love the tropics.", "I loved the tropics, but lately I'm drawn to savannas.", "Lately I'm drawn to savannas."),
    ("I like the 1920s.", "While I used to like the 1920s, I now love the 2000s.", "I now love the 2000s."),
    ("I love coffee.", "I've been enjoying cocoa lately, far more than coffee.", "I've been enjoying cocoa lately."),
    ("I love Paris.", "These days I prefer Lisbon over Paris.", "These days I prefer Lisbon."),
    ("I drink coffee every morning.", "I now drink cocoa instead of coffee.", "I now drink cocoa."),
    ("My doctor is Dr. Howard.", "I switched from Dr. Howard to Dr. Lin.", "I switched to Dr. Lin."),
    ("My flight is at 9.", "My flight is at 8, not 9.", "My flight is at 8."),
    # Updates that name no old value: the statement stays.
    ("The portfolio review is on Monday.", "My portfolio review got moved to Tuesday.", "="),
    ("My address is 5 Elm Street.", "My new address is 9 Oak Road.", "="),
    # A change of mind: the statement tells how it is now.
    ("I dislike thrillers.", "I used to dislike thrillers, but I've come to enjoy them.", "="),
    ("I really like Bill Evans.", "I used to like Bill Evans, but I've grown to dislike him.", "="),
]  # fmt: skip


@pytest.mark.parametrize(("before", "statement", "keep"), ENDED, ids=[statement for _, statement, _ in ENDED])
def test_a_statement_ends_what_it_revokes(before: str, statement: str, keep: str | None) -> None:
    proposal, old, new = said(before, statement)
    assert proposal is not None
    assert (proposal.ends, proposal.by, proposal.at) == ((old.id,), new.id, new.created_at)
    assert proposal.keep == (statement if keep == "=" else keep)
    assert proposal.action == ("delete" if keep is None else "update")
    assert proposal.reason.startswith("it ")


LEFT_ALONE = [
    # Questions and conditions.
    ("I need to prepare the slides.", "Should I remove 'Prepare the slides' from my list?"),
    ("I really like opera.", "Do you think I don't like opera anymore?"),
    ("I live in Lisbon.", "If I moved from Lisbon to Madrid, I would miss the sea."),
    ("I have a gym membership.", "Maybe I should cancel my gym membership."),
    ("I have a gym membership.", "I'm thinking of cancelling my gym membership."),
    ("I have a gym membership.", "I might cancel my gym membership."),
    ("I live in Lisbon.", "I'm considering moving from Lisbon to Madrid."),
    ("I work at Acme.", "What would you do if you no longer worked at Acme?"),
    # Negated, reported, or only resembling.
    ("I need to buy stamps.", "Please don't remove 'Buy stamps' from the list."),
    ("I need to buy stamps.", "I haven't finished buying stamps."),
    ("I need to buy stamps.", "Don't forget to buy stamps."),
    ("I need to buy stamps.", "I forgot to buy stamps."),
    ("I love Paris.", "I'll never forget Paris."),
    ("I have a gym membership.", "She told me to cancel my gym membership."),
    ("Take care of the cat.", "Take care and talk soon!"),
    ("I liked that picture of a cat.", "Check out this picture of a cat!"),
    # Other people, and their affairs.
    ("I really like opera.", "My brother doesn't like opera anymore."),
    ("I live in Lisbon.", "She moved from Lisbon to Madrid."),
    ("I work at Acme.", "Bob no longer works at Acme."),
    ("My sister likes opera.", "I don't like opera anymore."),
    # Near, but another thing.
    ("I need to call my parents.", "I called the bank."),
    ("I need to review the budget.", "I finished reviewing the audit findings."),
    ("The email goes to the Chief Financial Officer.", "Please remove 'Chief Operating Officer' from the list."),
    ("Priya is our VP of Sales Operations.", "Please remove 'VP of Sales' from the list."),
    ("I want to run every day.", "I ran today."),
    ("I visited Lisbon with Ann.", "I moved from Lisbon to Madrid."),
    ("I really like chamber music.", "I don't like country music anymore."),
    # Nothing at all.
    ("I really like opera.", "I really like opera and ballet."),
    ("I need to buy stamps.", "I bought a newspaper."),
]  # fmt: skip


@pytest.mark.parametrize(("before", "statement"), LEFT_ALONE, ids=[statement for _, statement in LEFT_ALONE])
def test_what_revokes_nothing_is_left_alone(before: str, statement: str) -> None:
    assert said(before, statement)[0] is None


AMENDED = [
    (
        "The guests are Ann Lee, Bob Ray, and Cy Fox.",
        "Please remove 'Bob Ray' from the guests.",
        "The guests are Ann Lee, and Cy Fox.",
        None,
    ),
    (
        "The guests are Ann Lee, Bob Ray, and Cy Fox.",
        "Please remove 'Ann Lee' from the guests.",
        "The guests are Bob Ray, and Cy Fox.",
        None,
    ),
    (
        "I need to call my parents. My flight leaves at noon.",
        "I called my parents.",
        "My flight leaves at noon.",
        None,
    ),
    (
        "The budget of the project is $800,000, covering two phases of research.",
        "Please update the budget from $800,000 to $850,000.",
        "The budget of the project is $850,000, covering two phases of research.",
        None,
    ),
]  # fmt: skip


def test_other_facts_in_the_statement_stay() -> None:
    spoken = "The meeting starts at noon on Friday. Please remove 'Buy stamps' from my list. That's all for now."
    proposal, old, _ = said("I need to buy stamps.", spoken)
    assert proposal is not None
    assert (proposal.ends, proposal.keep) == ((old.id,), "The meeting starts at noon on Friday.")


@pytest.mark.parametrize(("before", "statement", "after", "keep"), AMENDED, ids=[row[1] for row in AMENDED])
def test_other_facts_of_a_compound_memory_stay(before: str, statement: str, after: str, keep: str | None) -> None:
    proposal, old, _ = said(before, statement)
    assert proposal is not None
    assert (proposal.ends, proposal.amends, proposal.keep) == ((), ((old.id, after),), keep)


def test_a_correction_without_words_is_of_the_last_number_in_the_talk() -> None:
    talk = Provenance(session="s1")
    earlier = [
        memory(1, "I slept 7 hours.", provenance=Provenance(session="s0")),
        memory(2, "My goal is 5000 steps a day.", provenance=talk),
    ]
    (proposal,) = by_rules(memory(3, "Make that 6000.", provenance=talk), earlier)
    assert proposal.amends == ((earlier[1].id, "My goal is 6000 steps a day."),)
    assert (proposal.ends, proposal.keep) == ((), None)


def test_what_one_speaker_takes_back_another_may_hold() -> None:
    ada, bob = Provenance(speaker="Ada"), Provenance(speaker="Bob")
    earlier = [memory(1, "I love opera.", provenance=ada), memory(2, "I love opera.", provenance=bob)]
    (proposal,) = by_rules(memory(3, "I don't like opera anymore.", provenance=bob), earlier)
    assert proposal.ends == (earlier[1].id,)


def test_somebody_named_is_met_by_name() -> None:
    earlier = [memory(1, "Bob works at Acme."), memory(2, "I work at Acme."), memory(3, "Ann works at Acme.")]
    (proposal,) = by_rules(memory(4, "Bob no longer works at Acme."), earlier)
    assert proposal.ends == (earlier[0].id,)


def test_what_many_tell_of_is_no_fact_to_end() -> None:
    earlier = [memory(n, f"I like the studio on day {n}.") for n in range(1, 20)]
    assert by_rules(memory(99, "I used to like the studio, but not anymore."), earlier) == []


@given(st.text(max_size=200))
def test_units_join_to_the_text(text: str) -> None:
    assert "".join(units(text)) == text
    assert "".join(read(text).units) == text


@given(st.lists(st.sampled_from([*OTHERS, *(before for before, *_ in ENDED)]), max_size=8), st.sampled_from(ENDED))
def test_proposals_are_sound(texts: list[str], case: tuple[str, str, str | None]) -> None:
    earlier = [memory(number, text) for number, text in enumerate(texts, 1)]
    new = memory(99, case[1])
    for proposal in by_rules(new, earlier):
        touched = [*proposal.ends, *(id for id, _ in proposal.amends)]
        texts_of = {one.id: one.text for one in earlier}
        assert touched
        assert len(set(touched)) == len(touched)
        assert set(touched) <= texts_of.keys()
        assert all(text.strip() and text != texts_of[id] for id, text in proposal.amends)
        assert proposal.keep is None or proposal.keep.strip()


def test_the_order_of_candidates_does_not_matter() -> None:
    earlier = [memory(n, text) for n, text in enumerate(["I love opera.", "I like opera a lot.", "I need stamps."], 1)]
    new = memory(9, "I don't like opera anymore.")
    found = {frozenset(proposal.ends) for some in permutations(earlier) for proposal in by_rules(new, some)}
    assert found == {frozenset({earlier[0].id, earlier[1].id})}


def test_named_is_empty_exactly_where_there_is_no_cue() -> None:
    assert named("I really like opera.") == []
    assert named("I don't like opera anymore.") == ["opera"]
    assert named("Make that 6000.") == ["Make that 6000."]


@pytest.fixture
def ada() -> memoria.Memoria:
    now = START + timedelta(days=30)
    return memoria.open(":memory:", embedder=HashEmbedder(64), clock=lambda: now, endings="sure")


def tell(view: memoria.Memoria, *texts: str) -> list[Memory]:
    return [view.remember(text, created_at=START + timedelta(days=n)) for n, text in enumerate(texts)]


def recalled(view: memoria.Memoria, at: datetime) -> set[str]:
    return {hit.memory.text for hit in view.recall("opera, jazz and the guests", k=50, as_of=at)}


def test_reconciled_memories_are_out_of_recall_and_as_of_brings_them_back(ada: memoria.Memoria) -> None:
    with ada:
        told = tell(
            ada,
            "I love opera.",
            "The guests are Ann Lee, Bob Ray, and Cy Fox.",
            "I used to love opera, but now I prefer jazz.",
            "Please remove 'Bob Ray' from the guests.",
        )
        proposals = propose(told, finding(ada))
        before = ada.list()
        assert propose(told, finding(ada)) == proposals
        assert ada.list() == before
        assert ada.reconcile(*told) == tuple(proposals)
        now = START + timedelta(days=10)
        assert recalled(ada, now) == {"Now I prefer jazz.", "The guests are Ann Lee, and Cy Fox."}
        assert recalled(ada, START + timedelta(days=1)) == {told[0].text, told[1].text}
        for one in ada.list():
            if one.provenance.derived_from:
                assert set(one.provenance.derived_from) <= {memory.id for memory in told}
        assert propose(ada.list(), finding(ada)) == []


def test_later_statements_see_what_earlier_ones_left(ada: memoria.Memoria) -> None:
    with ada:
        told = tell(
            ada,
            "The budget of the project is $800,000, covering two phases of research.",
            "Please update the budget from $800,000 to $850,000.",
            "Please update the budget from $850,000 to $900,000.",
        )
        proposals = propose(told, finding(ada))
        assert [one.by for one in proposals] == [told[1].id, told[2].id]
        assert ada.reconcile(*told) == tuple(proposals)
        assert recalled(ada, START + timedelta(days=10)) == {
            "The budget of the project is $900,000, covering two phases of research."
        }


def test_one_part_of_a_gist_ends_without_the_others(ada: memoria.Memoria) -> None:
    with ada:
        told = tell(ada, "I love opera.", "I love jazz.", "I don't like opera anymore.")
        ada.consolidate(told[0].id, told[1].id)
        ada.reconcile(told[2])
        assert recalled(ada, START + timedelta(days=10)) == {"I love jazz."}


def test_the_example_of_the_manual_runs(capsys: pytest.CaptureFixture[str]) -> None:
    (block,) = re.findall(r"```python\n(.*?)```", MANUAL.read_text(), re.DOTALL)
    exec(compile(block, MANUAL.name, "exec"), {})
    printed = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in printed[:-1]] == ["delete", "update"]
    assert set(literal_eval(printed[-1])) == set(literal_eval(re.findall(r"# (\[.*\])", block)[0]))


def test_other_namespaces_are_never_candidates(ada: memoria.Memoria) -> None:
    with ada:
        tell(ada.namespace("bob"), "I love opera.")
        told = tell(ada.namespace("ada"), "I don't like opera anymore.")
        assert propose(told, finding(ada)) == []


def test_a_detector_of_ones_own_takes_the_place_of_the_rules(ada: memoria.Memoria) -> None:
    def forgetful(statement: Memory, found: Sequence[Memory]) -> list[Proposal]:
        if not statement.text.startswith("Abracadabra"):
            return []
        ends = tuple(one.id for one in found if one.id < statement.id)
        return [Proposal(action="delete", by=statement.id, ends=ends, at=statement.created_at, reason="it is told to")]

    with ada:
        told = tell(ada, "I love opera.", "Abracadabra opera.")
        seek = candidates(ada.store, ada.embedder, phrases=lambda text: [text])
        assert [one.ends for one in propose(told, Finding(detector=forgetful, candidates_for=seek, endings=None))] == [
            (told[0].id,)
        ]
        assert propose(told, Finding(candidates_for=seek, endings=None)) == []


@pytest.mark.parametrize("text", ["\n", '" A', "Dr. ", 'He said "a b". ', "a.\n\n", '."', "a \u2014 "])
def test_sentences_are_found_in_time_that_grows_with_the_text(text: str) -> None:
    assert growth(lambda size: units(text * size), 4000) < 9
    assert "".join(units(text * 1000)) == text * 1000
