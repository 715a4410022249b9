"""General questions and text, to measure what a model still knows after training. They do not calibrate the router."""

from __future__ import annotations

QUESTIONS = {
    "What is the capital of France?": "Paris",
    "What is the capital of Italy?": "Rome",
    "What is the capital of Japan?": "Tokyo",
    "What is the capital of Germany?": "Berlin",
    "What is the capital of Spain?": "Madrid",
    "What is the capital of Egypt?": "Cairo",
    "What is the capital of England?": "London",
    "What is the capital of Russia?": "Moscow",
    "What is the capital of China?": "Beijing",
    "What is the capital of Greece?": "Athens",
    "What colour is the sky on a clear day?": "blue",
    "What colour is grass?": "green",
    "What colour is snow?": "white",
    "How many days are in a week?": "seven|7",
    "How many months are in a year?": "twelve|12",
    "How many hours are in a day?": "24|twenty-four",
    "What is 2 plus 2?": "4|four",
    "What is 10 minus 3?": "7|seven",
    "What gas do plants take in?": "carbon dioxide",
    "What do bees make?": "honey",
    "Which planet do we live on?": "Earth",
    "Which planet is called the red planet?": "Mars",
    "What is the largest planet of the solar system?": "Jupiter",
    "What is frozen water called?": "ice",
    "What is the chemical formula of water?": "H2O|H\u2082O",
    "Who wrote Romeo and Juliet?": "Shakespeare",
    "Who painted the Mona Lisa?": "Leonardo|Vinci",
    "Who developed the theory of relativity?": "Einstein",
    "Who was the first president of the United States?": "Washington",
    "Who invented the telephone?": "Bell",
    "On which continent is Kenya?": "Africa",
    "On which continent is India?": "Asia",
    "On which continent is Brazil?": "South America",
    "What is the longest river in Africa?": "Nile",
    "What is the highest mountain in the world?": "Everest",
    "What language is spoken in Mexico?": "Spanish",
    "What is the currency of the United States?": "dollar",
    "What is the currency of Japan?": "yen",
    "What is the opposite of hot?": "cold",
    "What is the opposite of up?": "down",
    "What animal says moo?": "cow",
    "What is a young dog called?": "puppy",
    "What is a young cat called?": "kitten",
    "What organ pumps blood through the body?": "heart",
    "What do we breathe with?": "lung",
    "What star is at the centre of the solar system?": "Sun",
    "What force pulls things down to the ground?": "gravity",
    "In which country is the Eiffel Tower?": "France",
    "In which country are the pyramids of Giza?": "Egypt",
    "What is the first letter of the alphabet?": "A",
}
"""Questions, and what a right answer holds; | parts alternatives."""

TEXT = (
    "The water cycle describes how water moves between the sea, the air and the land. Heat from the sun lifts vapour "
    "from the sea, the vapour cools as it rises and forms clouds, and rain brings the water back to the ground.",
    "A bridge has to carry its own weight as well as the traffic that crosses it. Engineers choose between arches, "
    "beams and cables according to the width of the river and the strength of the ground on both banks.",
    "Bread is made from flour, water, salt and yeast. The yeast eats the sugar in the flour and gives off gas, which "
    "makes the dough rise. The heat of the oven sets the shape and browns the crust.",
    "The printing press made books cheap enough for many people to own. Ideas that had spread slowly by hand-written "
    "copies could now reach a whole continent within a few months.",
    "Whales are mammals, so they breathe air and feed their young with milk. Some of them travel thousands of miles "
    "each year between the cold waters where they feed and the warm waters where they give birth.",
    "To sort a list of numbers, one can compare neighbours again and again and swap them when they are in the wrong "
    "order. This is easy to understand, but for long lists there are much faster methods.",
    "A market brings together people who want to sell and people who want to buy. When more people want a thing than "
    "there is of it, the price rises until some of them would rather do without.",
    "Mountains rise where plates of the earth's crust push against each other. Wind, ice and rain wear them down "
    "again, and rivers carry the sand and the stones to the sea.",
)
"""Plain prose for perplexity, written for this file."""


def right(answer: str, wanted: str) -> bool:
    """Whether an answer contains one of the alternatives in `wanted`."""
    return any(one.casefold() in answer.casefold() for one in wanted.split("|"))
