"""Every event name the logs may hold, and what it means; docs/reference/logs.md is made from this list.

Names are an interface that log searches rest on. A test finds a name that is used and not here.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

EVENTS: Final[dict[str, str]] = {
    "started": "The parts are connected; work begins.",
    "listening": "Probes and metrics answer on this port.",
    "stopped": "The last batch is committed and the process ends.",
    "partition_claimed": "This process is the partition's only writer from now on, and reads on at `offset`.",
    "partition_fenced": "Another process has the partition: this batch was not written; it is read again.",
    "partition_held_back": "A newer release has written it: it waits unread, see docs/upgrades.md.",
    "topic_grown": "The topic has more partitions than it had: run `keywatch migrate partitions`.",
    "offsets_skipped": "Kafka no longer keeps these records: events were lost (`jumped` of them).",
    "waiting": "Redis does not answer; the offset is held and the call repeated.",
    "alert_waits": "A finding stays in the outbox until its key store or notifier answers.",
    "incident": "A finding was acted on; `quiet` says why nobody was told.",
    "not_delivered": "A destination did not take a message; it is tried again, and the second channel told.",
    "not_told": "An owner cannot be told this way, or an act asked for in Slack is not possible.",
    "given_up": "A message could not be delivered for a day and is given up.",
    "delivery_waits": "Messages wait in Redis, which does not answer.",
    "delivery_failed": "A mistake of ours in a delivery worker; it goes on.",
    "slack_waits": "Slack does not take our connection yet; it is tried again.",
    "slack_not_listened_to": "Slack refuses our connection: buttons and commands do nothing.",
    "slack_press_failed": "A press or command in Slack could not be taken in.",
    "key_store": "Suspending at a vendor's would not help, or a suspension there soon becomes final.",
    "redis_setting": "Redis is set up in a way that endangers state.",
    "trace_not_kept": "A finding's trace ends at the outbox, as Redis did not take its context.",
    "job_failed": "A periodic job failed; it runs again at its next time.",
    "forest_trained": "A new forest is published for all replicas.",
    "forest_adopted": "This replica scores with another forest.",
    "keys_audited": "A key audit was made; its controls that found something are named with their counts.",
    "usage_events": "The gate could not write all usage events to Kafka; `lost` of them are gone.",
    "console_listening": "The console answers on this port.",
    "console_failed": "A mistake of ours in the console; the person was answered 500.",
    "console_setting": "The console is set up in a way that works, but not as it should.",
    "file_reloaded": "A policy, GeoIP file or network list changed and is in use.",
    "file_not_reloaded": "A changed file is refused and the old one kept.",
}

PAGE: Final = Path("docs/reference/logs.md")
HEAD: Final = """# Logs

One JSON object a line on standard error: `ts` (seconds since 1970), `level`, `event` and the event's own
fields; `log.json: false` writes the same as plain text. Event names are constant. A log never holds key
material, a webhook address or a raw payload.

This page is made from `monitor/log_events.py` by `python -m monitor.log_events`.

| event | meaning |
|---|---|
"""


def page() -> str:
    """The whole page."""
    return HEAD + "".join(f"| `{name}` | {meaning} |\n" for name, meaning in EVENTS.items())


if __name__ == "__main__":
    PAGE.write_text(page())
