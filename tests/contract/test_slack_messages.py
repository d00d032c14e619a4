"""One message an incident in Slack, whoever sends, however often, and whatever gets lost on the way."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from alerting.charts.pictures import AlertPictures
from alerting.delivery.book import MemoryMessageBook
from alerting.delivery.heartbeat import SlackHeartbeat
from alerting.notifiers.pace import RedisPace
from alerting.notifiers.slack import SlackNotifier
from alerting.notifiers.slack_api import SlackApi
from alerting.notifiers.slack_text import BLOCKS_CHARS, size
from domain.case import Verdict
from domain.clock import ManualClock
from domain.errors import Refused, Transient
from domain.finding import Evidence
from domain.notice import Notice
from domain.picture import KeyPicture, Spot
from domain.secret import Secret
from monitor.connect import connect_redis
from tests.alerts import NOW_MS, finding
from tests.office import Replica, Stores, finding_id, policy, replica
from tests.slack_server import CHANNEL, SlackServer, slack_server

TOKEN = Secret("xoxb-secret")


@pytest.fixture
def slack() -> Iterator[SlackServer]:
    with slack_server() as running:
        yield running


@pytest.fixture
def stores() -> Stores:
    return Stores(ManualClock(NOW_MS / 1000))


def notifier(slack: SlackServer, stores: Stores, **parts: Any) -> SlackNotifier:
    clock = stores.clock
    return SlackNotifier(
        TOKEN, "#keys", clock, clock.advance, slack.base_url, book=stores.book, **{"timeout_s": 1, **parts}
    )


def office_with(slack: SlackServer, stores: Stores, **parts: Any) -> Replica:
    """A replica that tells Slack; restarted by making another on the same stores."""
    told = parts.pop("notifier", None) or notifier(slack, stores)
    return replica(stores=stores, notifiers={"slack": told}, **parts)


def text_of(message: dict[str, Any]) -> str:
    return json.dumps(message["blocks"], ensure_ascii=False)


# -- exactly one -------------------------------------------------------------------------------------


def test_an_incident_is_edited_as_it_grows_and_its_thread_has_the_detail(
    slack: SlackServer, stores: Stores
) -> None:
    office = office_with(slack, stores)
    office.find(finding(id=finding_id("1")))
    office.deliver()
    office.find(finding(id=finding_id("2"), key_id="key_b", actual="seen later"))
    office.deliver(10)
    (post,) = slack.posts()
    assert "2 API keys used from one network, 198.18.7.0/24" in text_of(post)
    assert "key_b" in text_of(post)
    replies = [message for message in slack.messages.values() if message.get("thread_ts") == post["ts"]]
    assert any("seen later" in text_of(reply) for reply in replies)


def test_a_restart_edits_and_posts_nothing_anew(slack: SlackServer, stores: Stores) -> None:
    office_with(slack, stores).find(finding(id=finding_id("1")))
    office_with(slack, stores).deliver()
    again = office_with(slack, stores)
    again.find(finding(id=finding_id("2"), actual="more"))
    again.deliver(10)
    assert len(slack.posts()) == 1
    assert "more" in text_of(slack.posts()[0])


def test_nothing_new_is_not_sent(slack: SlackServer, stores: Stores) -> None:
    office = office_with(slack, stores)
    found = finding(id=finding_id("1"))
    office.find(found)
    office.deliver()
    calls = len(slack.calls)
    for _ in range(3):
        office.find(found)
        office.deliver(10)
    assert len(slack.calls) == calls


FOUND = [
    finding(id=finding_id(str(n)), key_id=f"key_{n % 12}", network=f"198.18.{n % 3}.0/24", tenant="")
    for n in range(36)
]


def in_three_turns(slack: SlackServer, stores: Stores) -> None:
    """A replica that restarts with each turn, and sees much that others see too."""
    for turn in range(3):
        told = notifier(slack, stores, pace=RedisPace(stores.client), timeout_s=10)
        office = office_with(slack, stores, notifier=told)
        for one in FOUND[turn::2] + FOUND[::-3]:
            office.find(one)
        while office.outbox.waiting:
            office.pipeline.run_once(0)
        office.deliver(5)


@pytest.mark.redis
def test_three_replicas_restarts_and_duplicates_give_one_message_an_incident(
    slack: SlackServer, empty_store: Callable[[str], str]
) -> None:
    url, clock = empty_store("redis"), ManualClock(NOW_MS / 1000)
    replicas = [Stores(clock, connect_redis(url)) for _ in range(3)]
    threads = [threading.Thread(target=in_three_turns, args=(slack, stores)) for stores in replicas]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    last = office_with(slack, replicas[0])
    while last.deliver(200):
        pass
    incidents = replicas[0].incidents.page().incidents
    assert len(incidents) == 3
    posted = [post["metadata"]["event_payload"]["alert_id"] for post in slack.posts()]
    assert sorted(posted) == sorted(incident.id for incident in incidents)
    assert all("4 API keys" in text_of(post) for post in slack.posts())
    for stores in replicas:
        stores.client.close()


def test_a_post_whose_answer_is_lost_is_found_and_not_made_again(slack: SlackServer, stores: Stores) -> None:
    lose: list[str] = ["chat.postMessage"]

    def lost(method: str, arguments: dict[str, Any]) -> None:
        if method in lose:
            lose.remove(method)
            slack.messages["1780000000.5"] = {**arguments, "ts": "1780000000.5"}  # it stands, and ...

    slack.before = lost
    slack.answers.append((500, {}, {}))  # ... the answer is none
    office = office_with(slack, stores)
    office.find(finding())
    office.deliver()
    assert office.noted
    office.deliver(10)
    assert [post["ts"] for post in slack.posts()] == ["1780000000.5"]
    assert slack.methods().count("chat.postMessage") == 1
    assert "conversations.history" in slack.methods()


def test_a_post_that_was_throttled_needs_no_search(slack: SlackServer, stores: Stores) -> None:
    slack.answers.append((429, {"Retry-After": "30"}, {"ok": False, "error": "ratelimited"}))
    office = office_with(slack, stores)
    office.find(finding())
    office.deliver()
    office.deliver(29)
    assert slack.posts() == []
    office.deliver(2)
    assert len(slack.posts()) == 1
    assert "conversations.history" not in slack.methods()


def test_without_the_scope_to_search_people_are_told_all_the_same(slack: SlackServer, stores: Stores) -> None:
    slack.answers += [(500, {}, {}), (200, {}, {"ok": False, "error": "missing_scope", "needed": "x"})]
    office = office_with(slack, stores)
    office.find(finding())
    office.deliver()
    office.deliver(10)
    assert len(slack.posts()) == 1


def test_a_worker_that_lost_its_claim_while_it_posted_takes_its_message_back(
    slack: SlackServer, stores: Stores
) -> None:
    office = office_with(slack, stores)
    office.find(finding())

    def stall(method: str, arguments: dict[str, Any]) -> None:
        if method == "chat.postMessage":
            slack.before = None
            stores.clock.advance(200)  # the lease ends, and another worker posts
            office_with(slack, stores).deliver()

    slack.before = stall
    office.deliver()
    assert len(slack.posts()) == 1
    assert "chat.delete" in slack.methods()


def test_a_message_that_people_deleted_is_posted_anew_when_there_is_news(
    slack: SlackServer, stores: Stores
) -> None:
    office = office_with(slack, stores)
    office.find(finding(id=finding_id("1")))
    office.deliver()
    slack.messages.clear()
    office.find(finding(id=finding_id("2"), actual="more"))
    office.deliver(10)
    assert len(slack.posts()) == 1


def test_a_worse_incident_makes_a_sound_in_the_channel(slack: SlackServer, stores: Stores) -> None:
    office = office_with(slack, stores)
    office.find(finding(id=finding_id("1"), risk=0.6))
    office.deliver()
    office.find(finding(id=finding_id("2"), risk=0.6))
    office.deliver(10)
    loud = [sent for sent in slack.sent("chat.postMessage") if sent.get("reply_broadcast") in (True, "true")]
    assert loud == []
    office.find(finding(id=finding_id("3"), risk=0.97))
    office.deliver(10)
    loud = [sent for sent in slack.sent("chat.postMessage") if sent.get("reply_broadcast") in (True, "true")]
    assert len(loud) == 1
    assert len(slack.posts()) == 1


def test_the_message_says_what_became_of_it(slack: SlackServer, stores: Stores) -> None:
    office = office_with(slack, stores)
    case = office.find(finding())[0].case
    assert case is not None
    office.deliver()
    office.review.give(case.id, Verdict.REINSTATE, "ada", "our *new* <office>")
    office.deliver(10)
    text = text_of(slack.posts()[0])
    assert "API key closed, was: suspended" in text
    assert "reinstated by ada" in text
    assert "our  new  &lt;office&gt;" in text


def test_reminders_hang_below_the_message_and_mention_only_when_escalated(
    slack: SlackServer, stores: Stores
) -> None:
    told = notifier(slack, stores, mention="<!subteam^S1>")
    office = office_with(slack, stores, notifier=told)
    office.find(finding())
    office.deliver()
    office.deliver(15 * 60)
    office.deliver(45 * 60)
    texts = [sent["text"] for sent in slack.sent("chat.postMessage") if "Nobody has acted" in sent["text"]]
    assert [text.startswith("<!subteam^S1> ") for text in texts] == [False, True]
    assert len(slack.posts()) == 1


def test_dry_runs_say_that_the_key_still_works(slack: SlackServer, stores: Stores) -> None:
    office = office_with(slack, stores, policy=policy(suspend="dry-run"))
    office.find(finding())
    office.deliver()
    assert "would have been suspended (dry run: it still works)" in text_of(slack.posts()[0])


# -- limits and hostile text -------------------------------------------------------------------------

HOSTILE = "<!channel> <@U1> <https://evil|click> `*_~ & \n\u202e"


def test_hostile_text_gets_nowhere_through_any_kind_of_message(slack: SlackServer, stores: Stores) -> None:
    office = office_with(slack, stores)
    bad = {"key_id": "k" + HOSTILE[:40], "tenant": HOSTILE, "client": HOSTILE, "endpoint": HOSTILE}
    evidence = [Evidence(what="path", expected=HOSTILE, actual=HOSTILE, bits=9.0)]
    case = office.find(finding(id=finding_id("1"), evidence=evidence, **bad))[0].case
    assert case is not None
    office.find(finding(id=finding_id("2"), evidence=evidence, **{**bad, "key_id": "b" + HOSTILE[:30]}))
    office.deliver()
    office.deliver(15 * 60)
    office.dispatch.notice(Notice(id="n", title=HOSTILE, lines=[HOSTILE]))
    office.review.give(case.id, Verdict.FALSE_POSITIVE, HOSTILE, HOSTILE)
    office.deliver(60)
    assert len(slack.messages) >= 4
    for message in slack.messages.values():
        sent = json.dumps([message["text"], message["blocks"]], ensure_ascii=False)
        for command in ("<!channel", "<@U1", "<https://evil", "\u202e"):
            assert command not in sent


@pytest.mark.parametrize("length", [10, 400, 3_000])
def test_what_does_not_fit_goes_to_the_thread(length: int, slack: SlackServer, stores: Stores) -> None:
    office = office_with(slack, stores)
    for number in range(12):
        lines = [Evidence(what="w", expected="e" * length, actual=f"{number} " + "&" * length, bits=9.0)] * 8
        office.find(finding(id=finding_id(str(number)), evidence=lines))
    office.deliver()
    (post,) = slack.posts()
    assert size(post["blocks"]) <= BLOCKS_CHARS
    assert len(post["blocks"]) <= 50
    assert office.noted == []
    if length > 10:
        assert any(message.get("thread_ts") == post["ts"] for message in slack.messages.values())


def test_five_hundred_keys_fit_into_one_message(slack: SlackServer, stores: Stores) -> None:
    office = office_with(slack, stores)
    office.find(*(finding(id=finding_id(str(n)), key_id=f"key_{n:>040}") for n in range(100)))
    for start in range(100, 500, 100):
        office.find(
            *(finding(id=finding_id(str(n)), key_id=f"key_{n:>040}") for n in range(start, start + 100))
        )
    while office.outbox.waiting:
        office.pipeline.run_once(0)
    office.deliver(10)
    (post,) = slack.posts()
    assert "500 API keys used from one network" in text_of(post)
    assert "keywatch cases list --incident" in text_of(post)
    assert size(post["blocks"]) <= BLOCKS_CHARS


# -- pictures ----------------------------------------------------------------------------------------


class History:
    """Every key has the same day behind it."""

    def picture(self, key_id: str) -> KeyPicture:
        usual = [40.0] * 24
        return KeyPicture(
            at_ms=NOW_MS,
            first_hour_ms=NOW_MS - 23 * 3_600_000,
            expected=usual,
            low=[20.0] * 24,
            high=[80.0] * 24,
            actual=[None] * 22 + [44.0, 900.0],
            places=[Spot(lat=52.4, lon=4.9)],
        )


def test_a_chart_and_a_map_are_uploaded_once_with_words_for_who_cannot_see_them(
    slack: SlackServer, stores: Stores
) -> None:
    told = notifier(slack, stores, pictures=AlertPictures())
    office = office_with(slack, stores, notifier=told, history=History())
    office.find(finding(id=finding_id("1"), lat=55.7, lon=37.6))
    office.deliver()
    office.find(finding(id=finding_id("2"), actual="more"))
    office.deliver(10)
    assert len(slack.uploads) == 2
    assert all(b"PNG" in upload[:300] for upload in slack.uploads)
    words = [sent["alt_txt"] for sent in slack.sent("files.getUploadURLExternal")]
    assert "the busiest known hour had 900" in words[0]
    assert "Now: RU, AS64500, 198.18.7.0/24 55.7 north 37.6 east" in words[1]
    (done,) = slack.sent("files.completeUploadExternal")
    assert (done["channel_id"], done["thread_ts"]) == (CHANNEL, slack.posts()[0]["ts"])
    assert "Last 24 h" in text_of(slack.posts()[0])


def test_a_slack_that_takes_no_files_keeps_nobody_from_being_told(slack: SlackServer, stores: Stores) -> None:
    told = notifier(slack, stores, pictures=AlertPictures())
    office = office_with(slack, stores, notifier=told, history=History())
    office.find(finding())

    def refuse(method: str, arguments: dict[str, Any]) -> None:
        if method == "chat.postMessage":
            slack.answers.append((200, {}, {"ok": False, "error": "missing_scope", "needed": "files:write"}))

    slack.before = refuse
    office.deliver()
    assert len(slack.posts()) == 1
    assert office.noted == []


# -- the dead man's switch ---------------------------------------------------------------------------


class MemorySlot:
    """One text."""

    text = ""

    def swap(self, text: str) -> str:
        old, self.text = self.text, text
        return old


def test_slack_itself_tells_when_we_are_silent(slack: SlackServer) -> None:
    clock, wrong = ManualClock(NOW_MS / 1000), [""]
    api = SlackApi(TOKEN, clock, clock.advance, slack.base_url)
    heart = SlackHeartbeat(api, "#keys", MemorySlot(), lambda: wrong[0], 1800, clock)
    assert heart.beat()
    clock.advance(600)
    assert heart.beat()
    (waiting,) = slack.scheduled.values()
    assert int(waiting["post_at"]) == NOW_MS // 1000 + 600 + 1800
    wrong[0] = "slack: no answer"
    assert not heart.beat()
    assert len(slack.scheduled) == 1
    slack.scheduled.clear()  # it was posted
    wrong[0] = ""
    assert heart.beat()


def test_calls_name_what_went_wrong_and_no_token(slack: SlackServer) -> None:
    clock = ManualClock()
    api = SlackApi(TOKEN, clock, clock.advance, slack.base_url)
    slack.answers.append((200, {}, {"ok": False, "error": "missing_scope", "needed": "files:write"}))
    with pytest.raises(Refused) as refused:
        api.call("auth_test")
    assert "files:write" in str(refused.value)
    slack.answers.append((200, {}, {"ok": False, "error": "internal_error"}))
    with pytest.raises(Transient):
        api.call("auth_test")


def test_a_slack_that_does_not_answer_in_time_is_tried_again(slack: SlackServer, stores: Stores) -> None:
    release = threading.Event()

    def hang(method: str, arguments: dict[str, Any]) -> None:
        if method == "chat.postMessage" and not release.is_set():
            release.wait(10)

    slack.before = hang
    office = office_with(slack, stores)
    office.find(finding())
    office.deliver()
    assert [note[0] for note in office.noted] == ["not_delivered"]
    release.set()
    office.deliver(10)
    assert len(slack.posts()) == 1


def test_books_are_shared_by_name_of_destination(slack: SlackServer) -> None:
    stores = Stores(ManualClock(NOW_MS / 1000))
    stores.book = MemoryMessageBook()
    first, second = notifier(slack, stores), notifier(slack, stores, name="slack:#other")
    office = replica(stores=stores, notifiers={"slack": first, "slack:#other": second})
    office.find(finding())
    office.deliver()
    assert len(slack.posts()) == 2
