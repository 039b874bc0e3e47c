"""What Quarto runs at the end of a render (`post-render`): it empties the site first, so the explorer's page is put there again.

Needs no package, so that whichever Python Quarto finds will do.
"""

import os
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def main() -> None:
    """Place the page of the language whose site was rendered: `QUARTO_PROJECT_OUTPUT_DIR` is its folder."""
    sys.path.insert(0, str(ROOT))
    from explorer.site import place

    site = ROOT / os.environ["QUARTO_PROJECT_OUTPUT_DIR"]
    if site.name in ("ko", "en"):
        place(site.parent, langs=(site.name,))
    else:
        print(f"KoSAE: {site} is not the site of a language, so the explorer's page is not put there.")


if __name__ == "__main__":
    main()
