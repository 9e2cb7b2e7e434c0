"""The table of channels: built-in rows, a site's own rows before them, mistakes refused, hosts and their sites."""

from __future__ import annotations

import pytest

from afterclick.core.errors import SpecError
from afterclick.stitch.address import clean_host, site_of
from afterclick.stitch.channel_rules import CHANNELS
from afterclick.stitch.channel_table import ChannelTable, ClickId
from afterclick.stitch.touch import Touch, campaign_key, classify

SHOP = "https://www.shop.example/products/knit-014"


def touch_of(query: str = "", referrer: str = "", user_agent: str = "", table: ChannelTable | None = None) -> Touch:
    touch = classify(SHOP + query, referrer, user_agent, table)
    assert touch is not None
    return touch


class TestTable:
    def test_default_is_shared_and_knows_every_channel_it_names(self):
        table = ChannelTable.default()
        assert table is ChannelTable.default()
        assert {row.channel for row in table.hosts} <= set(CHANNELS)
        assert len({(row.host, row.path) for row in table.hosts}) == len(table.hosts)

    def test_own_rows_come_first(self):
        table = ChannelTable.from_toml(
            {
                "hosts": [
                    {
                        "host": "https://Blog.Naver.com/",
                        "path": "ourbrand/",
                        "channel": "referral",
                        "source": "Our Blog",
                    },
                    {"host": "google.*", "channel": "referral", "source": "google", "terms": ["oq"]},
                ],
                "click_ids": [{"name": "XCLID", "medium": "cpc", "source": "xnet", "network": "xnet", "ad": True}],
                "sources": [{"name": "Band-Ad", "source": "band", "group": "social"}],
                "words": {"email": ["crm"]},
                "in_app": [{"text": "OurApp/", "channel": "push", "source": "app"}],
                "payment_hosts": ["pay.shop-bank.example"],
                "message_parameter": "mt",
            }
        )
        assert touch_of("", "https://blog.naver.com/ourbrand/1", table=table)[:2] == ("referral", "our blog")
        assert touch_of("", "https://blog.naver.com/other", table=table).channel == "organic_social"
        assert touch_of("", "https://www.google.co.kr/?oq=Knit", table=table)[:2] == ("referral", "google")
        assert touch_of("?xclid=Q", table=table) == Touch(
            "paid_other", "xnet", "cpc", click_id="Q", click_id_kind="xclid", network="xnet", paid=True
        )
        assert touch_of("?utm_source=bandad&utm_medium=cpc", table=table).channel == "paid_social"
        assert touch_of("?utm_medium=crm", table=table).channel == "email"
        assert touch_of(user_agent="x ourapp/1", table=table).channel == "push"
        assert classify(SHOP, "https://pay.shop-bank.example/ok", "", table) is None
        assert touch_of("?mt=email.1", table=table).channel == "email"
        assert campaign_key(SHOP + "?ac_message=1", table) == ""

    def test_words_of_a_site_are_taken_literally(self):
        table = ChannelTable.from_toml({"words": {"email": ["a.b("]}})
        assert touch_of("?utm_medium=axb(", table=table).channel == "other"
        assert touch_of("?utm_medium=a.b(", table=table).channel == "email"

    @pytest.mark.parametrize(
        ("section", "path"),
        [
            ({"hosts": [{"host": "a.b", "channel": "organic", "source": "a"}]}, "channels.hosts[0].channel"),
            ({"hosts": [{"host": "", "channel": "email", "source": "a"}]}, "channels.hosts[0].host"),
            ({"hosts": [{"host": "a.b", "chanel": "email"}]}, "channels.hosts[0]"),
            ({"own_domain": ["a.b"]}, "channels"),
            ({"own_domains": ["a.b", "https://"]}, "channels.own_domains[1]"),
            ({"fbclid_is_paid": "yes"}, "channels.fbclid_is_paid"),
            ({"words": {"mail": ["x"]}}, "channels.words.mail"),
            ({"sources": [{"name": "a", "source": "b", "group": "sozial"}]}, "channels.sources[0].group"),
        ],
    )
    def test_mistakes_are_refused_with_their_place(self, section, path):
        with pytest.raises(SpecError) as caught:
            ChannelTable.from_toml(section)
        assert caught.value.path == path
        assert caught.value.message

    def test_fingerprint_follows_every_row(self):
        same = ChannelTable.from_toml({})
        assert same.fingerprint() == ChannelTable.default().fingerprint()
        changed = [{"own_domains": ["a.example"]}, {"words": {"email": ["x"]}}, {"message_parameter": "q"}]
        prints = {ChannelTable.from_toml(section).fingerprint() for section in changed}
        assert len(prints | {same.fingerprint()}) == 4

    def test_a_row_of_a_site_replaces_a_known_click_id(self):
        table = ChannelTable.from_toml(
            {"click_ids": [{"name": "srsltid", "medium": "cpc", "source": "google", "ad": True}]}
        )
        assert table.clicks["srsltid"] == ClickId("srsltid", "cpc", "google", "", True)
        assert touch_of("?srsltid=1", table=table).channel == "paid_search"


@pytest.mark.parametrize(
    ("place", "host"),
    [
        ("WWW.Shop.Example.:8080", "www.shop.example"),
        ("a:b@shop.example", "shop.example"),
        ("[::1]:80", "[::1]"),
        ("[nonsense", ""),
        ("shop .example", ""),
        ("<script>", ""),
        ("a" * 300 + ".example", ""),
        ("..", ""),
        ("", ""),
    ],
)
def test_hosts(place, host):
    assert clean_host(place) == host


@pytest.mark.parametrize(
    ("host", "site"),
    [
        ("www.a.co.kr", "a.co.kr"),
        ("a.or.kr", "a.or.kr"),
        ("x.y.a.go.kr", "a.go.kr"),
        ("shop.seoul.kr", "shop.seoul.kr"),
        ("co.kr", "co.kr"),
        ("t.co", "t.co"),
        ("a.b.me.uk", "b.me.uk"),
        ("www.naver.com", "naver.com"),
        ("x.brand.naver.com", "x.brand.naver.com"),
        ("brand.naver.com", "brand.naver.com"),
        ("10.0.0.1", "10.0.0.1"),
        ("", ""),
    ],
)
def test_sites(host, site):
    assert site_of(host) == site
