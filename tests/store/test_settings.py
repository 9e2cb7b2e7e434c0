"""AFTERCLICK_* variables: one row per setting, defaults, and a clear word for what cannot be meant."""

from pathlib import Path

import pytest

from afterclick.core import settings
from afterclick.core.errors import UsageError


def test_each_setting_is_a_row_with_a_sentence() -> None:
    assert len({setting.name for setting in settings.SETTINGS}) == len(settings.SETTINGS)
    for setting in settings.SETTINGS:
        assert setting.help
        assert setting.variable == f"AFTERCLICK_{setting.name.upper()}"
        assert settings.text(setting.name, {}) == str(setting.default)


def test_a_variable_wins_over_the_default_and_an_empty_one_does_not() -> None:
    assert settings.number("port", {"AFTERCLICK_PORT": " 9000 "}) == 9000
    assert settings.number("port", {"AFTERCLICK_PORT": ""}) == 8420
    assert settings.threads({"AFTERCLICK_THREADS": "1"}) == 1
    assert settings.threads({"AFTERCLICK_THREADS": "1000000"}) < 1000000


@pytest.mark.parametrize("given", ["many", "0", "-3", "2.5"])
def test_a_number_that_is_none_is_refused_by_its_name(given: str) -> None:
    with pytest.raises(UsageError) as caught:
        settings.number("threads", {"AFTERCLICK_THREADS": given})
    assert caught.value.path == "AFTERCLICK_THREADS"
    assert "AFTERCLICK_THREADS=8" in caught.value.hint


def test_the_cache_folder_follows_the_setting_then_the_system() -> None:
    assert settings.cache_folder({"AFTERCLICK_CACHE": "/c", "XDG_CACHE_HOME": "/x"}) == Path("/c/afterclick")
    assert settings.cache_folder({"XDG_CACHE_HOME": "/x"}) == Path("/x/afterclick")
    assert settings.cache_folder({}).is_relative_to(Path.home())
