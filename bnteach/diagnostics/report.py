"""What a check found: findings with a severity, a remedy and a place to read on."""

from __future__ import annotations

import html
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

SEVERITIES = ("error", "warning", "info")  # the worst first


@dataclass(frozen=True)
class Finding:
    """One thing that a check found.

    Attributes:
        code: a short name that does not change, for example "small-batch".
        severity: "error", "warning" or "info".
        layer: path of the layer inside nested models, or "" for the whole model.
        message: what was found, in a sentence.
        numbers: what was measured, by name.
        remedy: what to do.
        link: page of the book, with the section that shows the case.
    """

    code: str
    severity: str
    layer: str
    message: str
    numbers: Mapping[str, Any] = field(default_factory=dict)
    remedy: str = ""
    link: str = ""

    def __post_init__(self):
        if self.severity not in SEVERITIES:
            raise ValueError(
                f"expected severity to be one of {', '.join(SEVERITIES)}. "
                f"Received: {self.severity!r}"
            )


class Report:
    """Findings, the worst first.

    Args:
        findings: in the order in which they were found.
        subject: what was looked at, in a few words.
        notes: what a reader of the report must know, for example which findings
            depend on the data; one sentence each.

    Attributes:
        findings: a tuple, sorted by severity.
    """

    def __init__(
        self,
        findings: Iterable[Finding],
        subject: str = "",
        notes: Iterable[str] = (),
    ):
        order = {severity: at for at, severity in enumerate(SEVERITIES)}
        self.findings = tuple(sorted(findings, key=lambda one: order[one.severity]))
        self.subject = subject
        self.notes = tuple(notes)

    @property
    def ok(self) -> bool:
        """Whether there is no error and no warning."""
        return all(finding.severity == "info" for finding in self.findings)

    @property
    def codes(self) -> tuple[str, ...]:
        """The codes that were found, each once, the worst first."""
        return tuple(dict.fromkeys(finding.code for finding in self.findings))

    def without(self, codes: Iterable[str]) -> Report:
        """Return the report without the findings of some codes."""
        left_out = set(codes)
        kept = (finding for finding in self.findings if finding.code not in left_out)
        return Report(kept, self.subject, self.notes)

    def to_dict(self) -> dict[str, Any]:
        """Return plain lists, dicts and numbers, fit for JSON."""
        return {
            "subject": self.subject,
            "ok": self.ok,
            "findings": [_plain(asdict(finding)) for finding in self.findings],
            "notes": list(self.notes),
        }

    def to_markdown(self) -> str:
        """Return a table in Markdown, and the notes below it."""
        lines = [f"**{self.headline()}**"]
        if self.findings:
            lines += ["", "| severity | code | layer | finding | remedy |"]
            lines += ["|---|---|---|---|---|"]
            for one in self.findings:
                layer = f"`{one.layer}`" if one.layer else ""
                cells = (one.severity, f"`{one.code}`", layer, one.message, one.remedy)
                escaped = (cell.replace("|", "\\|") for cell in cells)
                lines.append("| " + " | ".join(escaped) + " |")
        return "\n".join([*lines, *(f"\n{note}" for note in self.notes)])

    def headline(self) -> str:
        """Say in one line what came out."""
        counts = dict.fromkeys(SEVERITIES, 0)
        for finding in self.findings:
            counts[finding.severity] += 1
        parts = [
            f"{count} {name}" + ("s" if count != 1 and name != "info" else "")
            for name, count in counts.items()
            if count
        ]
        found = ", ".join(parts) or "nothing found"
        return f"{self.subject}: {found}" if self.subject else found

    def __str__(self) -> str:
        lines = [self.headline()]
        for one in self.findings:
            place = f" {one.layer}" if one.layer else ""
            lines.append(f"{one.severity:7}  {one.code}{place}: {one.message}")
            if one.remedy:
                lines.append(f"         remedy: {one.remedy}")
            if one.link:
                lines.append(f"         see: {one.link}")
        return "\n".join([*lines, *self.notes])

    __repr__ = __str__

    def _repr_html_(self) -> str:
        """A table for notebooks."""
        rows = "".join(
            "<tr>"
            + "".join(
                f'<td style="text-align:left">{html.escape(cell)}</td>'
                for cell in (one.severity, one.code, one.layer, one.message, one.remedy)
            )
            + "</tr>"
            for one in self.findings
        )
        heads = ("severity", "code", "layer", "finding", "remedy")
        head = "".join(f'<th style="text-align:left">{name}</th>' for name in heads)
        table = f"<table><tr>{head}</tr>{rows}</table>" if rows else ""
        notes = "".join(f"<p>{html.escape(note)}</p>" for note in self.notes)
        return f"<p><b>{html.escape(self.headline())}</b></p>{table}{notes}"


def _plain(value: Any) -> Any:
    """Return a value with NumPy's numbers and arrays as Python's."""
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple | set):
        return [_plain(item) for item in value]
    return value.tolist() if hasattr(value, "tolist") else value
