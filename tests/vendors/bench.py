"""Every adapter as the contract suite wants it: made by the real wiring, over its vendor's server."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import msgspec
import pytest

from domain.clock import ManualClock
from domain.errors import Reason, Transient
from domain.ports import KeyStore
from keystore.adapters.check_bench import Fault
from keystore.adapters.patience import Patience
from keystore.adapters.priors import Hold, MemoryPriorStates
from keystore.adapters.store import VendorKeyStore
from monitor.config import KeystoreConfig
from monitor.config_keystore import section_of
from monitor.wiring_keystore import Vendors
from tests.vendors.apigee import ApigeeServer
from tests.vendors.aws import AwsApiGatewayServer, AwsIamServer
from tests.vendors.azure_apim import AzureApimServer
from tests.vendors.google import NOW_S, GoogleKeysServer
from tests.vendors.gravitee import GraviteeServer
from tests.vendors.kong import KongServer
from tests.vendors.server import VendorServer, serving
from tests.vendors.tyk import TykServer
from tests.vendors.unkey import UnkeyServer
from tests.vendors.vault import VaultServer
from tests.vendors.webhook import WRONG, WebhookServer

VARIANTS: Final[dict[str, Callable[[], VendorServer]]] = {
    "kong, credentials": KongServer,
    "kong, consumers": lambda: KongServer("consumer"),
    "aws-apigw": AwsApiGatewayServer,
    "aws-iam": AwsIamServer,
    "unkey": UnkeyServer,
    "tyk, policies": TykServer,
    "tyk, per-API policies": lambda: TykServer("per-API"),
    "tyk, one policy": lambda: TykServer("policy"),
    "tyk, no policy": lambda: TykServer("none"),
    "gravitee, subscriptions": GraviteeServer,
    "gravitee, API keys": lambda: GraviteeServer("api-key"),
    "azure-apim": AzureApimServer,
    "azure-apim, workload identity": lambda: AzureApimServer("workload-identity"),
    "google, restrict": GoogleKeysServer,
    "google, delete": lambda: GoogleKeysServer("delete"),
    "apigee, account": lambda: ApigeeServer("service-account"),
    "webhook": WebhookServer,
    "webhook, mute": lambda: WebhookServer(describes=False),
    "vault": VaultServer,
}
"""Every adapter, in every way of setting it up that changes what is sent."""


AWS_ENVIRONMENT: Final = {
    "AWS_ACCESS_KEY_ID": "AKIAOWNKEYOFKEYWATCH",
    "AWS_SECRET_ACCESS_KEY": "credential-s3cret",
    "AWS_EC2_METADATA_DISABLED": "true",
}


class FragileMemory(MemoryPriorStates):
    """Prior states that fail once when told."""

    def __init__(self) -> None:
        super().__init__()
        self.fail_after = -1

    def put(self, unit: str, hold: Hold) -> None:
        self.fail_after -= 1
        if self.fail_after == -1:
            raise Transient(Reason.UNREACHABLE, "key store: cannot reach Redis")
        super().put(unit, hold)


@dataclass
class AdapterBench:
    """A :class:`keystore.adapters.checks.VendorBench`."""

    vendor: VendorServer
    directory: Path
    clock: ManualClock = field(default_factory=lambda: ManualClock(NOW_S))
    priors: FragileMemory = field(default_factory=FragileMemory)

    def __post_init__(self) -> None:
        self.store = self.open()
        self.detects_races = self.vendor.detects_races
        self.tells_when = "Retry-After" in self.vendor.throttled().headers
        self.tells_state = getattr(self.vendor, "describes", True)

    def open(self) -> VendorKeyStore:
        """The adapter, as the settings of its kind make it."""
        tree = {"kind": self.vendor.kind, section_of(self.vendor.kind): self.vendor.settings(self.directory)}
        patience = Patience(self.clock.advance, lambda: 0.5)
        vendor = Vendors(self.clock, patience).make(msgspec.convert(tree, KeystoreConfig))
        return VendorKeyStore(vendor, self.priors, self.clock)

    def new_key(self) -> str:
        return self.vendor.new_key()

    def suspend_as_person(self, key_id: str) -> None:
        self.vendor.turn(key_id, on=False)

    def release_as_person(self, key_id: str) -> None:
        self.vendor.turn(key_id, on=True)

    def revoke(self, key_id: str) -> None:
        self.vendor.end(key_id)

    def stopped(self, key_id: str) -> bool:
        return self.vendor.stopped(key_id)

    def record(self, key_id: str) -> object:
        return self.vendor.record(key_id)

    def writes(self) -> int:
        return self.vendor.writes()

    def fail(self, fault: Fault, *, write: bool, times: int = 1) -> None:
        self.vendor.fail(fault, write=write, times=times)

    def during_write(self, act: Callable[[], None]) -> None:
        self.vendor.during_write(act)

    def fail_memory(self, *, after: int) -> None:
        self.priors.fail_after = after

    def stranger(self) -> KeyStore:
        """Afterwards the store of this bench is one too, where the credential is read at each call."""
        known = self.vendor.secrets[0]
        self.vendor.secrets[0] = WRONG if self.vendor.kind == "webhook" else "wrong-s3cret"
        store = self.open()
        self.vendor.secrets[0] = known
        return store

    def secrets(self) -> Sequence[str]:
        return self.vendor.secrets

    def remembered(self) -> str:
        return repr([self.priors.get(unit) for unit in self.priors.held()])


@contextmanager
def bench_for(variant: str, directory: Path) -> Iterator[AdapterBench]:
    """A fresh vendor and its adapter; afterwards, every request must have been as the vendor describes."""
    with pytest.MonkeyPatch.context() as environment, serving(VARIANTS[variant]()) as vendor:
        for name in ("AWS_PROFILE", "AWS_SESSION_TOKEN", "AWS_CONFIG_FILE"):
            environment.delenv(name, raising=False)
        for name, value in AWS_ENVIRONMENT.items():
            environment.setenv(name, value)
        yield AdapterBench(vendor, Path(tempfile.mkdtemp(dir=directory)))
        assert not vendor.violations, vendor.violations
