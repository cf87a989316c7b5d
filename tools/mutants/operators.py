"""What is done to the code: the operators of cosmic-ray that fit, and those that it lacks, as its plugins.

An operator names the positions in a node of parso's tree where it can change something, and makes one change.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import parso
from cosmic_ray import plugins
from cosmic_ray.operators.operator import Example, Operator

Position = tuple[tuple[int, int], tuple[int, int]]

CORE = (
    "ReplaceComparisonOperator_Eq_NotEq",
    "ReplaceComparisonOperator_NotEq_Eq",
    "ReplaceComparisonOperator_Lt_LtE",
    "ReplaceComparisonOperator_LtE_Lt",
    "ReplaceComparisonOperator_Gt_GtE",
    "ReplaceComparisonOperator_GtE_Gt",
    "ReplaceComparisonOperator_Is_IsNot",
    "ReplaceComparisonOperator_IsNot_Is",
    "ReplaceBinaryOperator_Add_Sub",
    "ReplaceBinaryOperator_Sub_Add",
    "ReplaceBinaryOperator_Mul_FloorDiv",
    "ReplaceBinaryOperator_FloorDiv_Mul",
    "ReplaceBinaryOperator_Mod_FloorDiv",
    "ReplaceBinaryOperator_RShift_LShift",
    "ReplaceBinaryOperator_LShift_RShift",
    "ReplaceBinaryOperator_BitOr_BitAnd",
    "ReplaceBinaryOperator_BitAnd_BitOr",
    "ReplaceBinaryOperator_BitXor_BitOr",
    "ReplaceUnaryOperator_Delete_USub",
    "ReplaceUnaryOperator_Delete_Not",
    "AddNot",
    "ReplaceTrueWithFalse",
    "ReplaceFalseWithTrue",
    "ReplaceAndWithOr",
    "ReplaceOrWithAnd",
    "ReplaceBreakWithContinue",
    "ReplaceContinueWithBreak",
    "ExceptionReplacer",
    "NumberReplacer",
    "ZeroIterationForLoop",
)
"""One change for each operator of the language: of twelve ways to be wrong the tests notice all or none."""


class OfOneNode(Operator):  # type: ignore[misc]  # cosmic-ray has no types
    """An operator with at most one change for a node."""

    def changed(self, node: Any) -> str | None:
        """The code that replaces a node's, None where there is nothing to change."""
        raise NotImplementedError

    def mutation_positions(self, node: Any) -> Iterator[Position]:
        """Where ``node`` can be changed."""
        if self.changed(node) is not None:
            yield node.start_pos, node.end_pos

    def mutate(self, node: Any, _index: int) -> Any:
        """The node that takes its place."""
        return parso.parse(f"{_prefix(node)}{self.changed(node)}")


def _prefix(node: Any) -> str:
    """The spaces and comments before a node."""
    return str(node.get_first_leaf().prefix)


def _code(node: Any) -> str:
    return str(node.get_code(include_prefix=False))


_EMPTY = {
    "list": "[]", "tuple": "()", "dict": "{}", "Mapping": "{}", "set": "set()", "frozenset": "frozenset()",
    "str": '""', "bytes": 'b""', "bool": "False", "int": "0", "Checked": 'Checked("nothing is looked at")',
}  # fmt: skip
"""What is empty, by the type that a function says it returns. A check's is a result without an objection."""


class EmptyBody(OfOneNode):
    """A function whose body is gone: it returns what is empty of its type, or generates nothing."""

    def changed(self, node: Any) -> str | None:
        """The function with another body."""
        if node.type != "funcdef" or node.children[-1].type != "suite":
            return None
        body = _without_docstring(node.children[-1])
        emptied = "return; yield" if node.is_generator() else f"return {_nothing(node.annotation)}"
        if [_code(each).strip() for each in body] in ([emptied], ["..."], ["pass"], ["raise NotImplementedError"]):
            return None
        head = "".join(child.get_code() for child in node.children[:-1])
        indent = " " * (node.start_pos[1] + 4)
        return f"{head.removeprefix(_prefix(node))}\n{indent}{emptied}\n"

    @classmethod
    def examples(cls) -> tuple[Example, ...]:
        """For each way to be empty."""
        return (
            Example("def f() -> list[int]:\n    return g()\n", "def f() -> list[int]:\n    return []\n"),
            Example("def f() -> str | None:\n    return g()\n", "def f() -> str | None:\n    return None\n"),
            Example("def f() -> I:\n    yield 1\n    g()\n", "def f() -> I:\n    return; yield\n"),
            Example("@d\ndef f():\n    g()\n", "@d\ndef f():\n    return None\n"),
        )


def _without_docstring(suite: Any) -> list[Any]:
    statements = [child for child in suite.children if child.type != "newline"]
    first = statements[0].get_first_leaf()
    return statements[1:] if first.type == "string" else statements


def _nothing(annotation: Any) -> str:
    if annotation is None:
        return "None"
    words = _code(annotation).strip("\"'")
    return "None" if "| None" in words else _EMPTY.get(words.partition("[")[0], "None")


class StatementDropped(OfOneNode):
    """A statement without its effect: a call, a value given on, something added to a variable."""

    def changed(self, node: Any) -> str | None:
        """A statement that does nothing."""
        if node.parent is None or node.parent.type != "simple_stmt" or node.parent.children[0] is not node:
            return None
        added = node.type == "expr_stmt" and node.children[1].type in ("operator", "augassign") and _adds(node)
        called = node.type == "atom_expr" and node.children[-1].type == "trailer" and _code(node).endswith(")")
        return "pass" if added or called or (node.type == "yield_expr" and _others(node)) else None

    @classmethod
    def examples(cls) -> tuple[Example, ...]:
        """One of each kind."""
        return (
            Example("found += g()\n", "pass\n"),
            Example("found.append(1)\n", "pass\n"),
            Example("def f():\n    yield 1\n    yield 2\n", "def f():\n    pass\n    yield 2\n"),
        )


def _adds(node: Any) -> bool:
    sign = str(getattr(node.children[1], "value", ""))
    return sign.endswith("=") and sign != "="


def _others(node: Any) -> bool:
    """Whether a function stays a generator without this yield."""
    function = node.search_ancestor("funcdef")
    return function is not None and len(list(function.iter_yield_exprs())) > 1


class ReplaceInWithNotIn(OfOneNode):
    """Membership turned round."""

    def changed(self, node: Any) -> str | None:
        """The other operator."""
        if node.parent is None or node.parent.type != "comparison":
            return None
        if node.type == "comp_op" and [leaf.value for leaf in node.children] == ["not", "in"]:
            return "in"
        return "not in" if node.type == "keyword" and node.value == "in" else None

    @classmethod
    def examples(cls) -> tuple[Example, ...]:
        """Both ways."""
        return Example("a in b", "a not in b"), Example("a not in b", "a in b")


class FilterDropped(OfOneNode):
    """A comprehension that takes everything."""

    def changed(self, node: Any) -> str | None:
        """A condition that always holds."""
        return _condition(node) and "True"

    @classmethod
    def examples(cls) -> tuple[Example, ...]:
        """Of a list."""
        return (Example("[a for a in b if a.c]", "[a for a in b if True]"),)


class FilterNegated(OfOneNode):
    """A comprehension that takes what it is to leave."""

    def changed(self, node: Any) -> str | None:
        """The condition turned round."""
        words = _condition(node)
        return words and f"not ({words})"

    @classmethod
    def examples(cls) -> tuple[Example, ...]:
        """Of a list."""
        return (Example("[a for a in b if a.c]", "[a for a in b if not (a.c)]"),)


def _condition(node: Any) -> str | None:
    """The code of a comprehension's condition, None for another node."""
    parent = node.parent
    is_one = parent is not None and parent.type == "comp_if" and parent.children[1] is node
    return _code(node) if is_one else None


class OperandDropped(OfOneNode):
    """An operand of ``and`` or ``or`` that does not count."""

    def changed(self, node: Any) -> str | None:
        """What changes nothing in its place."""
        parent = node.parent
        if parent is None or parent.type not in ("and_test", "or_test") or node in parent.children[1::2]:
            return None
        return "True" if parent.type == "and_test" else "False"

    @classmethod
    def examples(cls) -> tuple[Example, ...]:
        """Of both."""
        return Example("a and b", "True and b"), Example("a or b", "a or False", occurrence=1)


class ReplaceAnyWithAll(OfOneNode):
    """``any`` for ``all``, and the other way round."""

    def changed(self, node: Any) -> str | None:
        """The other one."""
        called = node.type == "name" and node.parent is not None and node.parent.type in ("atom_expr", "power")
        if not called or node.parent.children[0] is not node:
            return None
        return {"any": "all", "all": "any"}.get(node.value)

    @classmethod
    def examples(cls) -> tuple[Example, ...]:
        """Both ways."""
        return Example("any(a)", "all(a)"), Example("all(a)", "any(a)")


OWN: dict[str, type[Operator]] = {
    each.__name__: each
    for each in (
        EmptyBody, StatementDropped, ReplaceInWithNotIn, FilterDropped, FilterNegated, OperandDropped,
        ReplaceAnyWithAll,
    )
}  # fmt: skip


class Provider:
    """Our operators as cosmic-ray takes them: names, and classes by name."""

    def __iter__(self) -> Iterator[str]:
        return iter(OWN)

    def __getitem__(self, name: str) -> type[Operator]:
        return OWN[name]


PROVIDER = "judge"
plugins.OPERATOR_PROVIDERS[PROVIDER] = Provider()  # the table that its entry points fill

NAMES = (*(f"core/{name}" for name in CORE), *(f"{PROVIDER}/{name}" for name in OWN))
"""Every operator that is applied, as cosmic-ray calls it."""
