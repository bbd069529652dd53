"""The scratch folder in which the sample agents really act. Nothing outside it is read, written or deleted."""

from __future__ import annotations

import csv
import shutil
from datetime import datetime
from pathlib import Path

REPORTS = "reports/2025"
SUMMARY = "notes/summary.md"
LEDGER = "ledger.csv"

_SALES = {"q1.csv": (182_400, 96_300), "q2.csv": (205_900, 101_750), "q3.csv": (231_050, 118_200)}
_LEDGER_HEAD = ("approval", "invoice", "payee", "amount", "currency")


class Workplace:
    def __init__(self, root: Path) -> None:
        self.root = root

    def restock(self) -> None:
        """There is something to delete again: the reports are written anew."""
        folder = self.root / REPORTS
        folder.mkdir(parents=True, exist_ok=True)
        for name, (sales, costs) in _SALES.items():
            (folder / name).write_text(f"item,amount_cny\nsales,{sales}\ncosts,{costs}\n", encoding="utf-8")

    def read_reports(self) -> dict[str, int]:
        """File name → bytes, of what lies in the reports folder."""
        folder = self.root / REPORTS
        return {path.name: path.stat().st_size for path in sorted(folder.glob("*"))} if folder.is_dir() else {}

    def write_summary(self, reports: dict[str, int], at: datetime) -> int:
        """notes/summary.md says what was read; how many bytes it has."""
        path = self.root / SUMMARY
        path.parent.mkdir(exist_ok=True)
        lines = [f"# {REPORTS}", "", *(f"- {name}: {size} B" for name, size in reports.items()), "", f"{at:%H:%M:%S}"]
        return path.write_text("\n".join(lines) + "\n", encoding="utf-8")

    def delete(self, relative: str) -> int:
        """The folder is gone; how many files that were. ValueError for a path that leads out of the scratch folder."""
        folder = (self.root / relative).resolve()
        if not folder.is_relative_to(self.root.resolve()) or folder == self.root.resolve():
            raise ValueError("outside the scratch folder")
        files = sum(path.is_file() for path in folder.rglob("*"))
        shutil.rmtree(folder)
        return files

    def pay(self, approval_id: str, args: dict[str, object]) -> bool:
        """One line in the ledger; False when this approval stands there already."""
        path = self.root / LEDGER
        paid = self.payments()
        if approval_id in {line[0] for line in paid}:
            return False
        with path.open("a", encoding="utf-8", newline="") as file:
            writer = csv.writer(file)
            if not paid:
                writer.writerow(_LEDGER_HEAD)
            writer.writerow([approval_id, *(_booked(args.get(name, "")) for name in _LEDGER_HEAD[1:])])
        return True

    def payments(self) -> list[list[str]]:
        path = self.root / LEDGER
        if not path.is_file():
            return []
        with path.open(encoding="utf-8", newline="") as file:
            return list(csv.reader(file))[1:]

    def listing(self) -> list[str]:
        """The folder for the page, the reports first: they are what the story is about."""
        files = sorted((path for path in self.root.rglob("*") if path.is_file()), key=self._place)
        lines = [f"{path.relative_to(self.root)}  {path.stat().st_size} B" for path in files]
        if paid := len(self.payments()):
            lines[-1] += f"  已付 {paid} 笔 · {paid} paid"
        return lines if (self.root / REPORTS).is_dir() else [f"{REPORTS}  已删除 · deleted", *lines]

    def _place(self, path: Path) -> tuple[bool, bool, str]:
        return path.name == LEDGER, path.parent != self.root / REPORTS, str(path)


def _booked(value: object) -> str:
    """A number as an amount of money."""
    return f"{value:.2f}" if isinstance(value, int | float) else str(value)
