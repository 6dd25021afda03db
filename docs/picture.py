"""Draws money-rule.svg: the demonstration's first two distributions, with the figures the schedule gives.

python docs/picture.py            (a test compares the file with what this draws)
"""

from __future__ import annotations

from pathlib import Path

import revshare as rs

HERE = Path(__file__).resolve().parent
FILE = HERE / "money-rule.svg"

MARKS = ("1005.10", "10022.81")
"""Revenue at the first two distributions: December, then December and January."""
MOST = "11600"
"""Revenue at the right edge."""

WIDTH, HEIGHT = 960, 590
LEFT, RIGHT, TOP, BOTTOM = 40, 770, 112, 482
INK, FAINT = "#22303c", "#6b7a88"
FILL = {  # of a payee's areas, and of text on them
    "exporter": ("#2a6f97", "#ffffff"),
    "distributor": ("#61a5c2", "#10232f"),
    "account_manager": ("#a9d6e5", "#10232f"),
    "adviser": ("#f2cc8f", "#3a2a10"),
    "designer": ("#c8583c", "#ffffff"),
}
FONT = "system-ui, -apple-system, Segoe UI, Helvetica, Arial, sans-serif"
TITLE = "Tiers of cumulative revenue, cut into distributions"
MIDDLE, SMALL, BOLD = ' text-anchor="middle"', ' font-size="12"', ' font-weight="600"'


class Picture:
    """The picture of an agreement of two tiers, of which the first is one payee's."""

    def __init__(self, agreement: rs.Agreement) -> None:
        self.schedule, self.token = agreement.schedule(), agreement.token
        self.first, self.rest = self.schedule.tiers
        self.end = self.rest.start
        self.marks = [self.token.parse(mark) for mark in MARKS]
        self.out: list[str] = []

    def draw(self) -> str:
        """Return the picture as SVG."""
        self.areas()
        self.still_to_come()
        self.cuts()
        self.words()
        head = f'viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{TITLE}"'
        arrow = 'viewBox="0 0 8 8" refX="7" refY="4" markerWidth="8" markerHeight="8" orient="auto"'
        return "\n".join(
            [
                f'<svg xmlns="http://www.w3.org/2000/svg" {head}',
                f'     font-family="{FONT}" font-size="14">',
                f"<title>{TITLE}</title>",
                f'<defs><marker id="arrow" {arrow}><path d="M0 0 L8 4 L0 8 z" fill="{INK}"/></marker></defs>',
                f'<rect width="{WIDTH}" height="{HEIGHT}" rx="10" fill="#ffffff"/>',
                *self.out,
                "</svg>\n",
            ]
        )

    # ---------------------------------------------------------------- what is drawn

    def areas(self) -> None:
        """Draw who is entitled to what of each unit of revenue, and what that comes to between the marks."""
        before, after = map(self.schedule.entitlements, self.marks)
        alone = next(
            name for name, weight in zip(self.schedule.payees, self.first.weights, strict=True) if weight
        )
        in_first = self.end - self.marks[0]
        x0, x1 = self.x(self.end), self.x(self.marks[1])
        self.rect((self.x(0), TOP), (x0, BOTTOM), FILL[alone][0])
        height = (TOP + BOTTOM) / 2
        centre, white = (self.x(self.marks[0]) + x0) / 2, FILL[alone][1]
        self.text(centre, height - 6, alone, white, MIDDLE + BOLD)
        self.text(centre, height + 14, self.money(in_first), white, MIDDLE)
        self.text(self.x(self.marks[0] // 2), height + 14, self.money(self.marks[0]), white, MIDDLE + SMALL)

        y = float(TOP)
        for name, weight in zip(self.schedule.payees, self.rest.weights, strict=True):
            below = y + (BOTTOM - TOP) * weight / self.rest.total
            self.rect((x0, y), (RIGHT, below), FILL[name][0])
            amount = self.money(after[name] - before[name] - (in_first if name == alone else 0))
            label, at = f"{name.replace('_', ' ')} {100 * weight // self.rest.total} %", (y + below) / 2 + 4.5
            if below - y > 20:
                self.text((x0 + x1) / 2, at, amount, FILL[name][1], MIDDLE)
                self.text(RIGHT + 14, at, label)
            else:
                self.text(RIGHT + 14, at, f"{label}: {amount}", more=SMALL)
            y = below

    def still_to_come(self) -> None:
        """Let what is behind the last mark fade."""
        x = self.x(self.marks[1])
        self.rect((x, TOP), (RIGHT, BOTTOM), "#ffffff", ' opacity="0.72"')
        self.text((x + RIGHT) / 2, (TOP + BOTTOM) / 2 - 4, "still", FAINT, MIDDLE + SMALL)
        self.text((x + RIGHT) / 2, (TOP + BOTTOM) / 2 + 12, "to come", FAINT, MIDDLE + SMALL)

    def cuts(self) -> None:
        """Draw the axis, the marks of the distributions and the slices between them."""
        self.line((LEFT, BOTTOM), (RIGHT + 8, BOTTOM), ' stroke-width="1.5" marker-end="url(#arrow)"')
        for mark in self.marks:
            self.line((self.x(mark), TOP - 26), (self.x(mark), BOTTOM + 8), ' stroke-width="2.5"')
        x = self.x(self.end)
        self.line((x, TOP), (x, BOTTOM + 8), ' stroke-width="1" stroke-dasharray="4 3"')
        for start, end in ((0, self.marks[0]), (self.marks[0], self.marks[1])):
            a, b = self.x(start) + 3, self.x(end) - 3
            self.out.append(f'<path d="M{a:.1f} {TOP - 8} v-8 H{b:.1f} v8" fill="none" stroke="{INK}"/>')
        self.text(LEFT, TOP - 38, "distribution 1", more=SMALL)
        said = "distribution 2 pays everyone the area between the marks"
        self.text((self.x(self.marks[0]) + self.x(self.marks[1])) / 2, TOP - 24, said, more=MIDDLE + SMALL)

    def words(self) -> None:
        """Write the title, the figures under the axis and what the picture says."""
        self.text(LEFT, 42, "The area is money", more=' font-size="20"' + BOLD)
        for revenue in (0, self.marks[0], self.end, self.marks[1]):
            said = self.money(revenue) if revenue else "0"
            self.text(self.x(revenue), BOTTOM + 24, said, more=MIDDLE + SMALL)
        self.text(self.x(self.end), BOTTOM + 40, "advance repaid", FAINT, MIDDLE + SMALL)
        self.text(RIGHT + 14, BOTTOM + 24, "cumulative revenue", FAINT, SMALL)
        legend = (
            "Across: revenue received so far. Up: how each unit of it is shared.",
            "Wherever the marks fall, and however many there are, the areas add up to the same entitlements.",
        )
        for number, line in enumerate(legend):
            self.text(LEFT, HEIGHT - 36 + 18 * number, line, FAINT, SMALL)

    # ---------------------------------------------------------------- how

    def x(self, revenue: int) -> float:
        """Where `revenue` units are on the axis."""
        return LEFT + (RIGHT - LEFT) * revenue / self.token.parse(MOST)

    def money(self, units: int) -> str:
        """Units as people read them."""
        return self.token.format(units, grouped=True)

    def rect(self, start: tuple[float, float], end: tuple[float, float], fill: str, more: str = "") -> None:
        """Draw a filled rectangle."""
        (x0, y0), (x1, y1) = start, end
        size = f'width="{x1 - x0:.1f}" height="{y1 - y0:.1f}"'
        self.out.append(f'<rect x="{x0:.1f}" y="{y0:.1f}" {size} fill="{fill}"{more}/>')

    def line(self, start: tuple[float, float], end: tuple[float, float], more: str = "") -> None:
        """Draw a line."""
        ends = f'x1="{start[0]:.1f}" y1="{start[1]:.1f}" x2="{end[0]:.1f}" y2="{end[1]:.1f}"'
        self.out.append(f'<line {ends} stroke="{INK}"{more}/>')

    def text(self, x: float, y: float, words: str, fill: str = INK, more: str = "") -> None:
        """Write words."""
        self.out.append(f'<text x="{x:.1f}" y="{y:.1f}" fill="{fill}"{more}>{words}</text>')


def draw(agreement: rs.Agreement) -> str:
    """Return the picture of an agreement as SVG."""
    return Picture(agreement).draw()


if __name__ == "__main__":
    FILE.write_text(draw(rs.Agreement.load(HERE.parent / "examples" / "australia.toml")), encoding="utf-8")
