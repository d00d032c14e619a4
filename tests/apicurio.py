"""Apicurio Registry, a real registry with Confluent's REST API: one process, state in memory."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import httpx
import pytest

from monitor.embedded import free_port

VERSION: Final = "3.0.9"
HOME: Final = Path(os.environ.get("KEYWATCH_APICURIO", Path.home() / f".cache/keywatch/apicurio-{VERSION}"))


@contextmanager
def apicurio(directory: Path) -> Iterator[str]:
    """The URL of its Confluent-compatible API; skips when it is not on this machine. About 8 s to start."""
    java, jar = shutil.which("java"), HOME / f"apicurio-registry-app-{VERSION}-runner.jar"
    if java is None or not jar.exists():
        pytest.skip(f"Apicurio Registry needs Java 17 and its files in {HOME}: `make registry` fetches them")
    port, management = free_port(), free_port()
    options = [f"-Dquarkus.http.port={port}", f"-Dquarkus.management.port={management}"]
    command = [java, "-Xmx400m", "-XX:+UseSerialGC", *options, "-jar", str(jar)]
    with (directory / "apicurio.log").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log, cwd=directory)
    try:
        url = f"http://127.0.0.1:{port}/apis/ccompat/v7"
        _await(f"{url}/subjects", process)
        yield url
    finally:
        process.kill()
        process.wait()


def _await(url: str, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 90
    while time.monotonic() < deadline and process.poll() is None:
        try:
            if httpx.get(url).status_code == 200:
                return
        except httpx.HTTPError:
            pass
        time.sleep(0.2)
    raise RuntimeError(f"Apicurio Registry did not start (exit {process.poll()})")
