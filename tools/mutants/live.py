"""A mutant put in force in a running process: its function gets other code, wherever it is held."""

from __future__ import annotations

import functools
import gc
from collections import defaultdict
from collections.abc import Iterator
from types import CodeType, FunctionType

from mutants import ROOT, Mutant


class Living:
    """The functions of this process whose code is in the scope, by file and name, and the caches of all functions."""

    def __init__(self) -> None:
        objects = gc.get_objects()
        self._caches = [each for each in objects if isinstance(each, functools._lru_cache_wrapper)]
        self._functions: dict[tuple[str, str], list[FunctionType]] = defaultdict(list)
        harness = str(ROOT / "harness")
        for each in objects:
            if isinstance(each, FunctionType) and each.__code__.co_filename.startswith(harness):
                self._functions[each.__code__.co_filename, each.__code__.co_qualname].append(each)

    def mutate(self, mutant: Mutant) -> bool:
        """Give the mutant's function its code, wherever it is held; whether there is such a function.

        So it is with the functions that it has made already, where their code has the same variables of it.
        """
        path = str(ROOT / mutant.path)
        compiled = compile(mutant.source, path, "exec", dont_inherit=True)
        (code,) = _of_name(compiled, mutant.function)
        functions = self._functions[path, mutant.function]
        for function in functions:
            function.__code__ = code
        for function in self.made_by(mutant):
            codes = list(_of_name(compiled, function.__code__.co_qualname))
            if len(codes) == 1 and codes[0].co_freevars == function.__code__.co_freevars:
                function.__code__ = codes[0]
        return bool(functions)

    def made_by(self, mutant: Mutant) -> list[FunctionType]:
        """The functions that stand inside of the mutant's and are held already, as those of a table are."""
        path, inside = str(ROOT / mutant.path), f"{mutant.function}.<locals>."
        places = [place for place in self._functions if place[0] == path and place[1].startswith(inside)]
        return [function for place in places for function in self._functions[place]]

    def forget(self, *kept: str) -> None:
        """Empty every cache but those of the modules named: what is in them is of the code as it was."""
        for each in self._caches:
            if each.__module__ not in kept:
                each.cache_clear()


def _of_name(code: CodeType, name: str) -> Iterator[CodeType]:
    """The code of a function or method by its qualified name."""
    for each in code.co_consts:
        if isinstance(each, CodeType):
            if each.co_qualname == name:
                yield each
            elif name.startswith(f"{each.co_qualname}."):
                yield from _of_name(each, name)
