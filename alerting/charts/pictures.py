"""The pictures that belong to an alert. Needs the extra ``charts``."""

from __future__ import annotations

from collections.abc import Sequence

from alerting.charts.day import day_chart, day_words
from alerting.charts.map import map_words, world_map
from alerting.notifiers.slack_thread import Picture
from domain.picture import Spot
from domain.places import places_of
from domain.ports import Alert


class AlertPictures:
    """Drawn from the evidence frozen in the case, so that they show what was judged."""

    def of(self, alert: Alert) -> Sequence[Picture]:
        out = []
        picture, key_id = alert.case.picture, alert.case.key_id
        if picture is not None:
            words = day_words(picture, key_id)
            out.append(Picture("day.png", "Last 24 hours", words, day_chart(picture, key_id)))
        spots = spots_of(alert)
        if any(not spot.usual for spot in spots):
            out.append(Picture("map.png", "Where from", map_words(spots), world_map(spots)))
        return out


def spots_of(alert: Alert) -> list[Spot]:
    """The key's usual places, and those of the findings of all cases shown."""
    findings = [finding for case in (alert.case, *alert.others) for finding in case.findings]
    return places_of(alert.case.picture, findings)
