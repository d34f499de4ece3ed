"""The source of the package, parsed: what the tests of the house look at."""

import ast
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / 'jepa_wm_ros'


class Module:
    """A module of the package: where it is, what it is called, and its syntax tree."""

    def __init__(self, path):
        self.path = path
        parts = list(path.relative_to(ROOT).with_suffix('').parts)
        self.is_package = parts[-1] == '__init__'
        self.name = '.'.join(parts[:-1] if self.is_package else parts)
        self.room = parts[1] if len(parts) > 2 else ''
        self.tree = ast.parse(path.read_text())

    def imports(self, *, lazy=True):
        """The dotted names that the module imports; without the lazy ones only those that run
        when it is imported itself."""
        return sorted(set(self._imports(self.tree, lazy)))

    def _imports(self, node, lazy):
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.If) and 'TYPE_CHECKING' in ast.dump(child.test):
                continue
            if not lazy and isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
                continue
            if isinstance(child, ast.Import):
                yield from (alias.name for alias in child.names)
            elif isinstance(child, ast.ImportFrom):
                yield self._absolute(child)
            else:
                yield from self._imports(child, lazy)

    def _absolute(self, node):
        if not node.level:
            return node.module
        here = self.name.split('.')
        base = here[: len(here) - node.level + self.is_package]
        return '.'.join([*base, *([node.module] if node.module else [])])

    def __repr__(self):
        return self.name


MODULES = [Module(path) for path in sorted(PACKAGE.rglob('*.py'))]
