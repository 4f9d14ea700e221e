"""Module `data_handler` by the name that scripts import it under; the code is in the package,
:mod:`eshm.data_handler`."""

from eshm.data_handler import *  # noqa: F401,F403
from eshm.data_handler import __all__  # noqa: F401
