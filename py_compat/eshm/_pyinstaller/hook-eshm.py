"""What PyInstaller does not see, as ctypes loads it: the library beside the package."""

from PyInstaller.utils.hooks import collect_dynamic_libs  # type: ignore[import-not-found,import-untyped,unused-ignore]

binaries = collect_dynamic_libs("eshm")
