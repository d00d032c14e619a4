"""A real kube-apiserver on a real etcd, without nodes: it checks what it is sent as any cluster would."""

from __future__ import annotations

import json
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import httpx

from monitor.embedded import free_port
from tests.chart.rendering import TOOLS, Manifest

TOKEN: Final = "for-this-test-only"
NAMESPACE: Final = "security"
STARTS_WITHIN_S: Final = 60
PLURALS: Final = {"NetworkPolicy": "networkpolicies", "Ingress": "ingresses"}


def binary(name: str) -> str | None:
    """Where a part of Kubernetes is, if it was built (tests/get_tools.sh --kubernetes)."""
    return shutil.which(name) or shutil.which(name, path=str(TOOLS))


@dataclass(frozen=True)
class Kubernetes:
    """An API server; ``client`` is its administrator, and so is who uses ``config``."""

    client: httpx.Client
    config: Path

    def names(self, group: str, kind: str) -> list[str]:
        """Names of the objects of a kind in the namespace, sorted."""
        answer = self.client.get(f"{group}/namespaces/{NAMESPACE}/{kind}").raise_for_status()
        return sorted(item["metadata"]["name"] for item in answer.json()["items"])

    def create(self, manifest: Manifest, dry_run: bool = True) -> httpx.Response:
        """Have the server check and (unless ``dry_run``) keep a manifest; unknown fields are errors."""
        query = {"fieldValidation": "Strict", **({"dryRun": "All"} if dry_run else {})}
        return self.client.post(_path(manifest), params=query, json=manifest)


def _path(manifest: Manifest) -> str:
    version, kind = manifest["apiVersion"], manifest["kind"]
    group = f"/apis/{version}" if "/" in version else f"/api/{version}"
    if kind == "Namespace":
        return f"{group}/namespaces"
    return f"{group}/namespaces/{NAMESPACE}/{PLURALS.get(kind, kind.lower() + 's')}"


@contextmanager
def kubernetes(folder: Path) -> Iterator[Kubernetes]:
    """Started in ``folder``; the namespace admits only pods that meet the standard ``restricted``."""
    etcd_port, peer_port, port = free_port(), free_port(), free_port()
    with (
        _running(folder, "etcd", _etcd(folder, etcd_port, peer_port)),
        _running(folder, "kube-apiserver", _apiserver(folder, etcd_port, port)) as server,
        _administrator(port) as client,
    ):
        _await(client, server)
        made = Kubernetes(client, _config(folder, port))
        made.create(_namespace(), dry_run=False).raise_for_status()
        yield made


def _administrator(port: int) -> httpx.Client:
    """The server makes its own certificate at every start, so there is none to check it by."""
    headers = {"Authorization": f"Bearer {TOKEN}"}
    return httpx.Client(base_url=f"https://127.0.0.1:{port}", verify=False, headers=headers, timeout=30)


def _config(folder: Path, port: int) -> Path:
    """A kubeconfig."""
    cluster = {"server": f"https://127.0.0.1:{port}", "insecure-skip-tls-verify": True}
    config = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "test", "cluster": cluster}],
        "users": [{"name": "admin", "user": {"token": TOKEN}}],
        "contexts": [{"name": "test", "context": {"cluster": "test", "user": "admin"}}],
        "current-context": "test",
    }
    path = folder / "kubeconfig"
    path.write_text(json.dumps(config))
    return path


def _namespace() -> Manifest:
    enforce = {"pod-security.kubernetes.io/enforce": "restricted"}
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE, "labels": enforce}}


def _etcd(folder: Path, port: int, peer: int) -> list[str]:
    client_url, peer_url = f"http://127.0.0.1:{port}", f"http://127.0.0.1:{peer}"
    return [
        f"--data-dir={folder / 'etcd'}",
        f"--listen-client-urls={client_url}",
        f"--advertise-client-urls={client_url}",
        f"--listen-peer-urls={peer_url}",
        f"--initial-advertise-peer-urls={peer_url}",
        f"--initial-cluster=default={peer_url}",
        "--unsafe-no-fsync",
    ]


def _apiserver(folder: Path, etcd_port: int, port: int) -> list[str]:
    key = folder / "account.key"
    subprocess.run(["openssl", "genrsa", "-out", key, "2048"], check=True, capture_output=True)
    (folder / "tokens").write_text(f"{TOKEN},admin,1,system:masters\n")
    return [
        f"--etcd-servers=http://127.0.0.1:{etcd_port}",
        f"--secure-port={port}",
        "--bind-address=127.0.0.1",
        f"--cert-dir={folder / 'certificates'}",
        f"--token-auth-file={folder / 'tokens'}",
        "--authorization-mode=AlwaysAllow",
        "--service-cluster-ip-range=10.0.0.0/24",
        "--service-account-issuer=https://kubernetes.default.svc",
        f"--service-account-key-file={key}",
        f"--service-account-signing-key-file={key}",
        # it would want accounts that a controller makes, and there is none
        "--disable-admission-plugins=ServiceAccount",
    ]


@contextmanager
def _running(folder: Path, name: str, options: list[str]) -> Iterator[subprocess.Popen[bytes]]:
    with (folder / f"{name}.log").open("wb") as log:
        process = subprocess.Popen([str(binary(name)), *options], stdout=log, stderr=log)
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def _await(client: httpx.Client, server: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + STARTS_WITHIN_S
    while not _ready(client):
        if server.poll() is not None or time.monotonic() > deadline:
            raise RuntimeError(f"kube-apiserver did not start (exit {server.poll()})")
        time.sleep(0.2)


def _ready(client: httpx.Client) -> Any:
    try:
        return client.get("/readyz").is_success
    except httpx.HTTPError:
        return False
