"""Kong Gateway: a consumer's group in an ACL that a plugin denies.

Kong's credentials have no switch, and reading one answers the key itself in plain text: so neither is
touched. Instead the consumer is put into a group that an ``acl`` plugin lists under ``deny``, and with
it all of the consumer's keys stop. Without such a plugin nothing stops: see :meth:`Kong.warnings`.

https://developer.konghq.com/plugins/acl/ , https://developer.konghq.com/api/gateway/admin-ee/
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Final, Literal

import msgspec

from domain.errors import Reason, Refused
from domain.ports import Capabilities, Granularity, KeyState
from keystore.adapters.http import Api, segment
from keystore.adapters.vendor import Found, Order, Overtaken

PROPAGATION_S: Final = 5.0
"""Other nodes look for changes every ``db_update_frequency``, 5 s unless set otherwise (kong.conf)."""
PAGES: Final = 50
_UUID: Final = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")


class _Consumer(msgspec.Struct):
    id: str
    username: str | None = None
    custom_id: str | None = None


class _Group(msgspec.Struct):
    id: str
    tags: list[str] | None = None


class _AclConfig(msgspec.Struct):
    allow: list[str] | None = None
    deny: list[str] | None = None


class _Plugin(msgspec.Struct):
    name: str
    enabled: bool = True
    config: Mapping[str, object] = {}


class _Plugins(msgspec.Struct):
    data: list[_Plugin]
    next: str | None = None


class Kong:
    """``key_ids`` says what an event's key id is: ``credential`` (``authenticated_entity.id``, of the
    key-auth plugin) or ``consumer`` (``consumer.id``). ``group`` must be used for nothing else.
    """

    name = "Kong"
    setting = "keystore.kong"
    capabilities = Capabilities(True, Granularity.CONSUMER, PROPAGATION_S)

    def __init__(self, api: Api, group: str, key_ids: Literal["credential", "consumer"]) -> None:
        self._api = api
        self._group = group
        self._key_ids = key_ids

    def read(self, key_id: str) -> Found:
        consumer = self._consumer(key_id)
        path = f"/consumers/{segment(consumer.id)}/acls/{segment(self._group)}"
        answer = self._api.read(path, expect=(404,))
        group = answer.into(_Group) if answer.status != 404 else None
        marks = [tag for tag in (group.tags or [] if group else []) if tag.startswith("keywatch-")]
        return Found(
            key_id,
            KeyState.SUSPENDED if group else KeyState.ACTIVE,
            unit=consumer.id,
            mark=next(iter(marks), ""),
            tenant=consumer.custom_id or "",
            owner=consumer.username or "",
            raw=group,
        )

    def stop(self, order: Order) -> None:
        body = {"group": self._group, "tags": [order.hold.mark]}
        path = f"/consumers/{segment(order.found.unit)}/acls"
        if self._api.write("POST", path, json=body, expect=(409,)).status == 409:
            raise Overtaken("the consumer is in the group already")

    def start(self, order: Order) -> None:
        # by the entry's id: an entry that a person made in between has another
        path = f"/consumers/{segment(order.found.unit)}/acls/{segment(order.found.raw.id)}"
        self._api.write("DELETE", path, expect=(404,))

    def warnings(self) -> Sequence[str]:
        allowing, denying = 0, 0
        for plugin in self._acl_plugins():
            config = msgspec.convert(plugin.config, _AclConfig)
            denying += self._group in (config.deny or [])
            allowing += bool(config.allow)
        out = []
        if not denying:
            out.append(f"no enabled acl plugin denies the group {self._group!r}: suspending stops nothing")
        if allowing:
            out.append(
                f"{allowing} acl plugin(s) use `allow`: where they apply, a suspended consumer still gets in"
            )
        return out

    def _acl_plugins(self) -> Sequence[_Plugin]:
        found: list[_Plugin] = []
        path: str | None = "/plugins?size=1000"
        for _ in range(PAGES):
            if path is None:
                break
            page = self._api.read(path).into(_Plugins)
            found += [plugin for plugin in page.data if plugin.name == "acl" and plugin.enabled]
            path = page.next
        return found

    def _consumer(self, key_id: str) -> _Consumer:
        if self._key_ids == "consumer":
            return self._api.read(f"/consumers/{segment(key_id)}").into(_Consumer)
        if not _UUID.fullmatch(key_id):  # Kong would take it for the key itself, and it would be in the URL
            raise Refused(
                Reason.NOT_FOUND, f"{key_id!r} is no credential id of Kong: those are UUIDs; see key_ids"
            )
        return self._api.read(f"/key-auths/{key_id}/consumer").into(_Consumer)
