"""One SVG file with the icons that the pages use, out of the thousands of Tabler."""

import re
from pathlib import Path

_ATTRIBUTES = (
    'viewBox="0 0 24 24" fill="none" stroke="currentColor" stroke-width="1.75" '
    'stroke-linecap="round" stroke-linejoin="round"'
)


def icon_names(listing: str) -> list[str]:
    """Names in `icons.txt`: one or more a line, what follows ``#`` is a remark."""
    lines = (line.split("#")[0] for line in listing.splitlines())
    return sorted({name for line in lines for name in line.split()})


def sprite(names: list[str], outline: Path) -> str:
    """`<symbol id="name">` for each icon of `outline`; FileNotFoundError names one that is not there."""
    drawn = ((name, _paths(outline / f"{name}.svg")) for name in names)
    symbols = "".join(f'<symbol id="{name}" {_ATTRIBUTES}>{paths}</symbol>' for name, paths in drawn)
    return f'<svg xmlns="http://www.w3.org/2000/svg">{symbols}</svg>\n'


def _paths(file: Path) -> str:
    if not file.exists():
        raise FileNotFoundError(f"Không có biểu tượng «{file.stem}» trong @tabler/icons; hãy sửa icons.txt.")
    inside = re.sub(r"<svg.*?>|</svg>|<!--.*?-->", "", file.read_text(encoding="utf-8"), flags=re.S)
    shapes = [line.strip() for line in inside.splitlines() if line.strip()]
    return "".join(shape for shape in shapes if 'd="M0 0h24v24H0z"' not in shape)
