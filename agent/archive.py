"""Zip files from outside, which hold anything."""

from __future__ import annotations

import zipfile
import zlib
from lzma import LZMAError

# What opening or reading one raises. RuntimeError: it is encrypted, or (NotImplementedError, its subclass) packed as
# zipfile does not know. OSError may be of the disk, or of what bzip2 can not unpack: that is for the caller to say.
UNREADABLE = (zipfile.BadZipFile, KeyError, ValueError, RuntimeError, EOFError, zlib.error, LZMAError)
