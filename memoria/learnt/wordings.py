"""How things are said, by kind: one wording a line; folds go by their order.

{N} the attribute with its owner ("my rent"), {n} alone, {v} the value, {o} the older one, {at} and {oat} the same with
the preposition that their kind takes; {S} the subject, {say} the verb in the present ("lives in"), {base}, {ing};
{dont} "don't" or "doesn't", {have} "have" or "has", {am} "am" or "is", {begin} another way to say that it begins;
{X} somebody else.
"""

from __future__ import annotations

from collections.abc import Mapping

# What happened to somebody, with a value that an attribute has as well: it stays true.
_HAPPENED = """
{S} saw something about {o} on the news
{S} once wrote a letter because of {o}
on Monday {S} heard a story about {o}
{S} dreamt of {o} last night
{S} took a photo of a sign that said {o}
last spring {S} had a long talk about {o}
{S} first heard of {o} from {X}
{S} made a joke about {o} at dinner
{S} lost a bet about {o}
in 2019 {S} read a book about {o}
{S} could not stop laughing about {o}"""

NOUNS: Mapping[str, str] = {
    "state": """
{N} is {at}
{N}: {v}
FYI, {N} is {at}
{N} will be {at} this time
{N} is still {at}
for the record, {N} is {at}
note: {N} {at}
{N} happens to be {at}
so {N} is {at}, if you need it
I can tell you that {N} is {at}
we agreed that {N} is {at}
{at} is {N}""",
    "change": """
{N} is now {at}
{N} has changed to {v}
{N} changed, it is {at} now
{N} is {at} from now on
we changed {N} to {v}
I updated {N} to {v}
{N} has become {v}
update: {N} is {at}
correction: {N} is {at}
actually, {N} is {at}
{N} turned out to be {at} after all
scratch that, {N} is {at}
I was wrong about {N}, it is {at}
we settled on {v} for {N} after all
since yesterday {N} is {at}
starting next week, {N} is {at}
they switched {N} to {v}
we had to switch {N} to {v}
I have a new {n}: {v}
{n} has been set to {v}
new {n}: {v}
there is a new {n}, it is {v}
as of today {N} is {at}
it looks like {N} will be {at} instead
change of plan, {N} is {at} now
they told me that {N} is {at} now
in the end {N} is {at}
{N} got changed and is now {at}""",
    "imperative": """
change {N} to {v}
please update {N} to {v}
set {N} to {v}, please
could you note that {N} is now {at}
make that {v} for {N}
put down {v} for {N} from now on
replace what you have for {N} with {v}
remember that {N} is {at} now
let's make {N} {v} instead
use {v} for {N} from now on""",
    "contrast": """
{N} is no longer {oat}, it is {at} now
{N} changed from {o} to {v}
{N} went from {o} to {v}
{N} is {at}, not {oat}
{N} is {at} instead of {oat}
instead of {o}, {N} is now {v}
we replaced {o} with {v} for {N}
{v} replaces {o} as {N}
not {o} any more for {N}: {v}
I know I said {o} for {N}, but it is {v}
{N} used to be {oat}, now it is {at}
{N} was {oat} until last week, now it is {at}
we dropped {o} and went with {v} for {N}
forget {o}, {N} is {at} now
{o} did not work out, so {N} is {at} now
update {N} from {o} to {v}
it is {v} now, not {o}
they swapped {o} for {v} for {N}
{o} is out, {v} is {N} now""",
    "person": """
{v} has taken over from {o} as {N}
{v} took over as {N}
{o} left, so {v} is {N} now
{o} retired and {v} is {N} now
{v} is stepping in for {o} as {N}
I left {o} and have {v} as {n} now
{o} is no longer {N}
I stopped working with {o} as {N}
{o} moved abroad, so I need a new {n}
{o} has retired, {N} will be somebody else
{o} gave up being {N}""",
    "time": """
{N} was moved to {v}
{N} has been pushed to {v}
they rescheduled {N} for {v}
{N} got postponed to {v}
{N} was brought forward to {v}
could not make it, so {N} is {at} now
we moved {N} from {o} to {v}
{N} had to move, new time is {v}""",
    "place": """
{N} was moved to {v}
{N} has moved from {o} to {v}
we are doing {N} at {v} instead
{o} is closed, so {N} is {at} now
{N} will take place at {v} after all
{o} burnt down, so much for {N}
{o} was too dear, we took {v} for {N}""",
    "money": """
{N} went up to {v}
{N} went down to {v}
{N} was raised from {o} to {v}
{N} has been cut to {v}
{N} dropped to {v}
they put {N} up to {v}""",
    "end": """
{N} was cancelled
{N} fell through
{N} is off
I no longer have {a n}
there is no {n} any more
we called off {N}
{N} is not happening
cancel {N}
{N} does not exist any more
I gave up {N}
we got rid of {N}
{N} is over and done with
drop {N}, it is not needed any more
you can delete {N}, that is settled""",
    "past": """
{N} used to be {at}
{N} was {at} until recently
before, {N} was {at}
{N} is no longer {at}
{N} is not {at} any more
it is not {v} any more for {N}
{v} is no longer {N}""",
    "question": """
is {N} still {at}?
what is {N} again?
should I change {N} to {v}?
do you know if {N} is {at}?
did {N} change to {v}?
what if {N} moved to {v}?
could we make {N} {v}?
would {v} be better for {N}?
when did {N} become {v}?
can you remind me whether {N} is {at} or {oat}?
why is {N} {at} and not {oat}?
has {N} been changed to {v} yet?""",
    "suppose": """
if {N} were {at}, that would be easier
I might change {N} to {v}
I am thinking of changing {N} to {v}
suppose {N} was {at}
maybe {N} will be {at} one day
it would be nice if {N} was {at}
I wish {N} was {at}
we could move {N} to {v}, but nothing is decided
in my dream {N} was {at}
imagine {N} is {at}
unless something comes up, {N} stays {oat}
there is talk of making {N} {v}
I would love {N} to be {at}""",
    "quote": """
{X} wrote: "{N} is now {at}"
the mail from {X} says "{N} has changed to {v}"
{X} said: "I changed {N} to {v}"
"{N} is {at} now", it said on the flyer
in the story, the hero says that {N} is {at} now
translate this: "{N} is now {at}"
{X}'s message was: "{N} is {at} from now on"
the book has the line "{N} is no longer {oat}"
{X} claims that "{N} is {at}"
a joke: my parrot says {N} is {at}""",
    "event": """
I told {X} about {N}
{X} asked me about {N} today
{X} likes that {N} is {oat}
I am glad that {N} is {oat}
we talked about {N} for an hour
somebody praised {N}
I thought about {o} on the way home
{X} mentioned {o} yesterday
I wrote {N} down: {o}
thanks for the help with {N}
{N} went well
I have to prepare for {N}
remind me of {N}
good that you remembered {N}
I printed a page about {N}
{X} sent a nice message about {N}""",
    "happened": _HAPPENED,
    "history": """
before {o}, {N} was {v}
{N} was {v} long before it was {o}
years ago {N} was {at}
at first {N} was {at}
originally {N} had been {v}
when I was younger {N} was {v}
for a short time {N} was {at}, back then
{v} was {N} before {o} was""",
    "memory": """
{N} is {at}
{N}: {v}
{N} is {at}
{N} is {at}, they confirmed it
{N} is going to be {at}
I wrote down that {N} is {at}
{N} is {at} and that suits me
we decided that {N} is {at}
my notes say that {N} is {at}
{N} will be {at}
since last year {N} is {at}
{N} is now {at}""",
}

VERBS: Mapping[str, str] = {
    "state": """
{S} {say} {v}
{S} {say} {v}, as you know
{S} still {say} {v}
FYI, {S} {say} {v}
for the record, {S} {say} {v}
{S} happily {say} {v}
so {S} {say} {v} at the moment
I should mention that {S} {say} {v}
it is true that {S} {say} {v}
{S} {say} {v}, just like last year""",
    "change": """
{S} {say} {v} now
these days {S} {say} {v}
{S} recently started {ing} {v}
since last month {S} {say} {v}
{S} {begin} {v}
{S} just {begin} {v}
last week {S} {begin} {v}
actually, {S} {say} {v}
correction: {S} {say} {v}
big change: {S} {say} {v} now
from next month on {S} will {base} {v}
{S} {have} ended up {ing} {v}
as it turns out, {S} {say} {v}
{S} finally {begin} {v}
update: {S} {say} {v} as of today""",
    "imperative": """
please note that {S} {say} {v} now
remember that {S} {say} {v} from now on
update your notes: {S} {say} {v}
write down that {S} {say} {v} now
put it in your file: {S} {say} {v} these days""",
    "contrast": """
{S} no longer {say} {o}, {S} {say} {v} now
{S} {say} {v}, not {o}
{S} used to {base} {o}, but now {S} {say} {v}
{S} {say} {v} instead of {o} now
{S} stopped {ing} {o} and {say} {v} now
{S} went from {ing} {o} to {ing} {v}
{S} gave up {ing} {o} and started {ing} {v}
after years of {ing} {o}, {S} {say} {v}
not {o} any more: {S} {say} {v}
{S} {have} swapped {o} for {v}
{S} would rather {base} {v} than {o} now
I said {S} {say} {o}, but it is {v}
{o} is history, {S} {say} {v} now
it was {o} for a long time, but lately {S} {say} {v}""",
    "end": """
{S} {dont} {base} {o} any more
{S} no longer {say} {o}
{S} stopped {ing} {o}
{S} {have} quit {ing} {o}
{S} gave up {ing} {o}
{S} {am} done with {ing} {o}
{S} used to {base} {o}
{S} once used to {base} {o}, but that is over
{S} {have} not been {ing} {o} for a while
it has been months since {S} last did: {base} {o}
{S} decided not to {base} {o} after all
{S} never really did {base} {o}, I got that wrong
please take out that {S} {say} {o}
{S} {have} lost interest in {ing} {o}
that {S} {say} {o} is no longer true""",
    "over": """
{S} {ended}
last week {S} {ended}
{S} finally {ended}
yesterday {S} {ended}
in the end {S} {ended}
turns out that {S} {ended}
after all this time {S} {ended}
{S} {ended}, what a day
as of this month it is done: {S} {ended}
I should say that {S} {ended}""",
    "question": """
does it still hold that {S} {say} {v}?
should {S} {base} {v}?
do you think {S} should stop {ing} {o}?
what happens if {S} {say} {v}?
is it true that {S} {say} {v} now?
how long has it been that {S} {say} {o}?
why would {S} {base} {v}?
who told you that {S} {say} {v}?
is it a good idea to stop {ing} {o}?
where do people who {base} {v} meet?""",
    "suppose": """
if {S} ever {say} {v}, tell me
{S} might {base} {v} one day
perhaps {S} will stop {ing} {o}
{S} {am} thinking about {ing} {v}
suppose that {S} {say} {v}
it would be odd if {S} stopped {ing} {o}
{S} could {base} {v}, but nothing is decided
in another life {S} {say} {v}
{S} almost started {ing} {v}, but no
{S} once dreamt of {ing} {v}
{S} considered {ing} {v} and decided against it""",
    "quote": """
{X} wrote: "I {base1} {v} now"
the article says "people no longer {base} {o}"
"I stopped {ing} {o}", said {X}
in the film somebody says "I {base1} {v} these days"
{X}'s mail: "I do not {base} {o} any more"
translate: "I {base1} {v} now, not {o}"
the song goes "I used to {base} {o}"
{X} always says "never {base} {o}\"""",
    "event": """
{X} asked whether {S} {say} {o}
I told {X} that {S} {say} {o}
we talked about {ing} {o}
it is nice that {S} {say} {o}
{X} wants to {base} {o} as well
there was a programme about {o} on the radio
everybody knows that {S} {say} {o}
{S} did a lot of it this week: {ing} {o}
{X} made a joke about {ing} {o}""",
    "happened": _HAPPENED,
    "history": """
{S} first used to {base} {v}, long before all this
before {ing} {o}, {S} was {ing} {v}
years ago {S} was {ing} {v}
as a child {S} was known for {ing} {v}
{S} started out {ing} {v}, long before {ing} {o}
{S} tried {ing} {v} once, back then""",
    "also": """
{S} also {say} {v}
besides, {S} {say} {v}
{S} {say} {v} as well
on top of that {S} {say} {v}
{S} {say} {v} too
apart from {o}, {S} {say} {v}
{S} {say} both {o} and {v}
next to {ing} {o}, {S} started {ing} {v}""",
    "memory": """
{S} {say} {v}
{S} {say} {v}
{S} {say} {v} and it shows
these days {S} {say} {v}
{S} {say} {v} now
{S} told everybody: {S} {say} {v}
{S} {have} been {ing} {v} for years
{S} really {say} {v}""",
    "negated": """
{S} {dont} {base} {v}
{S} never {say} {v}
{S} {have} never been {ing} {v}
{S} {dont} {base} {v}, on principle
{S} {have} stopped {ing} {v}
{S} {dont} {base} {v} any more""",
    "undone": """
{S} {say} {v} again
{S} {have} started {ing} {v} after all
{S} {say} {v} now
{S} {begin} {v} last week
{S} went back to {ing} {v}
now {S} {say} {v} after all""",
}

# Verbs that cannot both be true of one thing.
OPPOSITES: Mapping[str, str] = {
    "like": "dislike",
    "love": "hate",
    "enjoy": "hate",
    "dislike": "like",
    "hate": "love",
    "eat": "avoid",
    "avoid": "eat",
}

BEFORE = """
by the way,
oh,
quick update:
just so you know,
hey,
ok,
well,
hi!
so,
good news:
sorry,
one more thing:
also,
yeah,
ah,
before I forget,
""".splitlines()
AFTER = """
thanks!
it was about time
what a relief
just saying
:)
can you believe it?
it took a while
sorry for the mess
more on that later
how was your day?
anyway, I need to run
I hope that helps
let me know if that is a problem
""".splitlines()
