"""Signatures of Standard Webhooks, against the documented vector and an own reading of the text."""

from __future__ import annotations

import base64
import hashlib
import hmac

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.errors import Fatal
from domain.secret import Secret
from keystore.adapters.standard_webhooks import Signer

SECRETS = st.binary(min_size=24, max_size=64)
IDS = st.text("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_", min_size=1, max_size=64)
TIMES = st.integers(0, 2**33)


def written(secret: bytes) -> Secret:
    return Secret("whsec_" + base64.b64encode(secret).decode())


def test_the_documented_vector() -> None:
    """libraries/*/ of github.com/standard-webhooks/standard-webhooks test their signing with it."""
    for prefix in ("whsec_", ""):
        signer = Signer([Secret(f"{prefix}MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")])
        headers = signer.headers("msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, b'{"test": 2432232314}')
        assert headers == {
            "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
            "webhook-timestamp": "1614265330",
            "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
        }


@given(SECRETS, IDS, TIMES, st.binary())
def test_a_receiver_that_follows_the_specification_verifies_it(
    secret: bytes, message_id: str, timestamp: int, payload: bytes
) -> None:
    signature = Signer([written(secret)]).signature(message_id, timestamp, payload)
    version, _, encoded = signature.partition(",")
    text = b".".join([message_id.encode(), str(timestamp).encode(), payload])
    assert version == "v1"
    assert hmac.compare_digest(
        base64.b64decode(encoded, validate=True), hmac.new(secret, text, hashlib.sha256).digest()
    )


@given(SECRETS, IDS, TIMES, st.binary(min_size=1), st.data())
def test_no_part_can_be_changed(
    secret: bytes, message_id: str, timestamp: int, payload: bytes, data: st.DataObject
) -> None:
    signer = Signer([written(secret)])
    signature = signer.signature(message_id, timestamp, payload)
    place = data.draw(st.integers(0, len(payload) - 1))
    changed = bytearray(payload)
    changed[place] ^= 1 << data.draw(st.integers(0, 7))
    assert signer.signature(message_id, timestamp, bytes(changed)) != signature
    assert signer.signature(message_id + "x", timestamp, payload) != signature
    assert signer.signature(message_id, timestamp + 1, payload) != signature
    other = bytes([secret[0] ^ 1]) + secret[1:]
    assert Signer([written(other)]).signature(message_id, timestamp, payload) != signature


@given(st.lists(SECRETS, min_size=1, max_size=3), IDS, TIMES, st.binary())
def test_every_secret_signs_while_one_is_replaced(
    secrets: list[bytes], message_id: str, timestamp: int, payload: bytes
) -> None:
    together = Signer([written(s) for s in secrets]).signature(message_id, timestamp, payload)
    alone = [Signer([written(s)]).signature(message_id, timestamp, payload) for s in secrets]
    assert together.split(" ") == alone


@pytest.mark.parametrize(
    "secret", ["", "whsec_", "whsec_c2hvcnQ=", "whsec_" + "QUFB" * 30, "whsec_not base64!", "password"]
)
def test_a_weak_or_broken_secret_is_refused_and_not_shown(secret: str) -> None:
    with pytest.raises(Fatal) as caught:
        Signer([Secret(secret)])
    assert len(secret) < 8 or secret not in str(caught.value)


def test_a_message_id_cannot_move_the_signed_text() -> None:
    with pytest.raises(ValueError, match="full stop"):
        Signer([written(b"k" * 32)]).signature("msg_1.1", 1, b"")
    with pytest.raises(Fatal):
        Signer([])
