"""All that is wrong with a policy's text, each with its line and what to do."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import msgspec
import yaml

from alerting.policy import Policy, tree_of
from domain.errors import Fatal

MOST: Final = 50
"""Problems told at once."""
_AT: Final = re.compile(r"(.*) - at `\$(.*)`", re.DOTALL)
_STEP: Final = re.compile(r"\.(\w+)|\[(\d+)\]")
_UNKNOWN: Final = re.compile(r"unknown field `(.+)`")
_MISSING: Final = re.compile(r"missing required field `(.+)`")
_NEEDED: Final[dict[str, Any]] = {"version": 1, "rules": []}
Path = list[str | int]


def problems_of(text: str) -> list[str]:
    """Empty for a policy that would be taken up."""
    try:
        tree, node = tree_of(text), yaml.compose(text, yaml.SafeLoader)
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        return [f"line {line}: not YAML: {error.problem}"]
    except yaml.YAMLError as error:
        return [f"not YAML: {error}"]
    except RecursionError:
        return ["not a policy: nested too deeply"]
    if not isinstance(tree, dict) or not isinstance(node, yaml.MappingNode):
        return ["line 1: a policy is settings, one a line; begin with `version: 1` and `rules:`"]
    return _Check(tree, node).problems()


@dataclass
class _Check:
    """Finds a problem, takes the part that has it away from ``tree`` and ``node`` alike, and looks again."""

    tree: dict[str, Any]
    node: yaml.MappingNode
    found: list[str] = field(default_factory=list)
    taken: set[tuple[int, str]] = field(default_factory=set)

    def problems(self) -> list[str]:
        while len(self.found) < MOST:
            try:
                policy = msgspec.convert(self.tree, Policy)
            except msgspec.ValidationError as error:
                if not self._noted(str(error)):
                    break
            else:
                self._look_closer(policy)
                break
        return self.found

    def _look_closer(self, policy: Policy) -> None:
        """What only the whole tells."""
        try:
            _ = policy.alert_p
        except Fatal as error:
            self.found.append(f"line {self._line(['alert_budget'])}: {error}")
        for number, rule in enumerate(policy.rules):
            if problem := rule.problem():
                self.found.append(f"line {self._line(['rules', number])}: {problem}")

    def _noted(self, message: str) -> bool:
        """Whether the part could be taken away."""
        parts = _AT.fullmatch(message)
        what, path = (parts[1], _path(parts[2])) if parts else (message, [])
        missing, unknown = _MISSING.search(what), _UNKNOWN.search(what)
        told = missing is not None and (id(self._part(path)), missing[1]) in self.taken
        if not told:
            self._tell(what, path, unknown)
        if missing and not path:
            self.tree[missing[1]] = _NEEDED[missing[1]]
            return True
        return self._take([*path, unknown[1]] if unknown else path)

    def _tell(self, what: str, path: Path, unknown: re.Match[str] | None) -> None:
        line = self._line([*path, unknown[1]] if unknown else path)
        place = ".".join(part for part in path if isinstance(part, str))
        advice = _advice(path)
        words = [f"line {line}", *([place] if place else []), what]
        self.found.append(": ".join(words) + (f"; {advice}" if advice else ""))

    def _part(self, path: Path) -> Any:
        part: Any = self.tree
        for step in path:
            part = part[step]
        return part

    def _nodes(self, path: Path) -> tuple[Any, int]:
        """The node that holds the last step, and its position there."""
        holder: Any = None
        at, node = 0, self.node
        for step in path:
            holder = node
            if isinstance(step, int):
                at, node = step, node.value[step]
            else:
                at = next(i for i, (key, _) in enumerate(node.value) if str(key.value) == step)
                node = node.value[at][1]
        return holder, at

    def _line(self, path: Path) -> int:
        """Where the part begins, 1 for the whole and for a part that is not there."""
        try:
            holder, at = self._nodes(path)
        except (StopIteration, IndexError, AttributeError, TypeError, ValueError):
            return 1
        if holder is None:
            return 1
        entry = holder.value[at]
        first = entry[0] if isinstance(entry, tuple) else entry
        return int(first.start_mark.line) + 1

    def _take(self, path: Path) -> bool:
        if not path:
            return False
        try:
            holder, at = self._nodes(path)
        except (StopIteration, IndexError, AttributeError, TypeError, ValueError):
            return False
        owner, last = self._part(path[:-1]), path[-1]
        del holder.value[at]
        del owner[last]
        self.taken.add((id(owner), str(last)))
        return True


def _path(text: str) -> Path:
    return [name or int(number) for name, number in _STEP.findall(text)]


def _advice(path: Path) -> str:
    """What may stand there, where that is a choice or a set of names."""
    kind: Any = msgspec.inspect.type_info(Policy)
    for step in path:
        if isinstance(step, int):
            kind = getattr(kind, "item_type", None)
        else:
            kind = next((f.type for f in getattr(kind, "fields", ()) if f.encode_name == step), None)
    return _words(kind)


def _words(kind: Any) -> str:
    if isinstance(kind, msgspec.inspect.EnumType):
        return _either([member.value for member in kind.cls])
    if isinstance(kind, msgspec.inspect.LiteralType):
        return _either(kind.values)
    if isinstance(kind, msgspec.inspect.StructType):
        return "known here: " + ", ".join(f.encode_name for f in kind.fields)
    return ""


def _either(values: Sequence[Any]) -> str:
    *others, last = map(str, values)
    return f"write {', '.join(others)} or {last}" if others else f"write {last}"
