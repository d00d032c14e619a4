"""``keywatch keys``: the key store from a terminal.

Exit codes: 0 done, 1 refused, 2 wrong usage, 3 the store does not answer, 4 configuration.
"""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Annotated, Final

import typer

from domain.ports import KeyState
from keystore.adapters.store import VendorKeyStore
from keystore.arguments import MAX_PAGE
from keystore.issuing import KeySpec
from keystore.rate import RateLimit
from keystore.record import KeyDetails
from keystore.redis_store import RedisKeyStore
from keystore.token import DEFAULT_PREFIX
from monitor.cli_errors import exit_codes
from monitor.cli_keys_output import print_issued, print_key, print_keys, print_status
from monitor.cli_options import Config, Json, Who, Why, who
from monitor.cli_progress import counting
from monitor.cli_store import store_check

app = typer.Typer(
    name="keys",
    help="Issue, look at, stop and release API keys.",
    epilog="Example: keywatch keys suspend key_7HqYw2mB4cXe9ZtA --reason 'seen in a public repository'",
    no_args_is_help=True,
)

MOST_LISTED: Final = 100_000
"""Keys of one list; they are held in memory, about 1 kB each."""
app.command("store-check", epilog="Example: keywatch keys store-check --key key_7HqYw2mB4cXe9ZtA --exercise")(
    store_check
)

KeyId = Annotated[str, typer.Argument(metavar="KEY_ID", help="The key's public id, not its secret.")]


def open_store(config: Path | None) -> RedisKeyStore:
    """The configured store. Imported at the call, as ``--help`` should not wait for the whole daemon."""
    store: RedisKeyStore = importlib.import_module("monitor.wiring").open_key_store(config)
    return store


def open_acting_store(config: Path | None) -> RedisKeyStore | VendorKeyStore:
    """Where keys are stopped and let go: the configured kind, a vendor's or ours."""
    store: RedisKeyStore | VendorKeyStore = importlib.import_module("monitor.wiring").open_acting_store(
        config
    )
    return store


@app.command(
    epilog="Example: keywatch keys issue --tenant acme --owner ops@acme.example --name ci "
    "--scope 'GET:/v1/items/**' --cidr 198.18.0.0/16 --rate 100/m --json"
)
def issue(
    tenant: Annotated[str, typer.Option(help="Whose key it is.")],
    owner: Annotated[str, typer.Option(help="Who to tell when it is suspended or ends.")],
    scope: Annotated[list[str], typer.Option(help="METHODS:/path it may call; may be given again.")],
    name: Annotated[str, typer.Option(help="What it is for.")] = "",
    prefix: Annotated[str, typer.Option(help="First part of the secret, type_env.")] = DEFAULT_PREFIX,
    env: Annotated[str, typer.Option(help="live, test, ...: the second part of the prefix.")] = "",
    cidr: Annotated[
        list[str] | None, typer.Option(help="Network it may be used from; may be given again. Default: any.")
    ] = None,
    rate: Annotated[str, typer.Option(help="Limit, such as 100/m or 5000/h+50. Default: none.")] = "",
    expires_days: Annotated[int, typer.Option(min=1, max=36_500, help="Days until it ends by itself.")] = 365,
    by: Who = "",
    config: Config = None,
    as_json: Json = False,
) -> None:
    """Make a key and print its secret, this once: only its hash is kept.

    It may do what its scopes say and nothing else; '*:/**' is everything.
    """
    with exit_codes():
        spec = KeySpec(
            tenant=tenant,
            owner=owner,
            name=name,
            prefix=f"{prefix.partition('_')[0]}_{env}" if env else prefix,
            expires_s=expires_days * 86_400,
            scopes=tuple(scope),
            networks=tuple(cidr or ()),
            rate=RateLimit.parse(rate) if rate else None,
        )
        print_issued(open_store(config).issue_many([spec], who(by))[0], as_json)


@app.command("list", epilog="Example: keywatch keys list --state suspended --limit 20")
def list_keys(
    state: Annotated[KeyState | None, typer.Option(help="Only keys in this state.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=MOST_LISTED, help="How many, newest first.")] = 100,
    config: Config = None,
    as_json: Json = False,
) -> None:
    """List keys, the newest first."""
    with exit_codes():
        store, keys, cursor = open_store(config), list[KeyDetails](), ""
        with counting("listing keys", min(limit, store.count())) as count:
            while len(keys) < limit:
                page = store.list(state, cursor, min(limit - len(keys), MAX_PAGE))
                keys += page.keys
                count(len(page.keys))
                cursor = page.cursor
                if not cursor:
                    break
        more = bool(cursor and store.list(state, cursor, 1).keys)
        print_keys(keys, more=more, as_json=as_json)


@app.command(epilog="Example: keywatch keys show key_7HqYw2mB4cXe9ZtA")
def show(key_id: KeyId, config: Config = None, as_json: Json = False) -> None:
    """Show one key, how it is used, its last 24 hours and what happened to it."""
    from monitor.wiring_alerting import open_office

    with exit_codes():
        store = open_store(config)
        (use,) = store.usage([key_id])
        picture = open_office(config).history.picture(key_id)
        print_key(store.details(key_id), use, picture, store.history(key_id), as_json)


@app.command(
    epilog="Example: keywatch keys suspend key_7HqYw2mB4cXe9ZtA --reason 'seen in a public repository'"
)
def suspend(key_id: KeyId, reason: Why, by: Who = "", config: Config = None, as_json: Json = False) -> None:
    """Stop a key until a person reinstates it; keywatch itself will not."""
    with exit_codes():
        print_status(open_acting_store(config).suspend_manually(key_id, who(by), reason), as_json)


@app.command(
    epilog="Example: keywatch keys reinstate key_7HqYw2mB4cXe9ZtA --reason 'the owner moved offices'"
)
def reinstate(
    key_id: KeyId, reason: Why = "", by: Who = "", config: Config = None, as_json: Json = False
) -> None:
    """Let a suspended key work again, whoever suspended it."""
    with exit_codes():
        print_status(open_acting_store(config).reinstate_manually(key_id, who(by), reason), as_json)


@app.command(epilog="Example: keywatch keys revoke key_7HqYw2mB4cXe9ZtA --reason leaked --yes")
def revoke(
    key_id: KeyId,
    reason: Why,
    by: Who = "",
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    config: Config = None,
    as_json: Json = False,
) -> None:
    """End a key for good. This cannot be undone."""
    if not yes:
        typer.confirm(f"Revoke {key_id} for good?", abort=True, err=True)
    with exit_codes():
        print_status(open_store(config).revoke(key_id, who(by), reason), as_json)
