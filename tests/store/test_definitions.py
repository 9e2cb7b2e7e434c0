"""afterclick.toml: every value has a default, what is wrong is named, what is written is read back."""

import tomllib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from afterclick.core.errors import SpecError
from afterclick.store import definitions, toml
from afterclick.store.definitions import Definitions, Stage

STAGES = tuple(Stage(name=name, question="Who?", enter=(f"{name}[value>=1]",)) for name in ("One", "Two", "Three"))


def test_a_new_store_gets_every_key_with_a_comment() -> None:
    text = Definitions().to_toml()
    for name in Definitions.__struct_fields__:
        line = text.split("\n").index(
            f"[{name}]"
            if f"[{name}]\n" in text
            else next(row for row in text.split("\n") if row.startswith(f"{name} ="))
        )
        assert text.split("\n")[line - 1].startswith("# "), name
    assert Definitions.from_toml(text) == Definitions()
    assert Definitions.from_toml("") == Definitions()


def test_everything_can_be_written_and_read_back(tmp_path) -> None:
    meant = Definitions(
        name='Shop "한국" \\ \n#1',
        timezone="Asia/Seoul",
        currency="KRW",
        language="ko",
        own_domains=("shop.example",),
        fbclid_is_paid=True,
        pages=(("/products/*", "Product"),),
        passive=("Scroll",),
        deny_ids=("guest-1",),
        stages=STAGES,
        rates={"USD": (("2026-01-01", "1380.5"), ("2026-02-01", "1402"))},
        channels={"hosts": [{"host": "partner.example", "channel": "affiliate", "terms": ["q"]}], "fbclid_is_paid": True},
        example=True,
    )  # fmt: skip
    definitions.save(tmp_path, meant)
    assert definitions.load(tmp_path) == meant
    assert definitions.load(tmp_path / "nowhere") == Definitions()


@pytest.mark.parametrize(
    ("text", "path", "hint"),
    [
        ("timezon = 'UTC'", "timezon", "'timezone'"),
        ("timezone = 3", "timezone", ""),
        ("timezone = 'Mars/Base'", "timezone", "Asia/Seoul"),
        ("timezone = '../../etc/passwd'", "timezone", "Asia/Seoul"),
        ("timezone = ''", "timezone", "Asia/Seoul"),
        ("currency = 'won'", "currency", "KRW"),
        ("language = 'fr'", "language", "en"),
        ("id_cap = 1", "id_cap", "2"),
        ("bots = ['']", "bots", "delete"),
        ("pages = [['/a']]", "pages[0]", ""),
        ("pages = [['', 'A']]", "pages[0]", "Product"),
        ("stages = [{name = 'A', enter = ['x']}]", "stages", "3"),
        ("stages = [{nam = 'A'}]", "stages[0]", ""),
        ("rates = {usd = [['2026-01-01', '1']]}", "rates.usd", "USD"),
        ("rates = {USD = [['2026-01-01', '-1']]}", "rates.USD[0]", "2026-01-01"),
        ("rates = {USD = [['soon', '1']]}", "rates.USD[0]", "2026-01-01"),
        ("rates = {USD = [['2026-01-02', '1'], ['2026-01-01', '2']]}", "rates.USD", "sort"),
        ("name = ", "afterclick.toml", ""),
    ],
)
def test_what_is_wrong_is_named(text: str, path: str, hint: str) -> None:
    with pytest.raises(SpecError) as caught:
        Definitions.from_toml(text)
    assert caught.value.exit_code == 2
    assert caught.value.path == path
    assert hint in caught.value.hint


@pytest.mark.parametrize("names", [("One", "Two"), ("One", "Two", "One"), ("One", "Two", "none"), tuple("ABCDEFGH")])
def test_stages_are_three_to_seven_with_names_of_their_own(names) -> None:
    with pytest.raises(SpecError, match="stages"):
        Definitions(stages=tuple(Stage(name=name, enter=("x",)) for name in names))


def test_a_stage_is_entered_by_something() -> None:
    with pytest.raises(SpecError) as caught:
        Definitions(stages=(*STAGES, Stage(name="Four", enter=())))
    assert caught.value.path == "stages[3].enter"


def test_the_fingerprint_follows_the_values_and_not_the_text() -> None:
    plain = Definitions(bots=("bot",))
    assert len(plain.fingerprint()) == 16
    assert plain.fingerprint() == Definitions.from_toml(plain.to_toml() + "\n# a comment").fingerprint()
    assert plain.fingerprint() != Definitions(bots=("bot",), name="x").fingerprint()
    assert plain.fingerprint(["bots"]) == Definitions(bots=("bot",), name="x").fingerprint(["bots"])
    assert plain.fingerprint(["bots", "name"]) == plain.fingerprint(["name", "bots"])


def test_bytes_that_are_no_text_are_refused(tmp_path) -> None:
    (tmp_path / "afterclick.toml").write_bytes(b"name = '\xff'")
    with pytest.raises(SpecError, match="UTF-8"):
        definitions.load(tmp_path)
    (tmp_path / "afterclick.toml").write_bytes(b"\xef\xbb\xbfname = 'bom'")
    assert definitions.load(tmp_path).name == "bom"


def test_a_value_no_file_can_hold_is_refused() -> None:
    with pytest.raises(SpecError, match="cannot be written"):
        Definitions(name="\ud800").to_toml()


SCALARS = st.one_of(
    st.text(st.characters(exclude_categories=["Cs"])),
    st.integers(-(2**63), 2**63 - 1),
    st.booleans(),
    st.floats(allow_nan=False, allow_infinity=False),
)
KEYS = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
VALUES = st.recursive(SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3))


@given(st.dictionaries(KEYS, VALUES, max_size=5))
def test_written_toml_reads_back_equal(values) -> None:
    assert tomllib.loads(toml.text(values, dict.fromkeys(values, "says what\nit is"), "head")) == values
