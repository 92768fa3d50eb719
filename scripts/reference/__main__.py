"""`python -m scripts.reference`: write docs/reference anew."""

from __future__ import annotations

from scripts.reference.facts import ROOT, contracts
from scripts.reference.pages import pages

FOLDER = ROOT / "docs" / "reference"


def main() -> None:
    """Write the pages, and remove those of contracts that are no more."""
    made = pages(contracts())
    FOLDER.mkdir(exist_ok=True)
    for path in FOLDER.glob("*.md"):
        if path.name not in made:
            path.unlink()
    for name, text in made.items():
        (FOLDER / name).write_text(text)
    print(f"{len(made)} pages in {FOLDER.relative_to(ROOT)}")


if __name__ == "__main__":
    main()
