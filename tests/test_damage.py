"""Many kinds of damage to the files of a store: nothing is overwritten on a doubt, and no other namespace suffers."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.damage import FIRST, KEY, Case, Damage, kinds, made, played

ROOT = Path(__file__).parents[1]
# The key is the same one in an older copy, and of the counts in a header there are two.
UNSEEN = {(KEY, "of an older copy"), (FIRST, "with a bit of its counts flipped")}
# After these, nothing of the namespace is served.
WHOLE = {
    "missing",
    "emptied",
    "cut in half",
    "cut behind its last slot",
    "of an older copy",
    "of another store",
    "of zeros",
    "with a bit of its header flipped",
    "with a bit of its counts flipped in both places",
}
KINDS = {damage.name: damage for damage in kinds()}


@pytest.fixture(scope="module")
def cases(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Case]:
    return {state: made(tmp_path_factory.mktemp(state), state) for state in ("closed", "killed")}


@pytest.mark.parametrize("name", KINDS)
def test_damage_is_named_and_undone_by_the_right_file(cases: dict[str, Case], tmp_path: Path, name: str) -> None:
    damage = KINDS[name]
    case = cases[damage.state]
    found = played(case, damage, tmp_path)
    hit = {"n0", "n1"} if "swapped" in name else {"n0"}
    assert found.revived == []
    assert found.back == [], "putting the right file back does not restore everything"
    assert found.refused <= hit, "another namespace suffers"
    whole = damage.file == FIRST and damage.how in WHOLE
    assert whole <= ("n0" in found.refused), "a namespace without its file is served"
    known = list(case.texts["n0"].values())
    hidden = {*known, *case.texts["n1"].values()} if "swapped" in name else set(known if whole else known[:1])
    assert found.unseen <= hidden, "what is not damaged is passed over"
    if damage.file == KEY:
        assert found.opening == "opens", "the copy of the key is not used"
    assert set(found.lost) <= set(list(case.texts["n0"])[:1]), "what is not damaged is lost"
    if found.lost or found.refused:
        assert found.doctor, "doctor does not say it"
    if not accepted(found.repair):
        assert found.left <= hit, "a repair takes more than what is damaged"
    if found.opening == "opens" and "swapped" not in name:
        assert found.repaired == [], "a repair leaves damage"
    assert mentions(damage, found.opening, found.doctor), "what is damaged is not named"


def accepted(repair: list[str]) -> bool:
    return bool(repair) and repair[0].startswith("accepts")


def mentions(damage: Damage, opening: str, doctor: list[str]) -> bool:
    """Whether the file is named, or the memory in it; a lock, a reserve and a marker are just made again."""
    if damage.file in {"lock", "reserve", "epoch"} or (damage.file, damage.how) in UNSEEN:
        return opening == "opens" and doctor == []
    said = [opening, *doctor]
    if damage.file.startswith("memoria.db"):
        return any("memoria.db" in line or "store.key" in line or line.startswith("memory ") for line in said)
    return any(Path(damage.file).name in line or line.startswith("memory ") or "99.slots" in line for line in said)
