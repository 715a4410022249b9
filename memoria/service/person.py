"""My data: what is stored about a person, a copy of it, and memories from elsewhere, shown before they are stored."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import datetime
from itertools import islice
from typing import Annotated, Any, Literal, get_args

from fastapi import APIRouter, Response
from pydantic import BaseModel, ConfigDict, Field, StrictBool, StrictInt, StrictStr

from memoria.engine.memory import Memoria
from memoria.engine.people import PersonOptions
from memoria.service import shapes
from memoria.service.ledgers import Base64, given
from memoria.service.problems import Problematic
from memoria.service.rights import check_owner
from memoria.service.routes import ALWAYS, SENT, Asking, Serving, Writing, problems
from memoria.subject.find import Finding
from memoria.transfer.foreign import Survey, bring, read, survey
from memoria.transfer.foreign.items import Item
from memoria.types import Where

person = APIRouter(prefix="/v1", responses=problems(*ALWAYS))
MEDIA = {"json": "application/json", "markdown": "text/markdown", "html": "text/html"}
# So many texts of a file are embedded before it is stored: some ten seconds of the packaged model.
_AHEAD = 1000
_ENDINGS = {"json": "json", "markdown": "md", "html": "html"}
Way = Literal["subject", "speaker", "mention"]
WAYS: tuple[Way, ...] = get_args(Way)
Origin = Literal["chatgpt", "claude", "mem0", "langgraph", "letta", "csv", "markdown", "jsonl"]
# A copy in JSON is an object, one in another form a text.
_FILE = {type: {"schema": {"type": "object" if form == "json" else "string"}} for form, type in MEDIA.items()}


class Person(shapes.Body):
    """names: the name, and other names of the same person. by: the ways that count; all by default.

    include: ids of near misses that count too. near: whether all of them do.
    """

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"names": ["Ada", "Ada Berg"]}]})
    names: Annotated[list[shapes.Name], Field(min_length=1, max_length=20)]
    by: list[Way] = Field(default_factory=lambda: list(WAYS), min_length=1, max_length=3)
    include: list[shapes.Id] = Field(default_factory=list, max_length=1000)
    near: StrictBool = False

    def where(self) -> PersonOptions:
        """The options of the verbs."""
        return {"by": tuple(self.by), "include": tuple(self.include), "near": self.near}


class Copy(Person):
    """form: of the file. without_others: leaves out the texts of memories that name other people."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"names": ["Ada"], "form": "json"}]})
    form: Literal["json", "markdown", "html"] = "json"
    without_others: StrictBool = False


class Met(BaseModel):
    """A memory that is about a person, by which ways. Its text is asked for by `GET /v1/memories/{id}`."""

    id: str
    ways: list[str]

    @classmethod
    def of(cls, one: Finding) -> Met:
        return cls(id=one.id, ways=list(one.ways))


class About(BaseModel):
    """What is about a person: how many by each way, and the first thousand, oldest first. count: of all.

    near: what may be about somebody else: nothing is ever done with it unless it is included.
    """

    counts: dict[str, int]
    count: int
    found: list[Met]
    near: list[Met]


@person.post("/person/about", responses=problems(*SENT, 404))
async def about(body: Person, asking: Asking, pool: Serving) -> About:
    """Which memories are about a person, and by which way, and which may be about somebody else."""

    def work(view: Memoria) -> About:
        found = view.about(*body.names, **body.where())
        return About(
            counts=dict(found.counts()),
            count=len(found.found),
            found=[Met.of(one) for one in found.found[:1000]],
            near=[Met.of(one) for one in found.near[:1000]],
        )

    return await pool.read(asking.below(body.namespace), work)


@person.post(
    "/person/export",
    response_class=Response,
    responses={200: {"content": _FILE, "description": "The copy"}, **problems(*SENT, 404)},
)
async def export(body: Copy, asking: Asking, pool: Serving) -> Response:
    """All that is stored about a person, word by word, with where it comes from: a copy for them, as a file."""

    def work(view: Memoria) -> str:
        found = view.dossier(*body.names, **body.where())
        found = found.without_others() if body.without_others else found
        return {"json": found.json, "markdown": found.markdown, "html": found.html}[body.form]()

    text = await pool.read(asking.below(body.namespace), work)
    attached = {"Content-Disposition": f'attachment; filename="person.{_ENDINGS[body.form]}"'}
    return Response(text, media_type=MEDIA[body.form], headers=attached)


class Import(shapes.Body):
    """origin: whose export it is, or its form. data: the file, in base64: one file, unpacked.

    everything: also what people do not see in a conversation. columns: of csv and jsonl, what our fields are called
    there. speakers: other names for speakers. zone: of times that have none. skip_bad: leaves out what is malformed.
    """

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"examples": [{"origin": "jsonl", "data": "eyJ0ZXh0IjogIkFkYSBsaWtlcyB0ZWEuIn0K"}]},
    )
    origin: Origin
    data: Annotated[Base64, Field(max_length=1 << 25)]
    everything: StrictBool = False
    columns: dict[str, StrictStr] = Field(default_factory=dict, max_length=20)
    speakers: dict[str, shapes.Name] = Field(default_factory=dict, max_length=100)
    zone: shapes.Name | None = None
    skip_bad: StrictBool = False

    def how(self) -> dict[str, Any]:
        """How the file is read."""
        named: Mapping[str, Any] = {"columns": self.columns or None, "speakers": self.speakers or None}
        return {"everything": self.everything, "zone": self.zone, **named}

    def bound(self, content: bytes) -> str:
        """What a confirmation is bound to: the file, and how it is read."""
        whole = hashlib.sha256(content)
        whole.update(repr((self.origin, sorted(self.how().items()), self.skip_bad, self.namespace)).encode())
        return whole.hexdigest()


class Preview(Import):
    """show: how many of the memories are shown."""

    show: Annotated[StrictInt, Field(ge=0, le=100)] = 10


class Bring(Import):
    """digest: that of the preview of the same file. readmit: takes back texts that were forgotten here."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"examples": [{"origin": "jsonl", "data": "eyJ0ZXh0IjogIkEifQo=", "digest": "0" * 64}]},
    )
    digest: Annotated[StrictStr, Field(pattern="^[0-9a-f]{64}$")]
    readmit: StrictBool = False


class Shown(BaseModel):
    """A memory of a file, as it would be stored. place: where it stands in the file."""

    place: str
    text: str
    kind: str
    speaker: str | None
    subject: str | None
    created_at: datetime | None


class Surveyed(BaseModel):
    """What is in a file. found: how many memories. skipped: what becomes none, by the reason. bad: the first that are
    malformed, by place and rule. undated: how many have no time, and get that of the import.
    """

    found: int
    kinds: dict[str, int]
    speakers: dict[str, int]
    sessions: int
    first: datetime | None
    last: datetime | None
    undated: int
    skipped: dict[str, int]
    malformed: int
    bad: list[str]

    @classmethod
    def of(cls, found: Survey) -> Surveyed:
        return cls.model_validate({name: getattr(found, name) for name in cls.model_fields} | {"bad": list(found.bad)})


class Previewed(BaseModel):
    """What an import would find, and the first of it. digest: to confirm it with."""

    digest: str
    survey: Surveyed
    first: list[Shown]


class Brought(BaseModel):
    """What an import did. present: stored already, from one before.

    differs: stored under the same key with another text, which is left as it is. refused: forgotten here before.
    """

    survey: Surveyed
    stored: int
    present: int
    differs: int
    refused: int


@person.post("/import/preview", responses=problems(*SENT))
async def preview(body: Preview, asking: Writing, pool: Serving) -> Previewed:
    """Reads a file, counts what it holds and shows the first of it. Nothing is stored."""
    check_owner(asking, "import")

    def work(view: Memoria) -> Previewed:
        content = given(body.data)
        items = read(body.origin, content, skip_bad=True, **body.how())
        shown = [
            Shown(
                place=one.place,
                text=one.draft.text,
                kind=one.draft.kind,
                speaker=one.draft.provenance.speaker,
                subject=one.draft.subject,
                created_at=one.draft.created_at,
            )
            for one in islice(items, body.show)
        ]
        found = survey(body.origin, content, **body.how())
        return Previewed(digest=body.bound(content), survey=Surveyed.of(found), first=shown)

    return await pool.read(asking, work)


@person.post("/import", status_code=201, responses=problems(*SENT, 409, 507))
async def import_(body: Bring, asking: Writing, pool: Serving) -> Brought:
    """Stores what a preview showed, once, however often it is sent; 409, and nothing, for another file."""
    check_owner(asking, "import")

    content = await pool.read(asking, lambda _: _promised(body))
    texts = await pool.read(asking.below(body.namespace), lambda view: _new(view, body, content))

    def work(view: Memoria) -> Brought:
        done = bring(view, body.origin, content, skip_bad=body.skip_bad, readmit=body.readmit, **body.how())
        counts = {name: getattr(done, name) for name in ("stored", "present", "differs", "refused")}
        return Brought(survey=Surveyed.of(done.survey), **counts)

    return await pool.write(asking.below(body.namespace), work, texts=texts)


def _promised(body: Bring) -> bytes:
    """The file that a preview showed; raises Problematic for another one."""
    content = given(body.data)
    if body.bound(content) != body.digest:
        raise Problematic(409, "Not what the preview showed")
    return content


def _new(view: Memoria, body: Bring, content: bytes) -> list[str]:
    """The first texts of a file that are not stored yet, to be embedded before the turn to write.

    As many as are embedded well within an answer's time: it is cut off there, and nothing would be stored. What comes
    after them is embedded as it is written, and stays written.
    """

    def there(one: Item) -> bool:
        where = Where(namespace=(*view.prefix, *one.under), key=one.draft.key)
        return one.draft.key is not None and bool(view.store.select(where))

    items = read(body.origin, content, skip_bad=True, **body.how())
    return [one.draft.text for one in islice((one for one in items if not there(one)), _AHEAD)]
