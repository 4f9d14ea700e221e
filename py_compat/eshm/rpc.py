"""Named triggers: run a function on the other side.

    from rpc import Rpc

    robot = Rpc("robot", role=ESHMRole.MASTER)      # panel = Rpc("robot")

    @robot.on_call("halt")
    def halt():
        ...

    robot.start()                                   # panel.call("halt")

Triggers go both ways over a channel of their own, ``<channel>_ctl``. It holds the newest one: those
fired faster than they are taken coalesce, and :attr:`Rpc.missed` counts them.
"""

from __future__ import annotations

import ctypes
import functools
import itertools
import os
import sys
import threading
import traceback
import weakref
from types import TracebackType
from typing import Any, Callable, Dict, List, NoReturn, Optional, Tuple, Type, TypeVar

from ._arguments import encoded_name, known
from ._errors import ESHMOpenFailed
from ._last import before_the_end
from ._library import Handle, load, optional
from ._types import ESHMRole

_Function = TypeVar("_Function", bound=Callable[[], Any])

_MOST_BYTES = 245  # with _ctl behind it
_HANDLER = ctypes.CFUNCTYPE(None, ctypes.c_void_p)
_HANDLE = ctypes.c_void_p
_REGISTER = (ctypes.c_int, [_HANDLE, ctypes.c_char_p, _HANDLER, ctypes.c_void_p])
_FIRE = (ctypes.c_int, [_HANDLE, ctypes.c_char_p])
_PROTOTYPES: Dict[str, Tuple[Any, List[Any]]] = {  # name: (result, arguments)
    "eshm_rpc_create": (_HANDLE, [ctypes.c_char_p, ctypes.c_int]),
    "eshm_rpc_destroy": (None, [_HANDLE]),
    "eshm_rpc_on_call": _REGISTER,
    "eshm_rpc_on_event": _REGISTER,
    "eshm_rpc_start": (ctypes.c_int, [_HANDLE]),
    "eshm_rpc_stop": (ctypes.c_int, [_HANDLE]),
    "eshm_rpc_call": _FIRE,
    "eshm_rpc_emit": _FIRE,
    "eshm_rpc_missed": (ctypes.c_uint64, [_HANDLE]),
    "eshm_rpc_dispatched": (ctypes.c_uint64, [_HANDLE]),
    "eshm_rpc_get_last_error": (ctypes.c_char_p, []),
}

#: Whose handler each number given to the library is. An Rpc that nobody else holds may go, its
#: handlers with it.
_owners: Dict[int, "weakref.ReferenceType[Rpc]"] = {}
_numbers = itertools.count(1)


def _run_handler(number: Optional[int]) -> None:
    """What the library calls, on its thread. One for all handlers, and for good: it may be freed in
    none that runs."""
    try:
        owner = _owners.get(number or 0)
        rpc = owner() if owner is not None else None
        function = rpc._handlers.get(number or 0) if rpc is not None else None
        del rpc  # not held while the function runs, which may drop it
        if function is not None:
            function()
    except BaseException:  # SystemExit and KeyboardInterrupt have nowhere to go either
        traceback.print_exc(file=sys.stderr)


_run = _HANDLER(_run_handler)


def _aside(
    destroy: Callable[[int], Any], create: Callable[[Handle], Optional[str]]
) -> Tuple[Handle, Optional[str]]:
    """A handle made in a thread of its own, which may take seconds: Ctrl-C does not wait for it."""
    made: List[Tuple[Handle, Optional[str]]] = []
    unwanted: List[bool] = []
    over = threading.Lock()
    over.acquire()

    def run() -> None:
        handle = Handle(destroy)
        try:
            made.append((handle, create(handle)))
        finally:
            over.release()
        if unwanted and made:
            made.pop()

    try:
        threading.Thread(target=run, name="eshm_open", daemon=True).start()
        over.acquire()
        return made.pop()
    except BaseException:
        # Whoever comes second drops it: this thread is the second where it finds something.
        unwanted.append(True)
        while made:
            made.pop()[0].destroy()
        raise


class Rpc:
    """One end of a trigger channel, open from construction to :meth:`close`.

    Handlers run one after the other, in the order the triggers came, on a thread that
    :meth:`start`, or a with block, starts. They may register others, fire, stop and close. An
    exception that leaves one is printed, and that is all.

    Any threads may use one object at once. In a child made by ``os.fork()`` an inherited object is
    dead: every call but ``close()`` raises RuntimeError.

    Args:
        channel: Name of the channel, to which ``_ctl`` is added: 1 to 245 bytes.
        role: Which end to be. A slave waits up to five seconds for its master.

    Raises:
        RuntimeError: it cannot be opened.

    >>> import threading
    >>> halted = threading.Event()
    >>> with Rpc(name, role=ESHMRole.MASTER) as robot, Rpc(name, role=ESHMRole.SLAVE) as panel:
    ...     @robot.on_call("halt")
    ...     def halt():
    ...         halted.set()
    ...     panel.call("halt")
    ...     halted.wait(5)
    True
    """

    # So that closing is harmless where opening failed.
    _handle: Optional[Handle] = None
    _pid = 0
    _running = False

    def __init__(self, channel: str, role: ESHMRole = ESHMRole.SLAVE) -> None:
        self._channel = f"{channel}_ctl"
        try:
            name = encoded_name(channel, _MOST_BYTES)
            checked = known(ESHMRole, "role", role, channel)
        except ESHMOpenFailed as error:
            raise self._not_open(error.reason) from None
        self._library = library = optional(load(), _PROTOTYPES)
        self._handlers: Dict[int, Callable[[], Any]] = {}
        self._names: Dict[Tuple[str, bytes], int] = {}
        self._role = ESHMRole(checked)
        self._pid = os.getpid()

        def create(handle: Handle) -> Optional[str]:
            """Opens it, or gives the reason why not."""
            return (
                None
                if handle.obtain(library.eshm_rpc_create, name, checked)
                else self._last_error()
            )

        if checked == ESHMRole.SLAVE and threading.current_thread() is threading.main_thread():
            self._handle, reason = _aside(library.eshm_rpc_destroy, create)
        else:
            self._handle = handle = Handle(library.eshm_rpc_destroy)
            try:
                reason = create(handle)
            except BaseException:  # Ctrl-C: its traceback keeps this frame, and that the handle
                self._handle = None
                handle.destroy()
                raise
        if reason is not None:
            self._handle = None
            raise self._not_open(reason)
        _open[id(self)] = weakref.ref(
            self, functools.partial(_open.pop, id(self))
        )  # in C: see _library._once

    def _not_open(self, reason: str) -> RuntimeError:
        return RuntimeError(f"could not open control channel {self._channel!r}: {reason}")

    @property
    def name(self) -> str:
        """The name of the channel that it is for, as it was given."""
        return self._channel[: -len("_ctl")]

    @property
    def role(self) -> ESHMRole:
        """The role that it was opened with, also of a closed one."""
        return self._role

    def on_call(self, name: str) -> Callable[[_Function], _Function]:
        """A decorator: the function runs when the other side calls `name`; an earlier one is
        replaced."""

        def register(function: _Function) -> _Function:
            encoded = self._encoded(name)
            # The library keeps the number; what it stands for is replaced here.
            number = self._names.get(("call", encoded))
            if number is not None and self._handle is not None:
                self._handlers[number] = function
            else:
                self._names["call", encoded] = self._register(
                    self._library.eshm_rpc_on_call, encoded, function
                )
            return function

        return register

    def on_event(self, name: str) -> Callable[[_Function], _Function]:
        """A decorator: the function runs when the other side emits `name`, after those registered
        before."""

        def register(function: _Function) -> _Function:
            self._register(self._library.eshm_rpc_on_event, self._encoded(name), function)
            return function

        return register

    def _register(
        self, in_library: Callable[..., int], name: bytes, function: Callable[[], Any]
    ) -> int:
        if not callable(function):
            raise TypeError(f"a handler is a function, not {type(function).__name__}")
        number = next(_numbers)
        self._handlers[number] = function
        _owners[number] = weakref.ref(self, functools.partial(_owners.pop, number))
        code = in_library(self._handle, name, _run, number)
        if code:
            del self._handlers[number], _owners[number]
        self._check("Register", code)
        return number

    def start(self) -> None:
        """Start running handlers, as a with block does at its beginning; may be called again. Does
        nothing while the interpreter ends. Raises RuntimeError if closed."""
        if _ending and self._handle is not None:
            return
        self._check("Start", self._library.eshm_rpc_start(self._handle))
        self._running = True

    def stop(self) -> None:
        """Stop running handlers; on return none runs, but the one that called this. May be called
        again.

        Raises RuntimeError if closed.
        """
        self._check("Stop", self._library.eshm_rpc_stop(self._handle))
        self._running = False

    def call(self, name: str) -> None:
        """Have the other side run its handler for the call, unless a newer trigger comes before it
        is taken.

        Raises:
            RuntimeError: It was not fired: detached, the name is too long, or closed.
        """
        self._check("Call", self._library.eshm_rpc_call(self._handle, self._encoded(name)))

    def emit(self, name: str) -> None:
        """Have the other side run all its handlers for the event. Otherwise as :meth:`call`."""
        self._check("Emit", self._library.eshm_rpc_emit(self._handle, self._encoded(name)))

    @property
    def missed(self) -> int:
        """Triggers that were replaced by newer ones before they were taken; 0 if closed."""
        return int(self._library.eshm_rpc_missed(self._handle))

    @property
    def dispatched(self) -> int:
        """Handlers run so far; one that has begun counts. 0 if closed."""
        return int(self._library.eshm_rpc_dispatched(self._handle))

    def close(self) -> None:
        """Stop and leave the channel. May be called again, and from a handler, which is then the
        last that runs."""
        handle, self._handle, self._running = self._handle, None, False
        if handle is not None and self._pid == os.getpid():
            # Waits for a handler that runs, also where another call has the handle.
            self._library.eshm_rpc_stop(handle)
        del handle  # destroyed here, or at the end of the last call that still runs

    def __enter__(self) -> "Rpc":
        self.start()
        return self

    def __exit__(
        self,
        kind: Optional[Type[BaseException]],
        error: Optional[BaseException],
        trace: Optional[TracebackType],
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        state = "" if self._handle is not None else ", closed"
        return f"Rpc(channel={self._channel!r}, running={self._running}{state})"

    def __reduce__(self) -> NoReturn:
        raise TypeError(
            "an Rpc cannot be pickled or copied: open the channel by its name where it is needed"
        )

    @staticmethod
    def _encoded(name: str) -> bytes:
        if not isinstance(name, str):
            raise TypeError(f"a trigger's name must be str, not {type(name).__name__}")
        encoded = name.encode("utf-8", "surrogateescape")  # any bytes, as os.fsdecode has them
        if b"\0" in encoded:  # C would see the part before it
            raise ValueError("a trigger's name holds no NUL")
        return encoded

    def _check(self, what: str, code: int) -> None:
        if not code:
            return
        if self._handle is None:
            raise RuntimeError(f"Rpc(channel={self._channel!r}) is closed")
        raise RuntimeError(f"{what} failed: {self._last_error()}")

    def _last_error(self) -> str:
        text: bytes = self._library.eshm_rpc_get_last_error()
        return text.decode(errors="replace")


_open: "Dict[int, weakref.ReferenceType[Rpc]]" = {}


def _stop_all() -> None:
    """No handler runs in an interpreter that is ending. Triggers are still fired."""
    global _ending
    _ending = True
    for held in [*_open.values()]:
        rpc = held()
        if rpc is not None and rpc._handle is not None and rpc._pid == os.getpid():
            rpc._library.eshm_rpc_stop(rpc._handle)


_ending = False
before_the_end(_stop_all)

__all__ = ["ESHMRole", "Rpc"]
