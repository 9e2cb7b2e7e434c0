"""What texts say of people is hidden before it is written, wherever it stands, and nothing else is touched."""

from __future__ import annotations

import time

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from afterclick.collect.privacy.addresses import ARRIVAL, SHOWN, Addresses, shortened
from afterclick.collect.privacy.scrub import Scrub, hashed
from afterclick.core.errors import SpecError
from afterclick.core.masking import CARD, EMAIL, PHONE, RESIDENT, masked
from afterclick.stitch.channel_hosts import HOSTS
from afterclick.stitch.channel_table import ChannelTable
from afterclick.store.definitions import Definitions
from afterclick.store.privacy import Privacy

PERSONAL = {
    "kim.minsu@mail.example": EMAIL,
    "KIM+shop@Mail.Example.co.kr": EMAIL,
    "010-1234-5678": PHONE,
    "01012345678": PHONE,
    "+82 10 1234 5678": PHONE,
    "+44 20 7946 0958": PHONE,
    "4111 1111 1111 1111": CARD,
    "378282246310005": CARD,
    "900101-1234567": RESIDENT,
    "051231 3234567": RESIDENT,
}


@pytest.fixture
def scrub() -> Scrub:
    return Scrub(Privacy())


@pytest.mark.parametrize("secret", PERSONAL)
def test_case_45_hidden_in_names_addresses_and_properties(scrub, secret):
    sign = PERSONAL[secret]
    assert scrub.text(f"Clicked {secret} twice") == f"Clicked {sign} twice"
    for given_ in ({"note": f"call {secret}!"}, {"a": {"b": [{"c": secret}]}}, {f"to {secret}": 1}, {"n": [secret, 1]}):
        out = msgspec.json.encode(scrub.properties(given_)).decode()
        assert secret not in out
        assert sign in out
    address = scrub.address(f"https://shop.example/u/{secret}/?q={secret}&note={secret}#{secret}")
    assert secret not in address
    assert address.count(sign.replace(" ", "%20")) == 2


@pytest.mark.parametrize(
    ("given_", "kept"),
    [
        ("mail kim%40mail.example now", EMAIL),
        ("０１０－１２３４－５６７８", PHONE),
        ("tel%3A010%2D1234%2D5678", PHONE),
        ("٠١٠٠١٢٣٤٥٦٧٨", ""),
    ],
)
def test_case_45_other_signs_for_the_same_number(scrub, given_, kept):
    assert kept in scrub.text(given_)


def test_what_a_name_says_is_hidden_whatever_the_value(scrub):
    out = scrub.properties(
        {"Phone Number": 1012345678, "card_no": "x", "주민등록번호": "??", "password": "hunter2", "e-mail": "kim at home"}
    )
    assert list(out.values()) == [PHONE, CARD, RESIDENT, "[hidden]", EMAIL]


def test_keys_amounts_and_instants_are_no_telephones(scrub):
    given_ = {
        "order_id": "240101-1234567", "product_no": "01012345678", "ean": "8801234567890", "revenue": 1234567890123,
        "sent_at": 1712311234567, "sku": "4111111111111111", "session_id": "0212345678",
    }  # fmt: skip
    assert scrub.properties(given_) == given_
    assert scrub.properties({"order_id": "for kim@mail.example"}) == {"order_id": f"for {EMAIL}"}


def test_numbers_that_are_cards_are_hidden(scrub):
    assert scrub.properties({"typed": 4111111111111111, "count": 12}) == {"typed": CARD, "count": 12}


@given(
    st.dictionaries(
        st.sampled_from(["name", "category", "position", "price", "list", "coupon", "color"]),
        st.one_of(st.integers(-999_999, 999_999), st.booleans(), st.none(), st.sampled_from(["니트", "Sale 20", "main", ""])),
    )
)
def test_clean_properties_are_the_same_object(given_):
    assert Scrub(Privacy()).properties(given_) is given_


@given(st.text(max_size=300))
def test_scrubbing_twice_changes_nothing(text):
    scrub = Scrub(Privacy())
    assert scrub.text(scrub.text(text)) == scrub.text(text)


SCALARS = st.one_of(st.text(max_size=20), st.integers(), st.none(), st.booleans())


@given(st.recursive(SCALARS, lambda deep: st.lists(deep) | st.dictionaries(st.text(max_size=8), deep), max_leaves=20))
def test_any_value_can_be_walked(value):
    Scrub(Privacy()).properties({"x": value, "y": "a@b.example"})


def test_long_texts_take_no_long_time():
    begun = time.process_time()
    for text in ("a" * 32_000, "a@" * 16_000, "1 " * 16_000, "%40" * 10_000, "a." * 16_000, "+1-" * 10_000):
        Scrub(Privacy()).text(text)
    # Whoever reads such a text again and again takes minutes.
    assert time.process_time() - begun < 20


def test_own_patterns_hide_as_well_and_cannot_hang():
    scrub = Scrub(Privacy(patterns=(r"EMP-\d{4}", "(a+)+$")))
    assert scrub.text("asked by EMP-1234") == "asked by [hidden]"
    assert scrub.properties({"by": "EMP-1234"}) == {"by": "[hidden]"}
    begun = time.process_time()
    scrub.text("a" * 5000 + "!")
    assert time.process_time() - begun < 20


def test_a_pattern_that_is_none_is_refused_with_its_place():
    with pytest.raises(SpecError) as caught:
        Definitions.from_toml('[privacy]\npatterns = ["ok", "(?=x)"]\n')
    assert caught.value.path == "privacy.patterns[1]"


def test_dropped_properties_are_gone_at_every_depth():
    assert Scrub(Privacy(drop=("age",))).properties({"age": 3, "who": {"age": 4, "x": 1}}) == {"who": {"x": 1}}


def test_declared_ids_by_the_settings():
    scrub = Scrub(Privacy(email="hash", phone="drop"))
    assert scrub.declared("user_id", "u1") == "u1"
    assert scrub.declared("phone", "01012345678") is None
    hidden = scrub.declared("email", " Kim@Mail.Example ")
    assert hidden == hashed("email", "kim@mail.example") == hashed("email", str(hidden))


def test_dead_letters_lose_what_is_personal_and_keep_their_ids(scrub):
    known = b'"userId":"u1","traits":{"email":"kim@mail.example"},"context":{"ip":"203.0.113.9"}'
    original = b'{%s,"event":5,"x":"010-1234-5678"}' % known
    kept = msgspec.json.decode(scrub.raw(original))
    assert kept == {
        "userId": "u1", "traits": {"email": "kim@mail.example"}, "context": {"ip": "203.0.113.0"}, "event": 5, "x": PHONE,
    }  # fmt: skip
    assert scrub.raw(b'{"broken kim@mail.example') == f'{{"broken {EMAIL}'.encode()
    assert b"kim" not in Scrub(Privacy(email="drop")).raw(original)


@pytest.mark.parametrize(
    ("given_", "cut"),
    [
        ("203.0.113.195", "203.0.113.0"),
        ("2001:db8:abcd:12:34::1", "2001:db8:abcd::"),
        ("::ffff:203.0.113.195", "203.0.113.0"),
        ("[2001:db8:abcd::7]", "2001:db8:abcd::"),
        ("fe80::1%eth0", "fe80::"),
        ("1.2.3", None),
        ("shop.example", None),
    ],
)
def test_internet_addresses_keep_their_first_part(given_, cut):
    assert shortened(given_) == cut


def test_addresses_keep_what_says_where_from_and_which_page():
    clean = Addresses(masked, ("ref_code",)).clean
    assert clean("https://u:pw@shop.example/p/1;jsessionid=AB?utm_source=a&gclid=x&token=t&Ref_Code=9&q=knit#top") == (
        "https://shop.example/p/1?utm_source=a&gclid=x&Ref_Code=9&q=knit"
    )
    assert clean("/cart?session=abc") == "/cart"
    assert clean("https://shop.example/%EC%83%81%ED%92%88?keyword=%EB%8B%88%ED%8A%B8") == (
        "https://shop.example/%EC%83%81%ED%92%88?keyword=%EB%8B%88%ED%8A%B8"
    )
    assert clean("android-app://com.google.android.gm/") == "android-app://com.google.android.gm/"


def test_every_parameter_that_channels_are_read_from_stays():
    assert ChannelTable.default().parameters <= ARRIVAL
    rows = (line.partition(":")[0].split()[2:] for line in HOSTS.splitlines())
    terms = {name for row in rows for listed in row for name in listed.split(",")}
    assert terms
    assert terms <= ARRIVAL | SHOWN


def test_settings_are_read_from_the_file_and_change_no_answer():
    text = '[privacy]\nconsent = "opt_in"\npatterns = ["x"]\n'
    read = Definitions.from_toml(text)
    assert read.privacy == Privacy(consent="opt_in", patterns=("x",))
    assert read.fingerprint() == Definitions().fingerprint()
    assert Definitions.from_toml(read.to_toml()) == read
    for wrong in ('consent = "maybe"', "patterns = [' ']", "nothing = 1"):
        with pytest.raises(SpecError, match="privacy"):
            Definitions.from_toml(f"[privacy]\n{wrong}\n")
