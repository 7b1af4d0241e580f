"""Draws what the README shows: the states' diagram from the transition table, and the window in each state as SVG.

The one rule: nothing in them is written by hand, so that they cannot disagree with the program.

    python packaging/dev.py pictures      # writes both; a test fails when either is stale
"""

import os
import re
import sys
from dataclasses import fields
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from app.core.failures import Failure  # noqa: E402  the path is set above
from app.core.masking import TABLE, step  # noqa: E402
from app.core.ports import Answer, Wish  # noqa: E402
from app.core.states import Answered, Event, Phase, Press, State  # noqa: E402
from app.core.view import View, view  # noqa: E402

README = ROOT / "README.md"
PICTURE = ROOT / "resources" / "pictures" / "states.svg"
BEGIN, END = "<!-- diagram: made by packaging/pictures.py -->", "<!-- end of diagram -->"
GAP = 10


def diagram() -> str:
    """The table as a Mermaid state diagram: an edge for each way from one phase to another."""
    edges: dict[tuple[Phase, Phase], dict[str, None]] = {}
    for (phase, why), row in TABLE.items():
        for to in row.to:
            if to is not phase:
                # From one pending wish to the other there is one reason, whatever the moment: it was wished.
                label = "another wish" if phase.pending and to.pending else why.value
                edges.setdefault((phase, to), {})[label] = None
    lines = [
        "```mermaid",
        "stateDiagram-v2",
        "    [*] --> unmasked",
        "    [*] --> unknown: last run ended masked",
    ]
    for (phase, to), reasons in edges.items():
        # Mermaid ends a label at a colon's second sight and breaks at <br>.
        lines.append(f"    {phase.value} --> {to.value}: {'<br>'.join(reasons)}")
    return "\n".join([*lines, "```"])


def with_diagram(readme: str) -> str:
    """The README's text with the diagram as it is now."""
    made = f"{BEGIN}\n{diagram()}\n{END}"
    return re.sub(f"{re.escape(BEGIN)}.*?{re.escape(END)}", lambda _: made, readme, flags=re.DOTALL)


def views() -> list[View]:
    """One of each phase, and a call that was left masked."""
    masking, _ = step(State(), Press(Wish.MASK, 0.0))
    masked, _ = step(masking, Answered(1, Answer(confirmed=True), 0.4))
    unmasking, _ = step(masked, Press(Wish.UNMASK, 50.0))
    event: Event = Answered(1, Answer(failure=Failure.UNEXPECTED), 0.4)
    unknown, _ = step(masking, event)
    return [
        view(State(), 0.0),
        view(masking, 1.0),
        view(masked, 43.0),
        view(masked, 76.0),
        view(unmasking, 51.0),
        view(unknown, 3.0),
    ]


def draw(picture: Path) -> None:
    """The window in each state, one below the other."""
    os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
    from PySide6.QtCore import QPoint, QRect, QSize
    from PySide6.QtGui import QPainter
    from PySide6.QtSvg import QSvgGenerator
    from PySide6.QtWidgets import QApplication

    from app.ui.window import Calls, Window

    app = QApplication.instance() or QApplication(sys.argv[:1])
    window = Window(Calls(**{field.name: lambda *_: None for field in fields(Calls)}))
    window.show()
    shown = views()
    heights = []
    for each in shown:
        window.show_view(each)
        heights.append(window.height())
    size = QSize(window.width(), sum(heights) + GAP * (len(heights) - 1))
    picture.parent.mkdir(exist_ok=True)
    generator = QSvgGenerator()
    generator.setFileName(str(picture))
    generator.setSize(size)
    generator.setViewBox(QRect(QPoint(0, 0), size))
    generator.setTitle("The window in each state")
    painter = QPainter(generator)
    top = 0
    for each, height in zip(shown, heights, strict=True):
        window.show_view(each)
        app.processEvents()
        window.render(painter, QPoint(0, top))
        top += height + GAP
    painter.end()
    window.hide()
    window.deleteLater()


def main() -> int:
    README.write_text(with_diagram(README.read_text(encoding="utf-8")), encoding="utf-8")
    draw(PICTURE)
    print(f"wrote the diagram in {README.name} and {PICTURE.relative_to(ROOT)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
