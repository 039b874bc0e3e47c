"""Write requirements.lock from what .venv holds: `make lock`, after trying new versions there.

Only what pyproject.toml's dependencies need is pinned, torch apart: pipeline/bootstrap.py installs it first.
"""

from __future__ import annotations

import importlib.metadata as metadata
import tomllib

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from kosae_core import paths

# What another platform or Python needs besides; versions by hand, since this machine does not install them.
ELSEWHERE = {"appnope": 'appnope==0.1.4; sys_platform == "darwin"'}
_HEAD = """\
# Exact versions of everything but torch, which pipeline/bootstrap.py installs before these, so that a build of torch
# that is there already (for CUDA, say) stays. Written by `make lock`; installed with --no-deps.
"""


def closure(names: list[str]) -> dict[str, str]:
    """Name and version of every installed distribution that `names` need, torch and what is not installed left out."""
    found: dict[str, str] = {}
    queue = [Requirement(name) for name in names]
    seen: set[tuple[str, frozenset[str]]] = set()
    while queue:
        requirement = queue.pop()
        name = canonicalize_name(requirement.name)
        if (name, frozenset(requirement.extras)) in seen:
            continue
        seen.add((name, frozenset(requirement.extras)))
        try:
            distribution = metadata.distribution(name)
        except metadata.PackageNotFoundError:
            raise SystemExit(f"{name} is not installed in this environment: install it, then lock again.") from None
        if name != "torch":
            found[name] = distribution.version
        for line in distribution.requires or []:
            needed = Requirement(line)
            extras = requirement.extras or {""}
            wanted = needed.marker is None or any(needed.marker.evaluate({"extra": extra}) for extra in extras)
            if wanted and not canonicalize_name(needed.name).startswith(("nvidia-", "triton", "cuda-")):
                queue.append(needed)
    return found


def direct() -> list[str]:
    """The dependencies that pyproject.toml names, extras included."""
    project = tomllib.loads((paths.ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    return [*project["dependencies"], *(name for group in project["optional-dependencies"].values() for name in group)]


def main() -> None:
    pins = {name: f"{name}=={version}" for name, version in closure(direct()).items()} | ELSEWHERE
    text = _HEAD + "\n".join(pins[name] for name in sorted(pins)) + "\n"
    (paths.ROOT / "requirements.lock").write_text(text, encoding="utf-8")
    print(f"requirements.lock: {len(pins)} packages")


if __name__ == "__main__":
    main()
