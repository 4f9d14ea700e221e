"""The native module, as far as the package uses it: Channel has the methods of CtypesChannel."""

from ._ctypes_channel import CtypesChannel

def is_main_interpreter() -> bool: ...

class Channel(CtypesChannel): ...
