"""What the talks of `erased_talks.py` are made of: lines, names, numbers in words."""

from __future__ import annotations

# Lines in which a value is told. {label}: what it is.
TOLD = (
    "The {label} is {v}.",
    "Just so you know, my {label} is {v}",
    "{v} is the {label} we agreed on.",
    "I wrote down {v} as the {label}.",
    "They gave me this {label}: {v}",
)
# Lines in which it is said again, by the user, by others, in lists, in quotes, in what tools give.
AGAIN = (
    "Please forget the {label} {v}.",
    "Please forget {v} for good.",
    "Don't ever mention {v} again.",
    "Delete {v} from whatever you keep.",
    "Reminder: you asked me to drop {v}.",
    "OK, I've removed {v}.",
    "Done. {v} is no longer in my notes.",
    "I will not bring up {v} any more.",
    "Sure: the {label} {v} has been deleted.",
    "User asked to erase the {label} ({v}).",
    "To do: 1. buy milk 2. change {v} 3. call the bank",
    "- milk\n- {label}: {v}\n- bread",
    "items: apples; {v}; a new lock",
    'Bob said: "it was {v}, I am quite sure".',
    "Marta wrote '{v}' on the whiteboard.",
    "> the {label} is {v}\nThat was last week.",
    "Ann: do you still have the {label}?\nBen: yes, {v}",
    '{{"status": "ok", "result": "{v}"}}',
    "lookup({label}) -> {v}",
    "tool output: name={label} value={v} ok=true",
    "| {label} | {v} |\n| note | none |",
    "[12:04] door panel: accepted {v}",
    "What was that {label} again, {v}?",
    "Was it {v} or something else?",
    "If anybody asks, {v} was never the {label}.",
    "My mother still uses {v} for everything.",
    "Our neighbour read {v} off a letter.",
    "Summary of the talk: the {label} came up ({v}), then the weather.",
    "PS: {v}",
    "{v}",
    "I dreamt of {v}, of all things...",
    "Nobody should know about {v}!",
    "The file lists {v} on page two.",
    "They said {v} is wrong; it is not.",
    "Bitte vergiss {v} wieder.",
    "Er sagte, {v} gilt immer noch.",
    "Notiz: {v} (alt)",
    "Oublie {v}, s'il te pla\u00eet.",
    "Elle a dit que {v} ne change pas.",
    "Por favor, olvida {v}.",
    "Me dijo que era {v}, creo.",
    "\u8bf7\u5fd8\u8bb0 {v} \u3002",
    "\u4ed6\u8bf4\u662f {v}\uff0c\u6211\u8bb0\u5f97\u3002",
    "\u5907\u6ce8\uff1a{v}",
)
# Lines in which another value of the kind is said.
OTHERS = (
    "The new one is {v}.",
    "Ben has {v}.",
    "On the list: {v}",
    "They told us {v} instead.",
    'The letter says "{v}".',
    "We settled on {v} yesterday.",
    "Remember {v}, please.",
    "It changed to {v} in spring.",
)
# Lines without any value.
PLAIN = (
    "Tea is better without sugar.",
    "We may go to the lake in May.",
    "The train leaves at 7:41 from platform 12.",
    "I ran 10 km in 52 minutes on 3 May.",
    "Ada likes the gate painted green.",
    "The code review took two hours.",
    "My sister moved to Lyon in 2019.",
    "There were 1,200 people at the concert.",
    "The breast of the bird is red, and it lives near Elm Park.",
    "One or two of us will bring the cake.",
    "Der Zug f\u00e4hrt um acht Uhr.",
    "Nous mangeons \u00e0 midi.",
    "Ma\u00f1ana voy al mercado.",
    "\u6211\u559c\u6b22\u559d\u8336\u3002",
    "The forecast says seven degrees and four days of rain.",
    "Version 2.14.1 fixed the bug in build 4471.",
    "He is forty-one and she is thirty-nine.",
    "Chapter 5, page 128, line 3.",
)
DIGITS = {
    "en": ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"),
    "de": ("null", "eins", "zwei", "drei", "vier", "f\u00fcnf", "sechs", "sieben", "acht", "neun"),
    "fr": ("z\u00e9ro", "un", "deux", "trois", "quatre", "cinq", "six", "sept", "huit", "neuf"),
    "es": ("cero", "uno", "dos", "tres", "cuatro", "cinco", "seis", "siete", "ocho", "nueve"),
    "zh": tuple("\u96f6\u4e00\u4e8c\u4e09\u56db\u4e94\u516d\u4e03\u516b\u4e5d"),
}
TEENS = ("ten", "eleven", "twelve", "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen")
TENS = ("twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety")
_MONTHS = {
    "en": "January February March April May June July August September October November December",
    "de": "Januar Februar M\u00e4rz April Mai Juni Juli August September Oktober November Dezember",
    "fr": "janvier f\u00e9vrier mars avril mai juin juillet ao\u00fbt septembre octobre novembre d\u00e9cembre",
    "es": "enero febrero marzo abril mayo junio julio agosto septiembre octubre noviembre diciembre",
}
MONTHS = {spoken: tuple(names.split()) for spoken, names in _MONTHS.items()}
LINES = ("+49 30 {}{}1", "+1 415 {} 0{}", "+33 6 {} {} 1", "+44 20 7{} {}", "+34 612 {} {}")
FIRST = (
    "Ada", "Bruno", "Clara", "Dmitri", "Elena", "Farid", "Greta", "Hugo", "Ines", "Jonas", "Katya", "Liam",
    "Marta", "Nora", "Omar", "Petra", "Ravi", "Sofia", "Tom\u00e1s", "Zo\u00eb",
)  # fmt: skip
LAST = (
    "Lovelace", "Keller", "Moreau", "Vargas", "Okafor", "Lindqvist", "Novak", "Hartmann", "Silva", "Peters",
    "Gonz\u00e1lez", "M\u00fcller", "Brandt", "Castillo", "Dubois", "Eriksen", "Fischer", "Grimaldi", "Haddad", "Ito",
)  # fmt: skip
PLAIN_FIRST = ("Ada", "Bruno", "Clara", "Elena", "Greta", "Hugo", "Ines", "Jonas", "Liam", "Nora")
PLAIN_LAST = ("Lovelace", "Keller", "Moreau", "Vargas", "Okafor", "Novak", "Hartmann", "Silva", "Brandt", "Dubois")
STREETS = ("Elm", "Maple", "Harbour", "Cedar", "Mill", "Church", "Victoria", "Linden", "Orchard", "Castle")
ENDS = ("Street", "Road", "Avenue", "Lane", "Square")
CONDITIONS = (
    "breast cancer", "bipolar disorder", "kidney failure", "lung fibrosis", "heart murmur", "skin lupus",
    "liver cirrhosis", "bladder infection", "panic attack", "thyroid nodule", "celiac disease", "opioid addiction",
)  # fmt: skip
HOSTS = ("example.org", "mail.example.com", "lab-nine.net", "verein.de", "casa.es")
CHINESE = (
    "\u674e\u5c0f\u9f99",
    "\u738b\u82b3",
    "\u9648\u5efa\u56fd",
    "\u8d75\u4e3d\u5a1f",
    "\u5218\u5fb7\u534e",
    "\u5f20\u4f1f\u660e",
    "\u9ec4\u6653\u660e",
    "\u5b8b\u6e05\u4e91",
)
