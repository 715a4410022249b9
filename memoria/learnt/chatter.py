"""Talk between friends and things that happened: much is said about one topic, and little of it changes anything.

{t} a topic; {X} and {Y} friends; values of the pools by their names. Folds go by the order of lines.
"""

TOPICS = """
pottery
painting
my garden
running
yoga
the dogs
my cat
camping
the beach
baking
photography
the guitar
dancing
the kids
my family
reading
fantasy novels
video games
board games
the studio
my blog
volunteering
therapy
meditation
climbing
basketball
surfing
swimming
road trips
the mountains
cooking
coffee
film nights
screenwriting
old cars
fashion design
the online shop
my new job
the adoption process
school
my thesis
the charity run
the support group
music
live concerts
the violin
knitting
sculpture
birdwatching
stargazing
the allotment
my sister's wedding
the house move
the renovation
travel
Italian food
vegan cooking
gym sessions
long walks
nature
the local theatre
woodwork
chess
football
the marathon
my coursework
coding
the robot project
our podcast
nail art
""".strip().splitlines()

# What friends say of a topic: nothing that was said of it before becomes untrue.
SAID = """
I love {t}, it calms me down so much
{t} really helps me unwind after a long week
{t} means a lot to me, {X}
{t} has been such a big part of my life
I've been into {t} for years now
I've always loved {t}, ever since I was a kid
there is nothing like {t} to clear my head
{t} makes me so happy these days
I spent the whole weekend on {t} and it was so worth it
yesterday was all about {t}, we had a blast
I just got back from a day of {t}, so tired but so happy
I finally had some time for {t} again today
thanks, {X}! {t} is my happy place
thanks {X}, that means a lot! {t} keeps me going
wow, {X}, that's amazing! you must be so proud of {t}
that sounds awesome, {X}! I bet {t} was a lot of fun
oh that's so cool! {t} looks great in your pictures
I'm so glad that {t} brings you joy, {X}
you're doing such a great job with {t}
keep it up, {X}, {t} really suits you
that's great news about {t}, I'm so happy for you
I totally agree, {t} is good for the soul
yeah, {t} can be tough sometimes, but it is worth it
it was hard at first, but {t} got easier with time
I was nervous about {t} at first, but everybody was so kind
I learned so much from {t} this year
I can't wait for more {t} next month
next month I'm going to try something new with {t}
I'm planning a little something around {t} for {Y}'s birthday
we are thinking of making {t} a family thing
{Y} joined me for {t} last week and loved it
{Y} and I talked about {t} until midnight
{Y} asked me about {t} the other day
{Y} gave me a book about {t}, such a sweet present
I took this picture during {t} last week, look at the colours
here is a photo from last Friday, that was {t} at its best
I signed up for another workshop on {t}
I started a new project around {t}, I'll tell you when it is done
I finished a big piece of work for {t} and I'm proud of it
I won a small prize with {t} last month, can you believe it?
someone told me that {t} inspired them, I nearly cried
{t} taught me to be patient
{t} reminds me of my grandmother
{t} gives me energy, even on bad days
it's amazing how {t} brings people together
I met so many lovely people through {t}
every time I think of {t} I have to smile
{t} was such a special day for us
it rained, but {t} was still wonderful
we laughed so much, {t} with {Y} is never boring
{t} is more than a hobby, it is how I express myself
I feel free when it comes to {t}
I used to be too shy for {t}, look at me now
I wasn't sure about {t}, but now I can't imagine life without it
I have had a rough week, so {t} was just what I needed
work has been crazy lately, {t} keeps me sane
I'm exhausted, but {t} was a good idea
not much going on here, just work and {t}
been busy with {t}, how about you?
same here, {t} and a bit of sleep, that is my life now
I have some news about {t}, it went really well
big day for {t} tomorrow, wish me luck
today was the first day of the new season of {t}
I made some progress with {t} this week
the last few months of {t} have been a journey
{t} has changed my life for the better
{t} changed the way I see the world
I never thought I'd say it, but {t} is my new favourite way to relax
these days {t} is a bit of a comfort
now that it is spring, {t} is even better
it's been a while since our last chat about {t}
remember when we did {t} together? what a day
I still remember my first time with {t}
{t} is such a good way to spend time with {Y}
{Y} is getting really good, {t} is all they talk about
I'd love to hear more about {t}
good luck with {t}, {X}, you've got this
let me know how {t} goes
have a great time with {t}, {X}
we should do {t} together some time
it takes courage, and {t} shows who you are
it's a lot of work, {t}, but I would not have it any other way
that must have been scary, but {t} made you stronger
I hear you, {t} isn't always easy
same! {t} is a great stress reliever
well, {t} is going great, thanks for asking
guess what, {t} got me a mention in the local paper
I got new gear for {t} and it makes such a difference
I made a cake for everybody from {t}
we stopped for ice cream after {t}
I ended up with mud everywhere, that's {t} for you
so I went all in on {t} this week
I set up a small corner at home for {t}
I had to leave early, but {t} was lovely
I quit my phone for a day and had {t} instead
I moved some things around at home to make room for {t}
no more excuses, {t} starts at seven tomorrow
finally some sun, so {t} it is
I decided to give {t} another go this summer
""".strip().splitlines()

# What stands before it in a message, after it, and what ends a topic after all.
OPENED = """
hey {X}! good to hear from you
hi {X}, it has been ages
wow, {X}
thanks, {X}
aw, thank you
that's so sweet of you
hey, how are you doing?
long time no talk
glad you like it
no way
you're so right
yeah, absolutely
I appreciate it, {X}
sorry for the late reply
""".strip().splitlines()
CLOSED = """
how about you?
what do you think?
what have you been up to?
take care, {X}
talk to you soon
anything new with you?
it was such a good feeling
I'm so thankful
let's catch up soon
it's the little things, right?
I'll send you some pictures
have you ever tried it?
""".strip().splitlines()
DROPPED = """
I had to give up {t}, my back could not take it
I'm done with {t}, it was only stress in the end
I don't do {t} any more, no time with the baby
no more {t} for me, I sold all my things
I used to be all about {t}, but that is over
I lost interest in {t} after last year
{t}? not since the accident, the doctor told me to stop
I have moved on from {t}, to be honest
honestly, {t} is not for me any more
I took a step back and dropped {t} for good
these days I can't stand {t}, it is sad but true
we stopped {t} in March and nobody misses it
""".strip().splitlines()
KEPT = """
I do {t} every week, it is the best
{t} is my favourite thing, {X}
I spend most of my free time on {t}
I can't live without {t}
{t} is what I do after work
I'm really into {t} at the moment
I'm all about {t} these days
{t} keeps me busy every evening
I never miss a day of {t}
I still love {t} as much as on the first day
""".strip().splitlines()

# What happened: {when} it did may differ, and what happened once stays true.
EVENTS = """
I had tea {when}
I had {food} for breakfast {when}
I had {food} for dinner {when}
I ate {food} with {X} {when}
I ordered {food} {when}
I made {food} {when}
I had lunch with {X} {when}
I had lunch at {place} {when}
we met {X} at {place} {when}
I ran into {X} {when}
I called {X} {when}
{X} called me {when}
I wrote to {X} {when}
I walked the dog {when}
I went for a run {when}
I did some {pastime} {when}
I went to {pastime} with {X} {when}
we drove to {city} {when}
I took the train to {city} {when}
I was in {city} {when}
{X} visited me {when}
I saw {X} at {place} {when}
I had a meeting with {X} {when}
I had a meeting at {place} {when}
I went to the dentist {when}
I saw the doctor {when}
I slept {hours} {when}
I woke up at {hour} {when}
I went to bed at {hour} {when}
I got home at {hour} {when}
I paid {sum} for {food} {when}
I paid {sum} at the garage {when}
I spent {sum} on groceries {when}
I bought {food} {when}
I bought a jacket for {sum} {when}
I ran {km} {when}
I swam {km} {when}
I cycled {km} with {X} {when}
I read {pages} {when}
I watched a film with {X} {when}
I watched a film at {place} {when}
I worked from {place} {when}
I left the office at {hour} {when}
I took a pill at {hour} {when}
I fed the cat at {hour} {when}
I watered the plants {when}
I cleaned the kitchen {when}
I gave a talk in {city} {when}
I gave a talk about {pastime} {when}
I missed the bus {when}
I won a game against {X} {when}
I lost a game against {X} {when}
I argued with {X} {when}
my meeting took {hours} {when}
the train was {minutes} late {when}
it was {degrees} in {city} {when}
the shop sold {count} loaves {when}
the site had {count} visitors {when}
{X} was at {place} {when}
{X} had {food} {when}
{X} ran {km} {when}
{X} flew to {city} {when}
{X} got up at {hour} {when}
{X} paid {sum} for the taxi {when}
I interviewed at {company} {when}
I had a call with {company} {when}
I tried {tool} {when}
I fixed a bug in {tool} {when}
I wore the blue coat {when}
I wore the red coat {when}
""".strip().splitlines()
WHEN = """
at nine
at noon
at 7:30
at four
this morning
this afternoon
yesterday
yesterday at six
last night
on Monday
on Tuesday
on Thursday evening
on Saturday
last week
last weekend
two days ago
in March
last summer
today
on the 4th
a week ago
again today
""".strip().splitlines()
MEASURES = {
    "hours": "six hours, eight hours, nine hours, four hours, half an hour",
    "minutes": "five minutes, twenty minutes, forty minutes, an hour",
    "hour": "6, half past six, 7:15, 8, ten, 11, midnight",
    "sum": "$12, $30, $45, $80, $9.50, $120",
    "km": "3 km, 5 km, 8 km, 10 km, 21 km",
    "pages": "ten pages, forty pages, two chapters, half the book",
    "degrees": "12 degrees, 30 degrees, minus two, 21 degrees",
    "count": "40, 90, 250, 1,200",
}
# What is done as a rule, which one event does not change.
HABITS = """
I have tea in the afternoons
I have {food} for breakfast most days
I usually have lunch with {X}
I usually have lunch at {place}
I walk the dog at seven
I run {km} most mornings
I do {pastime} on Wednesdays
I sleep {hours} a night
I get up at {hour}
I go to bed at {hour}
I work from {place} on Fridays
I take the train to work
I call {X} every Sunday
I pay {sum} for the gym
I read before bed
{X} comes round on Saturdays
{X} likes {food}
my favourite food is {food}
I live in {city}
I work at {company}
I use {tool} at work
""".strip().splitlines()
