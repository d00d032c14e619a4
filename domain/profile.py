"""A key's rolling baseline and its open window as fixed-size rows.

The row's bytes ARE the stored value: ``row.tobytes()`` saves, ``np.frombuffer`` loads. Whatever requests
write is an integer, so that the same requests in other batches give the same bytes; floats change
only when a window closes, once a window, in window order.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

SCHEMA_VERSION: Final = 3
WINDOW_MS: Final = 60_000
WINDOWS_PER_HOUR: Final = 60

COUNTRY_SLOTS: Final = 8
ASN_SLOTS: Final = 12
PREFIX_SLOTS: Final = 16
CLIENT_SLOTS: Final = 6
ENDPOINT_SLOTS: Final = 12
PLACE_SLOTS: Final = 6
MET_SLOTS: Final = 4
WINDOW_NET_SLOTS: Final = 8
WINDOW_CLIENT_SLOTS: Final = 4
ENDPOINT_BINS: Final = 32
"""Requests a window by hash of the endpoint template."""
PREFIX_BITS: Final = 1024
"""Bits of the linear-counting sketch of a window's distinct networks (Whang et al., 1990)."""
HOURS_OF_WEEK: Final = 168

STATUS_CLASSES: Final = ("ok", "redirect", "denied", "not_found", "throttled", "client_error", "server_error")
"""2xx and unknown; 3xx; 401 and 403; 404; 429; other 4xx; 5xx."""

RATE_HORIZONS_MIN: Final = (10.0, 60.0, 1440.0, 10080.0)
"""Memory of the decayed rates, in minutes: ten minutes, an hour, a day, a week."""

TENANT_BYTES: Final = 40
"""Longest tenant name kept in a row; longer ones are cut."""

DETECTORS_MAX: Final = 24
KINDS: Final = 8
"""Slots for the recent bits of each :class:`domain.finding.Kind`, in the order of the enum."""

OBJECT_BITS: Final = 2048
"""Bits of the sketch of a window's distinct paths (linear counting), and of each generation of a key's."""
BEATS: Final = 12
"""Parts of a minute in which requests are counted, five seconds each: how regular they come."""
SURGES: Final = ("refused", "bytes_out")
"""What is watched for surges inside a window: 401, 403, 404 and 429 answers; bytes sent out."""

NEVER: Final = -(1 << 30)
"""A minute long before any event."""

SCORE_BINS: Final = 64
"""Bins of the fleet's history of daily scores, a bit each; the last one holds all above."""
KEY_SCORE_BINS: Final = 16
"""Bins of a key's own history, four bits each."""
BITS_BINS: Final = 32
"""Bins of the fleet's history of each detector's daily highest bits, two bits each."""
COHORTS: Final = 8
"""Keys alike in their hours, their networks and how busy they are, see ``detectors.calibrate``."""
ENDPOINT_BITS: Final = 256
"""Bits of the sketch of all endpoint templates a key has used, and of those of a window."""

TICK_STATS: Final = 10
"""Rises and falls of the five statistics of ``detectors.ticks``."""
TICK_BINS: Final = 24
"""Bins of a key's own history of each, see ``detectors.history``."""

FEATURES: Final = 14
"""Length of a window's feature vector, see ``detectors.features``."""

PROFILE_DTYPE: Final = np.dtype(
    [
        ("version", "<u2"),
        ("flags", "<u2"),
        ("tenant", f"S{TENANT_BYTES}"),
        ("first_ms", "<i8"),
        ("last_ms", "<i8"),
        ("events", "<u8"),  # every request counted, late ones too
        ("late", "<u4"),
        ("learned", "<u8"),  # requests in the windows that taught
        ("windows", "<u4"),  # closed windows that taught this row
        ("last_window", "<i4"),  # minute number of the last window that taught; -1 before the first
        ("held_until", "<i4"),  # minute until which an open finding keeps windows from teaching
        # decayed rates: for horizon h, sum of counts and of minutes seen, both decayed by exp(-dt/h)
        ("rate_count", "<f4", len(RATE_HORIZONS_MIN)),
        ("rate_minutes", "<f4", len(RATE_HORIZONS_MIN)),
        ("rate_square", "<f4", len(RATE_HORIZONS_MIN)),  # decayed sum of squared counts a minute
        ("hour_level", "<f2", HOURS_OF_WEEK),  # log2(1 + usual requests in this hour of the week, UTC)
        ("hour_open", "<i4"),  # the hour (since the epoch) being counted now; -1 before the first
        ("hour_open_count", "<u4"),
        ("hour_weeks", "u1", HOURS_OF_WEEK),  # how many such hours were seen, saturating
        # decayed weights of what the key is used from and with; weight is in windows
        ("country", "<u2", COUNTRY_SLOTS),
        ("country_weight", "<f4", COUNTRY_SLOTS),
        ("asn", "<u4", ASN_SLOTS),
        ("asn_weight", "<f4", ASN_SLOTS),
        ("prefix", "<u8", PREFIX_SLOTS),
        ("prefix_weight", "<f4", PREFIX_SLOTS),
        ("client", "<u4", CLIENT_SLOTS),
        ("client_weight", "<f4", CLIENT_SLOTS),
        ("place_lat", "<f4", PLACE_SLOTS),
        ("place_lon", "<f4", PLACE_SLOTS),
        ("place_weight", "<f4", PLACE_SLOTS),
        # decayed windows, and in how many of them something new was met: how restless the key is
        ("novel_windows", "<f4"),
        ("novel_country", "<f4"),
        ("novel_asn", "<f4"),
        ("novel_prefix", "<f4"),
        ("met_prefix", "<u8", MET_SLOTS),  # new networks last counted in the fleet's `prefix_fresh`
        ("novel_client", "<f4"),
        ("novel_endpoint", "<f4"),
        ("listed", "u1"),  # network lists (a bit each) that the key has been used from
        ("longest_gap", "<u4"),  # minutes: the longest silence it came back from
        ("last_lat", "<f4"),  # where its last closed window was busiest; NaN when unknown
        ("last_lon", "<f4"),
        # a frozen reference of busy hours in log2(1 + requests), and the cumulative sum above it
        ("reference_hours", "<f4"),
        ("reference_mean", "<f4"),
        ("reference_square", "<f4"),
        ("cusum", "<f4"),
        ("spread_mean", "<f4"),  # distinct networks a window, decayed mean and mean square
        ("spread_square", "<f4"),
        ("endpoint_share", "<f4", ENDPOINT_BINS),  # share of requests by endpoint bin, decayed
        ("status_share", "<f4", len(STATUS_CLASSES)),
        ("write_share", "<f4"),
        ("surge_mean", "<f4", len(SURGES)),  # log(1 + a window's amount): decayed mean and mean square
        ("surge_square", "<f4", len(SURGES)),
        ("feature_mean", "<f4", FEATURES),  # raw window features: decayed mean and mean square
        ("feature_square", "<f4", FEATURES),
        # recent bits of each kind and detector, to combine and not to repeat
        ("kind_bits", "<f4", KINDS),
        ("kind_minute", "<i4", KINDS),
        ("fired_bits", "<f2", DETECTORS_MAX),
        ("fired_minute", "<i4", DETECTORS_MAX),
        # the day (since the epoch, UTC) that is open, what it has come to, and the days before it
        ("day", "<i4"),
        ("day_alerted", "u1"),
        ("day_score", "<f4"),
        ("day_bits", "<f2", DETECTORS_MAX),
        ("score_days", "<f2", KEY_SCORE_BINS),  # days by highest score, fading
        ("pending_day", "<i4"),  # an alerted day, which the fleet learns later
        ("pending_score", "<f4"),
        # days with evidence of each detector, and its highest bits, both fading
        ("claim_days", "<f2", DETECTORS_MAX),
        ("claim_top", "<f2", DETECTORS_MAX),
        ("endpoint_seen", "u1", ENDPOINT_BITS // 8),
        ("last_home", "<i4"),  # the last minute with a network that the key knew
        ("refused_hour", "<f4"),  # 401, 403, 404 and 429 answers, fading over an hour
        # the last 24 hours as they were: the open one exactly, those over in log2(1 + requests), NaN unknown
        ("hours_last", "<i4"),
        ("hours_count", "<u4"),
        ("hours_level", "<f2", 24),
        # ticks of ten minutes in sqrt(requests), see ``detectors.ticks``: the open one, how many were
        # learned, levels, the usual hours of the day, and the history of each deviation
        ("tick", "<i4"),  # ten minutes since the epoch; -1 before the first
        ("tick_count", "<u8"),
        ("ticks", "<u4"),
        ("tick_level", "<f4", 3),
        ("tick_swing", "<f4", 2),
        ("tick_hour", "<f4", 24),
        ("tick_hour_seen", "u1", 24),
        ("tick_spread", "<f4", TICK_STATS // 2),
        ("tick_days", "<u2", (TICK_STATS, TICK_BINS)),
        # objects it asked for, the younger and the older, and the share of requests for ones not among them
        ("objects_seen", "u1", (2, OBJECT_BITS // 8)),
        ("novel_objects", "<f4"),
        ("new_objects_hour", "<f4"),  # such objects, fading over an hour
        ("requests_hour", "<f4"),  # all requests, taught or not, likewise
        ("fresh_endpoints", "u1", ENDPOINT_BITS // 8),  # templates it never called, of the last hours
        ("fresh_endpoints_minute", "<i4"),  # when it last met one
        ("listed_counted", "u1"),  # lists that the fleet has counted this key on
    ]
)
"""One key's baseline; 3.2 kB, so that a million fit 4 GiB of Redis."""

WINDOW_DTYPE: Final = np.dtype(
    [
        ("minute", "<i4"),
        ("held", "u1"),  # a finding was made in it: it does not teach
        ("count", "<u4"),
        ("bytes_in", "<u8"),
        ("bytes_out", "<u8"),
        ("latency_us", "<u8"),
        ("latency_count", "<u4"),
        ("writes", "<u4"),
        ("status", "<u4", len(STATUS_CLASSES)),
        ("endpoint", "<u4", ENDPOINT_BINS),
        ("first_ms", "<i8"),
        ("last_ms", "<i8"),
        ("client", "<u4", WINDOW_CLIENT_SLOTS),
        ("client_count", "<u4", WINDOW_CLIENT_SLOTS),
        ("prefix", "<u8", WINDOW_NET_SLOTS),
        ("asn", "<u4", WINDOW_NET_SLOTS),
        ("country", "<u2", WINDOW_NET_SLOTS),
        ("lat", "<f4", WINDOW_NET_SLOTS),
        ("lon", "<f4", WINDOW_NET_SLOTS),
        ("net_listed", "u1", WINDOW_NET_SLOTS),
        ("net_count", "<u4", WINDOW_NET_SLOTS),
        ("prefix_sketch", "u1", PREFIX_BITS // 8),
        ("object_sketch", "u1", OBJECT_BITS // 8),
        ("beats", "<u4", BEATS),
        ("endpoint_sketch", "u1", ENDPOINT_BITS // 8),
        ("spike_next", "<u4"),  # the count at which `volume` speaks next; 0 before it has spoken
    ]
)
"""One key's requests in one minute; about 930 bytes."""

LISTS_MAX: Final = 8
"""Network lists, a bit each of ``listed``."""
FLEET_ASN_BINS: Final = 1024
FLEET_PREFIX_BINS: Final = 2048
FLEET_COUNTRIES: Final = 677

FLEET_DTYPE: Final = np.dtype(
    [
        ("version", "<u2"),
        ("keys", "<u4"),  # keys whose profile has begun
        ("country_keys", "<u4", FLEET_COUNTRIES),  # keys that have established each country
        ("asn_keys", "<u4", FLEET_ASN_BINS),  # likewise by hash of the ASN
        ("prefix_keys", "<u4", FLEET_PREFIX_BINS),
        ("prefix_fresh", "<f4", FLEET_PREFIX_BINS),  # keys that met a network for the first time, fading
        ("listed_keys", "<u4", LISTS_MAX),  # keys that have been used from a network on each list
        ("fresh_minute", "<i4"),
        # over taught windows: sum of log(1 + count), of its square, and n; the terms are multiples of
        # 2^-20, so that the sums are exact in any order
        ("log_rate_sum", "<f8"),
        ("log_rate_square", "<f8"),
        ("log_rate_n", "<f8"),
        # days of keys by highest score and by each detector's highest bits, fading
        ("history_day", "<i4"),
        ("score_days", "<f4", (COHORTS, SCORE_BINS)),
        ("bits_days", "<f4", (COHORTS, DETECTORS_MAX, BITS_BINS)),
    ]
)
"""What the keys of one partition have in common: the cohort a cold key borrows from."""


def new_profiles(n: int) -> npt.NDArray[np.void]:
    """``n`` rows of keys never seen."""
    rows = np.zeros(n, PROFILE_DTYPE)
    rows["version"] = SCHEMA_VERSION
    rows["last_window"] = rows["hour_open"] = -1
    rows["held_until"] = NEVER
    rows["kind_minute"] = rows["fired_minute"] = NEVER
    rows["last_lat"] = rows["last_lon"] = np.nan
    rows["day"] = rows["pending_day"] = rows["last_home"] = rows["fresh_endpoints_minute"] = NEVER
    rows["hours_last"], rows["hours_level"] = -1, np.nan
    rows["tick"] = -1
    return rows


def mix64(values: npt.NDArray[np.uint64] | npt.NDArray[np.uint32]) -> npt.NDArray[np.uint64]:
    """A well-mixed 64-bit hash of integers (the finaliser of splitmix64, Steele et al., 2014)."""
    z = values.astype(np.uint64)
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return z ^ (z >> np.uint64(31))


def bits_set(sketch: npt.NDArray[np.uint8]) -> npt.NDArray[np.int64]:
    """How many bits (n,) of each sketch (n, bytes) are set."""
    count: npt.NDArray[np.int64] = np.bitwise_count(sketch).sum(axis=1, dtype=np.int64)
    return count


def object_bit(hashes: npt.NDArray[np.uint32]) -> npt.NDArray[np.int64]:
    """The bit of a path in a window's sketch, 0 <= bit < OBJECT_BITS."""
    return (mix64(hashes) % np.uint64(OBJECT_BITS)).astype(np.int64)


def endpoint_bit(hashes: npt.NDArray[np.uint32]) -> npt.NDArray[np.int64]:
    """The bit of an endpoint template, 0 <= bit < ENDPOINT_BITS; the bits of a bin are those equal to it
    modulo ENDPOINT_BINS."""
    return (hashes % np.uint32(ENDPOINT_BITS)).astype(np.int64)


def asn_bin(asn: npt.NDArray[np.uint32]) -> npt.NDArray[np.int64]:
    """Column of the fleet's ASN table."""
    return (mix64(asn) % np.uint64(FLEET_ASN_BINS)).astype(np.int64)


def prefix_bit(prefix: npt.NDArray[np.uint64]) -> npt.NDArray[np.int64]:
    """The bit of a network in a window's sketch, 0 <= bit < PREFIX_BITS."""
    return (mix64(prefix) % np.uint64(PREFIX_BITS)).astype(np.int64)


def prefix_bin(prefix: npt.NDArray[np.uint64]) -> npt.NDArray[np.int64]:
    """Column of the fleet's network table."""
    return ((mix64(prefix) >> np.uint64(20)) % np.uint64(FLEET_PREFIX_BINS)).astype(np.int64)
