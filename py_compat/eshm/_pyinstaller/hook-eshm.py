"""What PyInstaller does not see, as ctypes loads it: the library beside the package."""

from PyInstaller.utils.hooks import (  # type: ignore[import-not-found,import-untyped,unused-ignore]
    collect_dynamic_libs,
)

binaries = collect_dynamic_libs("eshm")
