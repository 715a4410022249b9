"""JSON lines: an object a line, in which `text` alone is enough."""

from __future__ import annotations

import json
import re

from memoria.errors import InvalidMemory
from memoria.transfer.foreign.fields import chosen, item
from memoria.transfer.foreign.items import Found, Options, an_object, guarded
from memoria.transfer.foreign.parts import Part

WANTED = re.compile(r".+\.(?:jsonl|ndjson)")


def read(part: Part, options: Options) -> Found:
    """The objects, in the order of the file."""
    with part.open() as stream:
        for number, line in enumerate(stream, 1):
            if line.strip():
                place = f"line {number}"
                yield from guarded(place, _line(line, place, options))


def _line(line: bytes, place: str, options: Options) -> Found:
    try:
        row = an_object(json.loads(line.decode("utf-8-sig")))
    except UnicodeDecodeError:
        raise InvalidMemory("this is not UTF-8") from None
    except json.JSONDecodeError as error:
        raise InvalidMemory(f"byte {error.pos + 1} of it: this is not JSON") from None
    except RecursionError:
        raise InvalidMemory("this is nested too deeply") from None
    yield from item("jsonl", row, chosen(row, options.columns), place, options)
