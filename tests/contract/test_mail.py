"""Mail against a real SMTP server that insists on TLS and a login."""

from __future__ import annotations

import datetime
import ipaddress
import ssl
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from email import message_from_bytes
from email.message import Message
from email.policy import default
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult, LoginPassword
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from msgspec.structs import replace as with_

from alerting.delivery.errands import OwnerEvent, TellOwner
from alerting.delivery.owners import OwnerMail
from alerting.notifiers.mail import Mailer, Smtp, checked_address
from alerting.notifiers.other import MailNotifier
from domain.clock import ManualClock
from domain.errors import Fatal, KeywatchError, Refused, Transient
from domain.secret import Secret
from keystore.memory_store import MemoryKeyStore
from monitor.embedded import free_port
from tests.alerts import NOW_MS, alert

pytestmark = pytest.mark.filterwarnings("ignore:Requiring AUTH while not requiring TLS:UserWarning")
PASSWORD = Secret("mail secret")
CLOCK = ManualClock(NOW_MS / 1000)


@dataclass
class Inbox:
    """What the server took, and what it is to answer instead."""

    mails: list[Message] = field(default_factory=list)
    refuse: str = ""
    refuse_recipient: str = ""

    async def handle_RCPT(  # noqa: N802
        self, server: Any, session: Any, envelope: Any, address: str, options: Any
    ) -> str:
        if self.refuse_recipient:
            return self.refuse_recipient
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:  # noqa: N802
        if self.refuse:
            return self.refuse
        self.mails.append(message_from_bytes(envelope.content, policy=default))
        return "250 OK"


def login(server: Any, session: Any, envelope: Any, mechanism: str, data: LoginPassword) -> AuthResult:
    good = (data.login, data.password) == (b"keywatch", PASSWORD.reveal().encode())
    return AuthResult(success=good, handled=False)


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A key and a certificate of 127.0.0.1 that signs itself, in one file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False
        )
        .sign(key, hashes.SHA256())
    )
    path = tmp_path_factory.mktemp("tls") / "server.pem"
    pem = serialization.Encoding.PEM
    private = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    path.write_bytes(private + made.public_bytes(pem))
    return path


@pytest.fixture(scope="module", params=["starttls", "tls"])
def running(request: pytest.FixtureRequest, certificate: Path) -> Iterator[tuple[Inbox, Smtp]]:
    inbox, tls = Inbox(), ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    tls.load_cert_chain(certificate)
    how: dict[str, Any] = {"tls_context": tls, "require_starttls": True}
    if request.param == "tls":
        how = {"ssl_context": tls, "auth_require_tls": False}
    controller = Controller(
        inbox, hostname="127.0.0.1", port=free_port(), authenticator=login, auth_required=True, **how
    )
    controller.start()
    port, trusted = controller.port, str(certificate)
    yield inbox, Smtp("127.0.0.1", port, "keywatch@example.com", request.param, "keywatch", PASSWORD, trusted)
    controller.stop()


@pytest.fixture
def server(running: tuple[Inbox, Smtp]) -> tuple[Inbox, Smtp]:
    inbox = running[0]
    inbox.mails.clear()
    inbox.refuse = inbox.refuse_recipient = ""
    return running


def test_an_alert_arrives_by_mail_encrypted_and_with_a_stable_id(server: tuple[Inbox, Smtp]) -> None:
    inbox, smtp = server
    notifier = MailNotifier(Mailer(smtp, CLOCK), "soc@example.com")
    notifier.send(alert())
    notifier.send(alert())
    first, again = inbox.mails
    assert first["Subject"] == "[keywatch] API key suspended: key_victim"
    assert (first["To"], first["Auto-Submitted"]) == ("soc@example.com", "auto-generated")
    body = first.get_payload()
    assert "RU, AS64500" in str(body)
    assert "keywatch cases show case_1" in str(body)
    assert first["Message-ID"] == again["Message-ID"]


def test_hostile_names_forge_no_header_and_no_line(server: tuple[Inbox, Smtp]) -> None:
    inbox, smtp = server
    bad = "k\r\nBcc: all@example.com\r\n\r\nhello\x1b[2J"
    MailNotifier(Mailer(smtp, CLOCK), "soc@example.com").send(alert(key_id=bad, actual=bad))
    (mail,) = inbox.mails
    assert mail["Bcc"] is None
    assert "\x1b" not in str(mail.get_payload())


def test_the_owner_hears_what_happened_why_and_until_when(server: tuple[Inbox, Smtp]) -> None:
    inbox, smtp = server
    keys = MemoryKeyStore(CLOCK, None)
    keys.import_external("key_victim", "acme", "ops@acme.example")
    keys.import_external("key_other", "acme", "the ops team")
    mail = OwnerMail(Mailer(smtp, CLOCK), keys, "security@example.com")
    errand = TellOwner(
        case_id="case_1",
        key_id="key_victim",
        event=OwnerEvent.SUSPENDED,
        why="risk 0.97 from origin 24 bits",
        way="email",
        expires_ms=NOW_MS + 86_400_000,
    )
    mail.tell(errand)
    (sent,) = inbox.mails
    assert sent["To"] == "ops@acme.example"
    assert sent["Subject"] == "Your API key key_victim was suspended"
    for told in ("risk 0.97", "2026-05-29 20:26 UTC", "case_1", "security@example.com"):
        assert told in str(sent.get_payload())
    with pytest.raises(Refused):
        mail.tell(with_(errand, key_id="key_other"))
    ahead = with_(errand, case_id="", event=OwnerEvent.EXPIRES, why="its life ends within 7 days")
    mail.tell(ahead)
    assert inbox.mails[-1]["Subject"] == "Your API key key_victim ends soon"
    assert "works again by itself" not in str(inbox.mails[-1].get_payload())
    assert "Reference" not in str(inbox.mails[-1].get_payload())


@pytest.mark.parametrize(
    ("data", "recipient", "kind"),
    [
        ("451 busy", "", Transient),
        ("554 no", "", Refused),
        ("", "450 greylisted", Transient),
        ("", "550 no such user", Refused),
    ],
)
def test_each_answer_has_its_consequence(
    data: str, recipient: str, kind: type[KeywatchError], server: tuple[Inbox, Smtp]
) -> None:
    inbox, smtp = server
    inbox.refuse, inbox.refuse_recipient = data, recipient
    with pytest.raises(kind):
        Mailer(smtp, CLOCK).send("soc@example.com", "s", ["l"], "u")


def test_a_bad_login_is_fatal_and_an_unknown_certificate_is_not_trusted(server: tuple[Inbox, Smtp]) -> None:
    inbox, smtp = server
    with pytest.raises(Fatal) as refused:
        Mailer(replace(smtp, password=Secret("wrong one")), CLOCK).send("a@b.example", "s", ["l"], "u")
    assert "wrong one" not in str(refused.value)
    with pytest.raises(Transient):
        Mailer(replace(smtp, ca_file=""), CLOCK).send("a@b.example", "s", ["l"], "u")
    assert inbox.mails == []


def test_nobody_listening_is_transient() -> None:
    with pytest.raises(Transient):
        Mailer(Smtp("127.0.0.1", 1, "a@b.example", "off"), CLOCK).send("a@b.example", "s", ["l"], "u")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "ops",
        "a@b",
        "Ops <a@b.example>",
        "a@b.example\nBcc: x",
        "a b@c.example",
        "a@b.example,c@d.example",
    ],
)
def test_what_is_no_address_is_refused(text: str) -> None:
    with pytest.raises(Refused):
        checked_address(text)
