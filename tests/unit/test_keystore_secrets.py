"""Issued secrets and the peppers that hash them."""

from __future__ import annotations

import hashlib
import hmac
import re
from pathlib import Path

import pytest

from domain.errors import Fatal, Reason, Rejected
from domain.ports import KeyState
from domain.secret import Secret
from keystore.hashing import Peppers
from keystore.record import KeyRecord, from_fields, to_fields
from keystore.token import checksum, checksum_ok, generate, new_key_id

HEX = "0123456789abcdef" * 4


def test_a_secret_is_prefix_body_and_checksum() -> None:
    text = generate("pk_test").reveal()
    assert re.fullmatch(r"pk_test_[0-9A-Za-z]{49}", text)
    assert checksum_ok(text)
    assert generate().reveal() != generate().reveal()


def test_any_wrong_letter_breaks_the_checksum() -> None:
    text = generate().reveal()
    for place in range(len("sk_live_"), len(text)):
        other = "A" if text[place] != "A" else "B"
        assert not checksum_ok(text[:place] + other + text[place + 1 :])
    for changed in (text[:-1], text + "0", text + "\n", " " + text, text.upper()):
        assert not checksum_ok(changed)


def test_a_small_number_keeps_its_width() -> None:
    assert checksum("") == "000000"


@pytest.mark.parametrize(
    "prefix", ["", "sk", "s_live", "sk_l", "SK_live", "sk_live_", "sk-live", "sk_" + "l" * 11]
)
def test_other_prefixes_are_rejected(prefix: str) -> None:
    with pytest.raises(Rejected) as caught:
        generate(prefix)
    assert caught.value.reason is Reason.WRONG_TYPE


def test_key_ids_are_public_names_of_their_own() -> None:
    ids = {new_key_id() for _ in range(100)}
    assert len(ids) == 100
    assert all(re.fullmatch(r"key_[0-9A-Za-z]{16}", key_id) for key_id in ids)


def test_the_digest_is_hmac_sha256_under_the_pepper() -> None:
    expected = hmac.new(bytes.fromhex(HEX), b"sk_live_x", hashlib.sha256).hexdigest()
    assert Peppers(1, {1: Secret(HEX)}).digest(Secret("sk_live_x")) == expected


def test_old_peppers_are_tried_after_the_current_one(tmp_path: Path) -> None:
    path = tmp_path / "peppers"
    path.write_text(f"# rotated in spring\n1:{HEX}\n\n 3:{HEX[::-1]}\n2:{HEX.upper()}ab\n")
    peppers = Peppers.from_file(path)
    assert peppers.current == 3
    assert list(peppers.digests(Secret("x"))) == [3, 2, 1]
    assert len(set(peppers.digests(Secret("x")).values())) == 3
    assert peppers.digest(Secret("x"), 1) == peppers.digests(Secret("x"))[1]


def test_a_new_pepper_is_known_before_it_is_used_and_the_old_one_goes_last(tmp_path: Path) -> None:
    path = tmp_path / "peppers"
    first = Peppers.generate()
    first.save(path)
    first.added().replace(path)
    known = Peppers.from_file(path)
    assert (known.current, sorted(known.by_version)) == (1, [1, 2])
    known.using(2).replace(path)
    used = Peppers.from_file(path)
    assert list(used.digests(Secret("x"))) == [2, 1]
    assert used.digest(Secret("x"), 1) == first.digest(Secret("x"))
    used.without(1).replace(path)
    assert list(Peppers.from_file(path).by_version) == [2]
    assert path.stat().st_mode & 0o777 == 0o600
    assert [entry.name for entry in tmp_path.iterdir()] == ["peppers"]
    with pytest.raises(Fatal, match="version 3 is not among them"):
        used.using(3)
    with pytest.raises(Fatal, match="version 2 is not among them"):
        used.without(2)


def test_generated_peppers_differ_and_survive_a_file_for_the_owner_only(tmp_path: Path) -> None:
    peppers, path = Peppers.generate(), tmp_path / "peppers"
    peppers.save(path)
    assert path.stat().st_mode & 0o777 == 0o600
    assert Peppers.from_file(path).digest(Secret("x")) == peppers.digest(Secret("x"))
    assert Peppers.generate().digest(Secret("x")) != peppers.digest(Secret("x"))
    with pytest.raises(FileExistsError):
        Peppers.generate().save(path)


@pytest.mark.parametrize(
    ("text", "where"),
    [
        (f"1:{HEX[:-2]}", "line 1: shorter than 32 bytes"),
        (f"1:{HEX}\n1:{HEX}", "line 2: version 1 is there twice"),
        (f"1:{HEX}\nc0ffee{HEX}", "line 2: write `version:hexpepper`"),
        (f"c0ffee:{HEX}", "line 1: write"),
        (f"0:{HEX}", "line 1: write"),
        (f"1:{HEX}0", "line 1: write"),
        (f"1:{HEX}ÿ", "line 1: write"),
        ("# nothing", "holds no pepper"),
        (f"1:{HEX}\ncurrent:2", "current version 2 is not among them"),
        (f"1:{HEX}\ncurrent: 1", "line 2: write"),
    ],
)
def test_a_bad_pepper_file_is_named_without_its_content(tmp_path: Path, text: str, where: str) -> None:
    path = tmp_path / "peppers"
    path.write_text(text)
    with pytest.raises(Fatal, match=re.escape(where)) as caught:
        Peppers.from_file(path)
    assert caught.value.reason is Reason.CONFIG
    assert caught.value.__cause__ is None
    assert not re.search("0123456789|c0ffee", str(caught.value))


def test_a_missing_pepper_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(Fatal, match="nowhere: No such file"):
        Peppers.from_file(tmp_path / "nowhere")


def test_peppers_are_checked_and_never_shown() -> None:
    assert HEX not in repr(Peppers(1, {1: Secret(HEX)}))
    for current, pepper in ((2, HEX), (1, HEX[:62]), (1, "zz" * 32)):
        with pytest.raises(Fatal) as caught:
            Peppers(current, {1: Secret(pepper)})
        assert pepper not in str(caught.value)


def stored(record: KeyRecord) -> dict[bytes, bytes]:
    return {name.encode(): value.encode() for name, value in to_fields(record).items()}


def test_a_record_survives_its_store() -> None:
    bare = KeyRecord(key_id="k", created_ms=1)
    full = KeyRecord(
        key_id="null",
        created_ms=1,
        state=KeyState.SUSPENDED,
        tenant="1",
        name="true",
        hash="ab",
        pepper_version=7,
        expires_ms=2,
        scopes=("read", "write"),
        prior_state=KeyState.RETIRING,
        case_id="c",
        suspension_expires_ms=3,
    )
    for record in (bare, full):
        assert from_fields(stored(record)) == record
        assert from_fields(stored(record) | {b"of_tomorrow": b"1"}) == record


@pytest.mark.parametrize("damage", [{b"state": b"tired"}, {b"created_ms": b"soon"}, {b"tenant": b"\xff"}])
def test_a_damaged_record_is_corrupt(damage: dict[bytes, bytes]) -> None:
    with pytest.raises(Fatal) as caught:
        from_fields(stored(KeyRecord(key_id="k", created_ms=1)) | damage)
    assert caught.value.reason is Reason.CORRUPT
