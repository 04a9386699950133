"""Icons: one for every name that the program uses, in the colour that is asked for."""

import ast
import re
from pathlib import Path

from PySide6.QtCore import QSize
from PySide6.QtGui import QColor, QIcon

from core.resources import root
from core.steps import discover
from desktop.icons import KEPT, UNKNOWN, Icons
from desktop.theme import Theme


def test_every_step_type_has_its_icon() -> None:
    assert [step.icon for step in discover() if step.icon not in Icons().names] == []


def test_every_icon_is_drawn_in_the_current_colour_and_nothing_else() -> None:
    icons = Icons()
    for name in icons.names:
        text = icons.svg(name, QColor("#123456"))
        assert "currentColor" not in text, name
        assert set(re.findall(r'(?:stroke|fill)="(#\w+|none|\w+)"', text)) <= {"#123456", "none"}, name


def test_an_icon_is_painted_in_its_colour_at_the_size_and_density_asked_for(qapp: object) -> None:
    pixmap = Icons().pixmap("square", QColor("#ff0000"), px=24, dpr=2.0)
    assert (pixmap.size(), pixmap.devicePixelRatio()) == (QSize(48, 48), 2.0)
    assert pixmap.toImage().pixelColor(24, 6) == QColor("#ff0000")
    assert pixmap.toImage().pixelColor(24, 24).alpha() == 0


def test_a_pixmap_is_painted_once(qapp: object) -> None:
    icons = Icons()
    one = icons.pixmap("play", QColor("#ffffff"))
    assert icons.pixmap("play", QColor("#ffffff")).cacheKey() == one.cacheKey()
    assert icons.pixmap("play", QColor("#fffffe")).cacheKey() != one.cacheKey()
    assert icons.pixmap("play", QColor("#ffffff"), dpr=2.0).cacheKey() != one.cacheKey()


def test_the_pixmaps_kept_are_limited(qapp: object) -> None:
    icons = Icons()
    first = icons.pixmap("play", QColor.fromRgb(0), px=1)
    for number in range(1, KEPT + 1):
        icons.pixmap("play", QColor.fromRgb(number), px=1)
    assert icons.pixmap("play", QColor.fromRgb(0), px=1).cacheKey() != first.cacheKey()


def test_an_unknown_name_gives_the_box(qapp: object) -> None:
    icons = Icons()
    assert icons.svg("no-such-icon", QColor("#ffffff")) == icons.svg(UNKNOWN, QColor("#ffffff"))


def test_a_disabled_icon_looks_it(qapp: object) -> None:
    theme = Theme.dark()
    icon = Icons().icon("square", theme)
    for mode, token in ((QIcon.Mode.Normal, "text.secondary"), (QIcon.Mode.Disabled, "text.disabled")):
        pixel = icon.pixmap(QSize(16, 16), 2.0, mode).toImage().pixelColor(16, 4)
        assert pixel.rgb() == theme.color(token).rgb()


def test_every_icon_that_the_desktop_names_is_there() -> None:
    known = set(Icons().names)
    missing = []
    for file in sorted((root() / "desktop").rglob("*.py")):
        missing += [f"{file.name}: {name}" for name in _icon_names(file) if name not in known]
    assert missing == []


def _icon_names(file: Path) -> list[str]:
    """Texts given as `icon=...`, and first arguments of `pixmap(...)` and `icon(...)`."""
    found = []
    for node in ast.walk(ast.parse(file.read_text("utf-8"))):
        if not isinstance(node, ast.Call):
            continue
        values = [word.value for word in node.keywords if word.arg == "icon"]
        if isinstance(node.func, ast.Attribute) and node.func.attr in ("pixmap", "icon") and node.args:
            values.append(node.args[0])
        found += [v.value for v in values if isinstance(v, ast.Constant) and isinstance(v.value, str) and v.value]
    return found
