"""The language of a text, told by its letters and its grammar words, or None where neither tells.

Languages have the codes of ISO 639-1. Scripts of one great language tell it at once; in Latin letters the language with
the most grammar words wins, English where others have as many: names of people and places are in every language.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence, Set
from functools import cache
from typing import NamedTuple

import regex

from memoria.text.scripts import folded, script

ENGLISH = "en"
# Grammar only. A longer list, with "get", "like" or "really", costs a point of recall on conversations.
_ENGLISH = """a an and are as at be been but by did do does for from had has have he her his how i if in into is it its
    me my of on or she that the their them they this to us was we were what when where which who whom why will with
    would you your"""
# Words that tell a language, though they find something.
_TELLING: Mapping[str, str] = {
    ENGLISH: """about after all also am art can care comment could day did die don fin from get go good got great had
        has here http https just let like ll man me more most no non not now one or our out over per pour re said see
        so some son than thanks then there these those under up us very wait want war well were while wow www yes
        yet""",
    "da": "bor elsker hedder iår",
    "de": "arbeitet gehört gestern heißt heute kommt liebt mag trinkt wohnt",
    "es": "ayer gusta hoy llama mañana trabaja tuvo vive",
    "fi": "asuu eilen haluaa juo kertoi kävi käy näin pitää rakastaa sanoi tapasin tänään",
    "fr": "aime aujourd boit demain habite hier travaille vit",
    "hu": "lakik ma szereti tegnap él",
    "it": "abita beve chiama ieri lavora oggi piace",
    "nl": "drinkt gisteren heet houdt vandaag werkt woont",
    "no": "bor elsker heter drikker",
    "pl": "dzisiaj lubi mieszka pije wczoraj",
    "pt": "bebe chama gosta hoje mora ontem trabalha",
    "sv": "bor dricker heter igår älskar",
    "tr": "adı bugün dün geldi gitti seviyor yarın yaşıyor çalışıyor",
}
_GRAMMAR: Mapping[str, str] = {
    ENGLISH: _ENGLISH,
    "da": """af at da de den der deres det dig dine du efter eller en er et for fra han hans har havde her hun hvad
        hvem hvor hvordan hvornår i ikke jeg med mig min mit mod når og om på sig sin skal som til var ved vi vil
        være""",
    "de": """aber als am an auf aus bei bin bis bist da das dass dem den der des dich die dir du ein eine einem einen
        einer eines er es euch für habe haben hat hatte hatten ich ihm ihn ihr ihre ihrem ihren im in ist ja kein
        keine mein meine meinem meinen meiner mich mir mit nach nicht oder sein seine seinem seinen seiner sich
        sie sind so über um und uns unser unsere unter vom von vor wann war waren warum was wem wen wenn wer
        werden wie wir wird wo wohin zu zum zur""",
    "es": """a al como con cuando cuándo cuál de del desde donde dónde el él ella en entre era es esa ese eso esta
        está estaba este esto fue ha había hay la las le les lo los me mi mis muy más nos nosotros o para pero por
        porque que qué quien quién se ser si sin sobre son soy su sus también te tiene tu tus un una uno y ya yo""",
    "fi": """ei en että he hän hänen hänet ja joka jos kanssa kenen kuin kuka me meidän mikä mikään milloin missä
        minne minun minut minä miksi miten mitä mutta myös ne niin nyt olen oli olivat olla on ovat sekä se sen
        siellä sinun sinä siitä sitä tai tämä tämän vai vain voi""",
    "fr": """à au aux avec ce ces cette comment dans de des du elle en est et eux il ils j je l la le les leur leurs
        lui ma mais me mes moi mon ne nos notre nous on ont ou où par pas pour pourquoi qu quand que quel quelle
        qui quoi sa se ses son sont sur ta te tes toi ton tu un une vos votre vous était c d m n s t y""",
    "hu": """a az azt csak de egy ez ezt hogy hogyan ha hol honnan hova ki kit kinek is itt meg melyik mert mi mikor
        mint mit most már ne nem nekem neki nincs én te ő ott pedig s van vannak volt vagy és azért""",
    "id": """ada adalah akan apa atau dan dari dengan di dia ini itu kami kapan karena ke kita mana mereka pada saya
        siapa sudah tidak untuk yang kamu""",
    "it": """a al alla alle anche che chi ci come con cosa da dal dalla dei del della delle di dove e è era gli ha ho
        i il in io la le lei lo loro lui ma mi mia mio nel nella non o per perché più quale quando quello questa
        questo se si sono su sua suo ti tra tu un una uno vi""",
    "nl": """aan al als bij dan dat de deze die dit door een en er haar had heb hebben heeft hem het hij hoe hun ik in
        is je kan maar me met mij mijn naar niet nog of om ons onze ook op over te tot u uit van voor waar waarom
        wanneer was wat we wie wij wordt zal ze zich zij zijn zo""",
    "no": """at av da de deg den der det di du eller en er et etter for fra ha han hans har hun hva hvem hvor hvordan
        hvorfor i ikke jeg med meg min mitt når og om på seg sin skal som til var ved vi vil være""",
    "pl": """a ale co czy dla do go i ich jak jako jest już kiedy kto która które który ma mi mnie moja moje mój na
        nie o od on ona po pod przez są się skąd tak tam to w we wraz z za ze że był była gdzie jego jej""",
    "pt": """a ao aos as com como da das de dela dele do dos e é ela ele em era essa esse esta está este eu foi há
        isso isto já lhe mais mas me meu minha muito na nas no nos não nós o onde os ou para pela pelo por porque
        quando que quem qual se sem ser seu sua são também te tem um uma você""",
    "ro": """a ai al ale am are au că ca care ce cu când cine da de despre din e ea ei el era este eu în la lui mai
        mea meu mi nu o pe pentru prin sa să se și sunt un una unde va""",
    "sv": """av att de dem den denna det dig din du där då efter eller en er ett från för ha han hans har hennes hon
        hur i inte jag kan kommer man med mig min mitt mot mycket när och om oss på ska sig sin som till under ut
        vad var vem vi vid vill är åt""",
    "tr": """ama bana bazı ben beni benim bir biz bize bizim bu bunu çok da daha de değil diye en gibi hangi hem için
        ile ise kadar ki kim kime mi mı mu mü nasıl ne neden nerede nereye o olan olarak olduğu onu onun sana sen
        senin siz şu var ve veya ya yok""",
    "ru": """а без бы был была были было быть в вам вас во вот все вы где да для до его ее если есть еще ей ему же за
        и из или им их к как какая какой какое какие ко когда кого кому кто ли меня мне мной мои мой моя моё моего
        моей мою мы на над нам нас наш не него нее нет ни них но ну о об он она они оно от по под при про с свой
        себя со так там тебе тебя то тоже того только ты у уже чем что чтобы это этот эта эти я""",
    "ar": """أن أنا أنت أو أي أين إلى إن الذي التي الى ان او أم به بها ثم حتى ذلك عن على عند عندما في فيه قد كان كانت
        كل كم كيف لا لم لن له لها ليس ما ماذا متى مع من منذ نحن هذا هذه هل هم هو هي و يا""",
    "he": """אבל או אותה אותו אותי אחרי אין איפה איך אל אם אני אנחנו אשר את אתה בין גם הוא היא היה היו היתה הם הן זאת
        זה זו יש כי כל כמה כן לא לאן לה להם לו לי למה לפני מאיפה מה מי מתי על עם רק של שלה שלו שלי שלך""",
    "hi": """अपना अपनी अपने आप इस इसका उस उसका उसकी उसके उसने उसे एक और कब कर करता करते करती का कि किस किसका किसकी
        किसके की के को कौन कौनसा क्या क्यों कहाँ कहां जो तक तुम था थी थे ने नहीं पर भी मुझे में मेरा मेरी मेरे मैं
        मैंने यह या ये वह वे से है हैं हो हूँ हूं ही तो""",
}
# How the languages that Snowball stems are called there.
SNOWBALL: Mapping[str, str] = {
    "ar": "arabic", "ca": "catalan", "cs": "czech", "da": "danish", "de": "german", "el": "greek", "en": "english",
    "eo": "esperanto", "es": "spanish", "et": "estonian", "eu": "basque", "fa": "persian", "fi": "finnish",
    "fr": "french", "ga": "irish", "hi": "hindi", "hu": "hungarian", "hy": "armenian", "id": "indonesian",
    "it": "italian", "lt": "lithuanian", "ne": "nepali", "nl": "dutch", "no": "norwegian", "pl": "polish",
    "pt": "portuguese", "ro": "romanian", "ru": "russian", "sr": "serbian", "sv": "swedish", "ta": "tamil",
    "tr": "turkish", "yi": "yiddish",
}  # fmt: skip
LANGUAGES = (*sorted({*SNOWBALL, "he", "ja", "ko", "th", "uk", "zh"}),)
"""The languages that a store can be of: those with a stemmer, and others whose script tells how words are found."""

# Scripts, as Unicode calls them, that are of one language, unless letters tell another.
_SCRIPTS = {
    "ARABIC": "ar", "ARMENIAN": "hy", "CYRILLIC": "ru", "DEVANAGARI": "hi", "GREEK": "el", "HANGUL": "ko",
    "HEBREW": "he", "HIRAGANA": "ja", "KATAKANA": "ja", "CJK": "zh", "TAMIL": "ta", "THAI": "th",
}  # fmt: skip
_LATIN = "LATIN"
# The scripts of languages that are not in Latin letters.
_WRITTEN = {code: written for written, code in _SCRIPTS.items()} | {
    "fa": "ARABIC",
    "ne": "DEVANAGARI",
    "sr": "CYRILLIC",
    "uk": "CYRILLIC",
    "yi": "HEBREW",
}
# Letters that no other great language of their script has; the first that is there tells.
_LETTERS = tuple(
    (regex.compile(letters), code)
    for letters, code in [
        ("[іїєґІЇЄҐ]", "uk"),
        ("[ђјљњћџЂЈЉЊЋЏ]", "sr"),
        ("[پچژگکی]", "fa"),
        ("[ßẞ]", "de"),
        ("[ıİğĞşŞ]", "tr"),
        ("[őűŐŰ]", "hu"),
        ("[ñÑ¿¡]", "es"),
        ("[ãõÃÕ]", "pt"),
        ("[łŁąĄęĘśŚźŹżŻ]", "pl"),
        ("[ěĚřŘůŮ]", "cs"),
        ("[țșȚȘăĂ]", "ro"),
        ("ää|öö|yö|[aeiouyäö]ssä|llä", "fi"),
    ]
)
# Letters that several have, with one of these; they tell it if nothing tells another.
_HINTS = tuple(
    (regex.compile(letters), code)
    for letters, code in [("[œŒèêùû]", "fr"), ("[ø\u00d8æÆ]", "da"), ("[åÅ]", "sv"), ("[äöüÄÖÜ]", "de")]
)
# Votes that make a language other than English: one word that no other has, or two that others have too.
_ENOUGH = 2
_WORD = regex.compile(r"\w+")
# The same in plain letters, at a fifth of the cost.
_PLAIN = re.compile(r"\w+")


def language(text: str) -> str | None:
    """The language of a text; None where nothing tells it.

    Args:
        text: in any form.

    Returns:
        A code of `LANGUAGES`.
    """
    found = _script(text)
    return latin(text) if found == _LATIN else of_script(found, text)


def of_script(written: str, text: str) -> str | None:
    """The language that letters of a script other than Latin are in, by what else is in the text; None for unknown."""
    from_letters = _by_letters(_LETTERS, text)
    known = _SCRIPTS.get(written)
    if written in ("CYRILLIC", "ARABIC") and from_letters in ("uk", "sr", "fa"):
        return from_letters if (from_letters == "fa") == (written == "ARABIC") else known
    return "ja" if known == "zh" and _KANA.search(text) else known


def latin(text: str, *, sure: bool = False, said: Set[str] | None = None) -> str | None:
    """The language of what a text says in Latin letters; None where as little speaks for one as for others.

    sure: in plain letters, one word of grammar alone tells none but English: it may be a name, as Ada is, which means
    "there is" in Indonesian. said: its runs, when they are at hand.
    """
    heard = _heard(text, said)
    few = sure and text.isascii()
    best = [code for code in heard.best if code == ENGLISH or heard.words.get(code, 0) > 1 or not few]
    if ENGLISH in best:
        return ENGLISH
    if heard.most < _ENOUGH:
        return heard.hint if best == [heard.hint] else None
    return next((code for code in (heard.letters, heard.hint) if code in best), min(best, default=None))


def languages(text: str, language: str | None = None) -> list[str]:
    """The languages that a text may be in, for what is as well read in several; English alone where nothing tells.

    Those with the most words of grammar, each counted once, since a wrong one is less harm here than a missing one.
    Letters of another script tell one even among more of Latin ones. language: of texts in its script, as in
    `spoken_in`.
    """
    scripts = Counter(map(script, filter(str.isalpha, text))) if not text.isascii() else {}
    told = [written for written in scripts if written in _SCRIPTS]
    if told:
        return [spoken_in(max(told, key=scripts.__getitem__), text, language) or ENGLISH]
    if language is not None and _WRITTEN.get(language, _LATIN) == _LATIN:
        return [language]
    heard = _heard(text)
    count = {code: heard.words.get(code, 0) + 2 * (code == heard.letters) for code in (*heard.words, *heard.best)}
    best = [code for code in count if count[code] == max(count.values())]
    return [ENGLISH] if not best or ENGLISH in best else sorted(best)


def spoken_in(
    written: str, text: str, language: str | None, *, sure: bool = False, said: Set[str] | None = None
) -> str | None:
    """The language of the words of a text that are in one script.

    Args:
        written: the first word of the Unicode names of its letters.
        text: all of the text.
        language: of whatever is in its script; None tells it by the text.
        sure: not by a single word of grammar that may be a name.
        said: its runs, when they are at hand.

    Returns:
        A code of `LANGUAGES`; None where nothing tells it.
    """
    if language is not None and _WRITTEN.get(language, _LATIN) == written:
        return language
    return latin(text, sure=sure, said=said) if written == _LATIN else of_script(written, text)


def stop_words(code: str) -> frozenset[str]:
    """Grammar words of a language, as matching folds them; none for a language without a list."""
    return _stop_words().get(code, frozenset())


_KANA = regex.compile(r"[\p{Hiragana}\p{Katakana}]")


def _script(text: str) -> str:
    """The script of most letters."""
    if text.isascii():
        return _LATIN
    counted = Counter(script(letter) for letter in text if letter.isalpha())
    return counted.most_common(1)[0][0] if counted else _LATIN


def _by_letters(letters: Sequence[tuple[regex.Pattern[str], str]], text: str) -> str | None:
    return None if text.isascii() else next((code for pattern, code in letters if pattern.search(text)), None)


class _Heard(NamedTuple):
    """What speaks for which language in a text in Latin letters.

    Attributes:
        best: the languages with the most votes, each with `most`.
        most: how many.
        words: by language, how many words of the text are its.
        letters: the language that letters tell.
        hint: the one that they tell if nothing tells another.
    """

    best: Sequence[str]
    most: int
    words: Mapping[str, int]
    letters: str | None
    hint: str | None


def _heard(text: str, said: Set[str] | None = None) -> _Heard:
    votes: dict[str, int] = {}
    words: dict[str, int] = {}
    owners = _owners()
    for word in owners.keys() & (runs(text) if said is None else said):
        for code, weight in owners[word]:
            votes[code] = votes.get(code, 0) + weight
            words[code] = words.get(code, 0) + 1
    letters, hint = _by_letters(_LETTERS, text), _by_letters(_HINTS, text)
    for told, weight in ((letters, 2), (hint, 1)):
        if told is not None:
            votes[told] = votes.get(told, 0) + weight
    most = max(votes.values(), default=0)
    return _Heard([code for code, count in votes.items() if count == most], most, words, letters, hint)


def runs(text: str) -> set[str]:
    """Every run of letters, digits and underscores of a text, folded."""
    return set(_PLAIN.findall(text.casefold()) if text.isascii() else _WORD.findall(folded(text.casefold())))


@cache
def _stop_words() -> Mapping[str, frozenset[str]]:
    return {code: frozenset(folded(words.casefold()).split()) for code, words in _GRAMMAR.items()}


@cache
def _owners() -> Mapping[str, tuple[tuple[str, int], ...]]:
    """For each grammar word the languages that have it, and how much it says for each.

    A single plain letter tells none.
    """
    owners: dict[str, list[str]] = {}
    for code, words in _stop_words().items():
        for word in words | frozenset(folded(_TELLING.get(code, "")).split()):
            if len(word) > 1 or not word.isascii():
                owners.setdefault(word, []).append(code)
    return {
        word: tuple((code, 2 if code == ENGLISH or len(codes) == 1 else 1) for code in codes)
        for word, codes in owners.items()
    }
