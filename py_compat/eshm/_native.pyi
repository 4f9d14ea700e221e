"""The native module, as far as the package uses it: Channel has the methods of CtypesChannel."""

from ._ctypes_channel import CtypesChannel

class Channel(CtypesChannel): ...
