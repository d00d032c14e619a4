"""Requests: who is calling, and may they."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from domain.secret import Secret
from keystore import token
from keystore.admission import Admission, Presented
from keystore.answer import MALFORMED, UNKNOWN, answer
from keystore.hashing import same_digest
from keystore.importing import Importing
from keystore.request import Request
from keystore.results import NotAccepted, Usage, Verified


class Verifying(Importing):
    """Checks secrets that come with requests, and tells how keys are used."""

    def verify(self, secret: Secret, request: Request) -> Verified | NotAccepted:
        """Whether the key with this secret may make this request. Denied unless everything says yes.

        Reads the key's state each time, so a suspension holds from the moment it was acknowledged. The
        first reason that applies is given, in the order of :class:`keystore.refusal.Refusal`. A request
        that is refused only for its environment, address or endpoint is taken from the rate limit and
        counts as a use: guessing is not free.

        Cost: none for text that no keywatch issued, unless keys of others were imported with their
        secrets (:meth:`import_secret`); else one round trip. Blocks; safe between threads.
        A reply that was lost is asked again and then counts twice. Raises ``Transient`` when the store
        does not answer, ``Fatal(CONFIG)`` without peppers.
        """
        admission = self._found(secret)
        if isinstance(admission, NotAccepted):
            return admission
        return answer(admission, request)

    def _found(self, secret: Secret) -> Admission | NotAccepted:
        if token.checksum_ok(secret.reveal()):
            digests = self._need_peppers().digests(secret)
            admission = self._admit(Presented(token.cell_of(secret), digests))
            if admission is None or not _one_of(digests.values(), admission.record.hash):
                return UNKNOWN
            return admission
        if self._rules.imported:
            return self._admit_imported(secret) or UNKNOWN
        self._need_peppers()
        return MALFORMED

    def usage(self, key_ids: Sequence[str]) -> Sequence[Usage]:
        """When and how often each key was used, in the order asked. One or two round trips for all."""
        return self._usages(key_ids)


def _one_of(digests: Iterable[str], hashed: str) -> bool:
    return any([same_digest(digest, hashed) for digest in digests])
