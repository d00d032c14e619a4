"""Endpoints are the same number however their path was met before."""

from __future__ import annotations

import json

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from domain.endpoint import WRITES, template
from monitor.decode import decoder_for
from monitor.decode.base import Limits
from monitor.enrich.client import name_hash
from monitor.enrich.enricher import Enricher
from monitor.enrich.geo import Geo

SEGMENTS = st.sampled_from(
    ["v1", "items", "42", "7", "٣", "{id}", "a?b=1", "#x", "http:", "", "cus_4fXa91", "x" * 190]
)
PATHS = st.lists(SEGMENTS, max_size=14).map("/".join)
CALLS = st.lists(st.tuples(st.sampled_from(["GET", "POST", ""]), PATHS), min_size=1, max_size=30)


@given(CALLS)
def test_an_endpoint_is_the_hash_of_its_template_and_method(calls: list[tuple[str, str]]) -> None:
    records = [
        json.dumps(
            {"ts": 1_780_272_000_000, "key_id": "key_1", "ip": "198.18.0.1", "method": m, "endpoint": p}
        ).encode()
        for m, p in calls
    ]
    columns = decoder_for("native", Limits()).decode(records, np.arange(len(records))).columns
    found = Enricher(Geo([])).enrich(columns)
    assert found.endpoint.tolist() == [name_hash(f"{m} {template(p)}".strip()) for m, p in calls]
    assert found.write.tolist() == [m in WRITES for m, _ in calls]
