"""When each detector is ready and what honest things it takes for misuse, for docs/reference/detectors.md."""

from __future__ import annotations

from typing import Final, NamedTuple


class Said(NamedTuple):
    """``ready``: from when on it judges a key. ``honest``: what may set it off without a thief."""

    ready: str
    honest: str


_WINDOWS: Final = "once the key was used in 60 different minutes."
_ORIGIN: Final = "after six hours and 30 different minutes of use."
_AT_ONCE: Final = "at once; no baseline is needed."

PROOFS: Final[dict[str, str]] = {
    "honey_key": "A key that nobody has is used: one of `detect.honey_keys`.",
    "stopped_key": "A key that was suspended or revoked two minutes before, or longer ago, is used.",
    "leaked_secret": "The log stream holds a whole secret where the id of a key belongs.",
}
"""Those that need no mathematics -> what they say."""

WORDS: Final[dict[str, Said]] = {
    "geo_shift": Said(_ORIGIN, "a new region or provider, travel, a VPN, a wrong or new GeoIP database."),
    "ip_shift": Said(_ORIGIN, "a service that scales out, carriers, proxies with many exits."),
    "volume": Said(
        "at once, as its cohort and with a wide spread; by its own hours once each was seen twice.",
        "campaigns, batch jobs, backfills, catching up after an outage, retries.",
    ),
    "isolation_forest": Said(
        _WINDOWS + " It needs a trained forest (`forest.min_samples` windows) and five requests a minute.",
        "any change in several ways at once, such as a rewrite of the client.",
    ),
    "impossible_travel": Said(
        _ORIGIN + " Both places must be known.",
        "VPNs and relays, satellites, an address that the GeoIP database misplaces.",
    ),
    "listed_network": Said(
        _ORIGIN + " It needs `geoip.lists`.", "a customer who takes up a VPN; a list that is too wide."
    ),
    "shared_origin": Said(
        "after six hours.", "a new egress that many customers share; one integrator's move."
    ),
    "client_change": Said(_WINDOWS, "a rewrite with another SDK, somebody trying something by hand."),
    "endpoint_mix": Said(_WINDOWS, "a new feature of the customer's, a monthly job."),
    "method_shift": Said(_WINDOWS, "an integration that begins to write."),
    "enumeration": Said(_WINDOWS, "a full export or a first synchronisation."),
    "error_surge": Said(_WINDOWS, "your own outage or deploy, an expired permission, a retry storm."),
    "exfiltration": Said(_WINDOWS, "an export, larger pages, a backup."),
    "off_hours": Said("after three days.", "night work, a batch job, an office in another time zone."),
    "dormant_key": Said(_WINDOWS, "the first yearly job; a key rotated back."),
    "robotic": Said(
        _WINDOWS + " The window needs 36 requests.", "a person's script turned into a scheduled job."
    ),
    "slow_ramp": Said("after a week with 24 busy hours.", "growth: a customer who succeeds."),
    "pattern": Said(
        "after 72 ticks of ten minutes in which it was used; by the hour of the day after two days.",
        "all that sets off `volume`, and smaller changes of a key whose days are alike.",
    ),
    "takeover": Said(_WINDOWS, "an office or service that moves to another provider."),
    "honey_key": Said(_AT_ONCE, "none, unless somebody put the id into real use; a scanner of your own."),
    "stopped_key": Said(
        _AT_ONCE, "a client that nobody told, which is not misuse; and it says that the gateway lets it in."
    ),
    "probing": Said(_WINDOWS, "a client that polls for what is not there yet; a lapsed permission."),
    "leaked_secret": Said(_AT_ONCE, "a gateway that logs keys: then every key is named, once."),
}
