"""The public names of `core` are there, and none of them costs anything until it is used."""

import subprocess
import sys

import pytest

import core

QUIET = ("core", "core.messages", "core.records", "core.text", "core.information", "core.tokenizer")


def loaded_by(code: str) -> set[str]:
    """The modules a fresh interpreter has after this."""
    program = f"{code}\nimport sys\nprint(' '.join(sys.modules))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    return set(done.stdout.split())


def test_what_the_screen_imports_loads_no_torch() -> None:
    loaded = loaded_by("import " + ", ".join(QUIET) + "\nfrom core import gpt2\ndir(core)")
    assert set(QUIET) <= loaded
    assert not {"torch", "core.session", "core.losses"} & loaded


def test_a_public_name_loads_what_it_needs() -> None:
    assert {"torch", "core.trainer"} <= loaded_by("from core import Trainer")


def test_every_public_name_is_there() -> None:
    for name in core.__all__:
        assert getattr(core, name).__name__ in (name, f"core.{name}")
        assert name in dir(core)


def test_an_unknown_name_is_no_attribute() -> None:
    with pytest.raises(AttributeError, match="no attribute 'Sessions'"):
        core.Sessions  # noqa: B018
