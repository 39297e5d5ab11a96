"""One writer to a run folder: a lock that the system lets go of when its process ends, however it ends."""

from __future__ import annotations

import os
from pathlib import Path
from weakref import WeakValueDictionary

from filelock import FileLock, Timeout

from gancourse.files import NO_LOCKS
from gancourse.training.checkpoint import RunError

NAME = ".lock"


class FolderLock:
    """Whether this object may write into the folder.

    Another process that holds the folder is never pushed aside. Another object of this process is: whoever runs a cell
    of a notebook again means the new one. Dropping the object lets go of the folder.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._file: FileLock | None = None
        self._held = self._lost = False

    def held(self) -> bool:
        """Whether the folder is ours; not so in a process that was forked off since."""
        return self._held and (self._file is None or self._file.is_locked)

    def take(self) -> None:
        """Take the folder, which is made if need be.

        Raises RunError when another process has it or a newer object of this one took it over, OSError when the folder
        cannot be written to. A file system that knows no locks is trusted.
        """
        if self.held():
            return
        if self._lost:
            raise RunError(
                f"{self.folder} was taken over by a newer Trainer of this session, so this one no longer writes to it. "
                "Go on with the newer one, or make a new Trainer."
            )
        self.folder.mkdir(parents=True, exist_ok=True)
        key = os.path.realpath(self.folder)
        older = _holders.get(key)
        if older is not None and older is not self and older.held():
            older.release()
            older._lost = True
        lock = FileLock(self.folder / NAME, timeout=0, thread_local=False)
        try:
            lock.acquire()
            self._file = lock
        except Timeout:
            raise RunError(
                f"{self.folder} is in use by another process: a notebook or a terminal trains into it. Stop that one "
                "(in a notebook, restart its kernel), or choose another run folder. Nothing was changed."
            ) from None
        except NotImplementedError:
            self._file = None
        except OSError as error:
            if error.errno not in NO_LOCKS:
                raise
            self._file = None
        self._held = True
        _holders[key] = self

    def release(self) -> None:
        """Let go of the folder; `take` takes it again."""
        if self._file is not None:
            self._file.release()
        self._file, self._held = None, False


_holders: WeakValueDictionary[str, FolderLock] = WeakValueDictionary()  # of this process
