"""A Jinja sandbox in which no template can run for long, grow without end, or read anything of this machine.

Templates come with models from strangers. Loops, calls and filters spend from a budget of steps; whatever makes text or
lists larger is measured before it is made. What no chat template needs and what can't be measured is left out.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sized
from types import BuiltinFunctionType
from typing import Any, cast

import jinja2
from jinja2 import nodes
from jinja2.exceptions import SecurityError
from jinja2.runtime import LoopContext
from jinja2.sandbox import ImmutableSandboxedEnvironment
from jinja2.visitor import NodeTransformer

MAX_STEPS = 1_000_000  # of one rendering: turns of loops, calls, filters, and each 256 characters that these handle
CHARACTERS_OF_A_STEP = 8  # as a power of two
MAX_CHARACTERS = 4_194_304  # of one text, and entries of one list
MAX_ARGUMENT = 100_000  # whole numbers given to methods and filters: widths, counts
MAX_INDENT = 16
MAX_BITS = 4_096

_DROPPED_FILTERS = ("format", "filesizeformat", "pprint", "random", "urlize", "wordwrap", "xmlattr")
_DROPPED_METHODS = {"encode", "expandtabs", "format", "format_map", "maketrans", "translate"}
# Filters that neither print nor compare the entries of a list or mapping: they needn't look into them.
_STRUCTURAL = {
    "attr", "batch", "count", "d", "default", "first", "items", "last", "length", "list", "map", "reject", "rejectattr",
    "reverse", "select", "selectattr", "slice", "sum",
}  # fmt: skip
_COMPARING_TESTS = {
    "==", "eq", "equalto", "!=", "ne", ">", "gt", "greaterthan", "<", "lt", "lessthan", ">=", "ge", "<=", "le", "in",
}  # fmt: skip


class BoundedEnvironment(ImmutableSandboxedEnvironment):
    """The environment of one rendering: its budget is spent once and never refilled."""

    intercepted_binops = frozenset({"+", "*", "**", "%"})
    concat = staticmethod(lambda parts: join_bounded("", parts))

    def __init__(self, extensions: list[str | type[jinja2.ext.Extension]]) -> None:
        super().__init__(trim_blocks=True, lstrip_blocks=True, extensions=extensions)
        self.steps_left = MAX_STEPS
        self.finalize = self.printable
        self.globals.pop("lipsum")
        for name in _DROPPED_FILTERS:
            self.filters.pop(name)
        self.filters.update(replace=_replace, join=_join, indent=_indent, sum=_sum)
        self.filters = {name: self._bounded(name, function) for name, function in self.filters.items()}
        self.tests |= {name: self._comparing(cast(Any, self.tests[name])) for name in _COMPARING_TESTS}

    def add_filter(self, name: str, function: Callable[..., Any]) -> None:
        """Offer one more filter, under the same bounds."""
        self.filters[name] = self._bounded(name, function)

    def compile_bounded(self, source: str) -> Any:
        """Compile a template whose loops and joined texts are counted. Raises jinja2.TemplateSyntaxError."""
        return self.compile(_Counting().visit(self.parse(source)))

    def spend(self, steps: int) -> None:
        """Take steps from the budget. Raises SecurityError when none are left."""
        self.steps_left -= steps
        if self.steps_left < 0:
            raise SecurityError(f"it takes more than {MAX_STEPS:,} steps")

    def counted(self, values: Any) -> Any:
        """Charge a loop for the turns that it may take."""
        if isinstance(values, Sized):
            self.spend(len(values))
            return values
        return self._counted_one_by_one(values)

    def _counted_one_by_one(self, values: Iterable[Any]) -> Iterator[Any]:
        for value in values:
            self.spend(1)
            yield value

    def joined(self, *parts: Any) -> str:
        """Join what `~` stands between."""
        return join_bounded("", [str(self.printable(part)) for part in parts])

    def sliced(self, value: Any, start: Any, stop: Any, step: Any) -> Any:
        """Return a part of a text or list; the parts of one text are many."""
        return self._measured(value[start:stop:step])

    def printable(self, value: Any) -> Any:
        """Let through what may become text. Raises SecurityError for endless lists and for inner things of Jinja."""
        for part in _leaves(value):
            if not (part is None or isinstance(part, str | int | float | jinja2.Undefined)):
                raise SecurityError(f"it prints a {type(part).__name__}")
        return value

    def weighed(self, value: Any) -> Any:
        """Charge for a value that is compared or searched. Raises SecurityError for endless lists."""
        if isinstance(value, str):
            self.spend(len(value) >> CHARACTERS_OF_A_STEP)
        elif isinstance(value, range):
            self.spend(len(value))
        elif isinstance(value, list | tuple | dict):
            self.spend(sum(1 for _ in _leaves(value)))
        return value

    def call(__self, __context: Any, __obj: Any, *args: Any, **kwargs: Any) -> Any:  # noqa: N805  (as Jinja's own)
        """Call a function, method or macro of a template within the bounds."""
        if isinstance(__obj, BuiltinFunctionType):
            _check_arguments((*args, *kwargs.values()))
            owner = __self.weighed(__obj.__self__)
            for value in args:
                __self.weighed(value)
            if isinstance(owner, str):
                if __obj.__name__ == "replace" and len(args) > 1:
                    return _replace(owner, *args)
                if __obj.__name__ == "join" and args:
                    return join_bounded(owner, args[0])
        if isinstance(__obj, LoopContext) and args:  # a recursive loop runs over another list
            args = (__self.counted(args[0]), *args[1:])
        return __self._measured(super().call(__context, __obj, *args, **kwargs))

    def call_binop(self, context: Any, operator: str, left: Any, right: Any) -> Any:
        """Compute `+`, `*`, `**` and `%` where the result is small enough."""
        if operator == "%" and isinstance(left, str):
            raise SecurityError("it formats text by %; join it by ~")
        if isinstance(left, int) and isinstance(right, int):
            bits = left.bit_length() * abs(right) if operator == "**" else left.bit_length() + right.bit_length()
            if bits > MAX_BITS:
                raise SecurityError("it computes a number that is too large")
        elif operator == "*":
            sized, times = (left, right) if isinstance(left, Sized) else (right, left)
            if isinstance(sized, Sized) and isinstance(times, int) and len(sized) * times > MAX_CHARACTERS:
                raise _too_long()
        return self._measured(super().call_binop(context, operator, left, right))

    def is_safe_attribute(self, obj: Any, attr: str, value: Any) -> bool:
        """Refuse the methods that can't be measured, and what the sandbox refuses."""
        return attr not in _DROPPED_METHODS and super().is_safe_attribute(obj, attr, value)

    def wrap_str_format(self, value: Any) -> None:
        """Offer no `str.format`: its widths can't be measured."""

    def _measured(self, result: Any) -> Any:
        length = len(result) if isinstance(result, str | list | tuple | dict) else 0
        if length > MAX_CHARACTERS:
            raise _too_long()
        self.spend(1 + (length >> CHARACTERS_OF_A_STEP))
        return result

    def _bounded(self, name: str, function: Callable[..., Any]) -> Callable[..., Any]:
        value_at = int(hasattr(function, "jinja_pass_arg"))  # some filters get the context first

        def inner(*args: Any, **kwargs: Any) -> Any:
            _check_arguments((*args[value_at + 1 :], *kwargs.values()))
            value = args[value_at] if len(args) > value_at else None
            if isinstance(value, str | range) or name not in _STRUCTURAL:
                self.weighed(value)
            return self._measured(function(*args, **kwargs))

        if value_at:  # alone: to copy all that wraps a function is half of the time of a short rendering
            cast(Any, inner).jinja_pass_arg = cast(Any, function).jinja_pass_arg
        return inner

    def _comparing(self, test: Callable[..., Any]) -> Callable[..., bool]:
        return lambda *args: test(*map(self.weighed, args))


class _Counting(NodeTransformer):
    """Hand what loops run over, what `~` joins, what is compared, and slices to the environment."""

    def visit_For(self, node: nodes.For) -> nodes.Node:  # noqa: N802  (Jinja's name)
        self.generic_visit(node)
        node.iter = _ask_environment("counted", [node.iter], node)
        return node

    def visit_Concat(self, node: nodes.Concat) -> nodes.Node:  # noqa: N802
        self.generic_visit(node)
        return _ask_environment("joined", node.nodes, node)

    def visit_Compare(self, node: nodes.Compare) -> nodes.Node:  # noqa: N802
        self.generic_visit(node)
        compared: list[Any] = [node, *node.ops]
        for each in compared:
            if not isinstance(each.expr, nodes.Const):
                each.expr = _ask_environment("weighed", [each.expr], node)
        return node

    def visit_Getitem(self, node: nodes.Getitem) -> nodes.Node:  # noqa: N802
        self.generic_visit(node)
        part = node.arg
        if not isinstance(part, nodes.Slice):
            return node
        ends = [end or nodes.Const(None) for end in (part.start, part.stop, part.step)]
        return _ask_environment("sliced", [node.node, *ends], node)


def _ask_environment(name: str, arguments: list[Any], place: nodes.Node) -> nodes.Call:
    where = {"lineno": place.lineno, "environment": place.environment}
    return nodes.Call(nodes.EnvironmentAttribute(name, **where), arguments, [], None, None, **where)


def _leaves(value: Any) -> Iterator[Any]:
    """Yield what nested lists and mappings hold, keys and empty ones too.

    Raises SecurityError where that is too much: a list of two that are each a list of two, sixty times, is short to
    write.
    """
    waiting, seen = [value], 0
    while waiting:
        part = waiting.pop()
        if isinstance(part, dict):
            waiting += [*part.keys(), *part.values()]
        elif isinstance(part, list | tuple):
            waiting += part
        else:
            yield part
        seen += 1 + (len(part) if isinstance(part, str) else 0)
        if max(seen, len(waiting)) > MAX_CHARACTERS:
            raise _too_long()


def join_bounded(separator: str, parts: Iterable[Any]) -> str:
    """Join texts. Raises SecurityError before the result would be longer than MAX_CHARACTERS."""
    kept, length = [], 0
    for part in parts:
        kept.append(part)
        length += len(part) + len(separator)
        if length > MAX_CHARACTERS:
            raise _too_long()
    return separator.join(kept)


def _replace(text: Any, old: Any, new: Any, times: int = -1) -> str:
    text, old, new = str(text), str(old), str(new)
    if len(text) + text.count(old) * len(new) > MAX_CHARACTERS:
        raise _too_long()
    return text.replace(old, new, -1 if times is None else times)


@jinja2.pass_environment
def _join(environment: BoundedEnvironment, values: Iterable[Any], d: Any = "", attribute: Any = None) -> str:
    chosen = values if attribute is None else (environment.getitem(value, attribute) for value in values)
    return join_bounded(str(d), (str(environment.printable(value)) for value in chosen))


def _sum(values: Iterable[Any], start: int | float = 0) -> int | float:
    if not isinstance(start, int | float):
        raise SecurityError("it adds up other things than numbers; use a loop")
    return sum(values, start)


def _indent(text: Any, width: int | str = 4, first: bool = False, blank: bool = False) -> str:
    pad = width if isinstance(width, str) else " " * width
    lines = str(text).split("\n")
    padded = [pad + line if (first or number) and (blank or line) else line for number, line in enumerate(lines)]
    return join_bounded("\n", padded)


def _check_arguments(values: Iterable[Any]) -> None:
    if any(isinstance(value, int) and abs(value) > MAX_ARGUMENT for value in values):
        raise SecurityError(f"it gives a number above {MAX_ARGUMENT:,} to a method or filter")


def _too_long() -> SecurityError:
    return SecurityError(f"it makes more than {MAX_CHARACTERS:,} characters")
