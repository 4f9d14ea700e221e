"""Module `rpc` by the name that scripts import it under; the code is in the package,
:mod:`eshm.rpc`."""

from eshm.rpc import *  # noqa: F401,F403
from eshm.rpc import __all__  # noqa: F401
