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

PEOPLE += """
have a cousin in the fire brigade
have a soft spot for old trams
have a fear of missing out
have a sweet tooth
have an old scooter in the cellar
have a favourite bench in the park
have four brothers
have a birthday in December
have a talent for mimicry
have a map of the world on the wall
have strong opinions about bread
have a key for the attic
have flat feet
have a collection of odd mugs
be a good listener
be a slow eater
be quick to laugh
be hard to surprise
be new in the neighbourhood
be in the phone book
be the tallest on the team
be patient with children
be in two minds about the logo
be always on time
be a member of the library
be born in May
be used to the noise
be afraid of nothing on a stage
be on the guest list
be keen on crosswords
be polite to a fault
be out on Thursday evenings
be rather good at darts
be a fast typist
be a poor sleeper on trains
be a godparent
be named after a river
be good at keeping secrets
be busy in the summer
be well known in the village
own a very loud clock
own an unusual number of scarves
like the smell of books
like to plan ahead
like fresh air
like odd numbers
love a good storm
love to argue about films
enjoy a long breakfast
hum while working
whistle in the stairwell
count stairs
collect the post for the whole house
bring biscuits to meetings
always carry a pencil
never lock the bike
rarely use the phone
often lose gloves
mostly dress in black
talk to plants
talk fast on stage
read maps for fun
read the small print
walk barefoot at home
wake up before the alarm
keep old tickets
keep the receipts for the tax office
know the baker by name
know three card tricks
know how to fold a crane
make the best soup
make odd noises when thinking
need a lot of sleep
need quiet in the morning
want to write a letter to the mayor
want a better chair
hope for snow
hope to see whales one day
believe in ghosts a little
think that the town is too loud
think the new logo is ugly
remember every phone number
remember the old square
miss the old cinema
hate wet socks
hate the sound of chalk
help in the school library
help strangers with prams
share a garden with the neighbours
share every recipe
speak in proverbs
write limericks
write the minutes of the association
drink from the blue mug only
eat apples whole
cook without salt
fix clocks
look good in green
look tired on Mondays
get on well with the in-laws
get lost easily
pay in exact change
play the fool at parties
sing out of tune
swim in cold water
sit in the back row
wave at trains
wear a hat in all weathers
work without music
worry about small things
wish for a longer weekend
~ was an altar boy for a summer
~ once slept in an airport
~ got a medal for bravery
~ wrote a poem for the wedding
~ missed the flight in 2016
~ grew up with five cats
~ spent a year on an island
~ went to the opera last month
~ painted the gate
~ found a wallet on the bus
~ met a film star in a lift
~ learned to juggle at camp
~ broke the good vase
~ bought too many tomatoes
~ visited the old mine
~ joined the march in May
~ left the umbrella at the dentist's
~ caught a big fish
~ had a bad cold at Easter
~ had tea with the neighbours yesterday
~ had an argument about parking
~ took a day off last week
~ gave the old coat to charity
~ called the plumber on Monday
~ mended the fence
~ saw the northern lights in 2018
~ sold cakes at the fair
~ read the letter twice
~ wore the green suit to the interview
~ told a long story at dinner
~ was late this morning
~ was at the lake on Sunday
~ sent flowers to the nurse
~ tried the new cafe
~ made a snowman
~ forgot the password once
~ changed a tyre in the rain
~ moved the sofa without help
~ cancelled the newspaper by mistake
~ lost at chess again
~ stopped at the bakery on the way
~ finished the crossword
~ started the day with a swim
""".strip().splitlines()

THINGS += """
is older than the town
was a bargain
has a scratch on the side
is insured for little
was built by hand
is in good shape
has a nickname
came from an auction
is famous in the region
makes a clicking sound
has a red handle
needs to be aired out
was the idea of a colleague
is checked once a year
has its own key
is hard to find on the map
was shown on television
is covered with ivy
has a long history
needs no password
is used by everybody
has a small crack
is quiet at night
is on the ground floor
is listed in the register
was cleaned yesterday
has been on the news
was full on Saturday
has three buttons
smells a bit of oil
has a step at the door
is the only one of its kind
was paid for by the club
is the pride of the street
is warm in winter
has a sticker on it
was checked twice last week
has a good name
shakes a little
is liked by children
was drawn by an architect
has a slow start
is described in the handbook
costs more on weekends
saves a lot of time
was opened by a minister
was tested in the rain
has windows to the south
is run by two sisters
has a fan club
is lighter than it looks
was on loan once
keeps everybody happy
needs a new sign
is a gift of the city
was mentioned at dinner
got a prize in 2015
got stuck once
got good marks in the test
had a fault last winter
""".strip().splitlines()
