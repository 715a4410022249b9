"""Whether `forget(mentions=)` finds a name in the forms that 16 languages give it, and nothing of another name."""

from __future__ import annotations

from dataclasses import dataclass

from memoria.text.endings import Grade
from memoria.text.mentions import Name


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A name, and texts about it and about others.

    Attributes:
        name: what is asked for.
        theirs: texts that mention it.
        others: texts that mention something else.
    """

    name: str
    theirs: tuple[str, ...]
    others: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Counted:
    """What was found of one kind.

    Attributes:
        kind: a language, or "signs and numbers".
        theirs: how many texts mention the names.
        met: how many of these are found.
        near: how many of the rest are near misses, which a dry run lists.
        others: how many texts mention something else.
        wrong: how many of these are found.
    """

    kind: str
    theirs: int
    met: int
    near: int
    others: int
    wrong: int


def measure() -> list[Counted]:
    """Looks up every name of `TABLE` in its texts.

    Returns:
        Counts for each kind, in the order of the table.
    """
    return [_counted(kind, asked) for kind, asked in TABLE.items()]


def _counted(kind: str, asked: tuple[Asked, ...]) -> Counted:
    theirs = [Name(one.name).grade(text) for one in asked for text in one.theirs]
    others = [Name(one.name).grade(text) for one in asked for text in one.others]
    return Counted(
        kind=kind,
        theirs=len(theirs),
        met=theirs.count(Grade.MET),
        near=theirs.count(Grade.NEAR),
        others=len(others),
        wrong=others.count(Grade.MET),
    )


def _asked(name: str, theirs: str, others: str) -> Asked:
    """Texts stand one a line."""
    return Asked(name=name, theirs=tuple(theirs.strip().split("\n")), others=tuple(others.strip().split("\n")))


TABLE = {
    "English": (
        _asked(
            "Ann",
            "Ann's bike is red.\nASK ANN TODAY\nI met Ann\u2019s cousin.\n(Ann)\n*Ann* signs.\nAn Ann-approved cake",
            "Anna left.\nHannah left.\nMary-Ann left.\nAnn-Kathrin left.\nAnnie left.\nann_7 is a file.\nAnnual report",
        ),
        _asked(
            "Will Carter",
            "Will Carter sings.\nWill  Carter\u2019s car\nwill_carter wrote",
            "Will carted it.\nWill Carters sings.\nCarter will.",
        ),
        _asked("Adam", "Adam works at a bank.", "Adams Street is closed.\nPeter Adams works there."),
    ),
    "German": (
        _asked(
            "Lena",
            "Lenas Fahrrad ist kaputt.\nDas ist Lenas neue Wohnung.\nIch habe LENA gesehen.\nOma Lena kommt.",
            "Lenas ist ein Ort.\nLenart wohnt hier.\nHelena wohnt hier.\nAnna-Lena wohnt hier.",
        ),
        _asked(
            "Wei\u00df",
            "Frau Weiss kommt.\nFRAU WEISS kommt.\nBei Wei\u00df ist zu.",
            "Herr Wei\u00dfmann kommt.\nDie Wei\u00dfen kommen.",
        ),
        _asked(
            "Peter",
            "Peters Auto steht vor der T\u00fcr.",
            "Herr Peters kommt morgen.\nPetersburg ist weit.\nPetra wohnt da.",
        ),
    ),
    "French": (
        _asked(
            "\u00c9lise",
            "C'est le chat d'\u00c9lise.\nL\u2019\u00c9lise que je connais\nELISE\u0301 non, \u00c9LISE oui",
            "La belle Louise est ici.\nElise est une autre.\n\u00c9lisez un chef.",
        ),
        _asked(
            "Marc",
            "Marc habite \u00e0 Lyon.\nJe vois Marc-",
            "Marcel habite ici.\nJean-Marc habite ici.\nLe march\u00e9 est l\u00e0.\nMarco est l\u00e0.",
        ),
    ),
    "Spanish": (
        _asked(
            "Pilar",
            "El coche de Pilar es rojo.\n\u00bfPilar?\n\u00a1PILAR!\nPilar, ven.",
            "Los pilares son altos.\nMar\u00eda del Pilarcito\nPilarica canta.",
        ),
        _asked(
            "Mario",
            "Mario vive en Quito.",
            "Marios no hay.\nMar\u00eda vive en Lima.\nEl mariachi canta.\nMarion canta.",
        ),
    ),
    "Russian": (
        _asked(
            "\u041e\u043b\u044c\u0433\u0430",
            "Ключи у Ольги.\nЯ позвонил Ольге.\nВчера видел Ольгу.\nОн живёт с Ольгой.\nОЛЬГА пришла.",
            "Олег пришёл.\nОльгин дом далеко.\nОльгерд был князем.\nЭто Хельга.",
        ),
        _asked(
            "Сергей Павлов",
            "Я видел Сергея Павлова.\nОн дружит с Сергеем Павловым.\nПисьмо Сергею Павлову",
            "Сергей Павловский пришёл.\nСергеев Павел пришёл.",
        ),
        _asked("Артём", "Звонил Артем.\nДай Артёму книгу.", "Артемида — богиня.\nАртель работает.\nАртемьев пришёл."),
        _asked(
            "Виктор", "Это дом Виктора.\nПривет Виктору!", "Виктория пришла.\nВикторов пришёл.\nВикторина была вчера."
        ),
    ),
    "Turkish": (
        _asked(
            "\u0130pek",
            "İpek'in kedisi var.\nIPEK geldi.\nipek\u2019e söyle.\nİPEK geldi.",
            "İpekçi geldi.\nSipeki bir köydür.",
        ),
        _asked(
            "I\u015f\u0131k", "Işık'tan haber yok.\nIŞIK geldi.\nışık geldi", "Işıklar yandı mı acaba.\nAlışık değilim."
        ),
        _asked("Zeynep", "Zeynepten haber var mı?\nZeynep'e sordum.", "Zeyneddin geldi.\nZeynebiye camisi"),
    ),
    "Arabic": (
        _asked(
            "\u062e\u0627\u0644\u062f",
            "سلمت على خالد.\nذهبت وخالد إلى السوق.\nالكتاب لخالد.\nمررت بخالد أمس.\nخَالِد هنا\nولخالد بيت",
            "خالدية مدينة.\nخلود هنا.\nخالدون في القلب.",
        ),
        _asked("أسامة", "اسامة جاء.\nمع أسامة ولأسامة", "سامة جاءت.\nوسام جاء."),
        _asked("ريم", "كتاب لريم.\nوريم هنا.", "كريم هنا.\nالريمي هنا.\nحريم السلطان"),
        _asked("\u0627\u0644\u0642\u0627\u0647\u0631\u0629", "سافر للقاهرة.\nعاش بالقاهرة.", "قاهر جاء.\nالقاهري جاء."),
    ),
    "Hebrew": (
        _asked(
            "\u05e0\u05d5\u05e2\u05d4",
            "הספר של נועה.\nנתתי לנועה.\nונועה באה.\nדיברתי בנועה\nמנועה שמעתי",
            "תנועה בכביש.\nנועהר כאן.\nיועה כאן.",
        ),
        _asked("רון", "דיברתי עם רון.\nנתתי לרון.", "שרון גרה כאן.\nאהרון גר כאן.\nרונית גרה כאן.\nהארון גדול."),
    ),
    "Hindi": (
        _asked(
            "\u0938\u0940\u0924\u093e",
            "सीता ने खाया।\nयह सीता का घर है।\nसीता, इधर आओ।",
            "सीताराम आया।\nसीत लहर आई।\nगीता आई।\nसंगीता आई।",
        ),
        _asked("\u0930\u093e\u092e", "राम को बुलाओ।\nराम-राम", "रामू आया।\nआराम करो।\nरामायण पढ़ो।\nरमा आई।"),
    ),
    "Chinese": (
        _asked(
            "\u9648\u4e3d\u534e",
            "陈丽华在银行工作。\n我昨天见到陈丽华了。\n给陈丽华打电话\n陈 丽华来了。\n老师是陈丽华。",
            "陈丽来了。\n陈华丽来了。\n丽华陈列馆\n陈列很美丽，华丽。",
        ),
        _asked("Tom", "我和Tom吃饭。\nTom的猫", "Tommy来了。\n我用Atom写代码。"),
        _asked("\u738b", "王，你好。", "女王来了。\n国王住在这里。"),
    ),
    "Japanese": (
        _asked(
            "\u4f50\u85e4",
            "佐藤さんに会った。\n昨日佐藤と話した。\n佐藤の猫\n課長は佐藤です。",
            "佐々木さんと藤井さん\n加藤さんに会った。\n佐賀の藤",
        ),
        _asked(
            "\u30de\u30ea",
            "マリさんが来た。\n犬はマリです。\nマリ・ルイ",
            "マリアさんが来た。\nタマリンドが好き。\nマリーが来た。\nカマリが来た。",
        ),
        _asked(
            "\u3086\u304d",
            "ゆきさんが来た。\n昨日ゆきと話した。\n犬はゆきです。",
            "ゆきだるまを作る。\nゆきえが来た。\nいきゆきて",
        ),
        _asked("\u4eac\u90fd", "京都に住む。\n来週京都へ行く。", "東京都に住む。"),
    ),
    "Korean": (
        _asked(
            "\uc9c0\ud6c8",
            "지훈이가 왔다.\n지훈은 서울에 산다.\n지훈에게 전화했다.\n박지훈과 만났다.\n지훈 씨!\n지훈이의 책",
            "지훈련 교관\n지후가 왔다.\n지훈상이 왔다.\n훈지가 왔다.",
        ),
        _asked(
            "\uc218\uc9c4",
            "수진이는 의사다.\n수진씨의 집\n수진도 왔다.\n수진한테서 들었다.",
            "수진동에 산다.\n수지가 왔다.\n수진관에 갔다.",
        ),
    ),
    "Thai": (
        _asked("\u0e01\u0e34\u0e15\u0e15\u0e34", "คุณกิตติชอบกาแฟ\nเมื่อวานพบกิตติ\nบ้านของกิตติอยู่ไกล", "กิตติ์มา\nกิจติดตาม\nกติกา"),
        _asked("\u0e14\u0e32\u0e27", "น้องดาวชอบแมว\nดาวอยู่บ้าน", "ด้าวไกล\nเดาไว้"),
    ),
    "Finnish": (
        _asked(
            "Pekka",
            "Pekka asuu Oulussa.\nTapasin Pekan eilen.\nPekalla on nyt koira.\nHän sanoi Pekalle, että tulee.",
            "Pekkala on kaukana.\nPekkanen asuu siellä.\nPeura on siellä.",
        ),
        _asked(
            "Liisa",
            "Se on Liisan kirja, ei minun.\nHän näki Liisaa.\nLiisakin on siellä.",
            "Liisankatu on siellä.\nLiisi asuu siellä.",
        ),
        _asked(
            "Korhonen", "Tapasin Korhosen eilen.\nHän sanoi Korhoselle niin.", "Korhola on siellä.\nKorho asuu siellä."
        ),
    ),
    "Hungarian": (
        _asked(
            "Katalin",
            "Katalinnak van egy kutyája.\nA Katalinnal voltam.\nKatalin lakik itt.",
            "Katalinka egy katica.\nKati lakik ott.",
        ),
        _asked(
            "\u00c9va",
            "Évának van egy macskája.\nÉvával lakik.\nAz Évától kaptam.",
            "Évente egy alkalom.\nKéve egy szó.\nEvelin lakik itt.",
        ),
    ),
    "Swedish": (
        _asked("Erik", "Eriks bil är röd.\nJag såg Erik.", "Eriksson är här.\nErika är här.\nUlla Eriksdotter är här."),
    ),
    "signs and numbers": (
        _asked("F#", "I teach F# here.\nF#, then more\n(F#)", "He got an F.\nF#m is a chord.\nF major"),
        _asked("C", "vitamin C helps.", "C++ is hard.\nC# is nice.\nC-3 is a grade.\nplan_C_old"),
        _asked("E.U.", "the E.U. law\nthe EU law", "Eu gosto de ti.\neu sou"),
        _asked("eu", "eu gosto de ti", "an E.U. law\nEuropa"),
        _asked(
            "17",
            "He is 17.\nroom 17, left\n17% of it\nNo.17",
            "1.7 m\n17.5 m\n1,700 people\n17:30 sharp\n2024-03-17\n170 cm\nINV-17\nv17",
        ),
        _asked("1.7", "It is 1.7 m.", "11.7 m\n1.75 m\n17 m\n1-7 won\n0.1.7 is out"),
        _asked(
            "3,600",
            "It costs 3,600 EUR.\nIt costs 3600 EUR.",
            "It costs 13,600 EUR.\nIt costs 3,600,000 EUR.\n3,60 EUR\n3,600.50 EUR",
        ),
        _asked(
            "INV-20",
            "Pay INV-20.\nPay inv-20, please\n(INV 20)",
            "Pay INV-20-A.\nPay INV-200.\nPay INV-20/3.\nPay AINV-20.\nX-INV-20",
        ),
        _asked("draft_7", "See draft_7.\nsee 'draft_7'", "See draft_7_final.\nSee draft_7.txt\nold_draft_7\ndraft_71"),
        _asked(
            "acme.io",
            "See acme.io.\nhttps://acme.io/jobs\nwww.acme.io\nann@acme.io",
            "acme.io.uk\nshop.acme.io\nacme.iot\nmy-acme.io",
        ),
        _asked("/srv/ann", "cd /srv/ann\nin /srv/ann, there", "cd /srv/ann/old\ncd /srv/anna\n/mnt/srv/ann"),
        _asked("2,450 EUR", "She owes 2,450 EUR.\nShe owes 2450 EUR", "She owes 12,450 EUR.\nShe owes 2,450 EURO"),
        _asked("Holm, Ida", "Ask Holm, Ida today.", "Ida Holm is here.\nHolm and Ida"),
        _asked("the 'old' mill", "near the 'old' mill\nnear the \u201cold\u201d mill", "near the old millhouse"),
        _asked("g(t)=2t+1", "Plot g(t)=2t+1 now.", "Plot g(t)=2t now."),
        _asked("AT&T", "AT&T called.", "AT T called.\nAT and T"),
        _asked("AT", "the AT board", "AT&T called."),
        _asked(".NET", "I like .NET more.", "The net is wide.\nASP.NET"),
        _asked("@lena", "ask @lena today", "ask Lena today\nmail@lena.example"),
        _asked("Node", "a Node in the graph", "Node.js runs.\nNode-RED runs."),
        _asked("555-0199-22", "(555) 0199 22\n555019922\n+1-555-0199-22", "555-0199-221\n1555-0199-22\n555-0199-2"),
    ),
}
