"""Run pickles on a machine that knows tensors and plain containers, and nothing else.

Python's own reserves memory for any number that a pickle names, hashes any key, and can be made to
run for ever by a few hundred bytes (CPython issue 115952 and others). This one runs a bounded
number of steps, stores its memo in a dictionary, and accepts only plain keys.
https://docs.python.org/3/library/pickletools.html
"""

from __future__ import annotations

import pickle
import struct
from typing import TYPE_CHECKING, Any, cast

from lib_upscalers.models.reading.faults import DamagedFileError
from lib_upscalers.models.reading.pickle_values import EndedError, Maker, Record, plain_key

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_MOST_STEPS = 1_000_000
_LONGEST_NUMBER = 40
_LONGEST_LONG = 32
_BYTE = struct.Struct("<B")
_SHORT = struct.Struct("<H")
_SIGNED = struct.Struct("<i")
_UNSIGNED = struct.Struct("<I")
_LONG = struct.Struct("<Q")
_REAL = struct.Struct(">d")


class _Steps:
    """The steps of a pickle, on one stack."""

    def __init__(
        self,
        data: bytes,
        resolve: Callable[[str, str], object],
        persistent: Callable[[object], object],
    ) -> None:
        self.position = 0
        self._data = data
        self._resolve = resolve
        self._persistent = persistent
        self._steps = 0
        self._stack: list[Any] = []
        self._marked: list[list[Any]] = []
        self._memo: dict[int, Any] = {}

    def _take(self, size: int) -> bytes:
        end = self.position + size
        if end > len(self._data):
            raise EndedError
        taken = self._data[self.position : end]
        self.position = end
        return taken

    def _line(self) -> str:
        end = self._data.find(b"\n", self.position)
        if end < 0:
            raise EndedError
        return self._take(end + 1 - self.position)[:-1].decode("utf-8", "surrogatepass")

    def _number(self, form: struct.Struct) -> int:
        number: int = form.unpack_from(self._data, self.position)[0]
        self.position += form.size
        return number

    def push(self, value: object) -> None:
        self._stack.append(value)

    def _since_mark(self) -> list[Any]:
        items = self._stack
        self._stack = self._marked.pop()
        return items

    def mark(self) -> None:
        self._marked.append(self._stack)
        self._stack = []

    def pop(self) -> None:
        if self._stack:
            self._stack.pop()
        else:
            self._since_mark()

    def duplicate(self) -> None:
        self.push(self._stack[-1])

    def protocol(self) -> None:
        if self._take(1)[0] > pickle.HIGHEST_PROTOCOL:
            raise DamagedFileError("its pickle is of a later protocol")

    def frame(self) -> None:
        self._take(8)

    def text(self, form: struct.Struct) -> None:
        taken = self._take(self._number(form))
        self._stack.append(taken.decode("utf-8", "surrogatepass"))

    def bytes_(self, form: struct.Struct) -> None:
        self.push(self._take(self._number(form)))

    def string(self, form: struct.Struct) -> None:
        self.push(self._take(self._number(form)).decode("latin-1"))

    def quoted(self) -> None:
        self.push(self._line()[1:-1])

    def line(self) -> None:
        self.push(self._line())

    def integer(self, form: struct.Struct) -> None:
        self._stack.append(self._number(form))

    def written_integer(self) -> None:
        text = self._line().removesuffix("L")
        if len(text) > _LONGEST_NUMBER:
            raise DamagedFileError("its pickle has a number with too many digits")
        # Protocol 0 writes booleans so.
        self.push(text == "01" if text in ("00", "01") else int(text))

    def written_float(self) -> None:
        self.push(float(self._line()[:_LONGEST_NUMBER]))

    def long(self, form: struct.Struct) -> None:
        size = self._number(form)
        if not 0 <= size <= _LONGEST_LONG:
            raise DamagedFileError("its pickle has a number with too many digits")
        self.push(int.from_bytes(self._take(size), "little", signed=True))

    def real(self) -> None:
        self.push(_REAL.unpack(self._take(_REAL.size))[0])

    def tuple_(self) -> None:
        self.push(tuple(self._since_mark()))

    def short_tuple(self, size: int) -> None:
        if len(self._stack) < size:
            raise DamagedFileError("its pickle takes more than it has")
        items = tuple(self._stack[-size:])
        del self._stack[-size:]
        self.push(items)

    def true(self) -> None:
        self._stack.append(True)

    def false(self) -> None:
        self._stack.append(False)

    def none(self) -> None:
        self._stack.append(None)

    def empty_tuple(self) -> None:
        self._stack.append(())

    def empty_list(self) -> None:
        self.push([])

    def empty_dict(self) -> None:
        self.push({})

    def list_(self) -> None:
        self.push(self._since_mark())

    def dict_(self) -> None:
        items = self._since_mark()
        self.push({})
        self._fill(items)

    def append(self) -> None:
        value = self._stack.pop()
        self._top_list().append(value)

    def appends(self) -> None:
        items = self._since_mark()
        self._top_list().extend(items)

    def set_item(self) -> None:
        value, key = self._stack.pop(), self._stack.pop()
        self._fill([key, value])

    def set_items(self) -> None:
        self._fill(self._since_mark())

    def add_items(self) -> None:
        """Fill a set, which no reader here uses: its items are dropped."""
        self._since_mark()

    def frozen_set(self) -> None:
        self._since_mark()
        self.push(())

    def written_put(self) -> None:
        self._memo[int(self._line()[:_LONGEST_NUMBER])] = self._stack[-1]

    def memoize(self) -> None:
        self._memo[len(self._memo)] = self._stack[-1]

    def get(self) -> None:
        self._stack.append(self._memo[self._number(_UNSIGNED)])

    def written_get(self) -> None:
        self.push(self._memo[int(self._line()[:_LONGEST_NUMBER])])

    def global_(self) -> None:
        module, name = self._line(), self._line()
        self.push(self._resolve(module, name))

    def stacked_global(self) -> None:
        name, module = self._stack.pop(), self._stack.pop()
        if not (isinstance(name, str) and isinstance(module, str)):
            raise DamagedFileError("its pickle names something that has no name")
        self.push(self._resolve(module, name))

    def reduce(self) -> None:
        arguments, maker = self._stack.pop(), self._stack.pop()
        if not isinstance(maker, Maker) or not isinstance(arguments, tuple):
            raise DamagedFileError("its pickle calls what is no function")
        self.push(maker.call(*cast("tuple[object, ...]", arguments)))

    def build(self) -> None:
        """Set an object's attributes: records store them, for all else they are ignored."""
        state, made = self._stack.pop(), self._stack[-1]
        if isinstance(made, Record):
            made.held = cast("dict[object, Any]", state) if isinstance(state, dict) else {}
        elif isinstance(made, Maker) or not hasattr(made, "keys"):
            raise DamagedFileError("its pickle changes what cannot be changed")

    def persistent(self) -> None:
        self.push(self._persistent(self._stack.pop()))

    def _top_list(self) -> list[Any]:
        top = self._stack[-1]
        if not isinstance(top, list):
            raise DamagedFileError("its pickle appends to what is no list")
        return cast("list[Any]", top)

    def _fill(self, items: list[Any]) -> None:
        top = self._stack[-1]
        if not isinstance(top, dict) or len(items) % 2:
            raise DamagedFileError("its pickle fills what is no dictionary")
        for key, value in zip(items[::2], items[1::2], strict=True):
            top[plain_key(key)] = value


def _with(step: Callable[[_Steps, Any], None], value: object) -> Callable[[_Steps], None]:
    return lambda machine: step(machine, value)


_STOP, _PUT, _SHORT_PUT, _SHORT_GET, _SMALL_INTEGER = (
    code[0]
    for code in (
        pickle.STOP,
        pickle.LONG_BINPUT,
        pickle.BINPUT,
        pickle.BINGET,
        pickle.BININT1,
    )
)
_M = _Steps
_STEPS: Mapping[int, Callable[[_Steps], None]] = {
    code[0]: step
    for code, step in (
        (pickle.PROTO, _M.protocol),
        (pickle.FRAME, _M.frame),
        (pickle.MARK, _M.mark),
        (pickle.POP, _M.pop),
        (pickle.POP_MARK, _M.add_items),
        (pickle.DUP, _M.duplicate),
        (pickle.NONE, _M.none),
        (pickle.NEWTRUE, _M.true),
        (pickle.NEWFALSE, _M.false),
        (pickle.INT, _M.written_integer),
        (pickle.LONG, _M.written_integer),
        (pickle.BININT, _with(_M.integer, _SIGNED)),
        (pickle.BININT2, _with(_M.integer, _SHORT)),
        (pickle.LONG1, _with(_M.long, _BYTE)),
        (pickle.LONG4, _with(_M.long, _SIGNED)),
        (pickle.FLOAT, _M.written_float),
        (pickle.BINFLOAT, _M.real),
        (pickle.STRING, _M.quoted),
        (pickle.BINSTRING, _with(_M.string, _UNSIGNED)),
        (pickle.SHORT_BINSTRING, _with(_M.string, _BYTE)),
        (pickle.UNICODE, _M.line),
        (pickle.BINUNICODE, _with(_M.text, _UNSIGNED)),
        (pickle.SHORT_BINUNICODE, _with(_M.text, _BYTE)),
        (pickle.BINUNICODE8, _with(_M.text, _LONG)),
        (pickle.BINBYTES, _with(_M.bytes_, _UNSIGNED)),
        (pickle.SHORT_BINBYTES, _with(_M.bytes_, _BYTE)),
        (pickle.BINBYTES8, _with(_M.bytes_, _LONG)),
        (pickle.EMPTY_TUPLE, _M.empty_tuple),
        (pickle.TUPLE, _M.tuple_),
        (pickle.TUPLE1, _with(_M.short_tuple, 1)),
        (pickle.TUPLE2, _with(_M.short_tuple, 2)),
        (pickle.TUPLE3, _with(_M.short_tuple, 3)),
        (pickle.EMPTY_LIST, _Steps.empty_list),
        (pickle.LIST, _M.list_),
        (pickle.APPEND, _M.append),
        (pickle.APPENDS, _M.appends),
        (pickle.EMPTY_DICT, _Steps.empty_dict),
        (pickle.DICT, _M.dict_),
        (pickle.SETITEM, _M.set_item),
        (pickle.SETITEMS, _M.set_items),
        (pickle.EMPTY_SET, _M.empty_tuple),
        (pickle.ADDITEMS, _M.add_items),
        (pickle.FROZENSET, _M.frozen_set),
        (pickle.PUT, _M.written_put),
        (pickle.MEMOIZE, _M.memoize),
        (pickle.GET, _M.written_get),
        (pickle.LONG_BINGET, _M.get),
        (pickle.GLOBAL, _M.global_),
        (pickle.STACK_GLOBAL, _M.stacked_global),
        (pickle.REDUCE, _M.reduce),
        (pickle.NEWOBJ, _M.reduce),
        (pickle.BUILD, _M.build),
        (pickle.BINPERSID, _M.persistent),
    )
}


class PickleMachine(_Steps):
    """Runs one pickle after another.

    Args:
        data: The bytes.
        resolve: Returns what a module and a name stand for: a `Maker`, or a plain value.
        persistent: Returns what a persistent id stands for.

    Attributes:
        position: Where the next pickle begins.
    """

    def load(self) -> Any:  # noqa: ANN401
        """Run the pickle at `position` and return what it makes.

        Raises:
            EndedError: The bytes end before it does.
            DamagedFileError: It has a step that no saved network has, or too many. Readers of
                foreign bytes may stumble in other ways, too.
        """
        self._stack, self._marked, self._memo = [], [], {}
        try:
            return self._run()
        except (IndexError, struct.error):
            if self.position + _LONG.size > len(self._data):
                raise EndedError from None
            raise

    def _run(self) -> Any:  # noqa: ANN401
        data, begun, at = self._data, self._steps, self.position
        try:
            for done in range(_MOST_STEPS - begun):
                code = data[at]
                at += 1
                # Half of the steps are these: a call for each would take most of the time.
                if code == _SHORT_PUT:
                    self._memo[data[at]] = self._stack[-1]
                    at += 1
                elif code == _SHORT_GET:
                    self._stack.append(self._memo[data[at]])
                    at += 1
                elif code == _SMALL_INTEGER:
                    self._stack.append(data[at])
                    at += 1
                elif code == _PUT:
                    self._memo[_UNSIGNED.unpack_from(data, at)[0]] = self._stack[-1]
                    at += 4
                elif code == _STOP:
                    self._steps = begun + done
                    return self._stack.pop()
                else:
                    self.position = at
                    self._step(code)
                    at = self.position
        finally:
            self.position = at
        raise DamagedFileError(f"its pickle has more than {_MOST_STEPS:,} steps")

    def _step(self, code: int) -> None:
        step = _STEPS.get(code)
        if step is None:
            raise DamagedFileError(f"its pickle has a step 0x{code:02x}, as no network has")
        step(self)
