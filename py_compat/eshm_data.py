"""Module `eshm_data` by the name that scripts import it under; the code is in the package,
:mod:`eshm.eshm_data`."""

from eshm.eshm_data import *  # noqa: F401,F403
from eshm.eshm_data import __all__  # noqa: F401
