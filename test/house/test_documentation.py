"""Every public name says what it is, and what one reads at one go stays small enough for that."""

import ast

# A file is one topic; what is too long for one look is a function or a class.
MOST_LINES = {ast.FunctionDef: 85, ast.AsyncFunctionDef: 85, ast.ClassDef: 500}


def test_every_public_name_has_a_docstring(modules):
    missing = [
        f'{module.path.name}: {name}'
        for module in modules
        for name, node in public_definitions(module.tree)
        if not ast.get_docstring(node)
    ]
    assert missing == []


def test_public_functions_are_annotated(modules):
    missing = [
        f'{module.path.name}: {name}({argument})'
        for module in modules
        for name, node in public_definitions(module.tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        for argument in unannotated(node)
    ]
    assert missing == []


def test_no_function_and_no_class_is_too_long(modules):
    lengths = {
        f'{module.name}.{node.name}': node.end_lineno - node.lineno + 1
        for module in modules
        for node in ast.walk(module.tree)
        if isinstance(node, tuple(MOST_LINES))
        and node.end_lineno - node.lineno + 1 > MOST_LINES[type(node)]
    }
    assert lengths == {}


def public_definitions(tree):
    """The module itself, and its public classes, functions and methods, as (name, node)."""
    yield '(module)', tree
    yield from _public_children(tree, '')


def _public_children(node, prefix):
    for child in node.body:
        if not isinstance(child, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            continue
        if child.name.startswith('_') or is_setter_or_overload(child):
            continue
        yield prefix + child.name, child
        if isinstance(child, ast.ClassDef):
            yield from _public_children(child, f'{prefix}{child.name}.')


def is_setter_or_overload(node):
    names = [ast.unparse(decorator) for decorator in node.decorator_list]
    return any(name.endswith(('.setter', 'overload')) for name in names)


def unannotated(node):
    arguments = [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs]
    yield from (a.arg for a in arguments if a.annotation is None and a.arg not in ('self', 'cls'))
    if node.returns is None:
        yield 'return'
