"""What code does: a cached training holds while it does the same, for the package's classes and for a reader's."""

import textwrap

import pytest

from kosae_core import code, training
from kosae_core.sae import VARIANTS


def test_only_what_a_source_does_counts():
    plain = code.meaning("def f(x):\n    return x + 1\n")
    assert code.meaning('"""A."""\n\ndef f( x ):  # one more\n    """Adds."""\n    return (x + 1)\n') == plain
    assert code.meaning("def f(x):\n    return x + 2\n") != plain


def reader_class(body: str, base: type = VARIANTS["topk"]) -> type:
    """A class without a file of its own, as a notebook's is."""
    names = {"Base": base}
    exec(textwrap.dedent(body), names | {"__name__": "__main__"}, names)
    return names["Mine"]


def test_a_changed_class_of_a_reader_has_another_version():
    first = "class Mine(Base):\n    def features(self, x):\n        return x * {factor}\n    @property\n    def two(self):\n        return {two}\n"
    versions = {
        code.version(reader_class(first.format(factor=factor, two=two)), training.STAGE)
        for factor, two in ((1, 2), (3, 2), (1, 4))
    }
    assert len(versions) == 3
    again = reader_class("\n\n" + first.format(factor=1, two=2))  # further down in the file
    assert code.version(again, training.STAGE) in versions


def test_options_of_a_readers_class_count():
    one, two = (reader_class(f"class Mine(Base):\n    options = {{'k': {k}}}\n") for k in (1, 2))
    assert code.version(one, ()) != code.version(two, ())


def test_a_variant_depends_on_its_own_module_and_the_stage(monkeypatch):
    before = {name: code.version(VARIANTS[name], training.STAGE) for name in ("topk", "jumprelu", "standard", "gated")}
    assert before["topk"] != before["jumprelu"] and before["standard"] != before["topk"]
    real = code._module
    monkeypatch.setattr(code, "_module", lambda name: real(name) + ("changed" if name == "jumprelu" else ""))
    after = {name: code.version(VARIANTS[name], training.STAGE) for name in before}
    assert {name for name in before if after[name] != before[name]} == {"jumprelu"}
    monkeypatch.setattr(code, "_module", lambda name: real(name) + ("changed" if name == "kernels" else ""))
    assert all(code.version(VARIANTS[name], training.STAGE) != before[name] for name in before)


@pytest.mark.parametrize("name", sorted(VARIANTS))
def test_leaving_out_a_module_is_another_version(name):
    variant = VARIANTS[name]
    assert code.version(variant, training.STAGE) == code.version(variant, training.STAGE)
    assert code.version(variant, training.STAGE) != code.version(variant, training.STAGE[:-1])
