"""The server of the console, without the console."""

from __future__ import annotations

import socket

import httpx
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from monitor.console_server import ConsoleServer


def hello(_: Request) -> PlainTextResponse:
    return PlainTextResponse("hello")


def test_an_answer_does_not_wait_for_an_acknowledgement() -> None:
    server = ConsoleServer("127.0.0.1", 0, Starlette(routes=[Route("/", hello)]), [])
    assert server._socket.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
    server.start()
    assert httpx.get(f"http://127.0.0.1:{server.port}/").text == "hello"
    server.stop()
    assert not server.alive
