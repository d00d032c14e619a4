"""What can be called: the endpoints of six fictional products, and those that a thief is after."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Call:
    """An endpoint with its ``weight`` in a mix. ``{n}`` in the path is an object's number; sizes in bytes."""

    method: str
    path: str
    weight: float
    bytes_out: float = 900.0
    bytes_in: float = 0.0

    @property
    def writes(self) -> bool:
        """Whether it changes something."""
        return self.method != "GET"


Mix = tuple[Call, ...]


def _mix(*calls: tuple[str, str, float, float] | tuple[str, str, float, float, float]) -> Mix:
    return tuple(Call(*call) for call in calls)


PRODUCTS: Final[dict[str, Mix]] = {
    "shop": _mix(
        ("GET", "/v1/items/{n}", 55, 900), ("GET", "/v1/orders/{n}", 22, 1400), ("GET", "/v1/stock", 8, 5000),
        ("POST", "/v1/orders", 10, 500, 900), ("PATCH", "/v1/orders/{n}", 5, 300, 200),
    ),
    "reports": _mix(
        ("GET", "/v1/reports", 35, 2500), ("GET", "/v1/reports/{n}/rows", 55, 30_000),
        ("POST", "/v1/reports", 7, 400, 700), ("DELETE", "/v1/reports/{n}", 3, 100),
    ),
    "messages": _mix(
        ("POST", "/v1/messages", 60, 350, 1200), ("GET", "/v1/messages/{n}", 25, 800),
        ("GET", "/v1/templates/{n}", 10, 3000), ("GET", "/v1/balance", 5, 150),
    ),
    "search": _mix(
        ("GET", "/v1/search", 70, 12_000), ("GET", "/v1/documents/{n}", 25, 20_000),
        ("GET", "/v1/suggest", 5, 600),
    ),
    "payments": _mix(
        ("POST", "/v1/charges", 35, 700, 600), ("GET", "/v1/charges/{n}", 40, 1100),
        ("GET", "/v1/customers/{n}", 15, 1300), ("POST", "/v1/refunds", 5, 500, 200),
        ("GET", "/v1/payouts", 5, 4000),
    ),
    "devices": _mix(
        ("POST", "/v1/telemetry", 70, 60, 2500), ("GET", "/v1/devices/{n}", 20, 1000),
        ("GET", "/v1/firmware", 5, 40_000), ("PUT", "/v1/devices/{n}/state", 5, 100, 300),
    ),
}  # fmt: skip

SENSITIVE: Final = _mix(
    ("GET", "/v1/exports/{n}", 30, 60_000), ("GET", "/v1/keys", 15, 3000), ("GET", "/v1/users", 20, 9000),
    ("GET", "/v1/users/{n}", 20, 1500), ("GET", "/v1/billing/invoices", 10, 8000),
    ("GET", "/v1/admin/audit", 5, 15_000),
)  # fmt: skip
WRITES: Final = _mix(
    ("POST", "/v1/webhooks", 30, 300, 400), ("POST", "/v1/keys", 20, 400, 100),
    ("DELETE", "/v1/users/{n}", 20, 100),
    ("PUT", "/v1/settings", 30, 200, 900),
)  # fmt: skip
RELEASED: Final = {product: Call("GET", f"/v2/{product}/overview", 15, 2200) for product in PRODUCTS}

SDKS: Final = ("python", "go", "node", "java", "ruby", "php")
TOOLS: Final = (
    "python-requests/2.31.0",
    "Go-http-client/1.1",
    "okhttp/4.12.0",
    "axios/1.6.8",
    "aiohttp/3.9.3",
)
ATTACK_TOOLS: Final = ("sqlmap/1.8.2", "Fuzz Faster U Fool v2.1.0", "masscan/1.3", "nuclei/3.2.0")


def sdk(language: str, version: str = "2.4.1") -> str:
    """The user agent of the platform's own SDK."""
    return f"acme-sdk-{language}/{version}"


def reading(mix: Mix) -> Mix:
    """Only the calls that read."""
    return tuple(call for call in mix if not call.writes)
