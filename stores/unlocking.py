"""unlock.json: the data key of a sealed store, wrapped. While a rekey is under way it is in there twice.

The file is written whole or not at all. It has a checksum, by which damage is told from a wrong passphrase, and a MAC
under the data key, by which a change by somebody without the key is seen.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import os
from base64 import b64decode, b64encode
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from memoria.errors import FormatTooNew, KeyLost, MemoriaError, StoreCorrupt, StoreSealed, UnlockError, WrongKey, shown
from memoria.protocols import KeyWrapper
from memoria.stores.disk import Disk, opened, translated
from memoria.stores.sealing import KEY_BYTES, new_key
from memoria.stores.vault import Vault

FILE = "unlock.json"
VERSION = 1
_LONGEST_NAME = 200
Entry = dict[str, str]


def is_sealed(folder: Path) -> bool:
    """Whether there is a wrapped key in a folder."""
    return (folder / FILE).exists()


def create(folder: Path, wrapper: KeyWrapper, disk: Disk) -> Vault:
    """Makes a data key, and writes it wrapped."""
    data_key = new_key()
    _write(folder, Vault(data_key), [_entry(wrapper, data_key)], disk)
    return Vault(data_key)


def unlock(folder: Path, wrapper: KeyWrapper | None, file: Path | None = None) -> Vault:
    """The vault of a sealed folder; writes nothing. Raises StoreSealed without a wrapper, WrongKey and KeyLost.

    file: where the wrapped key is; None is its place in the folder.
    """
    return Vault(_data_key(folder, _read(folder / FILE if file is None else file), wrapper))


def unfinished(folder: Path) -> str | None:
    """What is to be done about a rekey that was cut short; None when there was none."""
    if not is_sealed(folder) or len(_read(folder / FILE)["keys"]) < 2:
        return None
    return f"{folder / FILE}: a rekey was cut short, and either key unlocks the store: do it again"


def rewrap(folder: Path, old: KeyWrapper | None, new: KeyWrapper, disk: Disk) -> None:
    """Wraps the data key anew. Cut short, it leaves the old wrapping, or both; done, the new one alone."""
    found = _read(folder / FILE)
    data_key = _data_key(folder, found, old)
    vault, fresh = Vault(data_key), _entry(new, data_key)
    disk.reached("key wrapped")
    _write(folder, vault, [*found["keys"][:1], fresh], disk)
    disk.reached("both keys written")
    # It has to open what it has wrapped, or the store would be lost.
    if not hmac.compare_digest(_unwrapped(folder, new, fresh), data_key):
        _write(folder, vault, found["keys"], disk)
        raise WrongKey(f"{folder / FILE}: the new wrapper does not unwrap what it has wrapped; the old one stays")
    _write(folder, vault, [fresh], disk)
    disk.reached("old key gone")


def _data_key(folder: Path, found: Mapping[str, Any], wrapper: KeyWrapper | None) -> bytes:
    path = folder / FILE
    kinds = [one["wrapper"] for one in found["keys"]]
    if wrapper is None:
        raise StoreSealed(f"{folder} is sealed: say with unlock= what opens it ({', '.join(kinds)})")
    if wrapper.name not in kinds:
        raise WrongKey(f"{path} was wrapped by {', '.join(kinds)}, and not by {_name(wrapper)}")
    wrong: UnlockError | None = None
    for entry in found["keys"]:
        if entry["wrapper"] != wrapper.name:
            continue
        try:
            key = _unwrapped(folder, wrapper, entry)
        except UnlockError as error:
            wrong = wrong or error
            continue
        if _check(key) != found["check"]:
            wrong = WrongKey(f"{path}: what {_name(wrapper)} unwraps is not the key of this store")
            continue
        if not hmac.compare_digest(str(found["mac"]), _mac(Vault(key), found)):
            raise StoreCorrupt(f"{path} was changed by somebody without the key of this store")
        return key
    assert wrong is not None
    raise type(wrong)(f"{folder}: {wrong}") from None


def _unwrapped(folder: Path, wrapper: KeyWrapper, entry: Entry) -> bytes:
    """What a wrapper says the key is; of what its service raises only the type is told."""
    try:
        key = wrapper.unwrap(b64decode(entry["wrapped"]))
    except MemoriaError:
        raise
    except Exception as error:
        raise KeyLost(f"{_name(wrapper)} did not unwrap the key of the store: {type(error).__name__}") from error
    if not isinstance(key, bytes) or len(key) != KEY_BYTES:
        raise WrongKey(f"{_name(wrapper)} gave no key of {KEY_BYTES} bytes")
    return key


def _entry(wrapper: KeyWrapper, data_key: bytes) -> Entry:
    name = _name(wrapper)
    try:
        wrapped = wrapper.wrap(data_key)
    except MemoriaError:
        raise
    except Exception as error:
        raise KeyLost(f"{name} did not wrap the key of the store: {type(error).__name__}") from error
    if not isinstance(wrapped, bytes) or data_key in wrapped:
        raise WrongKey(f"{name} gave no wrapped key, but {shown(type(wrapped).__name__)} or the key itself")
    return {"wrapper": name, "wrapped": b64encode(wrapped).decode()}


def _name(wrapper: KeyWrapper) -> str:
    name = wrapper.name
    if not isinstance(name, str) or not name.isprintable() or not 0 < len(name) <= _LONGEST_NAME:
        raise WrongKey(f"the name of a KeyWrapper is a line of at most {_LONGEST_NAME} characters")
    return name


# -- the file --


def _check(key: bytes) -> str:
    return Vault(key).mac("check", b"").hex()


def _mac(vault: Vault, found: Mapping[str, Any]) -> str:
    return vault.mac(FILE, _said(found, "mac", "sum")).hex()


def _said(found: Mapping[str, Any], *without: str) -> bytes:
    kept = {name: value for name, value in found.items() if name not in without}
    return json.dumps(kept, sort_keys=True, separators=(",", ":")).encode()


def _read(path: Path) -> dict[str, Any]:
    """The file; raises StoreCorrupt when its bytes are not what was written, KeyLost when it is not there."""
    try:
        raw = path.read_bytes()
    except FileNotFoundError:
        raise KeyLost(f"{path} is missing: without it nothing opens the store; put it back") from None
    except OSError as error:
        raise KeyLost(f"{path} cannot be read: {error.strerror}") from None
    try:
        found: dict[str, Any] = json.loads(raw)
        if raw != _whole(found) or found["sum"] != _sum(found) or not found["keys"]:
            raise ValueError
    except (ValueError, KeyError, TypeError):
        raise StoreCorrupt(f"{path} is damaged: put it back from a copy; without it nothing opens the store") from None
    if found["version"] > VERSION:
        raise FormatTooNew(f"{path} has version {found['version']}; this memoria reads up to {VERSION}")
    return found


def _sum(found: Mapping[str, Any]) -> str:
    return hashlib.sha256(_said(found, "sum")).hexdigest()


def _whole(found: Mapping[str, Any]) -> bytes:
    return json.dumps(found, indent=1).encode() + b"\n"


def _write(folder: Path, vault: Vault, keys: list[Entry], disk: Disk) -> None:
    found: dict[str, Any] = {"version": VERSION, "keys": keys, "check": vault.mac("check", b"").hex()}
    found["mac"] = _mac(vault, found)
    found["sum"] = _sum(found)
    write_whole(folder / FILE, _whole(found), disk)


def write_whole(path: Path, data: bytes, disk: Disk) -> None:
    """Writes a file so that after any crash it is the old or the new one."""
    fresh = path.with_name(f"{path.name}.new")
    with translated(path):
        fd = opened(fresh, os.O_RDWR | os.O_CREAT | os.O_TRUNC)
        try:
            disk.write(fd, data, 0)
            disk.sync(fd)
        finally:
            os.close(fd)
        disk.reached("file written")
        fresh.replace(path)
        disk.sync_folder(path.parent)
