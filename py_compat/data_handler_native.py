"""Module `data_handler_native` by the name that scripts import it under; the code is in the
package, :mod:`eshm.data_handler_native`."""

from eshm.data_handler_native import *  # noqa: F401,F403
from eshm.data_handler_native import __all__  # noqa: F401
