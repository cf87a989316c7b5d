"""One mutant in a process that imports it: ``trial.py`` starts this, with module, source and tests on stdin.

The exit status is pytest's: 0 if every test passes. It is ended after ``seconds`` of processor time.
"""

from __future__ import annotations

import importlib.abc
import importlib.machinery
import importlib.util
import json
import resource
import sys
from collections.abc import Sequence
from pathlib import Path
from types import CodeType, ModuleType

ROOT = Path(__file__).resolve().parents[2]


class _Loader(importlib.machinery.SourceFileLoader):
    """One module from another source than its file's."""

    source = ""

    def get_code(self, fullname: str) -> CodeType:
        return compile(self.source, self.get_filename(fullname), "exec", dont_inherit=True)


class Imported(importlib.abc.MetaPathFinder):
    """Whoever imports the module gets the mutant."""

    def __init__(self, module: str, path: Path, source: str) -> None:
        self._module, self._loader = module, _Loader(module, str(path))
        self._loader.source = source

    def find_spec(
        self, fullname: str, _path: Sequence[str] | None, _target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        """The module's place, with a loader of ours."""
        if fullname != self._module:
            return None
        return importlib.util.spec_from_file_location(fullname, self._loader.path, loader=self._loader)

    def put_in_force(self) -> None:
        """From now on; the module must not have been imported."""
        assert self._module not in sys.modules
        sys.meta_path.insert(0, self)


def main() -> int:
    """Put the mutant in force, then play the tests until one fails."""
    sys.path[0] = str(ROOT)
    wanted = json.load(sys.stdin)
    resource.setrlimit(resource.RLIMIT_CPU, (wanted["seconds"], resource.RLIM_INFINITY))
    Imported(wanted["module"], ROOT / wanted["path"], wanted["source"]).put_in_force()
    import pytest  # noqa: PLC0415 - and what it imports

    return int(pytest.main([*wanted["options"], "-x", "-rfE", "--tb=no", f"--rootdir={ROOT}", *wanted["tests"]]))


if __name__ == "__main__":
    sys.exit(main())
