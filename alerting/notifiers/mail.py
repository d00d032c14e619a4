"""Mail by SMTP, always encrypted unless the settings say otherwise in so many words."""

from __future__ import annotations

import hashlib
import smtplib
import ssl
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.utils import format_datetime, parseaddr
from typing import Final, Literal

from domain.clock import Clock
from domain.errors import Fatal, Reason, Refused, Transient
from domain.secret import Secret

SUBJECT_CHARS: Final = 200


@dataclass(frozen=True, slots=True)
class Smtp:
    """``tls``: ``starttls`` upgrades, ``tls`` begins encrypted, ``off`` is for a relay on this machine.
    ``ca_file`` names the authorities to trust instead of the system's.
    """

    host: str
    port: int
    sender: str
    tls: Literal["starttls", "tls", "off"] = "starttls"
    user: str = ""
    password: Secret = field(default_factory=lambda: Secret(""))
    ca_file: str = ""
    timeout_s: float = 10.0


class Mailer:
    """One connection a mail; blocks for a few round trips."""

    def __init__(self, smtp: Smtp, clock: Clock) -> None:
        self._smtp = smtp
        self._clock = clock

    def send(self, to: str, subject: str, lines: list[str], unique: str) -> None:
        """``unique`` makes the Message-ID, so that a mail sent twice is known to be one.

        Raises ``Transient`` for what may pass (4yz, no connection), ``Refused`` for a recipient that is
        not taken, ``Fatal`` for our credentials.
        """
        message = self._message(to, subject, lines, unique)
        try:
            with self._connected() as connection:
                connection.send_message(message)
        except smtplib.SMTPAuthenticationError as error:
            raise Fatal(Reason.CREDENTIALS, f"smtp: {self._smtp.host} refused our login") from error
        except smtplib.SMTPRecipientsRefused as error:
            worst = max(code for code, _ in error.recipients.values())
            raise _translated(worst, "the recipient") from error
        except smtplib.SMTPResponseException as error:
            raise _translated(error.smtp_code, "the mail") from error
        except (smtplib.SMTPException, OSError) as error:
            raise Transient(
                Reason.UNREACHABLE, f"smtp: {self._smtp.host} did not answer: {type(error).__name__}"
            ) from error

    def _connected(self) -> smtplib.SMTP:
        smtp = self._smtp
        trust = ssl.create_default_context(cafile=smtp.ca_file or None)
        if smtp.tls == "tls":
            connection: smtplib.SMTP = smtplib.SMTP_SSL(
                smtp.host, smtp.port, timeout=smtp.timeout_s, context=trust
            )
        else:
            connection = smtplib.SMTP(smtp.host, smtp.port, timeout=smtp.timeout_s)
        try:
            if smtp.tls == "starttls":
                connection.starttls(context=trust)
            if smtp.user:
                connection.login(smtp.user, smtp.password.reveal())
        except BaseException:
            connection.close()
            raise
        return connection

    def _message(self, to: str, subject: str, lines: list[str], unique: str) -> EmailMessage:
        message = EmailMessage()
        message["From"] = self._smtp.sender
        message["To"] = Address(addr_spec=checked_address(to))
        message["Subject"] = "".join(c if c.isprintable() else " " for c in subject)[:SUBJECT_CHARS]
        message["Date"] = format_datetime(datetime.fromtimestamp(self._clock.now(), UTC))
        domain = parseaddr(self._smtp.sender)[1].rpartition("@")[2]
        message["Message-ID"] = f"<{hashlib.sha256(unique.encode()).hexdigest()[:32]}@{domain}>"
        message["Auto-Submitted"] = "auto-generated"
        message.set_content("\n".join(lines) + "\n")
        return message


def checked_address(text: str) -> str:
    """A plain mail address. Raises ``Refused`` for anything else: owners are free text in key stores."""
    name, address = parseaddr(text)
    local, at, domain = address.rpartition("@")
    bad = not (local and at and "." in domain) or name or not address.isascii() or address != text.strip()
    if bad or any(c.isspace() or c in '<>"(),;:\\' for c in address):
        raise Refused(Reason.NOT_FOUND, "the owner of the key is not a mail address")
    return address


def _translated(code: int, what: str) -> Transient | Refused:
    if 400 <= code < 500:
        return Transient(Reason.SERVER_ERROR, f"smtp: {what} is not taken now ({code})")
    return Refused(Reason.DENIED, f"smtp: {what} is not taken ({code})")
