"""Whether a file of the build tree is safe to load: nobody can have put it there, or change it, who
could not as well change this package. Such users' code runs anyway."""

from __future__ import annotations

import grp
import os
import pwd
import stat
from pathlib import Path
from typing import Iterator, Optional

_MOST_LINKS = 40  # as the kernel


def distrust(file: Path, package: Path) -> Optional[str]:
    """Why the file is not to be loaded: what is wrong with it, or with something on the way to it,
    and the cure."""
    try:
        for path in _way_to(file):
            fault = _fault(path, path.lstat(), package)
            if fault is not None:
                return f"{path} ({_facts(path.lstat())}) {fault} {path}"
    except OSError as error:
        return f"it cannot be examined ({error})"
    return None


def _way_to(file: Path) -> Iterator[Path]:
    """Each folder, symbolic link and file that the kernel passes on its way."""
    here = Path("/")
    yield here
    left = [*reversed(file.parts[1:])]
    links = 0
    while left:
        part = left.pop()
        if part == "..":
            here = here.parent  # which is no link: those are followed below
            continue
        path = here / part
        yield path
        if not path.is_symlink():
            here = path
            continue
        links += 1
        if links > _MOST_LINKS:
            raise OSError(f"{file} leads to too many symbolic links")
        target = Path(os.readlink(path))
        if target.is_absolute():
            here = Path("/")
        left += reversed(target.parts[1:] if target.is_absolute() else target.parts)


def _fault(path: Path, facts: os.stat_result, package: Path) -> Optional[str]:
    """What is wrong with one of them, and the command that repairs it, but for its last
    argument."""
    around = path in package.parents  # its owner and its group could exchange the package too
    own = package.stat()
    if not around and facts.st_uid not in (0, os.geteuid(), own.st_uid):
        return f"belongs to another user; chown -h {os.geteuid()}"
    if stat.S_ISLNK(facts.st_mode):
        return None  # a link is changed by exchanging it: its folder's mode counts
    if stat.S_ISDIR(facts.st_mode) and facts.st_mode & stat.S_ISVTX:
        return None  # as /tmp: what is ours there stays, and the rest has another owner
    writers = facts.st_mode & (stat.S_IWGRP | stat.S_IWOTH)
    if own.st_mode & stat.S_IWOTH:
        return None  # a disk without modes, or umask 0: the package is everybody's too
    if writers & stat.S_IWOTH:
        return f"can be changed by every user; chmod {'g' if writers & stat.S_IWGRP else ''}o-w"
    if not writers or around or facts.st_gid == own.st_gid and own.st_mode & stat.S_IWGRP:
        return None
    # Where each user has a group, umask 002 is usual, and the group gives rights to nobody else.
    if facts.st_gid in {_own_group(uid) for uid in (0, facts.st_uid, os.geteuid())}:
        return None
    return "can be changed by its group; chmod g-w"


def _own_group(uid: int) -> int:
    try:
        return pwd.getpwuid(uid).pw_gid
    except KeyError:  # a container's user without a name, or one from outside of it
        return os.getegid() if uid == os.geteuid() else uid


def _facts(facts: os.stat_result) -> str:
    try:
        owner = f"{pwd.getpwuid(facts.st_uid).pw_name} ({facts.st_uid})"
    except KeyError:
        owner = str(facts.st_uid)
    try:
        group = f"{grp.getgrgid(facts.st_gid).gr_name} ({facts.st_gid})"
    except KeyError:
        group = str(facts.st_gid)
    return f"owner {owner}, group {group}, mode {stat.S_IMODE(facts.st_mode):04o}"
