"""Every rule and every example of the definition of channels, by name."""

from __future__ import annotations

from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from afterclick.stitch.address import words
from afterclick.stitch.channel_rules import CHANNELS, is_paid_medium, media_of
from afterclick.stitch.channel_table import ChannelTable
from afterclick.stitch.touch import DIRECT, Touch, campaign_key, classify, key_hash

KEY_OF_NAVER_CPC = -5594354672460218562
SHOP = "https://www.shop.example/products/knit-014"
KAKAOTALK = (
    "Mozilla/5.0 (Linux; Android 14; SM-S921N; wv) AppleWebKit/537.36 Chrome/126.0 Mobile Safari/537.36 KAKAOTALK/10.8"
)


def touch_of(query: str = "", referrer: str = "", user_agent: str = "", table: ChannelTable | None = None) -> Touch:
    touch = classify(SHOP + query, referrer, user_agent, table)
    assert touch is not None
    return touch


def channel_of(query: str = "", referrer: str = "", user_agent: str = "") -> tuple[str, str]:
    touch = touch_of(query, referrer, user_agent)
    return touch.channel, touch.source


class TestExamples:
    """The list of examples that closes the definition."""

    def test_naver_cpc_is_paid_search(self):
        touch = touch_of("?utm_source=naver&utm_medium=cpc")
        assert (touch.channel, touch.source, touch.paid, touch.portal) == ("paid_search", "naver", True, True)

    def test_naver_ad_marks_with_a_search_referrer_are_paid_search(self):
        touch = touch_of("?n_media=27758&n_query=x", "https://search.naver.com/search.naver?query=y")
        assert (touch.channel, touch.source, touch.term, touch.paid) == ("paid_search", "naver", "x", True)

    def test_search_referrer_alone_is_organic_search(self):
        assert channel_of("", "https://search.naver.com/") == ("organic_search", "naver")

    def test_utm_wins_over_a_click_id_whose_network_is_kept(self):
        touch = touch_of("?gclid=1&utm_source=kakao&utm_medium=message")
        assert (touch.channel, touch.source, touch.network) == ("messenger", "kakao", "google")
        assert (touch.click_id, touch.click_id_kind) == ("1", "gclid")

    def test_fbclid_is_organic_social(self):
        touch = touch_of("?fbclid=1")
        assert (touch.channel, touch.source, touch.paid) == ("organic_social", "facebook", False)

    def test_own_domain_as_referrer_is_inside(self):
        assert classify(SHOP, "https://www.shop.example/", "") is None

    def test_campaign_alone_is_other(self):
        touch = touch_of("?utm_campaign=x")
        assert (touch.channel, touch.campaign, touch.source) == ("other", "x", "")

    def test_untagged_visit_inside_kakaotalk_is_messenger(self):
        assert channel_of(user_agent=KAKAOTALK) == ("messenger", "kakao")

    def test_nothing_at_all_is_direct(self):
        assert classify(SHOP, "", "") == DIRECT
        assert classify(None, None, None) == Touch("direct")


class TestOrderOfRules:
    def test_message_token_before_utm(self):
        touch = touch_of("?ac_message=sms.8F2k&utm_source=google&utm_medium=cpc&gclid=Z", "https://www.google.com/")
        assert (touch.channel, touch.source, touch.paid) == ("sms", "google", False)
        assert touch.network == "google"

    def test_message_token_without_a_channel_reads_utm(self):
        assert touch_of("?ac_message=8F2k&utm_medium=email").channel == "email"
        assert touch_of("?ac_message=email.1").source == "afterclick"

    def test_utm_before_portal_marks(self):
        touch = touch_of("?utm_source=newsletter&utm_medium=email&n_media=1")
        assert (touch.channel, touch.paid, touch.network) == ("email", True, "naver")

    def test_ad_click_id_before_portal_marks(self):
        assert channel_of("?n_media=1&msclkid=2") == ("paid_search", "bing")

    def test_portal_marks_before_a_click_id_that_may_be_free(self):
        assert channel_of("?n_media=1&fbclid=2") == ("paid_search", "naver")

    def test_click_id_before_referrer(self):
        assert channel_of("?srsltid=1", "https://www.google.com/") == ("organic_shopping", "google")

    def test_referrer_before_in_app_browser(self):
        assert channel_of("", "https://search.daum.net/?q=a", KAKAOTALK) == ("organic_search", "daum")

    def test_own_referrer_before_in_app_browser(self):
        assert classify(SHOP, "https://shop.example/cart", KAKAOTALK) is None

    def test_campaign_before_own_referrer(self):
        assert classify(SHOP + "?utm_source=naver&utm_medium=cpc", "https://shop.example/", "") is not None


@pytest.mark.parametrize(
    "medium",
    sorted(
        words("""
    cpc ppc cpm cpv cpa cps paid paid_social paidsearch ad ads display_ads video-ad retargeting
    sponsored banner display
""")
    ),
)
def test_paid_media(medium):
    assert is_paid_medium(medium)
    assert touch_of(f"?utm_source=zzz&utm_medium={medium}").paid


@pytest.mark.parametrize("medium", ["downloads", "ad s", "unpaid", "cpcx", "organic", "roads", "", "adset", "email"])
def test_media_that_nobody_paid_for(medium):
    assert not is_paid_medium(medium)
    assert not touch_of(f"?utm_source=zzz&utm_medium={quote(medium)}").paid


@pytest.mark.parametrize(
    ("name", "channel", "source", "network"),
    [
        ("gclid", "paid_search", "google", "google"),
        ("gbraid", "paid_search", "google", "google"),
        ("wbraid", "paid_search", "google", "google"),
        ("dclid", "display", "google", "google_display"),
        ("msclkid", "paid_search", "bing", "microsoft"),
        ("ttclid", "paid_social", "tiktok", "tiktok"),
        ("twclid", "paid_social", "x", "x"),
        ("li_fat_id", "paid_social", "linkedin", "linkedin"),
        ("epik", "paid_social", "pinterest", "pinterest"),
        ("rdt_cid", "paid_social", "reddit", "reddit"),
        ("sccid", "paid_social", "snapchat", "snapchat"),
        ("yclid", "paid_search", "yandex", "yandex"),
    ],
)
def test_ad_click_ids(name, channel, source, network):
    touch = touch_of(f"?{name}=AbC-9")
    assert touch == Touch(
        channel,
        source,
        "display" if name == "dclid" else "cpc",
        click_id="AbC-9",
        click_id_kind=name,
        network=network,
        paid=True,
        portal=source in {"google", "bing"},
    )
    assert campaign_key(f"{SHOP}?{name}=AbC-9") == f"{name}=abc-9"


@pytest.mark.parametrize(
    ("name", "channel"),
    [
        ("fbclid", "organic_social"),
        ("igshid", "organic_social"),
        ("srsltid", "organic_shopping"),
        ("irclickid", "affiliate"),
        ("clickid", "affiliate"),
    ],
)
def test_click_ids_that_are_no_ads(name, channel):
    touch = touch_of(f"?{name}=1")
    assert (touch.channel, touch.paid) == (channel, False)
    assert campaign_key(f"{SHOP}?{name}=1") == ""


def test_fbclid_with_a_paid_medium_is_paid_social():
    touch = touch_of("?fbclid=1&utm_source=facebook&utm_medium=cpc")
    assert (touch.channel, touch.paid, touch.click_id_kind) == ("paid_social", True, "fbclid")


def test_fbclid_is_paid_as_an_option():
    table = ChannelTable.from_toml({"fbclid_is_paid": True})
    touch = touch_of("?fbclid=1", table=table)
    assert (touch.channel, touch.paid) == ("paid_social", True)
    assert campaign_key(SHOP + "?fbclid=1", table) == "fbclid=1"
    assert table.fingerprint() != ChannelTable.default().fingerprint()


def test_of_several_click_ids_the_ad_is_the_touch():
    touch = touch_of("?fbclid=f&clickid=c&gbraid=b&gclid=g")
    assert (touch.click_id_kind, touch.click_id, touch.channel) == ("gclid", "g", "paid_search")


def test_a_click_id_fills_only_what_utm_leaves_open():
    assert touch_of("?gclid=1&utm_campaign=spring")[:4] == ("paid_search", "google", "cpc", "spring")
    assert touch_of("?fbclid=1&utm_source=instagram")[:3] == ("organic_social", "instagram", "social")
    assert touch_of("?irclickid=1&utm_source=qq&utm_medium=zz").channel == "affiliate"
    assert touch_of("?gclid=1&utm_source=qq&utm_medium=zz").channel == "paid_other"


class TestNaver:
    @pytest.mark.parametrize(
        "mark",
        sorted(
            words("""
    n_media n_query n_rank n_ad n_ad_group n_keyword n_keyword_id n_campaign_type n_ad_group_type
    n_match
""")
        ),
    )
    def test_each_ad_mark_is_paid_search(self, mark):
        touch = touch_of(f"?{mark}=1")
        assert (touch.channel, touch.source, touch.medium, touch.paid) == ("paid_search", "naver", "cpc", True)
        assert campaign_key(f"{SHOP}?{mark}=1") == f"{mark}=1"

    @pytest.mark.parametrize("mark", ["n_mall_pid", "n_mall_id"])
    def test_mall_marks_are_paid_shopping(self, mark):
        assert touch_of(f"?n_media=33421&n_query=a&{mark}=7").channel == "paid_shopping"

    @pytest.mark.parametrize(
        ("code", "word"),
        [("1", "exact"), ("2", "expanded"), ("3", "related"), ("4", "similar"), ("5", "smart_block"), ("9", "")],
    )
    def test_match_codes(self, code, word):
        assert touch_of(f"?n_media=1&n_match={code}").match == word

    def test_the_words_searched_for_win_over_the_keyword(self):
        assert touch_of("?n_query=%EB%8B%88%ED%8A%B8&n_keyword=knit").term == "니트"
        assert touch_of("?n_keyword=knit").term == "knit"

    def test_napm_of_search_ads_and_of_display_ads(self):
        search = "?NaPm=ct%3Dhf2bv%7Cci%3D0Gy1001F-M%7Ctr%3Dsa%7Cet%3Dhf3%7Cba%3D1%2E0%7Chk%3Db03c"
        assert touch_of(search)[:3] == ("paid_search", "naver", "cpc")
        display = touch_of("?NaPm=ci%3Da8xju8%7Ctr%3Dgfa")
        assert (display.channel, display.source, display.paid) == ("display", "naver", True)
        assert touch_of("?NaPm=ci%253Da8%257Ctr%253Dgfa").channel == "display"

    def test_napm_that_is_no_ad_says_nothing(self):
        assert channel_of("?NaPm=ct%3Da%7Ctr%3Dslsl", "https://search.shopping.naver.com/x") == (
            "organic_shopping",
            "naver",
        )
        assert campaign_key(SHOP + "?NaPm=ct%3Da%7Ctr%3Dslsl") == ""

    def test_nt_parameters_are_read_as_utm(self):
        touch = touch_of("?nt_source=Naver&nt_medium=CPC&nt_detail=Spring&nt_keyword=%EB%8B%88%ED%8A%B8")
        assert touch[:5] == ("paid_search", "naver", "cpc", "spring", "니트")
        assert touch_of("?nt_source=a&utm_source=b").source == "b"
        assert campaign_key(SHOP + "?nt_source=a") == campaign_key(SHOP + "?utm_source=a") == "utm_source=a"

    def test_a_shop_hosted_by_naver_is_not_the_portal(self):
        mine = "https://smartstore.naver.com/mine/products/1"
        touch = classify(mine, "https://search.naver.com/?query=a", "")
        assert touch is not None
        assert touch.channel == "organic_search"
        assert classify(mine, "https://smartstore.naver.com/mine", "") is None


@pytest.mark.parametrize(
    ("referrer", "channel", "source", "term"),
    [
        ("https://search.naver.com/search.naver?query=%EB%8B%88%ED%8A%B8", "organic_search", "naver", "니트"),
        ("https://m.search.naver.com/search.naver?where=m&query=Knit+Top", "organic_search", "naver", "knit top"),
        ("https://shopping.naver.com/home", "organic_shopping", "naver", ""),
        ("https://msearch.shopping.naver.com/search/all?query=knit", "organic_shopping", "naver", "knit"),
        ("https://smartstore.naver.com/a", "organic_shopping", "naver", ""),
        ("https://blog.naver.com/a/1", "organic_social", "naver", ""),
        ("https://m.cafe.naver.com/a", "organic_social", "naver", ""),
        ("https://post.naver.com/a", "organic_social", "naver", ""),
        ("https://kin.naver.com/qna", "organic_social", "naver", ""),
        ("https://mail.naver.com/", "email", "naver", ""),
        ("https://m.naver.com/", "referral", "naver", ""),
        ("https://search.daum.net/search?w=tot&q=knit", "organic_search", "daum", "knit"),
        ("https://m.search.daum.net/search?q=knit", "organic_search", "daum", "knit"),
        ("https://cafe.daum.net/x", "organic_social", "daum", ""),
        ("https://someone.tistory.com/3", "organic_social", "tistory", ""),
        ("https://story.kakao.com/x", "organic_social", "kakaostory", ""),
        ("https://mail.daum.net/", "email", "daum", ""),
        ("https://mail.kakao.com/", "email", "kakao", ""),
        ("https://pf.kakao.com/_x", "messenger", "kakao", ""),
        ("https://www.daum.net/", "referral", "daum", ""),
        ("https://search.nate.com/search/all.html?q=knit", "organic_search", "nate", "knit"),
        ("https://news.nate.com/", "referral", "nate", ""),
        ("https://search.zum.com/search.zum?query=knit", "organic_search", "zum", "knit"),
        ("https://zum.com/", "referral", "zum", ""),
        ("https://www.google.com/", "organic_search", "google", ""),
        ("https://www.google.co.kr/search?q=Knit", "organic_search", "google", "knit"),
        ("https://google.de", "organic_search", "google", ""),
        ("https://mail.google.com/", "email", "google", ""),
        ("https://news.google.com/", "referral", "google", ""),
        ("https://discover.google.com/", "referral", "google", ""),
        ("https://www.google.com/discover", "referral", "google", ""),
        ("https://docs.google.com/", "referral", "google", ""),
        ("https://www.youtube.com/", "organic_video", "youtube", ""),
        ("https://gemini.google.com/", "ai_assistant", "gemini", ""),
        ("https://www.bing.com/search?q=knit", "organic_search", "bing", "knit"),
        ("https://www.bing.com/chat", "ai_assistant", "copilot", ""),
        ("https://www.bing.com/chatter", "organic_search", "bing", ""),
        ("https://kr.search.yahoo.com/search?p=knit", "organic_search", "yahoo", "knit"),
        ("https://search.yahoo.co.jp/search?p=knit", "organic_search", "yahoo", "knit"),
        ("https://www.yahoo.com/", "referral", "yahoo", ""),
        ("https://www.msn.com/", "referral", "msn", ""),
        ("https://duckduckgo.com/?q=knit", "organic_search", "duckduckgo", "knit"),
        ("https://www.baidu.com/s?wd=knit", "organic_search", "baidu", "knit"),
        ("https://yandex.com.tr/search/?text=knit", "organic_search", "yandex", "knit"),
        ("https://chatgpt.com/", "ai_assistant", "chatgpt", ""),
        ("https://chat.openai.com/", "ai_assistant", "chatgpt", ""),
        ("https://www.perplexity.ai/", "ai_assistant", "perplexity", ""),
        ("https://claude.ai/", "ai_assistant", "claude", ""),
        ("https://copilot.microsoft.com/", "ai_assistant", "copilot", ""),
        ("https://l.facebook.com/l.php", "organic_social", "facebook", ""),
        ("https://t.co/x", "organic_social", "x", ""),
        ("https://www.amazon.co.uk/", "organic_shopping", "amazon", ""),
        ("https://www.someblog.example.org/a", "referral", "someblog.example.org", ""),
        ("android-app://com.google.android.gm/", "email", "google", ""),
        ("android-app://com.google.android.googlequicksearchbox/", "organic_search", "google", ""),
        ("android-app://m.facebook.com/", "organic_social", "facebook", ""),
        ("android-app://com.kakao.talk", "messenger", "kakao", ""),
        ("android-app://com.unknown.reader", "referral", "com.unknown.reader", ""),
        ("m.search.naver.com/search?query=knit", "organic_search", "naver", "knit"),
        ("//search.naver.com/?query=knit", "organic_search", "naver", "knit"),
        ("HTTPS://Search.NAVER.com.:443/?query=knit", "organic_search", "naver", "knit"),
        ("https://google.attacker.com/", "referral", "google.attacker.com", ""),
        ("https://notnaver.com/", "referral", "notnaver.com", ""),
    ],
)
def test_referrers(referrer, channel, source, term):
    touch = touch_of("", referrer)
    assert (touch.channel, touch.source, touch.term) == (channel, source, term)
    assert not touch.paid


def test_a_term_in_the_old_korean_code_page_is_read():
    assert touch_of("", "https://search.naver.com/?query=" + quote("니트".encode("cp949"))).term == "니트"


def test_the_referrer_names_the_words_behind_an_ad_of_the_same_portal():
    query = "?utm_source=naver&utm_medium=cpc"
    assert touch_of(query, "https://search.naver.com/?query=knit").term == "knit"
    assert touch_of(query, "https://search.daum.net/?q=knit").term == ""
    assert touch_of(query + "&utm_term=own", "https://search.naver.com/?query=knit").term == "own"


@pytest.mark.parametrize(
    ("user_agent", "channel", "source"),
    [
        ("Mozilla/5.0 (iPhone) KAKAOTALK 10.4.5", "messenger", "kakao"),
        ("Mozilla/5.0 (iPhone) NAVER(inapp; search; 1130; 12.2.3)", "referral", "naver"),
        ("Mozilla/5.0 (Linux; Android 13) DaumApps/7.0", "referral", "daum"),
        ("Mozilla/5.0 (iPhone) [FBAN/FBIOS;FBAV/460.0]", "organic_social", "facebook"),
        ("Mozilla/5.0 (Linux; Android 13) [FB_IAB/FB4A;FBAV/460.0]", "organic_social", "facebook"),
        ("Mozilla/5.0 (iPhone) Instagram 330.0", "organic_social", "instagram"),
        ("Mozilla/5.0 (iPhone) Safari Line/14.5.0", "messenger", "line"),
        ("Mozilla/5.0 (iPhone) Deadline/1.0", "direct", ""),
    ],
)
def test_in_app_browsers(user_agent, channel, source):
    assert channel_of(user_agent=user_agent) == (channel, source)


@pytest.mark.parametrize("source", sorted(words("naver daum nate zum google bing yahoo msn")))
def test_portals(source):
    assert touch_of(f"?utm_source={source}&utm_medium=cpc").portal
    assert touch_of(f"?utm_source={source}&utm_medium=cpc").channel == "paid_search"


@pytest.mark.parametrize("source", ["kakao", "facebook", "duckduckgo", "chatgpt.com", "mine"])
def test_what_is_no_portal(source):
    assert not touch_of(f"?utm_source={source}").portal


@pytest.mark.parametrize(
    ("query", "channel"),
    [
        ("utm_medium=email", "email"),
        ("utm_medium=e-mail", "email"),
        ("utm_source=newsletter", "email"),
        ("utm_medium=edm", "email"),
        ("utm_source=app&utm_medium=push", "push"),
        ("utm_medium=lms", "sms"),
        ("utm_medium=mms", "sms"),
        ("utm_medium=alimtalk", "messenger"),
        ("utm_source=kakao&utm_medium=friendtalk", "messenger"),
        ("utm_medium=brandmessage", "messenger"),
        ("utm_source=line&utm_medium=message", "messenger"),
        ("utm_source=whatsapp", "messenger"),
        ("utm_source=product-line&utm_medium=zz", "other"),
        ("utm_source=online&utm_medium=zz", "other"),
        ("utm_medium=affiliate", "affiliate"),
        ("utm_source=navershopping&utm_medium=cpc", "paid_shopping"),
        ("utm_source=naver&utm_medium=ep", "organic_shopping"),
        ("utm_source=naver&utm_medium=shopping", "organic_shopping"),
        ("utm_source=partner&utm_medium=feed&gclid=1", "paid_shopping"),
        ("utm_source=naver&utm_medium=gfa", "display"),
        ("utm_source=kakao_moment&utm_medium=banner", "messenger"),
        ("utm_source=media&utm_medium=cpm", "display"),
        ("utm_source=media&utm_medium=display_ads", "display"),
        ("utm_source=media&utm_medium=da", "display"),
        ("utm_source=youtube&utm_medium=cpc", "paid_video"),
        ("utm_source=youtube", "organic_video"),
        ("utm_source=google&utm_medium=cpc", "paid_search"),
        ("utm_source=naver_sa_brand&utm_medium=cpc", "paid_search"),
        ("utm_source=m.naver.com&utm_medium=cpc", "paid_search"),
        ("utm_source=%EB%84%A4%EC%9D%B4%EB%B2%84&utm_medium=cpc", "paid_search"),
        ("utm_source=facebook&utm_medium=cpc", "paid_social"),
        ("utm_source=ig&utm_medium=paid", "paid_social"),
        ("utm_source=zz&utm_medium=paid_social", "paid_social"),
        ("utm_source=zz&utm_medium=paid-search", "paid_search"),
        ("utm_source=zz&utm_medium=cpc", "paid_other"),
        ("utm_source=chatgpt.com&utm_medium=cpc", "paid_other"),
        ("utm_source=google&utm_medium=organic", "organic_search"),
        ("utm_source=google&utm_medium=downloads", "organic_search"),
        ("utm_source=zz&utm_medium=organic", "organic_search"),
        ("utm_source=instagram&utm_medium=organic", "organic_social"),
        ("utm_source=zz&utm_medium=social", "organic_social"),
        ("utm_source=naver&utm_medium=blog", "organic_social"),
        ("utm_source=blog.naver.com&utm_medium=zz", "organic_social"),
        ("utm_source=chatgpt.com", "ai_assistant"),
        ("utm_source=perplexity", "ai_assistant"),
        ("utm_source=store&utm_medium=qr", "offline"),
        ("utm_source=naver&utm_medium=qr", "offline"),
        ("utm_source=tv&utm_medium=spot", "offline"),
        ("utm_medium=print", "offline"),
        ("utm_source=zz&utm_medium=referral", "referral"),
        ("utm_source=zz&utm_medium=zz", "other"),
        ("utm_source=x-mas-sale&utm_medium=zz", "other"),
        ("utm_term=knit", "other"),
        ("utm_id=12", "other"),
        ("utm_creative_format=video", "other"),
        ("gad_source=1", "paid_search"),
    ],
)
def test_channel_from_paid_medium_and_source(query, channel):
    assert touch_of("?" + query).channel == channel


def test_a_paid_medium_may_come_before_a_messenger_source_as_an_option():
    query = "?utm_source=kakao&utm_medium=cpc"
    assert touch_of(query).channel == "messenger"
    table = ChannelTable.from_toml({"paid_medium_first": True})
    assert touch_of(query, table=table).channel == "paid_search"
    assert touch_of("?gclid=1&utm_source=kakao&utm_medium=message", table=table).channel == "messenger"


@pytest.mark.parametrize(
    ("channel", "media"),
    [
        *((name, "paid") for name in CHANNELS if name.startswith("paid_")),
        ("display", "paid"),
        ("affiliate", "paid"),
        *((name, "owned") for name in ("direct", "email", "push", "sms", "messenger")),
        *((name, "earned") for name in ("organic_search", "organic_shopping", "ai_assistant", "referral")),
        *((name, "shared") for name in ("organic_social", "organic_video")),
        ("offline", ""),
        ("other", ""),
        ("no such channel", ""),
    ],
)
def test_media_of_channels(channel, media):
    assert media_of(channel) == media


def test_the_media_groups_leave_only_offline_and_other_out():
    assert [name for name in CHANNELS if not media_of(name)] == ["offline", "other"]


class TestNotASource:
    @pytest.mark.parametrize(
        "referrer",
        [
            "https://checkout.shop.example/",
            "https://shop.example",
            "https://user:pw@m.shop.example:8443/x?y",
            "/cart",
        ],
    )
    def test_own_hosts(self, referrer):
        assert classify(SHOP, referrer, "") is None

    @pytest.mark.parametrize(
        "host",
        sorted(
            words("""
    ksmobile.inicis.com smpay.kcp.co.kr pay.tosspayments.com toss.im online.kakaopay.com
    pay.naver.com order.pay.naver.com bill.payco.com www.paypal.com checkout.stripe.com
""")
        ),
    )
    def test_payment_hosts(self, host):
        assert classify(SHOP, f"https://{host}/done?x=1", "") is None

    def test_a_payment_referrer_with_campaign_parameters_is_a_touch(self):
        assert classify(SHOP + "?utm_source=payco&utm_medium=banner", "https://payco.com", "") is not None

    @pytest.mark.parametrize(
        ("url", "referrer", "inside"),
        [
            ("https://a.co.kr/", "https://b.co.kr/", False),
            ("https://m.a.co.kr/", "https://a.co.kr/", True),
            ("https://a.com.au/", "https://b.com.au/", False),
            ("https://a.co.uk/", "https://www.a.co.uk/", True),
            ("https://a.cafe24.com/", "https://b.cafe24.com/", False),
            ("http://192.168.0.10/", "http://192.168.0.11/", False),
            ("http://[2001:db8::1]:80/", "http://[2001:DB8::1]/", True),
            ("http://localhost:8000/", "http://localhost/", True),
            ("https://상점.kr/", "https://www.xn--9i1b65b.kr/x", False),
            ("https://상점.kr/", f"https://www.{'상점'.encode('idna').decode()}.kr/x", True),
        ],
    )
    def test_registrable_domains(self, url, referrer, inside):
        assert (classify(url, referrer, "") is None) is inside

    def test_own_domains_of_the_table(self):
        table = ChannelTable.from_toml({"own_domains": ["https://Pay.Other.example/", "localhost"]})
        assert classify("/cart", "https://x.pay.other.example/", "", table) is None
        assert classify("/cart", "https://other.example/", "", table) is not None
        assert classify("/cart", "http://localhost:3000/", "", table) is None


@pytest.mark.parametrize(
    "referrer",
    sorted(
        words("""
    $direct (direct) about:blank javascript:void(0) null http:// chrome-extension://abc/
""")
    ),
)
def test_referrers_that_say_nothing(referrer):
    assert classify(SHOP, referrer, "") == DIRECT


@pytest.mark.parametrize(
    "url", ["javascript:alert(1)?utm_source=x", "data:text/html,?utm_source=x", "mailto:a@b?utm_source=x"]
)
def test_addresses_without_a_place_carry_no_campaign(url):
    assert classify(url, "", "") == DIRECT
    assert campaign_key(url) == ""


@pytest.mark.parametrize(
    "url",
    [
        "/cart?utm_source=x&utm_medium=cpc",
        "?utm_source=x&utm_medium=cpc",
        "shop.example/cart?utm_source=x&utm_medium=cpc",
        "//shop.example?utm_source=x&utm_medium=cpc#top",
        " https://shop.example/\n?utm_source=%20X+&UTM_Medium=CPC ",
        "https://shop.example/?utm_source=x&amp;utm_medium=cpc",
        "https://shop.example/?utm%5Fsource=x&utm_medium=c\tpc",
        "app://shop/cart?utm_source=x&utm_source=y&utm_medium=cpc",
        "https://shop.example/?utm_source=&utm_source=%00x&utm_medium=cpc",
    ],
)
def test_parameters_are_found_in_any_shape_of_url(url):
    touch = classify(url, "", "")
    assert touch is not None
    assert (touch.source, touch.medium) == ("x", "cpc")
    assert campaign_key(url) == "utm_medium=cpc\nutm_source=x"


class TestCampaignKey:
    def test_order_case_and_blanks_do_not_count(self):
        first = campaign_key("https://shop.example/a?utm_source=Naver&utm_medium=cpc&size=1&gclid=Ab")
        second = campaign_key("https://other.example/b?gclid=Ab&utm_medium=CPC+&UTM_SOURCE=%20naver#x")
        assert first == second != ""

    def test_another_campaign_or_click_differs(self):
        keys = {
            campaign_key(SHOP + tail)
            for tail in ("?gclid=1", "?gclid=2", "?utm_source=x", "?utm_source=y", "?wbraid=1")
        }
        assert len(keys) == 5

    def test_no_campaign_is_empty(self):
        assert campaign_key(SHOP + "?size=1&srsltid=x") == campaign_key(None) == campaign_key("") == ""

    def test_a_value_cannot_pretend_to_be_two(self):
        assert campaign_key("/?utm_source=a%0Autm_term=b") != campaign_key("/?utm_source=a&utm_term=b")

    def test_hash_is_stable_and_zero_only_for_nothing(self):
        assert key_hash("") == 0
        assert key_hash("utm_source=x") == key_hash("utm_source=x") != 0
        assert -(2**63) <= key_hash("gclid=1") < 2**63
        # A value of this very line in stores: it must not change between versions or machines.
        assert key_hash("utm_medium=cpc\nutm_source=naver") == KEY_OF_NAVER_CPC


PIECES = words("""
    https:// http:// // / ? & = # % %zz %E3%8 %00 utm_source= utm_medium= gclid= fbclid= NaPm=
    n_media= nt_source=1 javascript: data: android-app:// [::1] [ ] : @ \\ . .. search.naver.com
    www.google.co.kr xn-- 상점 + amp; ; utm_ ac_message=email. shop.example kakao cpc |tr=sa KAKAOTALK
    NAVER(inapp
""")
UNSEEN = ("\ud800", "\u2028", "\x00", "\t", " ")
HOSTILE = st.one_of(
    st.none(), st.text(max_size=60), st.lists(st.sampled_from([*UNSEEN, *sorted(PIECES)]), max_size=14).map("".join)
)


@given(HOSTILE, HOSTILE, HOSTILE)
def test_no_input_raises(url, referrer, user_agent):
    touch = classify(url, referrer, user_agent)
    assert touch is None or touch.channel in CHANNELS
    assert isinstance(campaign_key(url), str)
    assert isinstance(key_hash(campaign_key(url)), int)


@pytest.mark.parametrize(
    "text",
    [
        *("a" * 10_000, "https://" + "a." * 5_000, "https://x/?" + "utm_source=a&" * 900, "https://[" + ":" * 10_000),
        *("https://x/?utm_source=" + "%E3" * 3_300, "?" * 10_000, "//" * 5_000, "https://" + "ｗ" * 10_000),
        *("https://x/?" + "&".join(f"p{at}=1" for at in range(2_000)), "-" * 10_000 + ".", "a-" * 5_000 + "/"),
    ],
    ids=range(11),
)
def test_ten_thousand_characters_are_read(text):
    for given_url, referrer in ((text, ""), ("", text), (text, text)):
        touch = classify(given_url, referrer, text)
        assert touch is None or all(len(value) <= 500 for value in touch[:6])


@given(
    st.permutations(
        sorted(
            words("""
    utm_source=a utm_medium=B utm_term=%EB%8B%88 gclid=x size=1 n_media=2 nt_detail=q
""")
        )
    )
)
def test_key_does_not_depend_on_the_order(parts):
    assert campaign_key("/?" + "&".join(parts)) == (
        "gclid=x\nn_media=2\nutm_campaign=q\nutm_medium=b\nutm_source=a\nutm_term=니"
    )
