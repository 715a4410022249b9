"""Changes by inference: what is so, what is said that means it is over, and what is said near it that leaves it true.

A line: memories | what ends them | what does not, with "/" between ways. Slots: {S} somebody; {s}, {es} the end of a
verb in the third person; {be}, {have}, {do}, {was}; {P} their "my" or "her", {O} "me" or "her", {p} "I" or "she"; {X}
somebody else; and values of the pools by their names. Folds go by the order of lines.
"""

SITUATIONS = """
the trains are on strike / there is a train strike on | the strike is over / the trains are running again / the union has signed, so everybody is back at work | {X} got stuck because of the strike / the strike is in every newspaper / I read about strikes in the twenties
{S} rent{s} a flat in {city} / {S} {be} a tenant in {city} | {S} {be} a homeowner now / {S} bought {P} own place, keys and all / {S} gave the keys back to the landlord | the flat has thin walls / {P} flat was in a magazine once / {p} had the windows cleaned
{S} {be} single / {S} {have} no partner | {S} got married last month / {S} {be} seeing somebody / there is a ring on {P} finger | {S} went to a wedding / {S} watched a film about weddings / {X} is single as well
{S} {be} expecting a baby / {S} {be} pregnant | the baby is here, a little girl / {S} gave birth on Sunday / the twins were born at dawn | {S} bought a cot / {S} feel{s} the baby kick / {S} {have} a list of names
the hall is yellow / we have yellow walls in the hall | we painted the hall green / the hall got a coat of grey / the yellow in the hall had to go | the hall is narrow / we hung a mirror in the hall / the hall was swept today
{S} {have} braces / {S} wear{s} braces on {P} teeth | {P} braces came off / the dentist took the wires off {P} teeth | {S} {have} a check-up for the braces / {S} brush{es} after each meal
{S} walk{s} with crutches / {S} {be} on crutches | {S} handed the crutches back / {S} can walk without help again / {S} ran up the stairs this morning | {S} fell on the stairs in spring / the crutches are blue
{S} {have} a broken leg / {P} leg is in plaster | the plaster is off / {P} leg has healed / {S} {be} playing football again | {X} signed the plaster / the doctor looked at {P} leg / {S} hate{s} hospitals
the road to {city} is closed / there is no way through on the road to {city} | they opened the road to {city} this morning / {X} drove right through to {city} / the road works are finished | the road to {city} is long / {X} took the road to {city} in 2010
the shop is closed for repairs / they shut the shop for repairs | the shop opened its doors again / I bought bread in the shop today, all new inside | the shop has a new sign / I like that shop
{S} {be} unemployed / {S} {be} out of work | {S} signed a contract on Monday / {S} start{s} at {company} on the first / {S} got the job | {S} wrote ten applications / {S} had an interview / {X} is out of work too
{S} {be} looking for a flat / {S} need{s} a new place to live | {S} got the flat on the hill / {S} signed the lease / {S} moved in on Saturday | {S} saw two flats today / rents are mad in {city} / {S} like{s} high ceilings
{S} {be} still in school / {S} go{es} to school | {S} graduated in June / {S} {be} at university now / school is behind {O} | {S} {have} a maths test / {S} like{s} the art teacher
{S} work{s} for {company} / {S} {have} a job at {company} | {S} was made redundant / {company} went bust in the spring / {S} retired last Friday / {S} handed in {P} notice | {S} had lunch with the people from work / {company} has a nice canteen / {S} got a bonus
{S} {be} {X}'s boss / {X} works for {O} | {X} quit / {X} was promoted over {P} head / {X} moved to another department | {X} brought cake to the office / {S} praised {X}
we have a dog called {pet} / {pet} is our dog | {pet} died in the night / we had to give {pet} to a farm / we buried {pet} under the oak | {pet} chased a squirrel / {pet} needs a bath / {pet} barked all night
{S} {do}n't have a car / {S} {have} no car | {S} picked up {P} new car / {S} drove home in {P} own car at last / there is a car in {P} drive with {P} name on it | {S} took a taxi / {S} borrowed the van of {X} / cars are too dear
{S} {have} a car / {S} own{s} a car | {S} sold the car / the car was a write-off after the crash / {S} get{s} around by bike and nothing else since March | {S} washed the car / the car needs petrol / {S} parked far away
{S} {have} never been to {city} / {S} {have} yet to see {city} | {S} just came back from {city} / {S} spent a week in {city} in May / {S} saw {city} with {P} own eyes at last | {S} read a book about {city} / {X} loves {city}
{S} cannot swim / {S} never learned to swim | {S} swam across the lake today / {S} passed the swimming test / {S} do{es} twenty lengths a day | {S} sat by the pool / {S} bought a towel
{S} cannot drive / {S} {have} no licence | {S} passed the driving test / {S} got {P} licence in the post / {S} drove us to {city} | {S} had a driving lesson / {X} drives too fast
{S} {be} learning to drive / {S} take{s} driving lessons | {S} passed the test first time / {S} {have} a licence in {P} pocket | {S} stalled twice today / the instructor is kind
{S} {be} a beginner at {pastime} / {S} {be} new to {pastime} | {S} teach{es} {pastime} these days / {S} won the {pastime} cup | {S} bought better gear / {pastime} is harder than it looks
{S} {have} long hair / {P} hair goes down to {P} waist | {S} had it all cut off / {S} shaved {P} head / {P} hair is shorter than {X}'s since yesterday | {S} washed {P} hair / {S} bought a comb / {S} had the ends trimmed a little, nothing more
{S} {have} a beard / {S} {have} a moustache | {S} shaved it all off / {P} chin is smooth as a baby's | {S} combed it / beards are in fashion
{S} {be} blond / {P} hair is blond | {S} dyed {P} hair black / {S} {be} a redhead since Friday | {S} got sunburnt / {S} wore a hat
the kitchen tap drips / there is a leak under the sink | the plumber fixed it / not a drop since {X} put in a new seal | we called the plumber / the sink is steel
the lift is out of order / the lift in our building is broken | I took the lift up today, smooth as butter / the lift is running again / they repaired the lift | the lift is small / {X} got stuck in a lift once
the heating is broken / we have no heating | it is warm again, the man came / the boiler was replaced and the radiators are hot | we bought a blanket / the winter is long
the internet at home is down / we have no internet | we are back online / the router was swapped and the video calls work | I called the provider / the provider is {company}
{S} {have} a cold / {S} {be} in bed with the flu | {S} {be} well again / {S} {be} back on {P} feet / the fever is gone and {p} went to work | {S} drank tea / {X} is ill too
{S} {be} in hospital / {S} {be} on ward six | {S} came home yesterday / they let {O} out on Tuesday / {S} {be} recovering on {P} own sofa | {X} brought flowers / the nurse is nice
{S} {be} on holiday in {city} / {S} {be} away in {city} | {S} {be} back at {P} desk / {S} landed at home last night / the holiday is over | the weather in {city} is great / {S} sent a card
{S} {be} on parental leave / {S} {be} at home with the baby | {S} went back to work in May / the little one is at nursery and {S} {be} in the office again | the baby sleeps badly / {S} bought a pram
{S} live{s} alone / nobody else lives in {P} flat | {X} moved in with {O} / there are three of us in the flat since autumn, {S} and two students | {S} cooked for one / {S} like{s} silence
{S} live{s} with {X} / {S} and {X} share a flat | {X} moved out / {X} found a place of {P} own across town / {S} {have} the flat to {P} own since {X} left | {X} did the dishes / {S} and {X} had a long talk
{S} and {X} are best friends / {X} is {P} closest friend | {S} and {X} do not speak any more / {X} betrayed {O} and that was that / they fell out for good | {S} and {X} went to the cinema / {X} turned thirty
{S} and {X} are married / {X} is {P} other half | the divorce came through / {X} left and filed the papers / {S} {be} divorced | {S} and {X} had a party / {X} forgot the anniversary
{S} {be} afraid of dogs / dogs scare {O} | {S} adopted a puppy and cuddle{s} it all day / dogs are no trouble for {O} since the therapy | {S} saw a dog in the park / {X} has a dog
{S} {be} a vegetarian / {S} eat{s} no meat | {S} had a steak and {be} never going back / {S} eat{s} chicken twice a week | {S} cooked lentils / {X} is a vegetarian as well
{S} {do}n't drink alcohol / {S} {be} teetotal | {S} {have} a glass of wine with dinner these days / {S} enjoy{s} a beer after work again | {S} went to a bar with {X} / {S} ordered juice
{S} smoke{s} / {S} {be} a smoker | not one cigarette since January / {S} threw away the last packet and never looked back | {X} smokes too / smoking is banned in here
{S} {be} a night owl / {S} stay{s} up until two | {S} {be} up with the birds these days / in bed by nine, that is {O} now | {S} had a bad night / {S} watched a late film
{S} {be} saving up for a boat / {S} put{s} money aside for a boat | the boat is in the harbour, all {P} own / {S} spent the boat money on a roof | {S} read about boats / {S} sailed with {X}
the project is in the planning stage / we are still planning the project | the project went live last night / the project was shelved for good | the project has a budget / {X} joined the project
the paper is under review / we wait for the reviewers | the paper was accepted / they rejected the paper / it came out in print today | the paper has five authors / {X} liked the paper
the ticket is open / the bug is not fixed | {X} closed the ticket / the fix is in since last night / nobody can reproduce the bug after the patch | {X} commented on the ticket / the bug is odd
the release is blocked / we cannot release | we shipped it this morning / the blocker was merged, all green | the release has notes / {X} asked about the release
the server is down / the server does not answer | the server is up again / {X} rebooted it and the pings come back | the server is in the cellar / the server is old
the tests fail / the build is red | the build is green / {X} mended the tests, all pass | the build takes long / {X} wrote a test
the contract runs until June / we are bound by the contract until June | we signed for two more years / we got out of the contract early | the contract has ten pages / {X} read the contract
the seat next to me is empty / nobody sits at the desk beside mine | {X} sits next to me now / the new colleague took the desk beside mine | the desk is by the window / I like my chair
{S} owe{s} {X} forty pounds / {S} {have} to pay {X} back | {S} paid {X} the money back / {S} and {X} are even / {X} waived the debt | {S} saw {X} on Monday / {X} is rich
{S} {have} a loan on the house / {S} {be} paying off a mortgage | {S} paid the last instalment / the house is all {P} own, not a penny left to pay | the house needs a roof / interest rates are in the news
the parcel has not arrived / we wait for the parcel | the parcel was on the doorstep / {X} brought the parcel up / it came in the post, a bit bent | the parcel is from {company} / I tracked the parcel
{P} passport is lost / {S} cannot find {P} passport | {S} found it in the laundry / a kind man handed {P} passport in / the new passport came | {S} called the embassy / {S} hate{s} paperwork
the bike has a flat tyre / the bike cannot be ridden | I patched the tyre and rode to work / the bike rolls again | the bike is green / bikes get stolen here
the cake is in the oven / the cake is still baking | the cake is on the table / we ate the cake to the last crumb | the cake is for {X} / I like cake
the lake is frozen / there is ice on the lake | the ice is gone / we swam in the lake, it is spring | the lake is deep / {X} has a hut by the lake
the roses are in bloom / the roses are out | the frost took the roses / {X} cut down the roses / nothing left of the roses but thorns | roses need sun / {X} likes roses
the tree stands in front of the house / we have a big tree in front of the house | the storm brought it down / we had to fell the tree / there is only a stump in front of the house | the tree is old / birds sing in the tree
the old mill is a ruin / nobody lives in the old mill | they turned the old mill into flats / a family lives in the old mill since spring | the old mill is by the river / {X} painted the old mill
the school is run by {X} / {X} is the headteacher | the school has a new head / {X} went into retirement | the school has a choir / the school is red brick
the mayor is {X} / {X} is our mayor | {X} lost the election / the new mayor was sworn in / {X} stepped down over the scandal | {X} opened the fair / the mayor likes {food}
{X} is the captain / {X} captains our team | the coach gave the armband to somebody else / {X} left the club | {X} scored twice / our team lost
{company} is a family firm / {company} belongs to the family | {company} was bought by a big group / the family sold up | {company} has a nice logo / {X} knows {company}
we get our vegetables from {company} / {company} delivers our vegetables | we grow all our own now / {company} stopped delivering here | carrots are cheap / the vegetables were fresh
the meeting is in person / we meet in the office for it | it is a video call from now on / everybody dials in these days | the meeting is short / {X} chairs the meeting
the course has free places / there is still room in the course | the course is full / the last place went to {X} | the course is on {pastime} / the course was praised
there are tickets left for the concert / the concert is not sold out | it sold out in an hour / {X} got the last ticket | the concert is in {city} / {X} plays in it
the museum is free / you pay nothing at the museum | they take ten euros at the door now / there is an entrance fee since May | the museum has a cafe / {X} works at the museum
dogs are allowed in the park / you can take a dog to the park | they banned dogs from the park / there is a sign at the park, no dogs | the park is green / {X} runs in the park
{S} {have} a room of {P} own / {S} sleep{s} in {P} own room | {S} share{s} a room with {X} now / {P} room went to the baby | {S} tidied the room / the room is small
{S} {be} the youngest in the team / nobody in the team is younger than {S} | a new trainee of eighteen joined us / {X}, who is nineteen, took that title from {O} | {S} like{s} the team / the team went bowling
{S} hold{s} the club record / the record is {P} own | {X} beat {P} time / somebody ran faster on Sunday, so the record is gone | {S} trained hard / {S} ran in the rain
{S} {have} nothing planned for Friday / {P} Friday is free | {S} got tickets for Friday / Friday is full, {X} is coming over | Friday is a holiday / {S} like{s} Fridays
{S} {be} coming to the party / {S} said yes to the party | {S} cannot make it after all / {S} {be} ill and {be} staying in bed that night | the party is at {place} / {S} bought a present
{S} {be} not coming to the party / {S} said no to the party | {S} can come after all / count {O} in, {P} trip fell through | the party is at {place} / {X} is not coming
{S} {be} waiting for {P} test results / {S} do{es}n't know {P} results yet | the results came, all clear / {S} got {P} results on Tuesday | {S} {be} nervous / the lab is in {city}
{S} {be} allergic to nuts / nuts make {O} ill | the doctor says {p} grew out of it, nuts are fine / {S} ate walnuts all week without a rash | {S} read the label / {X} likes nuts
{S} {have} two children / {S} {be} a parent of two | number three was born on Monday / {S} {be} a parent of three | the children are at school / {S} took the children to the zoo
{S} {be} the only child / {S} {have} no siblings | {S} got a little brother / {P} parents had another baby | {S} played alone / {X} has four siblings
my phone is broken / I have no phone | I got a new phone / the screen was replaced and the phone works | my phone is blue / {X} called
my watch is at the repair shop / they are repairing my watch | I picked up my watch / the watch is on my wrist again | the watch was a gift / the repair shop is in {city}
the book is lent to {X} / {X} has my book | {X} gave the book back / the book is on my shelf again | the book is thick / {X} reads a lot
the piano is out of tune / the piano sounds awful | the tuner was here / the piano sounds like new | the piano is black / {X} plays the piano
we have no name for the baby / the baby has no name yet | we settled on Nora / the baby is called Elio | the baby is due in May / {X} likes old names
the flat is empty / the flat has no furniture | the sofa and the beds came today / we furnished the flat | the flat has a balcony / we saw the flat
the war goes on / there is war in the north | they signed a peace / the guns are silent since Sunday | {X} wrote about the war / wars are terrible
{X} is the champion / {X} holds the title | {X} lost the final / the title went to a newcomer | {X} trains in {city} / {X} was on television
you need a visa for it / one cannot enter without a visa | they scrapped the visa / a passport is enough since June | the visa is yellow / {X} asked about visas
smoking is allowed on the terrace / you can smoke on the terrace | the terrace is smoke-free now / they banned smoking outside too | the terrace is sunny / {X} smokes
the coffee machine takes coins / you need coins for the coffee machine | it takes cards only now / coffee is free since Monday | the coffee is weak / {X} likes coffee
the bus stops in front of our house / there is a bus stop in front of our house | they moved the stop to the church / the line was cut, no bus comes by | the bus is often full / {X} takes the bus
the well has water / we draw water from the well | the well ran dry / the well was filled in | the well is deep / the water is cold
I am on the waiting list / I am waiting for a place | I got the place / they called, I am in | the list is long / {X} asked about it
{S} {be} under contract with {company} / {S} {have} a contract with {company} | {company} let it lapse / {S} bought {P} way out | the contract was in English / {company} is big
{S} {be} on probation / {S} {be} in the trial period | {S} passed probation / they made it permanent | {S} like{s} the job / {X} trained {O}
{S} {be} a junior / {S} {be} a junior at {company} | {S} was promoted to senior / {S} lead{s} the team since May | {S} asked many questions / {S} like{s} {company}
the deal is off / there will be no deal | they shook hands on it after all / the deal was signed at noon | the deal was in the papers / {X} likes deals
{S} {be} writing {P} thesis / {S} {have} a thesis to finish | {S} handed in the thesis / {S} defended it and {be} a doctor now | the thesis is on moss / {S} wrote a page
{S} {be} in the band / {S} play{s} bass in the band | the band split up / they found another bass player | the band has a van / {S} bought strings
we water the garden by hand / the garden is watered with a can | the sprinklers do it now / we put in pipes and a timer | the garden is big / it rained
""".strip().splitlines()  # noqa: E501 - a situation is one line
