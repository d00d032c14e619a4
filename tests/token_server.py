"""An OAuth 2.0 token endpoint with its JWKS, on a local port: what a broker's OIDC validator reads."""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final
from urllib.parse import parse_qs

import jwt
from cryptography.hazmat.primitives.asymmetric import rsa
from jwt.algorithms import RSAAlgorithm

from tests.web import serving

CLIENT: Final = "keywatch"
SECRET: Final = "a-client-secret-no-log-may-show"
ISSUER: Final = "https://login.example"
AUDIENCE: Final = "kafka"


@dataclass
class TokenServer:
    """``life_s`` of the tokens it gives; ``given`` counts them; ``asked`` are the forms it got."""

    url: str = ""
    life_s: int = 3600
    given: int = 0
    asked: list[dict[str, list[str]]] = field(default_factory=list)
    key: rsa.RSAPrivateKey = field(default_factory=lambda: rsa.generate_private_key(65537, 2048), repr=False)

    def token(self) -> str:
        """Signed, good for ``life_s``."""
        now = int(time.time())
        claims = {"iss": ISSUER, "aud": AUDIENCE, "sub": CLIENT, "iat": now, "exp": now + self.life_s}
        return jwt.encode(claims | {"scope": "kafka"}, self.key, "RS256", {"kid": "k1"})

    def jwks(self) -> dict[str, Any]:
        """The public key."""
        public = json.loads(RSAAlgorithm.to_jwk(self.key.public_key()))
        return {"keys": [public | {"kid": "k1", "use": "sig", "alg": "RS256"}]}

    def grant(self, authorization: str, form: dict[str, list[str]]) -> tuple[int, dict[str, Any]]:
        """RFC 6749, 4.4 and 5.2."""
        self.asked.append(form)
        login = base64.b64encode(f"{CLIENT}:{SECRET}".encode()).decode()
        if authorization != f"Basic {login}":
            return 401, {"error": "invalid_client"}
        if form.get("grant_type") != ["client_credentials"]:
            return 400, {"error": "unsupported_grant_type"}
        self.given += 1
        return 200, {"access_token": self.token(), "token_type": "Bearer", "expires_in": self.life_s}


@contextmanager
def token_server() -> Iterator[TokenServer]:
    """Runs until left."""
    tokens = TokenServer()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._reply(200, tokens.jwks())

        def do_POST(self) -> None:
            raw = self.rfile.read(int(self.headers.get("content-length") or 0)).decode()
            self._reply(*tokens.grant(self.headers.get("authorization", ""), parse_qs(raw)))

        def _reply(self, status: int, body: dict[str, Any]) -> None:
            content = json.dumps(body).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: object) -> None:
            """Quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    tokens.url = f"http://127.0.0.1:{server.server_address[1]}"
    with serving(server):
        yield tokens
