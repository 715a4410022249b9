"""What people say of themselves, of others and of things: attributes and the values that each takes.

A line is an attribute, with its own values after "=" where the kind's pool does not fit. `NOUNS` are said as "my rent
is $900", by kind of value; `VERBS` as "she lives in Porto". Their order is part of the grammar: folds go by it.
"""

from __future__ import annotations

from collections.abc import Mapping

# Values of kinds. Times, sums and codes are made.
POOLS: Mapping[str, str] = {
    "person": "Priya, Tom, Ines, Marcus, Dana, Yusuf, Greta, Leo, Hannah, Omar, Beatriz, Kenji, Ruth, Callum, Nadia, "
    "Viktor, Paola, Sven, Aisha, Declan, Mei, Joel, Rosa, Tariq, Elin, Bruno, Wanda, Felix, Ms. Okafor, Mr. Lindqvist, "
    "Dr. Patel, Dr. Moreau, Dr. Haddad, Mrs. Kowalski, Anna Weiss, Peter Novak, Lucia Ferri, Sam Adeyemi",
    "city": "Porto, Ghent, Lyon, Bergen, Leeds, Austin, Seville, Krakow, Osaka, Denver, Bristol, Turin, Malmo, Graz, "
    "Halifax, Cardiff, Utrecht, Montreal, Nairobi, Lima, Hanoi, Dublin, Aarhus, Basel, Tampa, Perth, Cork, Quito",
    "place": "the Blue Heron, the town hall, room 204, the library on Mill Street, the Green Door, Cafe Luna, the old "
    "brewery, the east wing, the community centre, Riverside Park, the Harbour Hotel, the school gym, the "
    "second floor, "
    "Pine Street 14, the rooftop terrace, the church hall, the Corner Bistro, the north campus, the lake house, "
    "Studio 5",
    "company": "Helix Labs, Brightwater, Nordbank, Kestrel Media, Alder & Co, the city council, Osprey Systems, the "
    "university, Juniper Foods, Vantage Insurance, the public library, Orbit Telecom, Maple Health, Stonebridge Legal, "
    "a small bakery, Copperline, the museum, Tidewater Energy",
    "food": "oat milk, black coffee, green tea, sourdough, lentil soup, sushi, dark chocolate, porridge, goat cheese, "
    "pad thai, ramen, hummus, mango, olives, mushrooms, blue cheese, tofu, oysters, pesto, kimchi, falafel, rye bread",
    "pastime": "tennis, chess, pottery, bouldering, jazz, gardening, salsa, birdwatching, rowing, yoga, knitting, "
    "crosswords, swimming, the cello, watercolours, cycling, karaoke, hiking, poetry, badminton, sailing, photography",
    "tool": "Postgres, Redis, Kafka, Figma, Notion, Slack, Jira, Linear, Vim, VS Code, Terraform, Jenkins, Django, "
    "Svelte, Excel, Tableau, Trello, Miro, Zoom, Datadog, Sentry, MongoDB, Ansible, Obsidian",
}

NOUNS: Mapping[str, str] = {
    "time": "dentist appointment; haircut; flight; driving test; job interview; checkup; yoga class; piano lesson; "
    "thesis defence; book club; team standup; one-on-one with {who}; meeting with {who}; call with {who}; dinner with "
    "{who}; lunch with {who}; deadline for {what}; launch of {what}; delivery of {thing}; pickup of {thing}; exam in "
    "{subject}; birthday party; housewarming; wedding; parents' evening; train; physio session; vet visit; sprint "
    "review; release; board meeting; eye test; swimming lesson; rehearsal; podcast recording; tax appointment; "
    "night shift; gym session; study group; staff meeting; check-in at the hotel; bedtime; alarm; garbage day; "
    "cleaning day; webinar on {subject}; workshop on {subject}; moving day; surgery; vaccination",
    "money": "rent; salary; budget for {what}; budget for {thing}; phone bill; gym fee; savings goal; hourly rate; "
    "asking price for {thing}; deposit; pocket money; electricity bill; insurance premium; travel allowance; mortgage "
    "payment; daily food budget; fee for {what}; loan; course fee; donation target",
    "person": "doctor; dentist; landlord; manager; therapist; lawyer; accountant; piano teacher; hairdresser; "
    "emergency contact; roommate; supervisor; mentor; babysitter; project lead; contact at the bank; running partner; "
    "lab partner; best man; editor; vet; physiotherapist; personal trainer; team captain; neighbour upstairs; tutor in "
    "{subject}; reviewer for {what}; contact for {thing}; plumber; estate agent; coach; designer for {what}",
    "place": "venue for the wedding; venue for the party; meeting point; seat = 14C, 22A, 3F, 9D, 31B, 17E; hotel; "
    "gym; pharmacy; usual lunch place; office; parking spot = level 2, bay 40, the courtyard, level 5, bay 12, the "
    "street; spare key = under the blue pot, with the neighbour, in the shed, in the desk drawer, above the door; "
    "passport = in the safe, in the desk drawer, in the red folder, at the bank, in the bookcase; bike = in the "
    "garage, in the hallway, at the station, in the cellar, behind the shed; room for {what}; classroom for {subject}; "
    "storage unit; exit for the airport = exit 9, exit 14, exit 22, exit 31; home address; delivery address",
    "city": "hometown; next trip = Lisbon, Prague, Kyoto, Iceland, Sicily, Peru, Vienna, Marrakesh; birthplace of the "
    "band; headquarters; honeymoon destination = Bali, Crete, Norway, Kenya, Hawaii, Madeira; exchange semester; "
    "conference; layover; branch; data centre",
    "company": "employer; bank; internet provider; phone carrier; insurer; main client; supplier of {thing}; "
    "publisher; sponsor; energy provider; biggest competitor; courier for {thing}; recruiter",
    "code": "wifi password; door code; locker number; phone number; flight number; PIN for {thing}; order number of "
    "{thing}; room number; extension; license plate; booking reference; alarm code; membership number; port of the "
    "server; ticket number; username; port of {what}; serial number of {thing}; safe combination; IP of {thing}",
    "count": "team size = five people, seven people, nine people, twelve people; timeout = 10 seconds, 30 seconds, 45 "
    "seconds, two minutes; number of guests = 20, 35, 48, 60, 75; step goal = 6,000, 8,000, 10,000, 12,000; word limit "
    "= 500 words, 800 words, 1,500 words, 2,000 words; page count = 120 pages, 180 pages, 240 pages; battery life = "
    "six hours, nine hours, two days; weight = 62 kg, 68 kg, 71 kg, 80 kg; resting heart rate = 52, 58, 61, 66; "
    "commute = 20 minutes, 35 minutes, 50 minutes, an hour; retry limit = 3, 5, 8, 10; cache size = 2 GB, 4 GB, 16 GB; "
    "notice period = two weeks, a month, three months; shoe size = 38, 40, 42, 44; weekly hours = 20, 32, 36, 40; "
    "marathon time = 3:45, 3:58, 4:10, 4:32; follower count = 800, 1,200, 3,000, 9,500; blood pressure = 120 over 80, "
    "135 over 85, 140 over 90; screen time limit = one hour, two hours, three hours; batch size = 16, 32, 64, 128; "
    "golf handicap = 12, 15, 18, 22; ceiling height = 2.4 m, 2.7 m, 3 m; dose = 5 mg, 10 mg, 20 mg, 40 mg; speed limit "
    "= 30, 50, 70, 100; sample size = 40 people, 120 people, 300 people; grade in {subject} = a B, a C, an A, a D",
    "choice": "favourite colour = teal, mustard, burgundy, olive, lilac; colour of {thing} = red, white, navy, green, "
    "silver; diet = vegan, vegetarian, keto, pescatarian, gluten-free; favourite food = @food; usual breakfast "
    "= @food; "
    "favourite band = Radiohead, Portishead, the Pixies, Khruangbin, Mogwai; favourite author = Ursula Le Guin, Toni "
    "Morrison, Italo Calvino, Octavia Butler; major = biology, economics, history, linguistics, physics; thesis "
    "topic = "
    "soil bacteria, medieval trade, graph theory, urban noise, coral reefs; job title = junior analyst, senior "
    "analyst, "
    "head of sales, staff engineer, nurse manager, art director; main language = Python, Rust, Go, Kotlin, Elixir; "
    "database = Postgres, MySQL, MongoDB, SQLite, DynamoDB; cloud provider = AWS, Azure, Hetzner, Google Cloud; "
    "framework = Django, Rails, Laravel, FastAPI, Spring; phone = an iPhone, a Pixel, a Galaxy, a Fairphone; "
    "laptop = a "
    "ThinkPad, a MacBook, a Framework, a Chromebook; car = a Golf, a Tesla, a Fiesta, an old Volvo, a Prius; theme of "
    "the party = pirates, the seventies, space, masks, jungle; dessert = tiramisu, apple cake, sorbet, cheesecake; "
    "blood type on the form = A positive, O negative, B positive, AB negative; default language = English, Spanish, "
    "German, Portuguese; tone of the newsletter = formal, playful, neutral, warm; title of the book = Low Tide, The "
    "Glass Hour, Nine Bridges, Salt Road; name of the cat = Miso, Pickle, Juno, Biscuit; name of the project = Falcon, "
    "Lighthouse, Meadow, Quartz; name of the band = The Lamps, Cold Harbour, Paper Moths; first course = soup, salad, "
    "carpaccio, bruschetta; main dish = lasagne, roast duck, paella, curry; wallpaper = stripes, ferns, plain grey, "
    "birds; payment method = card, bank transfer, cash, invoice; status of {what} = in review, blocked, approved, on "
    "hold, done; priority of {what} = low, high, medium, urgent; licence of the library = MIT, GPL, Apache, BSD; "
    "branching model = trunk-based, git flow, release branches; testing tool = pytest, Jest, Cypress, Playwright; "
    "shipping method = air freight, sea, express, pickup; size of {thing} = small, medium, large, extra large; "
    "relationship status = single, engaged, married, divorced; citizenship = Dutch, Canadian, Irish, Brazilian; "
    "instrument = violin, drums, bass, piano; position in the team = goalkeeper, striker, left back, libero; seat "
    "preference = aisle, window, middle; coffee order = a flat white, an espresso, a cappuccino, a cortado; editor = "
    "Vim, Emacs, VS Code, Zed; operating system = Ubuntu, Windows, macOS, Fedora; stance on {subject} = sceptical, "
    "in favour, undecided, against; religion = Catholic, Buddhist, Quaker, none; nickname = Bee, Ace, Dot, Moose; "
    "login method = passkeys, SSO, passwords, magic links; deployment = Kubernetes, bare metal, Nomad, Heroku; "
    "preferred pronouns = she/her, he/him, they/them; meeting format = in person, remote, hybrid; style of reply = "
    "short, detailed, bullet points, casual; unit system = metric, imperial; chart type for {what} = bars, lines, pie; "
    "fabric for the curtains = linen, velvet, cotton; flooring = oak, tiles, cork, laminate; heating = gas, a heat "
    "pump, wood pellets, electric; sleeping arrangement = the sofa bed, the guest room, a tent; subscription plan = "
    "free, basic, premium, family; skin cream = aloe, zinc, cortisone; morning drink = @food; workout = @pastime; "
    "colour scheme of {what} = dark, pastel, black and white, blue and orange",
}

# base form | values | how many at once ("one", "many") | other ways to say that it begins.
VERBS = """
live in | @city | one | moved to, relocated to
work at | @company | one | started at, took a job at
work as a | nurse, baker, translator, carpenter, librarian, teacher, barista | one | retrained as a, became a
study | law, geology, design, maths, nursing, philosophy | one | switched to, transferred to
drive | a Golf, a Tesla, an old Volvo, a van, a Mini | one | bought, switched to
have a pet called | Miso, Rex, Luna, Pip, Hugo | many | adopted
be allergic to | peanuts, pollen, shellfish, cats, latex, penicillin | many | -
like | @food | many | got into
love | @pastime | many | fell for
dislike | @food | many | -
hate | @food | many | -
enjoy | @pastime | many | got into
prefer | @food | one | came round to
take | ibuprofen, metformin, vitamin D, antihistamines, sertraline, iron tablets | many | was put on
play | @pastime | many | took up
practise | @pastime | many | took up
use | @tool | one | switched to, migrated to
rely on | @tool | one | migrated to
write code in | Python, Rust, Go, Kotlin, Ruby | one | moved to
date | @person | one | got together with
be married to | @person | one | married
share a flat with | @person | one | moved in with
report to | @person | one | was reassigned to
commute by | bus, bike, train, car, ferry | one | switched to
go to the gym in | the mornings, the evenings, the lunch break | one | moved to
wake up at | 5:30, 6, 7, half past seven, 8 | one | shifted to
go to bed at | 10, 11, half past nine, midnight | one | shifted to
drink | @food | many | got into
eat | meat, fish, dairy, gluten, sugar | many | went back to
avoid | dairy, caffeine, gluten, alcohol, sugar | many | -
smoke | cigars, a pipe, roll-ups | many | -
collect | stamps, vinyl, old maps, coins, comics | many | got into
volunteer at | the food bank, the animal shelter, the hospice, the repair cafe | one | joined
belong to | the rowing club, the choir, the chess club, a reading group | many | joined
bank with | Nordbank, Revolut, the credit union, N26 | one | switched to
subscribe to | Spotify, the Economist, Netflix, a veg box, Audible | many | signed up for
support | Everton, Ajax, the Celtics, Benfica | one | -
speak | Spanish, Polish, Arabic, Cantonese, Dutch | many | -
learn | Italian, the guitar, sign language, Japanese, welding | many | took up
own | a kayak, a boat, a drone, a piano, a cabin | many | bought
rent | a studio downtown, a garage, a house by the lake, a desk in a shared office | one | moved into
lead | the design team, the audit, the onboarding project, the night crew | one | took over
teach | biology, ceramics, Year 4, evening French | one | switched to
coach | the under-tens, the swim team, the debate club | one | took on
sit on | the school board, the parish council, the ethics committee | many | joined
follow | the Mediterranean diet, a keto diet, a low-salt diet, a vegan diet | one | went on
train for | a marathon, a triathlon, the Alps crossing, a boxing match | one | signed up for
read | a biography of Curie, Dune, a book on mosses, Middlemarch | one | started
watch | a Danish crime series, the Bake Off, a space drama, old westerns | one | got hooked on
listen to | jazz, techno, audiobooks, folk, podcasts | many | got into
write | a novel, a thesis, a blog on bread, a cookbook | one | began
build | a shed, a synth, a search engine, a doll's house | one | began
save for | a house, a sabbatical, a camper van, a new roof | one | -
sleep on | the sofa, a futon, a water bed, the top bunk | one | moved to
run | 5 km every morning, along the canal, with a club on Sundays | one | -
wear | contact lenses, glasses, hearing aids, a brace | one | switched to
see a therapist on | Mondays, Wednesdays, Fridays | one | moved to
work from home on | Mondays, Tuesdays, Thursdays, Fridays | one | moved to
pay with | a credit card, cash, PayPal, my phone | one | switched to
buy bread at | the corner bakery, the market, the supermarket | one | switched to
vote for | the Greens, the Liberals, the Labour candidate | one | -
plan to visit | Peru, Norway, Vietnam, Scotland, Georgia | one | -
plan to study | medicine, architecture, law, music | one | -
want to become a | pilot, vet, chef, judge, marine biologist | one | -
want to buy | a boat, an electric bike, a loft, a telescope | one | -
hope to move to | @city | one | -
need to renew | the passport, the car insurance, the library card | many | -
be engaged to | @person | one | got engaged to
be training as a | midwife, welder, pilot, sommelier | one | -
be the head of | marketing, logistics, the choir, the lab | one | was made head of
be on | a vegan diet, the night shift, parental leave, sick leave, the day shift | one | went on
be responsible for | payroll, the newsletter, the archive, the website | one | took over
be afraid of | flying, spiders, heights, dogs | many | -
be a fan of | @pastime | many | became a fan of
be a | vegetarian, vegan, night owl, smoker, teetotaller | one | became a
be in charge of | catering, the playlist, the budget, the keys | one | took over
be friends with | @person | many | made friends with
be close to | @person | many | -
be based in | @city | one | moved to
be reading | Dune, a thriller, a book on bees, War and Peace | one | started
be staying at | the Harbour Hotel, a hostel, @person's place, the lake house | one | moved to
be looking for | a flat, a job, a nanny, a second-hand bike | one | -
be insured with | Vantage, Allianz, Northern Mutual | one | switched to
have | a dog, a motorbike, a piano, two cats, a balcony, a cold | many | got
have lunch at | @place | one | switched to
have a crush on | @person | one | fell for
have a subscription to | Spotify, the gym, a newspaper, a meal kit | many | took out
hold | a Dutch passport, a fishing licence, a black belt, the club record | many | got
keep | bees, hens, rabbits, a diary | many | got
grow | tomatoes, orchids, basil, chillies | many | began with
cook with | butter, olive oil, lard, gas, induction | one | switched to
heat with | gas, wood, a heat pump | one | switched to
travel with | hand luggage only, a backpack, two suitcases, the dog | one | -
store backups on | S3, a NAS, tapes, an external disk | one | moved to
deploy on | Fridays, Mondays, every merge, the first of the month | one | -
log in with | a password, a passkey, SSO, a token | one | switched to
keep notes in | Notion, Obsidian, a paper notebook, Org mode | one | moved to
order from | the Thai place, the pizzeria, the sushi bar | one | -
shop at | Aldi, the market, Whole Foods, the co-op | one | switched to
bring | a salad, the drinks, a tent, dessert | one | -
""".strip()

# Of things: the subject is a thing.
OF_THINGS = """
cost | $20, $45, $120, $300, $950 | one | -
be parked at | @place | one | moved to
be stored in | the shed, the cellar, the attic, locker 5, the van | one | went into
belong to | @person | one | went to
open at | 7, 8, 9, half past ten, noon | one | moved to opening at
close at | 5 pm, 6 pm, 8 pm, 10 pm, midnight | one | moved to closing at
leave from | platform 2, platform 9, gate 14, gate 31, bay C | one | was moved to
run on | port 8080, port 5432, diesel, batteries, version 3.11, version 4, a Raspberry Pi | one | was moved to
be hosted at | Hetzner, AWS, Nordbank's data centre, a friend's place | one | moved to
be made by | @company | one | -
be insured by | Vantage, Allianz, Northern Mutual | one | moved to
be on loan to | @person | one | went to
be painted | red, blue, green, white, grey | one | was repainted
be due on | Monday, Friday, 3 May, 17 June, 30 September | one | was put off to
be repaired by | @person | one | was handed to
stand in | the hallway, the kitchen, the garage, the living room, the yard | one | was carried to
hold | four people, 20 litres, 500 files, two tonnes | one | -
be scheduled for | Monday, Thursday, 8 am, next week, 12 April | one | was moved to
be sold by | @company | one | went to
need | a new battery, an update, a permit, two keys | many | -
be connected to | the router, the projector, the old laptop, the alarm | one | was hooked up to
be set to | English, 21 degrees, silent, 60 Hz, manual | one | was switched to
be named | Falcon, Meadow, Otto, Big Red | one | was renamed
weigh | 9 kg, 14 kg, 30 kg, 1.2 tonnes | one | -
be written in | Python, Go, Rust, COBOL, French, English | one | was rewritten in
""".strip()

# What stands in the brackets of a noun, and what is a thing of its own.
QUALIFIERS: Mapping[str, str] = {
    "who": "Sam, Ines, Priya, Tom, the bank, the landlord, Dana, HR, my parents, the architect, Yusuf, the school",
    "what": "the kitchen, the launch, the trip, the report, the website, the retreat, the summer fair, the garden, the "
    "annual review, the pilot, the newsletter, the migration",
    "thing": "the bike, the sofa, the camera, the new phone, the printer, the piano, the van, the router, the tent, "
    "the fridge, the drone, the desk",
    "subject": "chemistry, statistics, history, Spanish, pottery, marketing, security, biology, tax law, music theory",
}
THINGS = (
    "the backup, the server, the tram to the harbour, the van, the bakery, the choir, the archive, the printer, the "
    "summer fair, the boat, the robot, the heating, the garden gate, the museum, the night bus, the newsletter, the "
    "telescope, the coffee machine, the build job, the spare bike, the lift, the greenhouse, the projector, the pool"
)
# Whose it is, and the word for them afterwards.
KIN = (
    "sister she, brother he, mother she, father he, wife she, husband he, boss she, neighbour he, daughter she, "
    "son he, "
    "cousin he, aunt she, grandmother she, uncle he, best friend she, flatmate he, colleague she, niece she"
)
NAMES = (
    "Maya she, Jonas he, Olga she, Ben he, Chiara she, Amir he, Lotte she, Ravi he, Emma she, Hugo he, Noor she, "
    "Pavel he, Grace she, Diego he, Ingrid she, Malik he, Yuki she, Oscar he, Tess she, Ivan he"
)

# How what a verb says ends by itself, in the past: "|" between ways.
ENDS: Mapping[str, str] = {
    "live in": "left {o} for good | moved away from {o} | gave up the flat in {o} | packed up and left {o}",
    "work at": "quit {o} | was let go by {o} | retired from {o} | left {o} | handed in the keys at {o}",
    "work as a": "hung up the job as a {o} | changed careers after years as a {o}",
    "study": "dropped out of {o} | graduated in {o} | finished {o}",
    "drive": "sold {o} | wrecked {o} | gave {o} to a cousin | had {o} scrapped",
    "have a pet called": "had to say goodbye to {o} | gave {o} away | lost {o} to old age",
    "be allergic to": "got rid of the allergy to {o} | had a test that found nothing against {o} | can have {o} safely",
    "take": "came off {o} | was taken off {o} | finished the course of {o} | got through without {o}",
    "play": "hung up {o} | gave away the gear for {o} | lost the habit of {o}",
    "use": "uninstalled {o} | cancelled {o} | moved everything off {o} | got rid of {o}",
    "rely on": "got rid of {o} | shut {o} down | moved everything off {o}",
    "date": "broke up with {o} | split from {o} | ended things with {o}",
    "be married to": "got divorced from {o} | left {o} | separated from {o}",
    "be engaged to": "called off the engagement to {o} | broke up with {o}",
    "share a flat with": "moved out, away from {o} | threw {o} out",
    "report to": "left the team of {o} | was moved out of the group of {o}",
    "belong to": "left {o} | resigned from {o} | handed back the card of {o}",
    "volunteer at": "left {o} | signed off at {o}",
    "subscribe to": "cancelled {o} | let {o} lapse | unsubscribed from {o}",
    "have a subscription to": "cancelled {o} | let {o} run out",
    "bank with": "closed the account at {o} | left {o}",
    "learn": "gave up on {o} | lost patience with {o} | put {o} aside for good",
    "own": "sold {o} | gave {o} away | lost {o} in the flood | donated {o}",
    "have": "sold {o} | gave {o} away | parted with {o} | got rid of {o}",
    "keep": "sold {o} | gave {o} away | gave up on {o}",
    "rent": "moved out of {o} | gave notice for {o} | handed back the keys of {o}",
    "lead": "stepped down from {o} | handed {o} over",
    "sit on": "stepped down from {o} | was voted off {o}",
    "coach": "stepped down from {o} | handed {o} over",
    "follow": "broke off {o} | gave up {o}",
    "train for": "pulled out of {o} | finished {o} | got injured before {o}",
    "read": "finished {o} | put {o} down halfway",
    "be reading": "finished {o} | put {o} down halfway",
    "watch": "finished {o} | got bored of {o}",
    "write": "finished {o} | threw {o} away | published {o}",
    "build": "finished {o} | tore {o} down",
    "save for": "bought {o} at last | gave up on {o}",
    "wear": "got rid of {o} | can do without {o}",
    "plan to visit": "cancelled {o} | came back from {o}",
    "want to buy": "bought {o} | lost all wish for {o}",
    "need to renew": "renewed {o} | got {o} renewed this morning",
    "be on": "came off {o} | finished with {o}",
    "be responsible for": "handed {o} over | gave up {o}",
    "be in charge of": "handed {o} over | gave up {o}",
    "be the head of": "stepped down as head of {o} | was replaced at the head of {o}",
    "be friends with": "fell out with {o} | broke with {o}",
    "be close to": "fell out with {o} | lost touch with {o}",
    "be staying at": "checked out of {o} | left {o} this morning",
    "be based in": "left {o} | moved away from {o}",
    "be afraid of": "got over the fear of {o} | made peace with {o}",
    "be looking for": "found {o} | called off the search for {o}",
    "hold": "lost {o} | had to give back {o}",
    "smoke": "kicked {o} for good | threw {o} out",
    "collect": "sold the whole collection of {o}",
    "be parked at": "was towed away from {o} | drove off from {o}",
    "be on loan to": "came back from {o} | was returned by {o}",
    "be connected to": "was unplugged from {o} | lost its link to {o}",
    "be hosted at": "was taken off {o} | left {o}",
    "stand in": "was taken out of {o} | was carried out of {o}",
    "be stored in": "was taken out of {o} | was moved out of {o}",
}

# Later attributes, in lines of their own so that the earlier ones keep their folds.
MORE_NOUNS: Mapping[str, str] = {
    "time": "choir practice; graduation; interview with {who}; flight to {what}; school run; lunch break; delivery "
    "slot; demo for {what}; kick-off of {what}; inspection; viewing of the flat; blood test; car service; "
    "reading group; barbecue; farewell drinks; start of the semester; return of {thing}; opening of the shop; concert; "
    "final; match against {who}; bus; ferry; due date; first day at work; closing time; parking permit; audition; "
    "fire drill",
    "money": "ticket price; fine; overdraft; tip; bonus; pension; heating bill; subscription fee; price of {thing}; "
    "cost of {what}; credit limit; down payment; alimony; entrance fee; cleaning fee; water bill; ad budget; price of "
    "a coffee",
    "person": "boss; midwife; gardener; neighbour downstairs; guitar teacher; godfather; bandmate; flatmate; pen pal; "
    "team lead; sponsor of {what}; speaker at {what}; host of {what}; cleaner; dog sitter; piano tuner; chess partner; "
    "nurse; architect; headteacher; stand-in for {what}; driver; translator; photographer for the wedding",
    "place": "bus stop; desk; locker; table; post office; mailbox; start of the hike; holiday home; dance class; "
    "charger = in the bag, in the car, by the bed, at work; umbrella = by the door, in the car, at the office, on the "
    "hook; medicine = in the bathroom, in the fridge, in the bag, on the shelf; documents = in the cloud, in the blue "
    "binder, on the desk, in the drawer; first-aid kit = under the sink, in the boot, in the hall; tent = in the "
    "attic, at a friend's, in the garage; glasses = on the piano, in the case, in the car; recipe = in the red book, "
    "on the fridge, in the app; backup of {what} = on the server, on a stick, in the safe",
    "city": "office of {what}; birthplace; retreat; wedding; university; warehouse; place to retire; training camp",
    "company": "gym chain; streaming service; broker; landlord's agency; caterer; mover; printer of {what}; builder; "
    "tax office; airline; pension fund; temp agency; charity of the month; employer of the year",
    "code": "bank PIN; account number; tax number; student number; gate code; combination of {thing}; VPN password; "
    "API key of {what}; build number; pager number; ward number; version of the app; model of {thing}; house number; "
    "post code; channel",
    "count": "number of employees = 12, 19, 34, 80; number of rooms = 3, 4, 6, 9; API limit = 100 calls, 500 calls, "
    "1,000 calls; members of the club = 40, 55, 70, 120; chapters written = 3, 5, 8, 11; class size = 18, 24, 30; "
    "number of cats = 1, 2, 4; points in the league = 12, 18, 27, 33; level in {subject} = A2, B1, B2, C1; speed of "
    "the line = 16 Mbit, 50 Mbit, 250 Mbit; loaves a day = 60, 90, 140; vacation days = 24, 27, 30; pages of {what} = "
    "8, 14, 32; distance to work = 4 km, 11 km, 30 km; daily coffee count = 2, 3, 5; stock of {thing} = 6, 15, 40; "
    "size of the flat = 48 square metres, 64 square metres, 90 square metres; age limit = 12, 16, 18; rank in chess = "
    "1,200, 1,450, 1,700; sugar in the tea = one spoon, two spoons, none; deploys a week = 2, 5, 20; memory of the "
    "server = 16 GB, 32 GB, 128 GB; latency = 80 ms, 120 ms, 300 ms; error rate = 1 %, 3 %, 8 %",
    "choice": "hair colour = black, copper, blond, grey; mood at work = good, tense, gloomy; season of {what} = "
    "spring, autumn, winter; way to work = by tram, on foot, by bike; bedtime story = the bear book, the moon book, "
    "the pirate book; ring tone = birdsong, a bell, silent; music at the party = swing, disco, a live band; side dish "
    "= rice, fries, salad; topping = mushrooms, pineapple, ham; logo of {what} = a fox, a wave, a lamp; host country "
    "= Spain, Japan, Chile; kind of milk = oat, soy, cow's; second language = French, Mandarin, Polish; type of visa "
    "= student, tourist, work; visa status = pending, granted, refused; stage of the application = first round, "
    "second round, offer; condition of {thing} = new, used, broken; shape of the table = round, square, oval; "
    "material of {thing} = steel, wood, plastic; genre of the novel = crime, romance, science fiction; league = "
    "first, second, regional; working model = remote, hybrid, on site; contract = part-time, full-time, freelance; "
    "state of the relationship with {who} = cold, warm, complicated; favourite season = autumn, spring, summer; "
    "weather for {what} = rain, sun, fog; lead in the play = Hamlet, Ophelia, the ghost; costume = a pirate, a bee, "
    "a robot; default branch = main, master, trunk; log level = debug, info, warning; theme of the app = dark, light; "
    "backup schedule = nightly, weekly, hourly; sharing policy = open, closed, by request",
}
MORE_VERBS = """
sponsor | the chess club, the school play, a footballer, the zoo | one | -
look after | the twins, the neighbour's dog, grandma, the shop | many | took on
work out with | @person | one | teamed up with
sing in | the choir, a rock band, the church, an opera group | one | joined
babysit for | @person | many | -
sell | jam, candles, old bikes, insurance | many | went into selling
invest in | bonds, index funds, gold, property | many | put money into
bet on | horses, football, nothing but cards | many | -
restore | old radios, chairs, a tractor, clocks | many | got into restoring
design | lamps, board games, shoes, websites | many | moved into designing
deliver | mail, pizzas, flowers, parcels | one | was hired to deliver
repair | watches, phones, violins | many | -
do research on | bees, glaciers, sleep, old trade routes | one | turned to
specialise in | knees, divorce law, roofs, wild herbs | one | moved into
chair | the committee, the reading club, the parents' group | one | was elected to chair
mentor | @person | many | took on
be in love with | @person | one | fell for
be estranged from | @person | many | fell out with
be angry with | @person | many | -
be on good terms with | @person | many | made up with
be hooked on | crosswords, a soap, energy drinks, podcasts | one | got into
be into | techno, ceramics, manga, stoicism | many | got into
be saving for | a house, a trip to Peru, a cargo bike | one | -
be recovering from | surgery, the flu, a broken arm | one | -
be preparing for | the bar exam, a triathlon, the audit | one | -
be enrolled in | a pottery course, law school, night school | one | signed up for
be registered with | Dr. Patel, Dr. Moreau, the clinic on Mill Street | one | moved to
be a member of | the Greens, the alpine club, the library board | many | joined
be working on | the annual report, a mural, a new engine, chapter four | one | moved on to
be moving to | @city | one | -
be sitting in | row 4, the back office, room 12 | one | moved to
be covered by | the family plan, the basic tariff, a private insurer | one | moved to
be treated with | steroids, physiotherapy, acupuncture | one | was moved to
be lodging with | @person | one | moved in with
be team leader of | support, sales, the night shift | one | took over
be vegan except for | honey, eggs, cheese | one | -
have a contract with | @company | one | signed with
have an office in | @city | one | moved to
have a stall at | the Sunday market, the fair, the station | one | got
have a key to | the boathouse, the archive, the flat upstairs | many | got
have a job as a | cook, tour guide, courier, tester | one | was hired as a
have a side job at | @company | one | started at
have a cabin in | the hills, Norway, the woods | one | bought
have a tattoo of | a swallow, an anchor, a rose | many | got
get paid by | the hour, the month, the piece | one | moved to being paid by
get groceries from | the market, a box scheme, the corner shop | one | switched to
get the news from | the radio, a newsletter, the local paper | one | switched to
keep the car in | the garage, the courtyard, the street | one | moved it to
keep in touch with | @person | many | got back in touch with
start work at | 7, 8:30, 9, ten | one | moved to starting at
finish work at | 3 pm, 5 pm, half past six | one | moved to finishing at
earn | $2,400 a month, $3,100 a month, $45,000 a year | one | -
pay | $700 in rent, $30 for the phone, $1,100 in rent | one | -
weigh | 62 kg, 71 kg, 80 kg | one | -
sleep | six hours a night, eight hours a night, five hours a night | one | -
walk | 4,000 steps a day, 8,000 steps a day, 12,000 steps a day | one | -
type with | two fingers, ten fingers, a split keyboard | one | switched to
paint with | oils, acrylics, watercolours | one | switched to
shave with | a razor, an electric shaver, cold water | one | switched to
swim at | the old baths, the lake, the new pool | one | moved to
meet the band on | Mondays, Thursdays, Sundays | one | moved to
take the kids to | nursery by bike, school on foot, judo on Fridays | one | -
spend the summers in | @city | one | -
spend Christmas with | the in-laws, old friends, the twins | one | -
celebrate | Christmas, Diwali, Hanukkah, Eid | many | -
pray at | the mosque on Hill Road, the chapel, the temple | one | moved to
fast on | Mondays, Fridays, full moon | one | -
support the team of | @city | one | -
vote | Labour, Green, Liberal | one | -
owe money to | @person, the bank, the landlord | many | -
trust | @person | many | -
work for | @company | one | was hired by
work with | @person | many | teamed up with
work in | marketing, logistics, paediatrics, the archive | one | moved into
work from | home, the library, the office, a cafe | one | moved to
study at | the university of Graz, night school, the art college | one | transferred to
major in | biology, economics, fine arts | one | switched to
stay with | @person | one | moved in with
""".strip()
MORE_ENDS: Mapping[str, str] = {
    "look after": "handed {o} over to somebody else | gave up {o}",
    "sing in": "left {o} | was asked to leave {o}",
    "be in love with": "got over {o} | fell out of love with {o}",
    "be angry with": "made peace with {o} | forgave {o}",
    "be on good terms with": "fell out with {o} | had a row with {o} and broke with them",
    "be estranged from": "made up with {o} | hugged {o} and all is forgiven",
    "be hooked on": "kicked the habit of {o} | got bored of {o}",
    "be recovering from": "got over {o} for good | is all well after {o}",
    "be preparing for": "passed {o} | is done with {o}",
    "be enrolled in": "dropped out of {o} | graduated from {o}",
    "be a member of": "left {o} | resigned from {o}",
    "be working on": "finished {o} | threw {o} out",
    "have a contract with": "cancelled the contract with {o} | parted ways with {o}",
    "have a stall at": "gave up the stall at {o} | was thrown off {o}",
    "have a key to": "handed in the key to {o} | lost the key to {o}",
    "have a job as a": "quit as a {o} | was let go as a {o}",
    "have a side job at": "quit {o} | left {o}",
    "have a tattoo of": "had {o} lasered off | had {o} covered up",
    "keep in touch with": "lost touch with {o} | broke off contact with {o}",
    "owe money to": "paid {o} back | cleared the debt with {o}",
    "trust": "lost faith in {o} | found out the truth about {o}",
    "work for": "quit {o} | left {o} | got fired by {o}",
    "work in": "left {o} | got out of {o}",
    "study at": "graduated from {o} | dropped out of {o}",
    "stay with": "moved out, away from {o} | left {o} and found a place",
    "mentor": "stopped seeing {o} | said goodbye to {o}",
    "be treated with": "came off {o} | finished {o}",
    "restore": "sold the last of {o} | gave up on {o}",
}
MORE_OF_THINGS = """
be managed by | @person | one | went to
be driven by | @person | one | went to
be used by | the night shift, the choir, the interns, the school | many | -
be rented to | @person | one | went to
be locked at | 8 pm, 10 pm, midnight | one | -
be cleaned on | Mondays, Thursdays, Sundays | one | was moved to
be kept at | 4 degrees, 18 degrees, 21 degrees | one | was set to
be priced at | $15, $40, $220, $900 | one | -
be rated | three stars, four stars, five stars | one | -
be covered in | dust, ivy, stickers, snow | one | -
be open until | 6 pm, 9 pm, midnight | one | -
serve | tapas, ramen, vegan food, breakfast all day | many | moved to serving
sell | bread, tickets, antiques, phones | many | -
have | two floors, a garden, no windows, a garage, a slide | many | got
seat | 12, 40, 80, 200 | one | -
take | cards only, cash only, coins | one | moved to taking
start at | 6 am, 9:30, noon, 8 pm | one | was moved to
last | an hour, two days, a week | one | -
back up to | S3, a tape, the cellar server | one | was moved to
use | Postgres, oil, 3 litres per 100 km, two cores | one | was moved to
be in | the basement, the east wing, the shop window, the repair shop | one | went to
be for | children, members, staff, everybody | one | -
be broken | since Monday, again, at the hinge | one | -
be closed on | Mondays, Sundays, holidays | one | -
""".strip()
