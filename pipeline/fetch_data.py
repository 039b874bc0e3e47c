"""Fetch a corpus that the project may not ship: `make data CORPUS=keat`."""

from __future__ import annotations

import argparse
import hashlib
import shutil
import sys
import zipfile
from dataclasses import dataclass
from pathlib import Path

import pooch

from kosae_core import paths
from pipeline.command import told


class FetchError(RuntimeError):
    """A corpus that could not be fetched or failed its check; nothing of it is left behind."""


@dataclass(frozen=True)
class Source:
    """Where a corpus comes from and what it must be."""

    url: str
    size: int
    sha256: str
    members: dict[str, str]
    """File in the archive -> its sha256."""
    terms: str


SOURCES = {
    "keat": Source(
        url="https://github.com/emorynlp/MRL-2021/raw/cba77b34ab16cdd77b8abb0120fc94cba596aabf/dataset/keat/data.zip",
        size=3_476_655,
        sha256="1b223e5db6cd8fb02d39b6c67dd67a029ed32632a02a71a0cb05913d4831edfb",
        members={
            "development.json": "083817bf70d222894e225ba1c483966051915a3d209c47b43342b62fae4454bf",
            "evaluation.json": "a52c5b7c92097993a61e939031374a689d3249fb99e7c4eb7dc838c7af6caf72",
        },
        terms=(
            "KEAT (Kim et al. 2021, doi:10.18653/v1/2021.mrl-1.19), Korean-English news with several categories per document.\n"
            "Its repository states no licence. Its text derives from the Korean-English translation corpus of AI Hub (NIA,\n"
            "Korea), which is given to registered users under AI Hub's usage policy; no right to pass it on is known.\n"
            "Use it for your own measurements only, cite Kim et al. 2021 and NIA/AI Hub, publish none of its sentences, and\n"
            "train no model on it whose weights you publish."
        ),
    )
}


def _sha256(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


def complete(source: Source, folder: Path) -> bool:
    """Whether every member is there and is what it must be."""
    return all((folder / n).is_file() and _sha256(folder / n) == digest for n, digest in source.members.items())


def _unpack(source: Source, archive: Path, folder: Path) -> None:
    if archive.stat().st_size != source.size or _sha256(archive) != source.sha256:
        raise FetchError(
            f"the download is not what it should be: {archive.stat().st_size} bytes, expected {source.size}."
        )
    with zipfile.ZipFile(archive) as bundle:
        inside = {Path(info.filename).name: info for info in bundle.infolist() if not info.is_dir()}
        for name, digest in source.members.items():
            if name not in inside:
                raise FetchError(f"the archive holds no {name}.")
            with bundle.open(inside[name]) as packed, (folder / name).open("wb") as file:
                shutil.copyfileobj(packed, file)
            if _sha256(folder / name) != digest:
                raise FetchError(f"{name} in the archive is not what it should be.")


def fetch(source: Source, folder: Path) -> Path:
    """Download, check and unpack into `folder`, which is complete afterwards or does not exist.

    Raises  FetchError if the download fails, or its size or a hash is wrong.
    """
    scratch = folder.with_name(folder.name + ".part")
    shutil.rmtree(scratch, ignore_errors=True)
    scratch.mkdir(parents=True)
    try:
        bar = sys.stderr.isatty()
        try:
            archive = pooch.retrieve(source.url, f"sha256:{source.sha256}", "archive.zip", scratch, progressbar=bar)
        except Exception as error:  # requests, the operating system and pooch raise different kinds
            raise FetchError(f"could not fetch {source.url}: {error}") from error
        _unpack(source, Path(archive), scratch)
        Path(archive).unlink()
        shutil.rmtree(folder, ignore_errors=True)
        scratch.rename(folder)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    return folder


@told(interrupted="Interrupted: nothing was kept.")
def main(argv: list[str] | None = None) -> int:
    """Print the terms, fetch the corpus, and say where it is."""
    parser = argparse.ArgumentParser(prog="make data", description=main.__doc__)
    parser.add_argument("corpus", choices=sorted(SOURCES))
    name = parser.parse_args(argv).corpus
    source, folder = SOURCES[name], paths.downloads_dir() / name
    print(source.terms, flush=True)
    if complete(source, folder):
        print(f"{name} is already in {folder}, complete.")
        return 0
    if paths.corpora_dir() and any((folder / member).exists() for member in source.members):
        print(
            f"{folder} holds files of {name} that differ from the original; move them away to fetch it.",
            file=sys.stderr,
        )
        return 1
    try:
        fetch(source, folder)
    except FetchError as error:
        print(f"{error}\nNothing was kept.", file=sys.stderr)
        return 1
    print(f"{name}: {', '.join(source.members)} in {folder}, sizes and sha256 as expected.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
