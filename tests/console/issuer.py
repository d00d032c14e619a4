"""An OpenID provider on this machine: real keys, real HTTP, codes that are good once."""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final
from urllib.parse import parse_qs, parse_qsl, urlsplit

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from jwt.algorithms import ECAlgorithm, RSAAlgorithm

from tests.alerts import NOW_MS
from tests.web import serving

CLIENT: Final = ("keywatch", "s3cret:with %signs")
AUDIENCE: Final = "https://keywatch.example/api"
MARY: Final = {"sub": "1", "email": "mary@shop.example", "email_verified": True, "groups": ["oncall"]}
RSA_KEY: Final = rsa.generate_private_key(public_exponent=65537, key_size=2048)


class Issuer:
    """``claims`` are of who is logged in there; ``fetched`` counts the look-ups of its keys."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.private: dict[str, Any] = {"r1": RSA_KEY}
        self.claims: dict[str, Any] = dict(MARY)
        self.codes: dict[str, dict[str, str]] = {}
        self.fetched = 0
        self.down = False

    def rotate(self) -> None:
        """Another key, of the other kind."""
        self.private = {"e2": ec.generate_private_key(ec.SECP256R1())}

    def token(self, **different: Any) -> str:
        """An access token of the newest key; ``None`` takes a claim away."""
        return self.signed({"aud": AUDIENCE, **different})

    def signed(self, claims: dict[str, Any]) -> str:
        now = NOW_MS // 1000
        usual = {"iss": self.url, "iat": now, "nbf": now, "exp": now + 300, **self.claims}
        body = {name: value for name, value in {**usual, **claims}.items() if value is not None}
        kid, key = list(self.private.items())[-1]
        return jwt.encode(body, key, "ES256" if kid.startswith("e") else "RS256", {"kid": kid})

    def published(self) -> dict[str, Any]:
        """The public keys."""
        found = []
        for kid, key in self.private.items():
            algorithm: Any = ECAlgorithm if kid.startswith("e") else RSAAlgorithm
            found.append({**json.loads(algorithm.to_jwk(key.public_key())), "kid": kid, "use": "sig"})
        return {"keys": found}

    def authorised(self, query: str) -> str:
        """Somebody has logged in here: where their browser is sent."""
        asked = dict(parse_qsl(query))
        assert asked["response_type"] == "code"
        assert asked["code_challenge_method"] == "S256"
        code = secrets.token_urlsafe(16)
        self.codes[code] = asked
        return f"{asked['redirect_uri']}?code={code}&state={asked['state']}&iss={self.url}"

    def exchanged(self, form: dict[str, str], authorization: str) -> tuple[int, dict[str, Any]]:
        """An ID token for a code, its verifier and our login."""
        asked = self.codes.pop(form.get("code", ""), None)
        verifier = form.get("code_verifier", "")
        digest = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
        login = base64.b64encode(b"keywatch:s3cret%3Awith%20%25signs").decode()
        good = (
            asked is not None
            and digest == asked["code_challenge"]
            and form["redirect_uri"] == asked["redirect_uri"]
            and authorization == f"Basic {login}"
        )
        if not good or asked is None:
            return 400, {"error": "invalid_grant"}
        claims = {"aud": CLIENT[0], "nonce": asked["nonce"], **self.claims}
        return 200, {"id_token": self.signed(claims), "token_type": "Bearer"}


@contextmanager
def issuer() -> Iterator[Issuer]:
    """Running."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            path = urlsplit(self.path)
            if path.path == "/keys":
                made.fetched += 1
                self.answer(200, made.published())
            elif path.path == "/.well-known/openid-configuration":
                places = {"authorization_endpoint": "/authorize", "token_endpoint": "/token"}
                found = {name: made.url + place for name, place in places.items()}
                self.answer(200, {"issuer": made.url, "jwks_uri": f"{made.url}/keys", **found})

        def do_POST(self) -> None:
            raw = self.rfile.read(int(self.headers["Content-Length"])).decode()
            form = {name: values[0] for name, values in parse_qs(raw).items()}
            self.answer(*made.exchanged(form, self.headers.get("Authorization", "")))

        def answer(self, status: int, body: dict[str, Any]) -> None:
            raw = json.dumps(body).encode()
            self.send_response(503 if made.down else status)
            self.send_header("Content-Length", str(len(raw)))
            self.end_headers()
            self.wfile.write(raw)

        def log_message(self, *_: Any) -> None:
            """Quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    made = Issuer(f"http://127.0.0.1:{server.server_address[1]}")
    with serving(server):
        yield made
