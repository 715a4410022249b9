"""Free predicates: what is true of somebody or something and no attribute. One line is one; folds go by their order.

Those of people are in the base form ("have two nieces", "be good with maps"), or after "~" in the past.
"""

PEOPLE = """
have two nieces
have a scar on one knee
have perfect pitch
have a head for figures
have a green thumb
have a loud laugh
have a black belt somewhere in a drawer
have three godchildren
have a weakness for old films
have little patience with queues
have trouble with early mornings
have a good ear for accents
have an aunt in the navy
have curly hair
have a photo of the old house on the wall
be good with maps
be tall for the family
be left-handed
be the eldest of four
be the only one who can fix the printer
be often late
be shy in big groups
be a quick reader
be proud of the garden
be nervous before talks
be the first in the family with a degree
be terrible at parking
be fond of long train rides
be very good at spreadsheets
be colour-blind
be bad at remembering names
be fluent in two languages
be usually the last to leave
be near-sighted
be a twin
be up to date with the paperwork
be worried about the winter
be happy with the new kitchen
be curious about astronomy
be on good terms with everybody on the floor
be strict about deadlines
be still saving the old postcards
love long walks after dinner
love the smell of rain
love to cook for a crowd
enjoy quiet Sundays
like to be early
like cold weather
sing in the shower
cry at weddings
talk in meetings more than anybody
walk to the station when it is dry
keep receipts in a shoe box
keep a spare umbrella at work
carry a notebook everywhere
call home every Sunday
water the plants on Saturdays
know the words of every song
know half of the town
know a lot about mushrooms
make excellent dumplings
make lists for everything
sleep badly when it is hot
sleep with the window open
need glasses for small print
need a quiet room to think
want to see the northern lights
want to learn to sew one day
hope to retire early
dream of a cottage by the sea
think that meetings are too long
think the bus is too slow
believe in second chances
believe that tea solves most things
remember every birthday
forget where the keys are
miss the mountains
hate loud restaurants
dislike being photographed
trust the old mechanic
help out at the school fair
share the newspaper with the neighbours
speak slowly on the phone
write long letters
write with a fountain pen
drink too little water
eat dinner late
wear two watches
laugh at bad puns
prefer trains to planes
prefer stairs to lifts
work best before noon
work with a lot of students
teach the dog tricks
run faster than last year
cook on Sundays
fix bikes for friends
look after the neighbour's cat in summer
look younger with short hair
get seasick
get along with everybody
pay bills on the first
play cards with the grandparents
read the last page first
find crowds tiring
give good advice
take the stairs
~ grew up on a farm
~ broke an arm in the third grade
~ won a spelling contest once
~ met the mayor at a wedding
~ ran a half marathon in the spring
~ studied abroad for a year
~ painted the fence last summer
~ lost a suitcase in Rome
~ was born in a snowstorm
~ learned to swim at thirty
~ built the bookshelf without a plan
~ sold the old piano
~ baked a cake for the whole office
~ forgot an umbrella on the tram
~ went to the same school as the mayor
~ spent the weekend in the hills
~ had a great time at the concert
~ saw a fox in the yard
~ bought a new desk lamp
~ finished the puzzle in one evening
~ wrote to the council about the road
~ found a coin from 1902
~ was in the paper last week
~ gave a talk about bees
~ fixed the sink without help
~ took the kids to the lake
~ made friends with the new neighbours
~ got a card from an old teacher
~ slept through the storm
~ signed the petition
~ called the office about the noise
~ missed the last bus
""".strip().splitlines()

THINGS = """
is encrypted
runs only on Sundays
has a crack in the lid
was painted last year
is older than it looks
needs two people to lift it
is written in two languages
has a manual of 300 pages
makes a humming noise
was a present from an uncle
is on everybody's list
is cheaper in winter
has good reviews
came with a warranty
is the best that we have had so far
has never failed
was planned for months
is kept under lock
is popular with students
needs a coat of paint
has four wheels
is hard to explain to newcomers
was much discussed at the meeting
fits in a small bag
is run by volunteers
smells of pine
uses little power
has its own page on the intranet
was mentioned in the newsletter
is loud at night
has a view of the river
was signed by both sides
is logged every night
is backed up hourly
has two entrances
is heavier than expected
costs nothing to look at
was half the work of last year's
is covered by the insurance
shows up in the report
was inspected in March
has a waiting list
is easy to clean
depends on the weather
is open to guests
was designed by a student
is made of steel
takes a while to warm up
has been reviewed twice
is documented in the wiki
has a blue label
is well lit
is shared with the other team
was recommended by a friend
has a strict dress code
is checked by two people
is known for its bread
was built in the nineties
has a small leak
is quiet in the mornings
is part of a bigger plan
has a spare battery
is tested on every change
has an English version
is approved by the board
was late last time
lasts about an hour
is free for members
has a terrible logo
needs a signature
is visible from the road
""".strip().splitlines()
