"""What an import did, told in the order in which a person wants to know it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from afterclick.surfaces.cli.screen import Screen

if TYPE_CHECKING:
    from afterclick.collect.guess import Finding
    from afterclick.collect.report import ImportReport


def show_map(screen: Screen, findings: Sequence[Finding], *, aside: bool) -> None:
    """The map line by line: field, column, a sample, why. `aside` prints it to stderr, beside the progress."""
    headings = [screen.text(f"map_{name}") for name in ("canonical", "raw", "sample", "why")]
    rows = [(one.field, one.raw, short(one.sample), one.why) for one in findings]
    screen.table(headings, rows, [True] * len(headings), aside=aside)


def show_counts(screen: Screen, report: ImportReport) -> None:
    """Rows read and what became of each, files that lack a column, reasons of rejects with their first examples."""
    screen.show(
        screen.text(
            "counts_read",
            n=report.read,
            files=len(report.files),
            seconds=f"{report.seconds:.1f}",
            speed=report.rows_per_second,
        ),
        *(
            f"  {screen.text(f'counts_{name}', n=count)}"
            for name, count in (
                ("stored", report.stored),
                ("duplicates", report.duplicates),
                ("rejected", report.rejected),
            )
        ),
    )
    beside = (("nobody", report.nobody), ("future", report.future))
    screen.show(*(f"  {screen.text(f'counts_{name}', n=count)}" for name, count in beside if count))
    if report.renamed:
        screen.show(screen.text("map_renamed", names=", ".join(report.renamed)))
    for path in report.skipped:
        screen.show(screen.text("file_skipped", path=path))
    screen.show(*(f"{screen.text('note')} {warning}" for warning in report.warnings))
    for reason in report.reasons:
        screen.show("", screen.text("reject_reason", n=reason.rows, code=reason.code, message=reason.meaning))
        screen.show(*(f"  {example}" for example in reason.examples))
    if report.dry_run:
        screen.show("", screen.text("dry_run"))


def short(text: str, width: int = 48) -> str:
    """One line of at most `width` characters."""
    line = " ".join(text.split())
    return line if len(line) <= width else line[: width - 1] + "…"
