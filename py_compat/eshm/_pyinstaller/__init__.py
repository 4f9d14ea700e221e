"""For PyInstaller, which asks installed packages where their hooks are: a packed program gets
``libeshm.so`` unasked."""

from pathlib import Path
from typing import List


def hook_dirs() -> List[str]:
    """The folder of ``hook-eshm.py``."""
    return [str(Path(__file__).parent)]
