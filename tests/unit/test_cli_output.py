"""What an attacker writes into a request shows on a reviewer's terminal, and does nothing there."""

from __future__ import annotations

import io

import pytest
from rich.console import Console
from rich.table import Table

from domain.case import CaseNote
from monitor.cli_cases_output import cases_table, print_case
from monitor.cli_evidence import print_evidence
from monitor.cli_tables import cells, literal
from tests.alerts import case, finding

CURSOR = "\x1b[2J\x1b]0;owned\x07\r[red]\u202e"


def printed(*parts: object) -> str:
    console = Console(file=io.StringIO(), width=200, force_terminal=False)
    for part in parts:
        console.print(part)
    return str(console.file.getvalue())  # type: ignore[attr-defined]


@pytest.mark.parametrize("field", ["client", "endpoint", "actual", "key_id", "tenant"])
def test_a_case_moves_no_cursor(field: str) -> None:
    found = case(finding(**{field: CURSOR}))
    console = Console(file=io.StringIO(), width=300)
    print_case(found, console)
    output = str(console.file.getvalue()) + printed(cases_table([found]))  # type: ignore[attr-defined]
    assert not set(output) & set("\x1b\x07\r\u202e")
    assert "\\x1b[2J" in output
    assert "[red]" in output


def test_a_reason_moves_no_cursor() -> None:
    found = case(finding())
    found.timeline.append(CaseNote(ts_ms=0, who="ann", what="commented", why=CURSOR))
    console = Console(file=io.StringIO(), width=300)
    print_case(found, console)
    assert "\x1b" not in str(console.file.getvalue())  # type: ignore[attr-defined]


def test_tables_of_keys_move_no_cursor() -> None:
    table = Table("a")
    table.add_row(*cells(CURSOR))
    table.add_row(literal(CURSOR))
    output = printed(table)
    assert not set(output) & set("\x1b\x07\r\u202e")
    assert output.count("[red]") == 2


def test_a_claim_made_again_is_shown_once_in_its_strongest_form() -> None:
    again = [
        finding(bits=bits, ts_ms=1_780_000_000_000 + 60_000 * n) for n, bits in enumerate((8.0, 30.0, 9.0))
    ]
    other = finding(detector="volume", bits=12.0)
    console = Console(file=io.StringIO(), width=80)
    print_evidence([again[0], other, *again[1:]], console)
    output = str(console.file.getvalue())  # type: ignore[attr-defined]
    assert output.count("geo_shift") == 1
    assert "strongest of 3" in " ".join(output.split())
    assert output.index("geo_shift") < output.index("volume")
    assert max(map(len, output.splitlines())) <= 80
