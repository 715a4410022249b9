"""The ten categories of the forgetting suite. Each draws a case of one of its variants from a generator of its own."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from memoria.evaluation.suite.grammar import (
    GENERAL_LABEL,
    World,
    bold,
    decomposed,
    gone,
    labels,
    out,
    spelt,
    stay,
    strewn,
    wide,
)
from memoria.evaluation.suite.scenario import (
    Amend,
    Case,
    Export,
    Fact,
    Forget,
    Gather,
    Gone,
    Hold,
    Import,
    Say,
    Sleep,
    Step,
    Supersede,
)

Steps = tuple[Step, ...]
Variant = Callable[[World], Steps]


# -- supersede: what was replaced is out of answers, and answers as of its time --


def _chain(world: World) -> tuple[list[Fact], list[int], Steps]:
    """Facts of one topic about one person, each in the place of the one before, and the days on which they begin."""
    who, topic = world.person(), world.number(0, 7)
    days = [0]
    for _ in range(world.number(1, 3)):
        days.append(days[-1] + world.number(5, 20))
    facts = [world.fact(who, topic=topic, day=day, subject=who) for day in days]
    steps = [Supersede(old.label, new, at) for old, new, at in zip(facts, facts[1:], days[1:], strict=False)]
    return facts, days, (world.noise(), Say((facts[0],)), *steps)


def _each_in_its_time(world: World) -> Steps:
    facts, days, steps = _chain(world)
    checks: list[Step] = [*stay(facts[-1]), *map(out, facts[:-1])]
    for fact, start, end in zip(facts, days, days[1:], strict=False):
        checks += [*stay(fact, at=start), *stay(fact, at=end - 1), out(fact, at=end)]
    return (*steps, *checks)


def _newest_forgotten(world: World) -> Steps:
    facts, _, steps = _chain(world)
    return (*steps, Forget(labels=(facts[-1].label,)), gone(facts[-1]), *stay(facts[-2]), *map(out, facts[:-2]))


def _oldest_forgotten(world: World) -> Steps:
    facts, days, steps = _chain(world)
    checks: Steps = (gone(facts[0]), gone(facts[0], at=days[0]), *stay(facts[-1]), *map(out, facts[1:-1]))
    return (*steps, Forget(labels=(facts[0].label,)), *checks)


def _middle_forgotten(world: World) -> Steps:
    who, topic = world.person(), world.number(0, 7)
    first, middle, last = (world.fact(who, topic=topic, day=day, subject=who) for day in (0, 20, 40))
    steps: Steps = (Say((first,)), Supersede(first.label, middle, 20), Supersede(middle.label, last, 40))
    checks: Steps = (gone(middle), gone(middle, at=30), *stay(last), *stay(first, at=10), out(first))
    return (world.noise(), *steps, Forget(labels=(middle.label,)), *checks)


def _known_late(world: World) -> Steps:
    who, topic = world.person(), world.number(0, 7)
    old, new = (world.fact(who, topic=topic, day=day, subject=who) for day in (0, 50))
    effective = world.number(10, 40)
    known = (*stay(old, at=45), out(new, at=45), *stay(new, at=50), out(old, at=50), *stay(old, at=effective - 1))
    return (world.noise(), Say((old,)), Supersede(old.label, new, effective), *known, *stay(new), out(old))


def _not_yet(world: World) -> Steps:
    who, topic = world.person(), world.number(0, 7)
    old, new = (world.fact(who, topic=topic, day=day, subject=who) for day in (0, 50))
    begins = 100 + world.number(5, 30)
    checks: Steps = (*stay(old), out(new), *stay(new, at=begins), out(old, at=begins), *stay(old, at=begins - 1))
    return (world.noise(), Say((old,)), Supersede(old.label, new, begins), *checks)


def _two_alike(world: World) -> Steps:
    one, other = world.person(), world.person()
    topic = world.number(0, 7)
    old, new, theirs = (world.fact(who, topic=topic, subject=who) for who in (one, one, other))
    steps: Steps = (Say((old, theirs)), Supersede(old.label, replace(new, day=30), 30), Forget(subject=one))
    return (world.noise(), *steps, gone(old, new), gone(old, at=10), *stay(theirs), *stay(theirs, at=10))


def _whole_history_purged(world: World) -> Steps:
    facts, days, steps = _chain(world)
    theirs = world.fact(world.person())
    who = str(facts[0].subject)
    how = world.pick((Forget(subject=who), Forget(mentions=who)))
    past = [gone(fact, at=start) for fact, start in zip(facts, days, strict=True)]
    return (*steps, Say((theirs,)), how, gone(*facts), *past, *stay(theirs))


# -- release: a hold stands until it is released, and then forgetting works --


def _hold_of_one(world: World) -> Steps:
    who, other = world.person(), world.person()
    facts, theirs = world.facts(who, 2, 4, subject=who), world.facts(other, subject=other)
    held = (world.pick(facts).label,)
    stands: Steps = (Forget(subject=who, outcome="held"), *stay(*facts))
    after: Steps = (Hold(held, held=False), Forget(subject=who), gone(*facts), *stay(*theirs))
    return (world.noise(), Say(facts), Say(theirs), Hold(held), *stands, *after)


def _hold_by_mention(world: World) -> Steps:
    who, other = world.person(), world.person()
    facts, theirs = world.facts(who, 2, 4), world.facts(other)
    held = labels(facts[:1])
    stands: Steps = (Forget(mentions=who, outcome="held"), *stay(*facts))
    after: Steps = (Hold(held, held=False), Forget(mentions=who), gone(*facts), *stay(*theirs))
    return (world.noise(), Say(facts), Say(theirs), Hold(held), *stands, *after)


def _hold_of_a_child(world: World) -> Steps:
    who, other = world.person(), world.person()
    source, theirs = world.fact(who), world.fact(other)
    child = world.thought(f"Note: ask about what {source.text}", source.ask, source.label)
    stands: Steps = (Forget(labels=(source.label,), outcome="held"), *stay(source, child))
    after: Steps = (Hold((child.label,), held=False), Forget(labels=(source.label,), count=2), gone(source, child))
    return (world.noise(), Say((source, theirs)), Say((child,)), Hold((child.label,)), *stands, *after, *stay(theirs))


def _hold_of_a_gist(world: World) -> Steps:
    facts = tuple(world.fact(world.person()) for _ in range(world.number(3, 5)))
    doomed, left = facts[0], facts[1:]
    stands: Steps = (Forget(labels=(doomed.label,), outcome="held"), *stay(*facts))
    after: Steps = (Hold(("gist",), held=False), Forget(labels=(doomed.label,)), gone(doomed), *stay(*left))
    return (world.noise(), Say(facts), Gather("gist", labels(facts)), Hold(("gist",)), *stands, *after)


def _one_of_two_released(world: World) -> Steps:
    who = world.person()
    facts = world.facts(who, 3, 4, subject=who)
    kept, freed = facts[0], facts[1]
    both = (kept.label, freed.label)
    steps: Steps = (Hold(both), Hold((freed.label,), held=False), Forget(subject=who, outcome="held"), *stay(*facts))
    return (world.noise(), Say(facts), *steps, Forget(labels=(freed.label,)), gone(freed), *stay(kept, *facts[2:]))


def _hold_in_a_namespace(world: World) -> Steps:
    who, other = world.person(), world.person()
    facts, theirs = world.facts(who, 2, 4, space=("app", who)), world.facts(other, space=("app", other))
    held = labels(facts[-1:])
    stands: Steps = (Forget(space=("app", who), outcome="held"), *stay(*facts))
    after: Steps = (Hold(held, held=False), Forget(space=("app", who)), gone(*facts), *stay(*theirs))
    return (world.noise(), Say(facts), Say(theirs), Hold(held), *stands, *after)


# -- purge: everything of one user --


def _namespace_purged(world: World) -> Steps:
    n = world.number(1, 9)
    who, other = world.person(), world.person()
    mine = world.facts(who, 1, 4, space=("app", f"user-{n}"))
    deep = world.fact(other, space=("app", f"user-{n}", "notes"))
    theirs = world.facts(world.person(), 1, 3, space=("app", f"user-{n}{world.number(0, 9)}"))
    said = (world.noise(space=("app",)), Say(mine), Say((deep,)), Say(theirs))
    return (*said, Forget(space=("app", f"user-{n}")), gone(*mine, deep), *stay(*theirs))


def _subject_purged(world: World) -> Steps:
    who, other = world.person(), world.person()
    facts = [replace(fact, space=(place,)) for fact, place in zip(world.facts(who, 3, 3), "abc", strict=True)]
    written = (who, who.upper(), decomposed(who.lower()))
    mine = [replace(fact, subject=name) for fact, name in zip(facts, written, strict=True)]
    theirs = world.facts(other, subject=other, space=("a",))
    said = (world.noise(), *(Say((fact,)) for fact in mine), Say(theirs))
    return (*said, Forget(subject=who), gone(*mine), *stay(*theirs))


def _named_anywhere(world: World) -> Steps:
    """What is about somebody without saying so in its text: the name stands in what is kept beside the text."""
    who, other = world.person(), world.person()
    mine = world.facts(who, 1, 2)
    beside = Fact(label="beside", text="The follow-up visit is on Friday at noon.", ask="When is the follow-up visit?")
    where = world.pick(("speaker", "session", "patient", "nested"))
    if where == "speaker":
        beside = replace(beside, speaker=who)
    elif where == "session":
        beside = replace(beside, session=who)
    else:
        beside = replace(beside, metadata={"patient": who} if where == "patient" else {"about": {"people": [who]}})
    theirs = world.facts(other, metadata={"patient": other})
    said = (world.noise(), Say((*mine, beside)), Say(theirs))
    check = Gone(says=(who,), query=beside.ask, labels=(*labels(mine), "beside"))
    return (*said, Forget(mentions=who), check, *stay(*theirs))


def _derived_elsewhere(world: World) -> Steps:
    who, other = world.person(), world.person()
    mine, theirs = world.facts(who, 1, 3, space=("user", "one")), world.facts(other, space=("user", "two"))
    shared = world.thought(f"Remember that {mine[0].text}", mine[0].ask, mine[0].label, space=("shared",))
    said = (Say(mine), Say(theirs), world.noise(space=("shared",)), Say((shared,)))
    return (*said, Forget(space=("user", "one")), gone(*mine, shared), *stay(*theirs))


def _out_of_gists(world: World) -> Steps:
    people = [world.person() for _ in range(world.number(3, 4))]
    topic = world.number(0, 7)
    gists = [[world.fact(who, topic=one, subject=who) for who in people] for one in (topic, (topic + 1) % 8)]
    mine = [facts[0] for facts in gists]
    theirs = [fact for facts in gists for fact in facts[1:]]
    gathered = [Gather(f"gist {n}", labels(facts)) for n, facts in enumerate(gists)]
    said: Steps = (world.noise(), *(Say(tuple(facts)) for facts in gists), *gathered)
    return (*said, Forget(subject=people[0]), gone(*mine), *stay(*theirs))


# -- compound: one fact goes out of a memory that holds several --


def _compound(world: World) -> tuple[list[Fact], Fact, str]:
    """Facts that are said in one text, that text, and what is left of it when the fact in a random place goes first."""
    facts = list(world.facts(world.person(), 2, 4))
    order = world.rng.permutation(len(facts)).tolist()
    whole = Fact(label="compound", text=" ".join(facts[n].text for n in order), ask=facts[0].ask)
    return facts, whole, " ".join(facts[n].text for n in order if n != 0)


def _amended(world: World) -> Steps:
    facts, whole, left = _compound(world)
    check = Gone(says=(facts[0].text,), query=facts[0].ask)
    return (world.noise(), Say((whole,)), Amend("compound", left), check, *stay(*facts[1:]))


def _amended_then_imported(world: World) -> Steps:
    facts, whole, left = _compound(world)
    check = Gone(says=(facts[0].text,), query=facts[0].ask)
    return (world.noise(), Say((whole,)), Export(), Amend("compound", left), Import(), check, *stay(*facts[1:]))


def _amended_with_a_child(world: World) -> Steps:
    facts, whole, left = _compound(world)
    child = world.thought(f"So it is known: {facts[0].text}", facts[0].ask, "compound")
    check = Gone(says=(facts[0].text,), query=facts[0].ask, labels=(child.label,))
    return (world.noise(), Say((whole,)), Say((child,)), Amend("compound", left), check, *stay(*facts[1:]))


def _amended_in_a_gist(world: World) -> Steps:
    facts, whole, left = _compound(world)
    others = tuple(world.fact(world.person()) for _ in range(2))
    check = Gone(says=(facts[0].text,), query=facts[0].ask)
    steps: Steps = (Say((whole, *others)), Gather("gist", ("compound", *labels(others))), Amend("compound", left))
    return (world.noise(), *steps, check, *stay(*facts[1:], *others))


def _part_by_id(world: World) -> Steps:
    who = world.person()
    facts = world.facts(who, 2, 5)
    steps: Steps = (Say(facts), Gather("gist", labels(facts)), Forget(labels=labels(facts[:1])))
    return (world.noise(), *steps, gone(facts[0]), *stay(*facts[1:]))


def _part_by_mention(world: World) -> Steps:
    who = world.person()
    facts = world.facts(who, 2, 5)
    steps: Steps = (Say(facts), Gather("gist", labels(facts)), Forget(mentions=facts[0].value))
    return (world.noise(), *steps, gone(facts[0]), *stay(*facts[1:]))


def _whole_gist(world: World) -> Steps:
    """A gist of which every part is meant goes whole, and its parts do not come back one by one."""
    who, other = world.person(), world.person()
    facts, others = world.facts(who, 2, 4, subject=who), world.facts(other, 2, 3)
    said = (Say(facts), Say(others), Gather("gist", labels(facts)), Gather("other", labels(others)))
    how = world.pick((Forget(labels=("gist",)), Forget(subject=who), Forget(mentions=who)))
    return (world.noise(), *said, how, Say(facts, at_once=False, again=True), gone(*facts), *stay(*others))


def _part_by_subject_at_night(world: World) -> Steps:
    people = [world.person() for _ in range(world.number(3, 5))]
    topic = world.number(0, 6)
    facts = tuple(world.fact(who, topic=topic, subject=who) for who in people)
    return (world.noise(), Say(facts), Sleep(), Forget(subject=people[0]), gone(facts[0]), *stay(*facts[1:]))


# -- prefix: who begins like another --

_NAMES = (
    ("Ann", "Anna"),
    ("Jo", "Joan"),
    ("Mark", "Marko"),
    ("Dan", "Dana"),
    ("Carl", "Carla"),
    ("Eva", "Evander"),
    ("Ali", "Alina"),
    ("Jean", "Jeanne"),
    ("Sam", "Samira"),
    ("Vera", "Oliveira"),
    ("Hans", "Hanspeter"),
    ("Noa", "Noah"),
)
_PLACES = (("Rome", "Romeo"), ("Nice", "Venice"), ("York", "Yorkshire"), ("Bern", "Bernau"), ("Ulm", "Ulmen"))


def _pair(world: World, doomed: str, kept: str, by: str = "mentions") -> Steps:
    """Facts about two whose names collide, of which one is forgotten."""
    mine, theirs = (world.facts(who, 1, 3, subject=who if by == "subject" else None) for who in (doomed, kept))
    said = (Say((*mine, *theirs)), Forget(**{by: doomed}))  # type: ignore[arg-type]  # a criterion by its name
    return (world.noise(), *said, gone(*mine), *stay(*theirs))


def _names(world: World) -> Steps:
    short, long = world.pick(_NAMES)
    return _pair(world, short, long, world.pick(("mentions", "subject")))


def _surnames(world: World) -> Steps:
    first, last = world.new(("Lena", "Otto", "Ida")), world.new(("Berg", "Holm", "Lund"))
    doomed, kept = f"{first} {last}", f"{first} {last}{world.pick(('man', 'gren', 'quist'))}"
    return _pair(world, doomed, kept, world.pick(("mentions", "subject")))


def _users(world: World) -> Steps:
    n = world.number(1, 99)
    form = world.pick(("user-{}", "user_{}", "room {}", "case #{}", "C-{}"))
    more = world.pick((f"{n}{world.number(0, 9)}", f"{world.number(1, 9)}{n}"))
    return _pair(world, form.format(n), form.format(more), world.pick(("mentions", "subject")))


def _places(world: World) -> Steps:
    short, long = world.pick(_PLACES)
    mine = tuple(world.fact(f"{world.new(_HOSTS)}'s cousin in {short}") for _ in range(2))
    theirs = tuple(world.fact(f"{world.new(_HOSTS)}'s cousin in {long}") for _ in range(2))
    return (world.noise(), Say((*mine, *theirs)), Forget(mentions=short), gone(*mine), *stay(*theirs))


_HOSTS = ("Astrid", "Bruno", "Celine", "Dmitri", "Elif", "Farid", "Greta", "Hugo")


def _addresses(world: World) -> Steps:
    name = world.pick(("lena", "otto", "ida.holm", "team7"))
    doomed = f"{name}@mail.example"
    kept = world.pick(
        (f"{name}a@mail.example", f"{name}@mail.example.org", f"mary.{name}@mail.example", f"x{name}@mail.example")
    )
    return _pair(world, doomed, kept)


def _numbers(world: World) -> Steps:
    digits = "".join(str(world.number(0, 9)) for _ in range(7))
    doomed, longer = f"555-{digits}", f"555-{digits}{world.number(0, 9)}"
    kept = world.pick((longer, f"4{doomed}", f"555-{digits[:-1]}"))
    mine, theirs = (world.facts(f"The caller from {number}", 1, 2) for number in (doomed, kept))
    return (world.noise(), Say((*mine, *theirs)), Forget(mentions=doomed), gone(*mine), *stay(*theirs))


def _in_one_gist(world: World) -> Steps:
    short, long = world.pick(_NAMES)
    topics = [int(topic) for topic in world.rng.permutation(8)[:2]]
    mine, theirs = (tuple(world.fact(who, topic=topic) for topic in topics) for who in (short, long))
    facts = (*mine, *theirs)
    steps: Steps = (Say(facts), Gather("gist", labels(facts)), Forget(mentions=short))
    return (world.noise(), *steps, gone(*mine), *stay(*theirs))


# -- obfuscation: one identifier, written in many ways --

_MARKS = ("\u200b", "\u200c", "\u200d", "\u2060", "\ufeff", "\u00ad", "\u034f", "\ufe0f")


def _written(world: World, who: str, forms: Sequence[str], other: str) -> Steps:
    """Facts that write a name in several ways, of which either the plain one or an odd one is asked for."""
    plain = world.facts(who, 1, 1)
    odd = tuple(world.fact(who, written=lambda _, form=form: form) for form in forms)  # type: ignore[misc]  # bound
    theirs = world.facts(other, 1, 2)
    # Nobody asks for an address by what a link puts before it.
    asked = world.pick((who, who, *(form for form in forms if not form.startswith("mailto:"))))
    steps: Steps = (Say((*plain, *odd, *theirs)), Forget(mentions=asked))
    return (world.noise(), *steps, gone(*plain, *odd), *stay(*theirs))


def _case_and_width(world: World) -> Steps:
    who = world.person()
    return _written(world, who, [who.upper(), who.lower(), wide(who), bold(who)], world.person())


def _invisible(world: World) -> Steps:
    who = world.person()
    marks = [_MARKS[n] for n in world.rng.permutation(len(_MARKS))[:3]]
    first, last = who.split()
    forms = [strewn(who, marks[0]), f"{strewn(first, marks[1])} {last}", f"{first}{marks[2]} {last}"]
    return _written(world, who, forms, world.person())


def _accents(world: World) -> Steps:
    first, last = world.pick(("José", "Zoë", "Søren", "Čeněk")), world.pick(("Müller", "Núñez", "Håland", "Dvořák"))
    who = f"{first} {last}"
    plain = {"Müller": "Muller", "Núñez": "Nunez", "Håland": "Haland", "Dvořák": "Dvorak"}[last]
    return _written(world, who, [decomposed(who), decomposed(who.upper())], f"{world.new(_HOSTS)} {plain}")


def _scripts(world: World) -> Steps:
    who = world.pick(("मीरा शर्मा", "Алёна Королёва", "Αλέξης Παππάς", "தமிழ் செல்வி", "王小明"))
    return _written(world, who, [decomposed(who), who.upper()], world.person())


def _spelt_out(world: World) -> Steps:
    who = world.pick(("Ann", "Otto", "Ingrid", "Yusuf"))
    near = {"Ann": "An Nyström", "Otto": "Ot Tobler", "Ingrid": "In Gridley", "Yusuf": "Yu Sufi"}[who]
    return _written(world, who, [spelt(who, "."), spelt(who, "-"), spelt(who, " ")], near)


def _spaces(world: World) -> Steps:
    who = world.person()
    first, last = who.split()
    forms = [f"{first}{gap}{last}" for gap in ("\u00a0", "  ", "\n", "-", "_", ".", "\u2009")]
    chosen = [forms[n] for n in world.rng.permutation(len(forms))[:3]]
    return _written(world, who, chosen, f"{first} {world.new(('Lindqvist', 'Ashworth'))}")


def _cut_numbers(world: World) -> Steps:
    digits = "".join(str(world.number(0, 9)) for _ in range(9))
    a, b, c = digits[:3], digits[3:6], digits[6:]
    plain = f"{a}-{b}-{c}"
    forms = [
        digits,
        f"({a}) {b} {c}",
        f"{a}.{b}.{c}",
        f"{a}/{digits[3:]}",
        f"{a}\u00a0{b}\u2009{c}",
        f"{a}\u2013{b}\u2013{c}",
        f"{a}\u2212{b}\u2212{c}",
        f"{a}\u00b7{b}\u00b7{c}",
        f"{a} - {b} - {c}",
        wide(plain),
        " ".join(digits),
        f"{digits[:2]} {digits[2:4]} {digits[4:6]} {digits[6:8]} {digits[8:]}",
        strewn(digits, "\u200b"),
        f"{a}_{b}_{c}",
    ]
    chosen = [forms[n] for n in world.rng.permutation(len(forms))[:4]]
    return _written(world, plain, chosen, f"{digits}{world.number(0, 9)}")


def _cut_addresses(world: World) -> Steps:
    name, host = world.pick(("lena.holm", "otto", "ida.b")), world.pick(("mail.example", "clinic.example.org"))
    plain = f"{name}@{host}"
    forms = [
        plain.upper(),
        wide(plain),
        f"{name} @ {host}",
        plain.replace(".", " . "),
        strewn(plain, "\u200b"),
        f"mailto:{plain}",
        f"<{plain}>",
        f"{name}(at){host}",
        f"{name} [at] {host.replace('.', ' [dot] ')}",
        f"{name} at {host.replace('.', ' dot ')}",
        plain.replace("@", "\u200d@\u00ad"),
    ]
    chosen = [forms[n] for n in world.rng.permutation(len(forms))[:4]]
    return _written(world, plain, chosen, f"x{name}@{host}")


def _odd_subjects(world: World) -> Steps:
    who = world.pick(("José Núñez", "Zoë Håland", "Søren Dvořák"))
    written = [
        who,
        who.upper(),
        decomposed(who),
        wide(who),
        strewn(who, world.pick(_MARKS)),
        who.replace(" ", "\u00a0"),
    ]
    chosen = [written[n] for n in world.rng.permutation(len(written))[:4]]
    facts = tuple(world.fact("She", topic=n, subject=name) for n, name in enumerate(chosen[1:]))
    theirs = world.facts(f"{who}a", subject=f"{who}a")
    steps: Steps = (Say((*facts, *theirs)), Forget(subject=chosen[0]))
    return (world.noise(), *steps, gone(*facts), *stay(*theirs))


# -- re-ingestion: what was forgotten does not come back --


def _otherwise(world: World, text: str) -> str:
    """The same text once it is normalised."""
    spaced, framed, odd = text.replace(" ", "  "), f" {text}\n", text.replace(" ", "\u00a0\u200b")
    return world.pick((text.upper(), text.lower(), wide(text), decomposed(text), spaced, framed, text, odd))


def _again(world: World, fact: Fact) -> Fact:
    return replace(fact, label=f"{fact.label} again", text=_otherwise(world, fact.text))


def _fed_again(world: World) -> Steps:
    who, other = world.person(), world.person()
    facts, theirs = world.facts(who, 2, 3, subject=who), world.facts(other)
    back = tuple(_again(world, fact) for fact in facts)
    steps: Steps = (Say((*facts, *theirs)), Forget(subject=who), Say(back, at_once=False, again=True))
    return (world.noise(), *steps, gone(*facts, *back), *stay(*theirs))


def _fed_in_a_batch(world: World) -> Steps:
    who, other = world.person(), world.person()
    facts, new = world.facts(who, 2, 3), world.facts(other)
    back = tuple(_again(world, fact) for fact in facts[:1])
    steps: Steps = (Say(facts), Forget(labels=labels(facts[:1])), Say((*new, *back), again=True), Say(new))
    return (world.noise(), *steps, gone(facts[0], *back), *stay(*facts[1:], *new))


def _heard_again(world: World) -> Steps:
    """The agent has recalled it, and says it after it was forgotten."""
    who, other = world.person(), world.person()
    fact, theirs = world.fact(who), world.fact(other)
    back = replace(fact, label="again", speaker="assistant", day=None)
    steps: Steps = (Say((fact, theirs)), *stay(fact), Forget(mentions=who), Say((back,), again=True))
    return (world.noise(), *steps, gone(fact, back), *stay(theirs))


def _imported_again(world: World) -> Steps:
    who, other = world.person(), world.person()
    facts, theirs = world.facts(who, 2, 3, subject=who), world.facts(other)
    child = world.thought(f"It was noted that {facts[0].text}", facts[0].ask, facts[0].label)
    late = world.fact(other)
    steps: Steps = (Say((*facts, *theirs)), Say((child,)), Export(), Forget(subject=who), Say((late,)), Import())
    return (world.noise(), *steps, gone(*facts, child), *stay(*theirs, late))


def _gist_imported_again(world: World) -> Steps:
    facts = tuple(world.fact(world.person()) for _ in range(world.number(3, 4)))
    steps: Steps = (Say(facts), Gather("gist", labels(facts)), Export(), Forget(labels=labels(facts[:1])), Import())
    return (world.noise(), *steps, gone(facts[0]), *stay(*facts[1:]))


def _namespace_imported_again(world: World) -> Steps:
    who, other = world.person(), world.person()
    facts, theirs = world.facts(who, 1, 3, space=("user", "one")), world.facts(other, space=("user", "two"))
    steps: Steps = (Say(facts), Say(theirs), Export(), Forget(space=("user", "one")), Import())
    return (world.noise(), *steps, gone(*facts), *stay(*theirs))


def _nearly(world: World, text: str) -> str:
    """Nearly the same text: a word more or less, another order of clauses, other stops."""
    bare = text.removesuffix(".")
    return world.pick(
        (
            f"{bare}!",
            f"Yes, {text}",
            f"{bare}, really.",
            f"By the way: {bare}",
            bare.replace(" is ", " was ").replace(" the ", " a "),
            f"I heard that {text}",
            ", ".join(reversed(bare.split(", "))),
        )
    )


def _long(world: World, who: str) -> Fact:
    """A sentence long enough to be told again in nearly the same words."""
    places = ("Utrecht", "Salzburg", "Valletta", "Coimbra", "Ravenna")
    deeds = ("kept bees behind the boathouse", "repaired old radios in the cellar", "sold candles at the winter market")
    near = world.pick(("harbour", "mill", "station"))
    text = f"In the house near the {near} of {world.new(places)}, {who} {world.new(deeds)}."
    return Fact(label=f"long {who}", text=text, ask=f"What did {who} do in the house?")


def _nearly_again(world: World) -> Steps:
    who, other = world.person(), world.person()
    fact, theirs = _long(world, who), world.fact(other)
    back = replace(fact, label="again", text=_nearly(world, fact.text))
    steps: Steps = (Say((fact, theirs)), Forget(labels=(fact.label,), guard="near"), Say((back,), again=True))
    return (world.noise(), *steps, gone(fact, back), *stay(theirs))


def _nearly_of_another(world: World) -> Steps:
    """The same told of somebody else is no repetition, near guard or not."""
    who, other = world.person(), world.person()
    fact = _long(world, who)
    theirs = Fact(label="theirs", text=fact.text.replace(who, other), ask=f"What did {other} do in the house?")
    steps: Steps = (Say((fact,)), Forget(labels=(fact.label,), guard="near"), Say((theirs,), again=True))
    return (world.noise(), *steps, gone(fact), *stay(theirs))


def _gist_heard_again(world: World) -> Steps:
    """The agent has recalled a gist, and says it as it was after one part of it was forgotten."""
    facts = tuple(world.fact(world.person(), day=n) for n in range(world.number(2, 4)))
    back = Fact(label="again", text="\n".join(fact.text for fact in facts), ask=facts[0].ask, day=None)
    doomed = world.pick(facts)
    left = tuple(fact for fact in facts if fact != doomed)
    steps: Steps = (Say(facts), Gather("gist", labels(facts)), *stay(*facts), Forget(labels=(doomed.label,)))
    return (world.noise(), *steps, Say((back,), again=True), gone(doomed), *stay(*left))


def _while_a_gist_grows(world: World) -> Steps:
    people = [world.person() for _ in range(4)]
    topic = world.number(0, 6)
    facts = [world.fact(who, topic=topic, subject=who) for who in people]
    nights = (Say(tuple(facts[:2])), Sleep(), Say(tuple(facts[2:])), Sleep((Forget(subject=people[0]),)), Sleep())
    return (world.noise(), *nights, gone(facts[0]), *stay(*facts[1:]))


def _while_asleep(world: World) -> Steps:
    people = [world.person() for _ in range(world.number(3, 5))]
    topic = world.number(0, 6)
    facts = tuple(world.fact(who, topic=topic, subject=who) for who in people)
    how = world.pick((Forget(subject=people[0]), Forget(labels=labels(facts[:1])), Forget(mentions=people[0])))
    return (world.noise(), Say(facts), Sleep((how,)), Sleep(), gone(facts[0]), *stay(*facts[1:]))


def _made_meanwhile(world: World) -> Steps:
    """Something is derived in the background from what is forgotten before it is done."""
    who, other = world.person(), world.person()
    fact, theirs = world.fact(who), world.fact(other)
    child = world.thought(f"Summary: {fact.text}", fact.ask, fact.label)
    steps: Steps = (Say((fact, theirs)), Forget(labels=(fact.label,)), Say((child,), again=True))
    return (world.noise(), *steps, gone(fact, child), *stay(theirs))


# -- cascade: what was made from it goes as well --


def _descent(world: World, top: Fact, root: str, depth: int) -> tuple[Fact, ...]:
    """A line of memories, each derived from the one before."""
    made: list[Fact] = []
    for n in range(depth):
        made.append(world.thought(f"Conclusion {n + 1}: {top.text}", top.ask, made[-1].label if made else root))
    return tuple(made)


def _line(world: World) -> Steps:
    fact, theirs = world.fact(world.person()), world.fact(world.person())
    made, other = _descent(world, fact, fact.label, world.number(1, 5)), _descent(world, theirs, theirs.label, 2)
    said = (world.noise(), Say((fact, theirs)), Say((*made, *other), at_once=False))
    return (*said, Forget(labels=(fact.label,), count=1 + len(made)), gone(fact, *made), *stay(theirs, *other))


def _from_the_middle(world: World) -> Steps:
    fact, theirs = world.fact(world.person()), world.fact(world.person())
    made = _descent(world, fact, fact.label, world.number(3, 5))
    cut = world.number(1, len(made) - 1)
    said = (world.noise(), Say((fact, theirs)), Say(made, at_once=False), Forget(labels=(made[cut].label,)))
    return (*said, gone(*made[cut:]), *stay(fact, *made[:cut], theirs))


def _of_two_parents(world: World) -> Steps:
    one, other = world.fact(world.person()), world.fact(world.person())
    child = world.thought(f"Both: {one.text} {other.text}", one.ask, one.label, other.label)
    below = _descent(world, child, child.label, world.number(1, 4))
    doomed, kept = world.pick(((one, other), (other, one)))
    said = (world.noise(), Say((one, other)), Say((child, *below), at_once=False))
    return (*said, Forget(labels=(doomed.label,)), gone(doomed, child, *below), *stay(kept))


def _gist_with_children(world: World) -> Steps:
    facts = tuple(world.fact(world.person()) for _ in range(world.number(3, 5)))
    child = world.thought("All in all: " + " ".join(fact.text for fact in facts), facts[0].ask, "gist")
    below = _descent(world, child, child.label, world.number(0, 4))
    said = (world.noise(), Say(facts), Gather("gist", labels(facts)), Say((child, *below), at_once=False))
    return (*said, Forget(labels=labels(facts[:1])), gone(facts[0], child, *below), *stay(*facts[1:]))


def _fan(world: World) -> Steps:
    who, other = world.person(), world.person()
    fact, theirs = world.fact(who, subject=who), world.fact(other, subject=other)
    children = tuple(
        world.thought(f"Remark {n} on this: {fact.text}", fact.ask, fact.label) for n in range(world.number(2, 6))
    )
    said = (world.noise(), Say((fact, theirs)), Say(children))
    return (*said, Forget(subject=who, count=1 + len(children)), gone(fact, *children), *stay(theirs))


def _gist_dissolved(world: World) -> Steps:
    one, other = world.fact(world.person()), world.fact(world.person())
    said = (world.noise(), Say((one, other)), Gather("gist", (one.label, other.label)))
    return (*said, Forget(labels=(one.label,)), gone(one), *stay(other))


# -- absence: asked about what was never there, or is gone --


def _never_there(world: World) -> Steps:
    who, other = world.person(), world.person()
    facts = world.facts(other, 1, 3, subject=other)
    asks = (Forget(mentions=who, count=0), Forget(subject=who, count=0), Forget(space=("no", who), count=0))
    check = Gone(says=(who, who.split()[0]), query=f"What do you know about {who}?")
    return (world.noise(), Say(facts), world.pick(asks), check, *stay(*facts))


def _gone_already(world: World) -> Steps:
    who, other = world.person(), world.person()
    mine, facts = world.facts(who, 1, 3, subject=who), world.facts(other, 1, 3, subject=other)
    twice = (Forget(mentions=who), Forget(mentions=who, count=0), Forget(subject=who, count=0))
    check = Gone(says=(who, who.split()[0]), query=f"What do you know about {who}?", labels=labels(mine))
    return (world.noise(), Say((*mine, *facts)), *twice, check, *stay(*facts))


def _unknown_id(world: World) -> Steps:
    """An id that is not there raises, and then nothing goes that was asked for beside it."""
    facts = world.facts(world.person(), 2, 4)
    steps: Steps = (Forget(labels=("nobody", *labels(facts[:1])), outcome="unknown"), *stay(*facts))
    return (world.noise(), Say(facts), *steps, Forget(labels=labels(facts[:1])), gone(facts[0]), *stay(*facts[1:]))


def _id_twice(world: World) -> Steps:
    facts = world.facts(world.person(), 2, 4)
    once = Forget(labels=labels(facts[:1]))
    return (world.noise(), Say(facts), once, replace(once, outcome="unknown"), gone(facts[0]), *stay(*facts[1:]))


def _before_it_was(world: World) -> Steps:
    """As of a day before it was observed, nothing of it is there; and nothing after it is gone."""
    who = world.person()
    fact, other = world.fact(who, day=40), world.fact(world.person(), day=1)
    steps: Steps = (Say((fact, other)), out(fact, at=20), *stay(fact, at=40), Forget(labels=(fact.label,)))
    return (world.noise(), *steps, gone(fact), gone(fact, at=40), *stay(other, at=20))


# -- near: who is called nearly the same --

_ALIKE = (
    ("Anna Berg", "Anna Bergh"),
    ("Jon Smith", "John Smith"),
    ("Eva Muller", "Eva Müller"),
    ("Lars Hansen", "Lars Hanson"),
    ("A. Berg", "Anna Berg"),
    ("Maria Santos", "Mario Santos"),
    ("O'Neil", "O'Neill"),
    ("Kim Lee", "Lee Kim"),
    ("Ida Holm", "Ida Holm-Lund"),
)


def _alike(world: World, by: str) -> Steps:
    pair = world.pick(_ALIKE[: -1 if by == "mentions" else None])
    doomed, kept = pair if world.number(0, 1) else pair[::-1]
    return _pair(world, doomed, kept, by)


def _alike_by_subject(world: World) -> Steps:
    return _alike(world, "subject")


def _alike_by_mention(world: World) -> Steps:
    return _alike(world, "mentions")


def _twins(world: World) -> tuple[Fact, Fact]:
    """One text about each of two people."""
    fact = world.fact("She", subject=world.person())
    return fact, replace(fact, label="twin", subject=world.person())


def _same_text(world: World) -> Steps:
    mine, theirs = _twins(world)
    check = Gone(says=(str(mine.subject),), query=mine.ask, labels=(mine.label,))
    return (world.noise(), Say((mine, theirs)), Forget(subject=mine.subject, count=1), check, *stay(theirs))


def _same_text_in_a_gist(world: World) -> Steps:
    mine, theirs = _twins(world)
    third = world.fact("She", subject=world.person())
    said = (Say((mine, theirs, third)), Gather("gist", (mine.label, "twin", third.label)))
    check = Gone(says=(str(mine.subject),), query=mine.ask, labels=(mine.label,))
    return (world.noise(), *said, Forget(subject=mine.subject), check, *stay(theirs, third))


def _same_text_later(world: World) -> Steps:
    """The same is told of somebody else, after it was forgotten of the first."""
    mine, theirs = _twins(world)
    check = Gone(says=(str(mine.subject),), query=mine.ask, labels=(mine.label,))
    said = (Say((mine,)), Forget(subject=mine.subject), Say((theirs,), again=True))
    return (world.noise(), *said, check, *stay(theirs))


def _alike_in_a_gist(world: World) -> Steps:
    doomed, kept = world.pick(_ALIKE)
    topics = [int(topic) for topic in world.rng.permutation(8)[:2]]
    mine, theirs = (tuple(world.fact(who, topic=topic, subject=who) for topic in topics) for who in (doomed, kept))
    facts = (*mine, *theirs)
    steps: Steps = (Say(facts), Gather("gist", labels(facts)), Forget(subject=doomed))
    return (world.noise(), *steps, gone(*mine), *stay(*theirs))


CATEGORIES: Mapping[str, tuple[Variant, ...]] = {
    "supersede": (
        _each_in_its_time,
        _newest_forgotten,
        _oldest_forgotten,
        _middle_forgotten,
        _known_late,
        _not_yet,
        _two_alike,
        _whole_history_purged,
    ),
    "release": (
        _hold_of_one,
        _hold_by_mention,
        _hold_of_a_child,
        _hold_of_a_gist,
        _one_of_two_released,
        _hold_in_a_namespace,
    ),
    "purge": (_namespace_purged, _subject_purged, _named_anywhere, _derived_elsewhere, _out_of_gists),
    "compound": (
        _amended,
        _amended_then_imported,
        _amended_with_a_child,
        _amended_in_a_gist,
        _part_by_id,
        _part_by_mention,
        _part_by_subject_at_night,
        _whole_gist,
    ),
    "prefix": (_names, _surnames, _users, _places, _addresses, _numbers, _in_one_gist),
    "obfuscation": (
        _case_and_width,
        _invisible,
        _accents,
        _scripts,
        _spelt_out,
        _spaces,
        _cut_numbers,
        _cut_addresses,
        _odd_subjects,
    ),
    "re-ingestion": (
        _fed_again,
        _fed_in_a_batch,
        _heard_again,
        _imported_again,
        _gist_imported_again,
        _namespace_imported_again,
        _nearly_again,
        _nearly_of_another,
        _gist_heard_again,
        _while_asleep,
        _while_a_gist_grows,
        _made_meanwhile,
    ),
    "cascade": (_line, _from_the_middle, _of_two_parents, _gist_with_children, _fan, _gist_dissolved),
    "absence": (_never_there, _gone_already, _unknown_id, _id_twice, _before_it_was),
    "near": (
        _alike_by_subject,
        _alike_by_mention,
        _same_text,
        _same_text_in_a_gist,
        _same_text_later,
        _alike_in_a_gist,
    ),
}


def generate(category: str, count: int, seed: int) -> list[Case]:
    """Cases of one category, its variants in turn; the same for the same seed, whatever else is generated."""
    import numpy as np

    variants = CATEGORIES[category]
    place = list(CATEGORIES).index(category)
    made = []
    for n in range(count):
        variant = variants[n % len(variants)]
        steps = variant(World(np.random.default_rng([seed, place, n])))
        name = variant.__name__.strip("_").replace("_", "-")
        made.append(Case(id=f"{category}-{n:03d}-{name}", category=category, steps=(*steps, *_general(steps))))
    return made


def _general(steps: Steps) -> Steps:
    """Whatever is forgotten, what is nobody's stays."""
    said = [fact for step in steps if isinstance(step, Say) for fact in step.facts]
    return stay(*(fact for fact in said if fact.label.startswith(GENERAL_LABEL)))[:2]
