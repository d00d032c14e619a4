"""Requests: who is calling, and may they."""

from __future__ import annotations

from collections.abc import Sequence

from domain.secret import Secret
from keystore import token
from keystore.admission import Presented
from keystore.answer import MALFORMED, UNKNOWN, answer
from keystore.hashing import same_digest
from keystore.primitives import Primitives
from keystore.request import Request
from keystore.results import NotAccepted, Usage, Verified


class Verifying(Primitives):
    """Checks secrets that come with requests, and tells how keys are used."""

    def verify(self, secret: Secret, request: Request) -> Verified | NotAccepted:
        """Whether the key with this secret may make this request. Denied unless everything says yes.

        Reads the key's state each time, so a suspension holds from the moment it was acknowledged. The
        first reason that applies is given, in the order of :class:`keystore.refusal.Refusal`. A request
        that is refused only for its environment, address or endpoint is taken from the rate limit and
        counts as a use: guessing is not free.

        Cost: none for text that no keywatch issued, else one round trip. Blocks; safe between threads.
        A reply that was lost is asked again and then counts twice. Raises ``Transient`` when the store
        does not answer, ``Fatal(CONFIG)`` without peppers.
        """
        peppers = self._need_peppers()
        if not token.checksum_ok(secret.reveal()):
            return MALFORMED
        digests = peppers.digests(secret)
        admission = self._admit(Presented(token.cell_of(secret), digests))
        if admission is None or not any(same_digest(admission.record.hash, d) for d in digests.values()):
            return UNKNOWN
        return answer(admission, request)

    def usage(self, key_ids: Sequence[str]) -> Sequence[Usage]:
        """When and how often each key was used, in the order asked. One or two round trips for all."""
        return self._usages(key_ids)
