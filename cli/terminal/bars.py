"""Progress bars."""

from __future__ import annotations

import sys
import time
from functools import cached_property
from types import TracebackType
from typing import TYPE_CHECKING

import typer

from ...cypher.progress import DETAIL
from .words import clean, is_quiet

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import Progress, TaskID

PLAIN_SECONDS = 1.0


class Bars:
    """A `Progress` on standard error: bars on a terminal, otherwise a line for each step that takes over a second.

    With --quiet it shows nothing.
    """

    def __init__(self) -> None:
        self.quiet = is_quiet()
        self.live = sys.stderr.isatty() and not self.quiet
        self.tasks: dict[str, TaskID] = {}
        self.current = ""
        self.since = time.monotonic()
        self.is_announced = True

    @cached_property
    def console(self) -> Console:
        """The console of standard error."""
        from rich.console import Console

        return Console(stderr=True, force_terminal=sys.stderr.isatty())

    @cached_property
    def bars(self) -> Progress:
        """The bars of a terminal."""
        from rich.progress import (
            BarColumn,
            Progress,
            SpinnerColumn,
            TextColumn,
            TimeElapsedColumn,
            TimeRemainingColumn,
        )

        return Progress(
            SpinnerColumn(finished_text="✓"),
            TextColumn("{task.description}"),
            BarColumn(bar_width=30),
            TextColumn("{task.fields[share]}"),
            TimeElapsedColumn(),
            TimeRemainingColumn(),
            console=self.console,
        )

    def __enter__(self) -> Bars:
        if self.live:
            self.bars.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._finish()
        if self.live:
            self.bars.stop()

    def __call__(self, step: str, done: float, total: float | None) -> None:
        """Show that `done` of `total` of the step is complete."""
        if self.quiet:
            return
        step, _, detail = step.partition(DETAIL)
        if step != self.current:
            self._finish()
            self.current, self.since, self.is_announced = step, time.monotonic(), False
        if self.live:
            share = f"{done / total:4.0%}" if total else ""
            share += f" {detail}" if detail else ""
            if step not in self.tasks:
                self.tasks[step] = self.bars.add_task(step, total=total, share=share)
            if total is None:
                self.bars.update(self.tasks[step], share=share)
            else:
                self.bars.update(self.tasks[step], completed=done, total=total, share=share)
        elif detail:
            print(f"{step}: {done:.0f} of at most {total:.0f}, {detail}", file=sys.stderr, flush=True)
            self.is_announced = True
        elif not self.is_announced and time.monotonic() - self.since > PLAIN_SECONDS:
            print(f"{step} ...", file=sys.stderr, flush=True)
            self.is_announced = True

    def say(self, line: str) -> None:
        """Print a line between the bars."""
        self._finish()
        if self.quiet:
            return
        self.console.print(clean(line), markup=False, highlight=False, soft_wrap=True)

    def confirm(self, question: str) -> bool:
        """Hide the bars, ask a question at the terminal, and return whether the answer is yes."""
        self._finish()
        if self.live:
            self.bars.stop()
        try:
            return typer.confirm(clean(question), err=True)
        finally:
            if self.live:
                self.bars.start()

    def _finish(self) -> None:
        if not self.current:
            return
        if self.live:
            task = self.tasks.pop(self.current, None)
            if task is not None:
                total = next(t.total for t in self.bars.tasks if t.id == task)
                self.bars.update(task, total=total or 1, completed=total or 1, share="")
        elif self.is_announced or time.monotonic() - self.since > PLAIN_SECONDS:
            print(f"{self.current}: {time.monotonic() - self.since:.1f} s", file=sys.stderr, flush=True)
        self.current, self.is_announced = "", True
