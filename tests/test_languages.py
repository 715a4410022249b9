"""Words in many languages: cut by Unicode, stemmed by Snowball; sketches of older stores are known again."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import memoria
from memoria.errors import InvalidQuery, LanguageMismatch
from memoria.testing import HashEmbedder
from memoria.text.brief import brief
from memoria.text.language import LANGUAGES, language, languages
from memoria.text.sketch import asked, sketch
from memoria.text.times import Reading, days
from memoria.text.words import plain_words, stems

KEY = b"k" * 32
AT = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("code", "text", "expected"),
    [
        ("en", "The children play in the houses.", ["children", "play", "hous"]),
        ("de", "Die Häuser der Kinder sind schön.", ["haus", "kind", "schon"]),
        ("fr", "Les maisons des enfants sont belles.", ["maison", "enfant", "bel"]),
        ("es", "Las casas de los niños son bonitas.", ["cas", "niñ", "bonit"]),
        ("ru", "Я видел красивые дома детей.", ["видел", "красив", "дом", "дет"]),
        ("tr", "Çocukların evleri çok güzel.", ["çocuk", "ev", "güzel"]),
        ("ar", "الأولاد في المدارس.", ["اولاد", "مدارس"]),
        ("he", "הילדים של נועה.", ["הילדים", "נועה"]),
        ("hi", "लड़के स्कूल में खेलते हैं।", ["लड़क", "स्कूल", "खेल"]),
        ("fi", "Lapset leikkivät kotona ja he ovat iloisia.", ["laps", "leikkiv", "koto", "ilois"]),
        ("hu", "A gyerekek egy szép házban laknak.", ["gyerek", "szép", "ház", "lak"]),
        ("zh", "我对花生过敏。", ["我对", "对花", "花生", "生过", "过敏"]),
        ("ja", "車は青い。", ["車は", "は青", "青い"]),
        ("ko", "지훈은 서울에 산다.", ["지훈", "훈은", "서울", "울에", "산다"]),
        ("th", "แมวดี", ["แม", "มว", "วดี"]),
    ],
)
def test_each_language_has_its_words(code: str, text: str, expected: list[str]) -> None:
    assert language(text) == code
    assert stems(text) == expected


def test_numbers_and_latin_words_stay_whole_in_a_sentence_without_spaces() -> None:
    assert {"e12345678", "护照"} <= set(stems("我的护照号码是E12345678。"))


@given(st.text(st.characters(max_codepoint=127)))
def test_plain_english_is_cut_as_ever(text: str) -> None:
    found = re.findall(r"\w+(?:'\w+)?", text.casefold())
    assert plain_words(text) == [word.split("'")[0] for word in found]


@given(st.text())
def test_words_do_not_depend_on_how_a_letter_is_put_together(text: str) -> None:
    import unicodedata

    assert plain_words(unicodedata.normalize("NFD", text)) == plain_words(unicodedata.normalize("NFC", text))


@given(st.text())
def test_every_text_has_a_known_language_or_none(text: str) -> None:
    assert language(text) in (None, *LANGUAGES)


def test_a_language_that_is_given_reads_what_no_text_tells() -> None:
    assert stems("Häuser") == stems("Häuser", "de") == ["haus"]
    assert stems("Kinder") == ["kinder"]
    assert stems("Kinder", "de") == ["kind"]
    assert stems("красивые", "de") == ["красив"]


def test_languages_of_a_text_are_those_with_the_most_words() -> None:
    assert languages("am 8. Mai 2023 war ich da") == ["de"]
    assert languages("8. Mai") == ["ro"]
    assert languages("chess with Ada") == languages("12") == ["en"]
    assert languages("iPhone を昨日買った") == ["ja"]
    assert languages("am 8. Mai", "fr") == ["fr"]
    assert languages("вчера", "fr") == ["ru"]
    assert languages("8. Mai", "ru") == ["ro"]


CASES = [("Kinder", "Kindern", "de"), ("Elle parle aux enfants", "parlerons", "fr")]


@pytest.mark.parametrize(("told", "asking", "code"), CASES)
@pytest.mark.parametrize("kind", ["directory", ":memory:", "postgres"])
def test_the_language_of_a_store_reads_its_questions(
    request: pytest.FixtureRequest, tmp_path: Path, kind: str, told: str, asking: str, code: str
) -> None:
    place = {"directory": str(tmp_path / "a.memoria"), ":memory:": kind}.get(kind) or request.getfixturevalue(
        "database"
    )
    with memoria.open(place, embedder=HashEmbedder(16), language=code, clock=lambda: AT) as memory:
        memory.remember(told)
        assert memory.recall(asking)[0].terms["words"] > 0
        assert memory.stats().language == code
    if kind == ":memory:":
        return
    with memoria.open(place, embedder=HashEmbedder(16)) as memory:
        assert memory.store.language == code
        assert memory.recall(asking)[0].terms["words"] > 0
    with pytest.raises(LanguageMismatch, match=f"'{code}', not 'sv'"):
        memoria.open(place, embedder=HashEmbedder(16), language="sv")


@pytest.mark.parametrize(("told", "asking"), [case[:2] for case in CASES])
def test_without_a_language_a_word_of_a_question_is_read_by_itself(tmp_path: Path, told: str, asking: str) -> None:
    place = tmp_path / "a.memoria"
    with memoria.open(place, embedder=HashEmbedder(16)) as memory:
        memory.remember(told)
        assert memory.recall(asking)[0].terms["words"] == 0
        assert memory.stats().language is None
    with pytest.raises(LanguageMismatch, match="each text's own"):
        memoria.open(place, embedder=HashEmbedder(16), language="de")
    with pytest.raises(InvalidQuery, match="language 'tlh' is not one of ar, "):
        memoria.open(tmp_path / "b.memoria", language="tlh")
    assert not (tmp_path / "b.memoria").exists()


def test_a_language_reads_times_and_passages() -> None:
    reading = Reading(language="de")
    assert days("8. Mai", date(2023, 5, 10), reading) == [(date(2023, 5, 8), date(2023, 5, 8))]
    text = "Wasser. " * 40 + "Kinder! " + "Wasser. " * 40
    with memoria.open(":memory:", embedder=HashEmbedder(16), language="de") as memory:
        memory.remember(text)
        hit = memory.recall("Kindes")[0]
        assert hit.passage is not None
        assert "Kinder" in hit.passage


def test_a_copy_has_the_language(tmp_path: Path) -> None:
    with memoria.open(tmp_path / "a.memoria", embedder=HashEmbedder(16), language="fi") as memory:
        memory.remember("Lapset leikkivät")
    memoria.copy(tmp_path / "a.memoria", tmp_path / "b.memoria")
    with memoria.open(tmp_path / "b.memoria", embedder=HashEmbedder(16), language="fi") as memory:
        assert memory.stats().language == "fi"


def test_a_literal_word_of_a_sentence_without_spaces_is_found() -> None:
    told = ["我对花生过敏。", "我的狗叫豆豆。", "我在一家银行工作。", "犬の名前はポチです。", "แมวของฉันสีดำ"]
    with memoria.open(":memory:", embedder=HashEmbedder(16), reinforce="never") as memory:
        ids = [memory.remember(text).id for text in told]
        for asking, answer in (("花生", 0), ("银行", 2), ("ポチは何ですか", 3), ("แมวอยู่ไหน", 4)):
            hit = max(memory.recall(asking, k=5), key=lambda hit: hit.terms["words"])
            assert hit.memory.id == ids[answer]
            assert hit.terms["coverage"] > 0


# Made by the version that had one word for a clause without spaces.
OLDER = {
    "王小明昨天去了成都的一家银行。": (
        "5087de51679cf59b44a70ffa28e758b375a35c9230f781fa49a59df252deac1e8e175462deef29c499e2412f6f899190715a040a7787ab7a"
        "12c1ed9b9b818f5c091aaa1dc4b803ad604415a0abc8fa1d1651aff492e9bd994f407360cf5322e041a9ff1035685e321f046db363fb8388"
        "513e2c7be7e0f53553fff2fc2bcdaf2f8c78ba28a2792fef00000000000000000000000000000000"
    ),
    "Ada takes her tea without sugar every morning at home.": (
        "13d07cfa1c1165ed160285260936b7591113a5c71f390c161651a1ab08ee4bbc0446091000d6c1991b328e23020fda5928f5ce5a4bffdefb"
        "2244e78a078d196b0ce7e39607e4141f18e96903016cd9240aad51f91a5c125e204700021515b86810447e8204f1e9d42ba901c545aebb95"
        "02b6369b17ecd2190909ade9051ec51b8c78ba28f521178600000000000000000000000000000000"
    ),
}


@pytest.mark.parametrize(("text", "older"), OLDER.items())
def test_a_sketch_of_an_older_store_is_known_again(text: str, older: str) -> None:
    assert asked(KEY, text, "ada").near(bytes.fromhex(older))
    assert not asked(KEY, text, "bob").near(bytes.fromhex(older))
    assert (sketch(KEY, text, "ada").hex() == older) is text.isascii()


def test_nearly_the_same_is_near_without_spaces_too() -> None:
    made = sketch(KEY, "王小明昨天去了成都的一家银行。")
    assert asked(KEY, "王小明昨天去了成都的一家大银行。").near(made)
    assert not asked(KEY, "李丽上周在上海买了一辆新车。").near(made)


@pytest.mark.parametrize("text", ["王小明昨天去了成都的一家很大的银行办事", "地下鉄の駅の近くに小さな本屋があります"])
def test_a_sentence_without_spaces_is_not_brief(text: str) -> None:
    assert not brief(text)


@pytest.mark.parametrize("name", ["Ada", "Dan", "Ella", "Hans", "Den", "Una", "Jan", "Nina", "Sin", "Van"])
def test_a_name_is_no_grammar_of_another_language(name: str) -> None:
    for text in (name, f"{name} plays chess", f"chess with {name}"):
        assert stems(name)[0] in stems(text), text
