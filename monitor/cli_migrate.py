"""``keywatch migrate``: stored state as another release, or another number of partitions, wants it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Final, Literal, cast

import typer

from domain.errors import Reason, Refused
from monitor.cli_errors import exit_codes
from monitor.cli_options import Config, Json
from monitor.cli_progress import counting
from monitor.cli_tables import print_json

if TYPE_CHECKING:
    from monitor.migration.partitions import Moved
    from monitor.wiring_migrate import Move

app = typer.Typer(help="Rewrite what is stored of a topic.", no_args_is_help=True)
Apply = Annotated[bool, typer.Option("--apply", help="Do it; without this, only say what would be done.")]
Flows = Counter[tuple[int, int]]

PARTITIONS_EPILOG: Final = "Example: keywatch migrate partitions --apply   (after the topic was given more)"
SCHEMA_EPILOG: Final = "Example: keywatch migrate schema --to 1 --apply   (before going back a release)"


@app.command(epilog=PARTITIONS_EPILOG)
def partitions(
    count: Annotated[
        int, typer.Option("--partitions", min=0, help="Partitions of the topic; 0: ask Kafka.")
    ] = 0,
    partitioner: Annotated[
        Literal["", "murmur2", "crc32"],
        typer.Option(help="How the producer places keys; default: as recent records show."),
    ] = "",
    apply: Apply = False,
    config: Config = None,
    as_json: Json = False,
) -> None:
    """Move baselines to where the producer puts their keys since the topic has more partitions.

    May be broken off and run again, beside running consumers too: they lag while it works.
    """
    from monitor.wiring import open_redis, read_config
    from monitor.wiring_migrate import partition_move

    with exit_codes():
        settings = read_config(config)
        move = partition_move(settings, open_redis(settings), count, partitioner)
        if not apply:
            _tell(_planned(move), as_json)
            return
        left = _move(move)
        _tell(_done(move, left), as_json)
        _require_all(move, left)


def _move(move: Move) -> Flows:
    from monitor.migration.partitions import astray

    move.store.note_partitions(move.placed.partitions)
    with counting("moving", astray(move.flows)) as advance:
        for rows in move.moving.run(move.flows):
            advance(rows)
    return move.flows_now()


def _planned(move: Move) -> dict[str, object]:
    from monitor.migration.partitions import astray

    between = [f"{a} -> {b}: {keys}" for (a, b), keys in sorted(move.flows.items()) if a != b]
    return {
        "partitions": move.placed.partitions,
        "placed": move.placed.words,
        "profiles": sum(move.flows.values()),
        "to_move": astray(move.flows),
        "between": between,
        "applied": False,
    }


def _done(move: Move, left: Flows) -> dict[str, object]:
    from monitor.migration.partitions import astray

    moved: Moved = move.moving.moved
    return _planned(move) | {
        "moved": moved.profiles,
        "merged": moved.merged,
        "windows_moved": moved.windows,
        "windows_left": moved.left,
        "profiles_after": sum(left.values()),
        "astray_after": astray(left),
        "applied": True,
    }


def _require_all(move: Move, left: Flows) -> None:
    """Nothing may be lost: more may have come from running consumers, fewer are a fault."""
    from monitor.migration.partitions import astray

    expected = sum(move.flows.values()) - move.moving.moved.merged
    if sum(left.values()) < expected:
        raise Refused(
            Reason.CONFLICT, f"{expected} profiles were to be there after the move, {sum(left.values())} are"
        )
    if astray(left):
        raise Refused(
            Reason.CONFLICT,
            f"{astray(left)} keys had requests in their old partition meanwhile: run it again, best when "
            "consumers have read what was written before the topic grew",
        )
    move.store.note_moved(move.placed.partitions)


def _tell(told: dict[str, object], as_json: bool) -> None:
    if as_json:
        print_json(told)
        return
    for line in _lines(told):
        typer.echo(line)


def _lines(told: dict[str, object]) -> Iterator[str]:
    yield f"{told['partitions']} partitions; keys placed by {told['placed']}"
    yield f"{told['profiles']} profiles, {told['to_move']} not where they belong"
    yield from cast("list[str]", told["between"])
    if not told["applied"]:
        yield "nothing was written; --apply moves them" if told["to_move"] else "nothing to do"
        return
    yield f"moved {told['moved']}; {told['merged']} were known on both sides: the one that learned more stays"
    yield f"open windows: {told['windows_moved']} moved, {told['windows_left']} left to close where they are"
    yield f"now {told['profiles_after']} profiles, {told['astray_after']} not where they belong"


@app.command(epilog=SCHEMA_EPILOG)
def schema(
    to: Annotated[int, typer.Option("--to", help="The schema of the release to go back to.")] = 0,
    apply: Apply = False,
    config: Config = None,
    as_json: Json = False,
) -> None:
    """Say which schema stored baselines have; with --to and --apply, write them as an older one.

    For a rollback, with this release and all its consumers stopped. What the older schema did not know is
    lost. The way up needs no command.
    """
    from domain.profile import SCHEMA_VERSION
    from monitor.checkpoint.redis import RedisStateStore
    from monitor.migration.schema import found, require_older, rewrite
    from monitor.wiring import open_redis, read_config

    with exit_codes():
        settings = read_config(config)
        store = RedisStateStore(open_redis(settings), settings.kafka.topic)
        before = found(store)
        if to:
            require_older(to)
        if to and apply:
            with counting("writing", sum(sum(counted.values()) for counted in before.values())) as advance:
                for rows in rewrite(store, to):
                    advance(rows)
        after = found(store) if to and apply else before
    _tell_schemas(SCHEMA_VERSION, after, as_json)
    if to and not apply and not as_json:
        typer.echo(f"nothing was written; --apply writes them as schema {to}")


def _tell_schemas(ours: int, found: dict[int, Counter[int]], as_json: bool) -> None:
    total: Counter[int] = sum(found.values(), Counter())
    if as_json:
        print_json({"writes": ours, "profiles": {str(v): n for v, n in sorted(total.items())}})
        return
    typer.echo(f"this release writes schema {ours} and reads 1 to {ours}")
    for version, profiles in sorted(total.items()):
        typer.echo(
            f"schema {version}: {profiles} profiles" if version else f"unreadable: {profiles} profiles"
        )
