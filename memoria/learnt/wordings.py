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
{at} is {N}
you can find it under {at}: {N}
{N}? {v}
in our family {N} is {at}
the form says {N} is {at}
for me {N} is {at}
{N} comes to {v}
let's say {N} is {at}, that is what the letter says""",
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
{N} got changed and is now {at}
heads up, {N} is {at} now
{N} was altered, {v} it is
{v} is {N} these days
{N} is going to be {at} after the summer
we have a different {n} now, {v}
I got a new {n}, {v}
the new {n} is {v}
{N} is {at} for the time being, they changed it
I have just changed {N}, it is {at}
it says {v} for {N} in the latest mail
just heard: {N} is {at} now
they made {v} {N}
turns out {N} is {at}
{N} will be {at} as from Monday
we went with {v} for {N} in the end
{N} has since become {v}
small change: {N} is {at}
my mistake, {N} is {at}
I misremembered, {N} is {at}
we have decided on {v} for {N}""",
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
use {v} for {N} from now on
switch {N} to {v}
please put {v} in for {N}
from now on take {v} as {N}
correct {N} to {v}, please
please make a note: {N} is {at} now
mark {N} as {v}
would you change {N} to {v} for me
enter {v} as {N}
overwrite {N} with {v}
go with {v} for {N} from today
keep in mind that {N} is {at} now
please use {v} as {N} instead of {o}""",
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
{o} is out, {v} is {N} now
{N} is {at} and no longer {oat}
it was {o}, but {N} is {at} now
{N}: {v}, formerly {o}
we left {o} behind, {N} is {at}
{v} instead of {o} for {N}, please note
{o} fell through, {N} is {at}
from {o} to {v}, that is the change to {N}
{N} moved on from {o} to {v}
{N} has changed, {o} is wrong now and {v} is right
no more {o}: {N} is {at} from here on
{N} is not {oat}, as I said, but {at}
earlier I told you {o} for {N}, make that {v}
{v} beats {o}, so {N} is {at} now
scrap {o}, {N} is {at}
{N} got switched from {o} over to {v}
we are past {o}, {N} is {at} now
the days of {o} are over, {N} is {at}""",
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
{o} gave up being {N}
{o} passed {N} on to {v}
{v} stepped in when {o} left, so {v} is {N}
{o} handed over to {v} as {N}
{o} was replaced by {v} as {N}
{N} changed hands, it is {v}
I see {v} as {n} since {o} stopped
{o} is on leave and {v} fills in as {N}
{o} is gone, somebody else will be {N}
{o} got another job, so {v} will be {N}
I fired {o}, {v} is {N} from now on
{o} does not work with us any more
{o} quit being {N}""",
    "time": """
{N} was moved to {v}
{N} has been pushed to {v}
they rescheduled {N} for {v}
{N} got postponed to {v}
{N} was brought forward to {v}
could not make it, so {N} is {at} now
we moved {N} from {o} to {v}
{N} had to move, new time is {v}
{N} slipped to {v}
{N} is put off until {v}
{N} was shifted to {v}
they want us {at} for {N} now
the new date for {N} is {v}
{N} clashes with something, so we said {v}
{N} is later than planned, {v}
{N} will be earlier than planned, {v}
see you {at} for {N}, not {oat}""",
    "place": """
{N} was moved to {v}
{N} has moved from {o} to {v}
we are doing {N} at {v} instead
{o} is closed, so {N} is {at} now
{N} will take place at {v} after all
{o} burnt down, so much for {N}
{o} was too dear, we took {v} for {N}
{N} was relocated to {v}
{o} was double-booked, so {N} is {at}
there is no room at {o}, we take {v} for {N}
{o} shut down, {N} is {at} now
they moved us from {o} to {v} for {N}
{N} is not {oat} this time, come to {v}""",
    "money": """
{N} went up to {v}
{N} went down to {v}
{N} was raised from {o} to {v}
{N} has been cut to {v}
{N} dropped to {v}
they put {N} up to {v}
{N} doubled
{N} was doubled
{N} has been halved
{N} is higher now, {v}
{N} is lower now, {v}
they raised {N}
they lowered {N} a lot
{N} rose by a tenth
{N} went up again
{N} came down a bit
I pay {v} now for {N}
{N} is twice what it was
{N} climbed to {v}
{N} fell to {v}
{N} is {v} more than it was""",
    "count": """
{N} doubled
{N} was doubled
they doubled {N}
{N} was halved
{N} tripled last month
{N} was cut in half
{N} went up
{N} went down
{N} went up from {o}
{N} is up to {v}
{N} is down to {v}
{N} has grown
{N} shrank
{N} is twice what it used to be
{N} is half of what it was
they raised {N}
they lowered {N}
we are at {v} for {N} by now
{N} is one more than before
{N} reached {v}
{N} exceeded {o} this week
{N} fell below {o}
it is {v} by now, {N}
{v} it is, {N} I mean, no longer {o}""",
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
you can delete {N}, that is settled
{N} is history
{N} has been scrapped
I am without {a n} now
I do not need {a n} any longer
{N} has come to an end
they abolished {N}
no {n} for me any more
{N} was withdrawn
that was it with {N}
{N} was called off this morning
we said goodbye to {N}
please remove {N}
forget about {N}, it is off
strike {N} from the list""",
    "past": """
{N} used to be {at}
{N} was {at} until recently
before, {N} was {at}
{N} is no longer {at}
{N} is not {at} any more
it is not {v} any more for {N}
{v} is no longer {N}
{N} was once {at}, not now
{v} was {N} up to last week
up to now {N} was {at}
{N} stopped being {v}
{N} has not been {at} for a while
{v} is out of the question for {N} now
it was {v}, {N} I mean, but not any longer
{N} had been {at} all this time, that is over""",
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
has {N} been changed to {v} yet?
is {N} {at} or not?
who said that {N} is {at}?
how do I change {N} to {v}?
was {N} always {at}?
can I switch {N} from {o} to {v}?
is it too late to make {N} {v}?
wasn't {N} supposed to be {at}?
so {N} is {at} now, is it?
did they really move {N} to {v}?
why did {N} change?""",
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
I would love {N} to be {at}
{N} could be {at} next year
if it were up to me, {N} would be {at}
what if {N} was {at} instead
should {N} ever be {at}, let me know
perhaps we change {N} to {v}
I'd rather {N} was {at}
we are not sure yet whether {N} will be {at}
I am considering {v} for {N}
it might make sense to change {N} to {v}
they may move {N} to {v}
with some luck {N} will be {at} one day
assuming {N} is {at}, we would save time""",
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
a joke: my parrot says {N} is {at}
{X} told me: "{N} is {at} now"
"{N} is no longer {oat}", {X} wrote
somebody posted "{N} changed to {v}"
the sign read "{N} is {at}"
in the film they say "{N} is {at} now"
please translate "{N} used to be {oat}"
the first line of the letter: "{N} was moved to {v}"
{X} said "{N} is over" and laughed""",
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
{X} sent a nice message about {N}
I looked up {N} this morning
{X} knows about {N}
I was late because of {N}
the talk about {N} was long
I am happy with {N}
we had a good laugh about {N}
I asked {X} what they think of {N}
{N} came up at dinner
I took a photo of {N}
I was thinking about {N} again
{N} is a good topic for tomorrow
I need to talk to you about {N} some time
{X} complained about {N}
I read something about {o} yesterday
{X} has the same {n}
{N} is nice, I must say""",
    "happened": _HAPPENED,
    "history": """
before {o}, {N} was {v}
{N} was {v} long before it was {o}
years ago {N} was {at}
at first {N} was {at}
originally {N} had been {v}
when I was younger {N} was {v}
for a short time {N} was {at}, back then
{v} was {N} before {o} was
back in school {N} was {v}
the first {n} I ever had was {v}
long ago, before {o}, {N} was {v}
in 2012 {N} was {at}
{N} started out as {v}
in the beginning {v} was {N}
{N} was {at} when we first met
ten years ago it was {v} for {N}""",
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
{N} is now {at}
I told you that {N} is {at}
{N} has been {at} for a while
as far as I know {N} is {at}
{v} is {N}
note to self: {N} is {at}
{at}, that is {N}
they gave me {v} as {N}
just so you know, {N} is {at}""",
}

# What else is true of a noun: it goes with any value, and a change of it changes no value.
FACETS: Mapping[str, str] = {
    "time": """
{N} takes about an hour
{N} is online
{N} was planned by {X}
{N} costs nothing
{N} is on the third floor
{N} will be short
{N} is with {X}
{N} was fun last time
{N} is a bit of a bore
I have to bring a form to {N}
{X} comes along to {N}
{N} is twenty minutes longer now
{N} will be recorded from now on
{N} is mandatory now
{N} is in my calendar in green
{X} will take notes at {N}
we skip the coffee at {N} from now on
{N} has a new agenda""",
    "money": """
{N} is paid by card
{N} is due on the first
{N} includes water and heat
{N} was agreed with {X}
{N} is fair
{N} is lower than that of {X}
{X} pays {N} for now
{N} is tax-free
{N} is paid by standing order now
we split {N} with {X} from now on
I paid {N} today
{N} is in the contract
{N} is a sore point
{X} asked about {N}""",
    "person": """
{N} is very patient
{N} has two children
{N} speaks Polish
{N} is on holiday this week
{N} wears bright ties
{N} was recommended by {X}
{N} lives nearby
{N} got a new office
{N} moved to the second floor
{N} has a new phone number
{N} is off on Fridays now
{N} knows {X} from school
{N} got married
{N} sent me a long mail
I met {N} at the market
{N} has a cold""",
    "place": """
{N} is hard to find
{N} is small
{N} was {X}'s idea
{N} needs a good clean
{N} has been renewed
{N} was painted blue
{N} smells of paint
{N} is insured now
{X} looked after {N} last week
{N} is getting old
{X} borrowed {N} once
{N} opens early
there is a new sign for {N}
{N} costs more now""",
    "city": """
{X} knows all about {N}
{N} was a good choice
{N} is far away
{N} has a nice square
there is a film about {N}
I have photos of {N}
{N} takes two trains to get to
{N} is dearer now
{X} has been there too, {N}""",
    "company": """
{N} has a good app
{N} is friendly on the phone
{N} sent a letter
{N} has a new logo
{N} raised its prices
{N} has offices all over
{N} was praised in a test
{X} works there too, at {N}
{N} has a new boss
I called {N} today
{N} is slow with mails""",
    "code": """
{N} is easy to remember
{N} is on a yellow note
{X} knows {N} too
{N} was printed in small letters
I wrote {N} down twice
{N} is in the safe
{N} has to be renewed each year
I shared {N} with {X} today
{N} expires in May
{N} is long""",
    "choice": """
{X} laughed about {N}
{N} was a good choice
{N} is the talk of the office
{X} likes {N}
{N} was {X}'s idea
{N} needs some getting used to
{N} came up again
{N} is written in the plan
I explained {N} to {X}
there was a long debate about {N}
{N} is easy to explain
{N} was decided in May""",
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
{S} {say} {v}, just like last year
people know that {S} {say} {v}
{S} {say} {v}, nothing new there
{S} {say} {v} every week
{S} {say} {v}, no doubt about it
{S} {say} {v}, did I tell you
at present {S} {say} {v}""",
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
update: {S} {say} {v} as of today
{S} {begin} {v} this year
guess what, {S} {begin} {v}
a month ago {S} {begin} {v}
news: {S} {say} {v} now
{S} {have} started {ing} {v}
{S} {have} been {ing} {v} since Monday
as of today {S} {say} {v}
{S} said goodbye to the old ways and {begin} {v}
it is official, {S} {say} {v} now
{S} {begin} {v} and {am} happy with it
lately {S} {say} {v}
{S} {say} {v} from now on
I was wrong: {S} {say} {v}
after the summer {S} {begin} {v}""",
    "imperative": """
please note that {S} {say} {v} now
remember that {S} {say} {v} from now on
update your notes: {S} {say} {v}
write down that {S} {say} {v} now
put it in your file: {S} {say} {v} these days
correct that: {S} {say} {v} now
note it down, {S} {say} {v} as of now
please change it in your notes: {S} {say} {v}
for your records: {S} {say} {v} now
from now on assume that {S} {say} {v}
do not write any longer that {S} {say} {o}, it is {v}""",
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
it was {o} for a long time, but lately {S} {say} {v}
{S} {say} {v} and no longer {o}
{S} had enough of {ing} {o} and {begin} {v}
{o} was fine, but {S} {say} {v} now
{S} turned from {o} to {v}
{S} {dont} {base} {o} these days, it is {v}
{v} it is for {S} now, not {o}
where it was {o} before, {S} {say} {v} now
{S} traded {o} for {v}
{S} {have} moved on from {o} to {v}
{S} left {o} behind and {begin} {v}
{S} {am} through with {o}, {v} is the thing now
since {S} stopped {ing} {o}, {S} {say} {v}
{v} has replaced {o}, as far as {S} {am} concerned
the time of {ing} {o} is over, {S} {say} {v}
{S} {say} {v}, and {o} is a thing of the past""",
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
that {S} {say} {o} is no longer true
{S} will not {base} {o} any longer
{S} {have} given up {ing} {o}
{S} ended it: no more {ing} {o}
no more {ing} {o} for {S}
{ing} {o} is a thing of the past for {S}
{S} had to stop {ing} {o}
it is over with {ing} {o}, {S} told me
{S} {dont} {base} {o} now
{S} {dont} {base} {o} these days
{S} ceased {ing} {o} in the spring
{S} put an end to {ing} {o}
{S} {am} not {ing} {o} any longer
gone are the days of {ing} {o} for {S}
{S} {am} no longer {ing} {o}
delete that {S} {say} {o}
it is not true any more that {S} {say} {o}""",
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
I should say that {S} {ended}
on Friday {S} {ended}
{S} {ended} in the spring
bad news, {S} {ended}
good news, {S} {ended}
{S} just {ended}
a month ago {S} {ended}
sad to say, but {S} {ended}
{S} {ended} and {am} relieved
you will not believe it, {S} {ended}
it happened: {S} {ended}
{S} {ended}, so that chapter is closed""",
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
where do people who {base} {v} meet?
since when is it that {S} {say} {v}?
did {S} really stop {ing} {o}?
is it normal to {base} {v}?
would it be better to {base} {v} or {o}?
so {S} {say} {v} now, right?
is it true that {S} no longer {say} {o}?
can one {base} {v} and {o} at once?
do you remember that {S} {say} {o}?
what would it take to {base} {v}?""",
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
{S} considered {ing} {v} and decided against it
if only {S} {say} {v}
one day {S} may {base} {v}
{S} {am} tempted to {base} {v}
what if {S} stopped {ing} {o}
{S} wondered about {ing} {v}
it might be time to {base} {v}
{S} {have} not decided whether to {base} {v}
should {S} ever stop {ing} {o}, I will tell you
{S} nearly began {ing} {v}
{S} would {base} {v} if it were cheaper
assuming that {S} {say} {v}, what then""",
    "quote": """
{X} wrote: "I {base1} {v} now"
the article says "people no longer {base} {o}"
"I stopped {ing} {o}", said {X}
in the film somebody says "I {base1} {v} these days"
{X}'s mail: "I do not {base} {o} any more"
translate: "I {base1} {v} now, not {o}"
the song goes "I used to {base} {o}"
{X} always says "never {base} {o}\"
{X} told us: "I stopped {ing} {o} years ago"
"we {base1} {v} now", it said in the leaflet
the headline was "more and more people {base} {v}"
my favourite line is "I {base1} {v} now and forever"
{X} texted "I no longer {base} {o}"
someone wrote "never {base} {v}" on the wall
the podcast opened with "I used to {base} {o}\"""",
    "event": """
{X} asked whether {S} {say} {o}
I told {X} that {S} {say} {o}
we talked about {ing} {o}
it is nice that {S} {say} {o}
{X} wants to {base} {o} as well
there was a programme about {o} on the radio
everybody knows that {S} {say} {o}
{S} did a lot of it this week: {ing} {o}
{X} made a joke about {ing} {o}
{X} knows that {S} {say} {o}
{X} was surprised that {S} {say} {o}
I read that many people {base} {o}
it came up that {S} {say} {o}
{S} had a good day {ing} {o}
{X} took a photo of {S} {ing} {o}
yesterday was a long day of {ing} {o}
we spoke about {o} over lunch
{X} gave {S} a book about {o}
{S} spent the evening {ing} {o}
I am glad that {S} {say} {o}""",
    "happened": _HAPPENED,
    "history": """
{S} first used to {base} {v}, long before all this
before {ing} {o}, {S} was {ing} {v}
years ago {S} was {ing} {v}
as a child {S} was known for {ing} {v}
{S} started out {ing} {v}, long before {ing} {o}
{S} tried {ing} {v} once, back then
in 2010 {S} was {ing} {v}
long before {o}, it was all about {ing} {v}
{S} was {ing} {v} when we met
way back {S} was known for {ing} {v}
the first thing {S} ever tried was {ing} {v}
{S} had a phase of {ing} {v} at school
at twenty {S} was {ing} {v}""",
    "also": """
{S} also {say} {v}
besides, {S} {say} {v}
{S} {say} {v} as well
on top of that {S} {say} {v}
{S} {say} {v} too
apart from {o}, {S} {say} {v}
{S} {say} both {o} and {v}
next to {ing} {o}, {S} started {ing} {v}
{S} {say} {v}, and {o} of course
in addition {S} {say} {v}
{S} {say} {v} now, besides {o}
{S} {have} added {v} to it
{S} {say} {o} and now {v} too
{v} is another one: {S} {say} {v}
not only {o}, {S} {say} {v} as well""",
    "memory": """
{S} {say} {v}
{S} {say} {v}
{S} {say} {v} and it shows
these days {S} {say} {v}
{S} {say} {v} now
{S} told everybody: {S} {say} {v}
{S} {have} been {ing} {v} for years
{S} really {say} {v}
as far as I know {S} {say} {v}
{S} {say} {v}, for a long time now
{S} {say} {v} and will not stop
I know that {S} {say} {v}
{S} {say} {v} at the moment
everybody knows that {S} {say} {v}
{S} {have} been {ing} {v} since 2019
{S} mostly {say} {v}""",
    "negated": """
{S} {dont} {base} {v}
{S} never {say} {v}
{S} {have} never been {ing} {v}
{S} {dont} {base} {v}, on principle
{S} {have} stopped {ing} {v}
{S} {dont} {base} {v} any more
{S} would never {base} {v}
{S} {dont} {base} {v} at all
{S} {am} not {ing} {v}
{S} {have} yet to start {ing} {v}
no way that {S} {say} {v}
{S} refused to {base} {v}""",
    "undone": """
{S} {say} {v} again
{S} {have} started {ing} {v} after all
{S} {say} {v} now
{S} {begin} {v} last week
{S} went back to {ing} {v}
now {S} {say} {v} after all
{S} {say} {v} once more
{S} {have} gone back to {ing} {v}
after all {S} {begin} {v}
{S} changed course and {say} {v} now
{S} {begin} {v}, against all plans
{S} {begin} {v} today
finally {S} {say} {v} too""",
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
