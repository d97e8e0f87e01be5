"""Progress: a bar on a terminal, plain lines elsewhere, nothing when quiet."""

from __future__ import annotations

from types import TracebackType
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import Progress, TaskID


class Bars:
    """A `Watch` that draws on a console; use it in a `with` block."""

    def __init__(self, console: Console, *, quiet: bool) -> None:
        self._console = console
        self._quiet = quiet
        self._progress: Progress | None = None
        self._task: TaskID | None = None

    def __enter__(self) -> Self:
        """Start drawing, if there is a terminal to draw on."""
        if self._console.is_terminal and not self._quiet:
            from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

            self._progress = Progress(
                TextColumn("{task.description:<10}"),
                BarColumn(),
                TextColumn("{task.percentage:>3.0f} %"),
                TimeElapsedColumn(),
                TextColumn("{task.fields[at]}"),
                console=self._console,
                transient=True,
            )
            self._progress.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Stop drawing."""
        if self._progress:
            self._progress.stop()

    def begin(self, phase: str, total: int) -> None:
        """A phase begins."""
        if self._progress:
            if self._task is not None:
                self._progress.update(self._task, completed=1, total=1, at="")
            self._task = self._progress.add_task(phase, total=max(total, 1), at="")
        elif not self._quiet:
            self._console.print(f"{phase} …")

    def advance(self, steps: int, at: str = "") -> None:
        """Some steps are done."""
        if self._progress and self._task is not None:
            self._progress.update(self._task, advance=steps, at=at)
