"""Work for the executors' tests: it must be a module's, for workers import it."""

import os
import signal
import time
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Numbers:
    """What is carried: on disk it is a file's name."""

    key: str
    values: tuple[int, ...]

    def open(self) -> tuple[int, ...]:
        return self.values

    def on_disk(self, folder: Path) -> "NumbersFile":
        file = folder / "numbers"
        file.write_text(",".join(map(str, self.values)))
        return NumbersFile(self.key, file)


@dataclass(frozen=True)
class NumbersFile:
    key: str
    file: Path

    def open(self) -> tuple[int, ...]:
        return tuple(map(int, self.file.read_text().split(",")))


def add_up(values: tuple[int, ...], batch: int) -> int:
    return sum(values) * batch


def who(_values: tuple[int, ...], _batch: int) -> tuple[int, int]:
    return os.getpid(), os.nice(0)


def heed_ctrl_c() -> None:
    """For `preexec_fn`: whatever a shell starts in the background ignores Ctrl-C, and so would its children."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


@dataclass(frozen=True)
class Held:
    """A batch that says which process has it, and waits until it may go on."""

    folder: Path
    number: int


def hold(values: tuple[int, ...], batch: Held) -> int:
    (batch.folder / f"{batch.number}.{os.getpid()}").touch()
    deadline = time.monotonic() + 120
    while not (batch.folder / "go").exists():
        assert time.monotonic() < deadline
        time.sleep(0.005)
    return sum(values) * batch.number


def die_on_three(values: tuple[int, ...], batch: int) -> int:
    if batch == 3:
        os._exit(9)
    return sum(values) * batch


def die(_values: tuple[int, ...], _batch: int) -> int:
    os._exit(9)


def stumble(_values: tuple[int, ...], batch: int) -> int:
    return 1 // batch
