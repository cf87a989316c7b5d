"""The mutants of a module: each a change of one place, with a name that lasts as long as the code around it."""

from __future__ import annotations
import __future__

import difflib
import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from types import CodeType
from typing import Any

from cosmic_ray import plugins
from cosmic_ray.ast import ast_nodes, get_ast
from cosmic_ray.mutating import mutate_code
from cosmic_ray.work_item import MutationSpec, WorkItem
from operators import NAMES

ROOT = Path(__file__).resolve().parents[2]

SCOPE = (
    "harness/verify/**/*.py",
    "harness/oracle/*.py",
    "harness/crypto/key_schedule.py",  # the engine's
    "harness/crypto/prf.py",
    "harness/crypto/authentication.py",
)
"""What judges, what predicts, and the key schedule of either side."""

_LEFT_OUT = ("decorator", "import_from", "import_name", "string", "fstring", "assert_stmt")
"""Texts; and what is said to readers and to the type checker alone. It decides nothing."""


@dataclass(frozen=True)
class Mutant:
    """One change. ``lines`` are those of the statement in which it is, ``around`` those of the whole function.

    ``function`` is "" outside of one; the whole module is then around it.
    """

    path: str  # from the root
    function: str  # with its class, as Python qualifies it
    operator: str
    occurrence: int  # in the module, as cosmic-ray counts
    before: str  # the code before the top-level statement
    statement: str  # the top-level statement
    after: str
    place: int  # the occurrence in the statement
    start: tuple[int, int]
    end: tuple[int, int]
    lines: range
    around: range

    @property
    def module(self) -> str:
        """The module as Python imports it."""
        return self.path.removesuffix(".py").replace("/", ".")

    @property
    def name(self) -> str:
        """What names it among all: it lasts while its own top-level statement does not change."""
        words = "\0".join((self.path, self.statement, self.operator, str(self.place)))
        return hashlib.sha256(words.encode()).hexdigest()[:32]

    @cached_property
    def mutated(self) -> str:
        """The top-level statement with the change."""
        code = mutate_code(self.statement, plugins.get_operator(self.operator)(), self.place)
        assert code is not None, self
        return str(code)

    @property
    def source(self) -> str:
        """The whole module with the change."""
        return f"{self.before}{self.mutated}{self.after}"

    @property
    def change(self) -> tuple[str, str]:
        """The lines that were, and those that are instead, without their indentation."""
        was, now = self.statement.splitlines(), self.mutated.splitlines()
        if self.operator.endswith("/EmptyBody"):  # whatever the body was
            body = now[self.start[0] - self.before.count("\n") :]
            return "the whole body", next(line.strip() for line in body if line.strip().startswith("return"))
        edits = [each for each in difflib.SequenceMatcher(None, was, now, False).get_opcodes() if each[0] != "equal"]
        gone = (line for _, start, end, _, _ in edits for line in was[start:end])
        come = (line for _, _, _, start, end in edits for line in now[start:end])
        return _joined(gone), _joined(come)

    @property
    def item(self) -> WorkItem:
        """It as cosmic-ray's session holds it."""
        spec = MutationSpec(
            Path(self.path), self.operator, self.occurrence, self.start, self.end, {}, self.function or None
        )
        return WorkItem.single(self.name, spec)


def _joined(lines: Iterable[str]) -> str:
    return " ".join(" ".join(line.split()) for line in lines)


def modules(patterns: Iterable[str] = ()) -> list[str]:
    """The modules in scope, in the order of the patterns that they fit: a part of the path, or a glob of it."""
    found = sorted({path.relative_to(ROOT).as_posix() for glob in SCOPE for path in ROOT.glob(glob)})
    wanted = list(patterns) or [""]
    return list(dict.fromkeys(name for each in wanted for name in found if each in name or Path(name).match(each)))


def mutants_of(path: str) -> list[Mutant]:
    """The mutants of a module, by path from the root, in the order of their places; texts are left out."""
    tree = get_ast((ROOT / path).read_text())
    codes = [str(statement.get_code()) for statement in tree.children]
    found = [
        mutant
        for name in NAMES
        for mutant in _by(name, path, tree, codes)
        if not _is_left_out(_leaf(tree, mutant.start))
    ]
    unique = {_compiled(each.mutated): each for each in reversed(found)}  # two operators may come to the same
    useless = {None, *map(_compiled, codes)}
    kept = (each for compiled, each in unique.items() if compiled not in useless)
    return sorted(kept, key=lambda mutant: (mutant.start, mutant.operator, mutant.place))


def _compiled(statement: str) -> Any:
    """What the interpreter makes of a statement, without its places in the file; None if it is none."""

    def plain(code: Any) -> Any:
        if not isinstance(code, CodeType):
            return repr(code)
        return code.co_code, code.co_names, code.co_varnames, tuple(map(plain, code.co_consts))

    try:
        return plain(compile(statement, "", "exec", __future__.annotations.compiler_flag, dont_inherit=True))
    except SyntaxError:
        return None


def _by(name: str, path: str, tree: Any, codes: list[str]) -> Iterator[Mutant]:
    operator, occurrence = plugins.get_operator(name)(), 0
    for index, statement in enumerate(tree.children):
        place = 0
        for node in ast_nodes(statement):
            for start, end in operator.mutation_positions(node):
                before, after = "".join(codes[:index]), "".join(codes[index + 1 :])
                function, around = _function(node)
                lines = _lines(node, _leaf(tree, start)) if function else around
                yield Mutant(
                    path, function, name, occurrence, before, codes[index], after, place, start, end, lines, around
                )  # fmt: skip
                place, occurrence = place + 1, occurrence + 1


def _function(node: Any) -> tuple[str, range]:
    """The outermost function or method whose body has a node, and its lines.

    It is "", with all lines of the module, where the node is run when the module is imported.
    """
    inside = _ancestors(node)
    functions = [
        index
        for index, (each, child) in enumerate(inside)
        if each.type == "funcdef" and (child is None or child.type == "suite" or each.children[-1] is child)
    ]
    if not functions:
        return "", range(1, node.get_root_node().end_pos[0] + 1)
    outermost = inside[functions[-1]][0]
    chain = [each for each, _ in inside[functions[-1] :] if each.type in ("funcdef", "classdef")]
    return ".".join(each.name.value for each in reversed(chain)), _lines(outermost, None)


def _leaf(tree: Any, start: tuple[int, int]) -> Any:
    """The leaf that begins there; asked for the place itself, parso gives the one that ends there."""
    return tree.get_leaf_for_position((start[0], start[1] + 1), include_prefixes=True)


def _lines(node: Any, leaf: Any) -> range:
    """The lines of the whole function that a node is; else of the statement, or its head, where a leaf stands."""
    if node.type == "funcdef":
        return range(node.children[-1].start_pos[0] + 1, node.get_last_leaf().end_pos[0] + 1)
    for each, child in _ancestors(leaf):
        if each.type in ("simple_stmt", "funcdef", "classdef"):
            return range(each.start_pos[0], each.get_last_leaf().start_pos[0] + 1)
        if each.type.endswith("_stmt") and child is not None and child.type != "suite":  # the head of a compound one
            return range(child.start_pos[0], child.end_pos[0] + 1)
    return range(leaf.start_pos[0], leaf.end_pos[0] + 1)


def _ancestors(node: Any) -> list[tuple[Any, Any]]:
    """A node and what it is in, from the inside out, each with the child in which the node is."""
    found, child = [], None
    while node is not None:
        found.append((node, child))
        node, child = node.parent, node
    return found


def _is_left_out(leaf: Any) -> bool:
    if leaf.type == "operator" and leaf.parent.type in ("parameters", "param"):
        return True  # the star before arguments by keyword
    return _is_for_texts_alone(leaf) or any(
        node.type in _LEFT_OUT
        or (node.type == "tfpdef" and child is node.children[-1])
        or (node.type == "annassign" and child is node.children[1])
        or (node.type == "funcdef" and child is not None and child is node.annotation)
        or (
            node.type == "argument" and node.children[0].get_code(include_prefix=False) == "strict"
        )  # of zip: an assertion
        for node, child in _ancestors(leaf)
    )


def _is_for_texts_alone(leaf: Any) -> bool:
    """Whether it stands in what is assigned to a name, or added to it, that only strings use afterwards."""
    statement = leaf.search_ancestor("expr_stmt")
    function = leaf.search_ancestor("funcdef")
    target = None if statement is None else _target(statement, leaf)
    if function is None or target is None or target.type != "name":
        return False
    uses = [
        each
        for each in ast_nodes(function)
        if each.type == "name" and each.value == target.value and not each.is_definition()
    ]
    return bool(uses) and all(each.search_ancestor("fstring") for each in uses)


def _target(statement: Any, leaf: Any) -> Any:
    """What a leaf of an assignment is assigned to: of ``a, b = 1, 2`` that which has its place."""
    target, value = statement.children[0], statement.children[-1]
    several = target.type == value.type == "testlist_star_expr" and len(target.children) == len(value.children)
    for to, what in zip(target.children, value.children, strict=True) if several else ():
        if what.start_pos <= leaf.start_pos < what.end_pos:
            return to
    return target
