"""Bots, devices, browsers and systems by the user agents that really come, Korean in-app browsers among them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from afterclick.stitch.user_agent import DEFAULT_BOTS, BotPatterns, browser, device_type, is_bot, os

IPHONE = "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko)"
GALAXY = "Mozilla/5.0 (Linux; Android 14; SM-S921N) AppleWebKit/537.36 (KHTML, like Gecko)"
WINDOWS = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko)"
MAC = "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko)"


@pytest.mark.parametrize(
    "user_agent",
    [
        "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)",
        "Mozilla/5.0 (compatible; Yeti/1.1; +https://naver.me/spd) NaverBOT",
        "Baiduspider/2.0",
        "SomeCrawler/1",
        f"{WINDOWS} HeadlessChrome/126.0 Safari/537.36",
        "facebookexternalhit/1.1",
        "BOT",
    ],
)
def test_bots(user_agent):
    assert is_bot(user_agent)


@pytest.mark.parametrize("user_agent", [None, "", IPHONE, f"{GALAXY} Chrome/126 Mobile Safari/537.36", "b-o-t"])
def test_people_and_missing_user_agents_are_no_bots(user_agent):
    assert not is_bot(user_agent)


def test_the_store_may_edit_the_table():
    phone = "Mozilla/5.0 (Linux; Android 11; CUBOT_NOTE_S) AppleWebKit/537.36 Chrome/88 Mobile Safari/537.36"
    assert is_bot(phone)
    edited = BotPatterns(texts=("bot", "Monitor (1)"), except_texts=("CuBot",))
    assert not is_bot(phone, edited)
    assert is_bot(phone + " Googlebot", edited)
    assert is_bot("monitor (1) of ours", edited)
    assert not is_bot("a spider", edited)
    assert not is_bot("a bot", BotPatterns(texts=("", " ")))
    assert edited.fingerprint() != DEFAULT_BOTS.fingerprint() == BotPatterns().fingerprint()


@pytest.mark.parametrize(
    ("user_agent", "device", "name", "system"),
    [
        (f"{IPHONE} Version/17.5 Mobile/15E148 Safari/604.1", "mobile", "Safari", "iOS"),
        (f"{IPHONE} CriOS/126.0 Mobile/15E148 Safari/604.1", "mobile", "Chrome", "iOS"),
        (f"{IPHONE} Mobile/15E148", "mobile", "WebView", "iOS"),
        (f"{IPHONE} Mobile/15E148 KAKAOTALK 10.9.0", "mobile", "KakaoTalk", "iOS"),
        (f"{IPHONE} Mobile/15E148 NAVER(inapp; search; 1130; 12.2.3; 15PRO)", "mobile", "Naver", "iOS"),
        (f"{IPHONE} Mobile/15E148 Instagram 330.0.0", "mobile", "Instagram", "iOS"),
        (f"{IPHONE} Mobile/15E148 [FBAN/FBIOS;FBAV/460.0]", "mobile", "Facebook", "iOS"),
        (f"{IPHONE} Mobile/15E148 Safari Line/14.5.0", "mobile", "Line", "iOS"),
        (f"{IPHONE} GSA/320.0 Mobile/15E148 Safari/604.1", "mobile", "Google App", "iOS"),
        (f"{GALAXY} SamsungBrowser/25.0 Chrome/121.0 Mobile Safari/537.36", "mobile", "Samsung Internet", "Android"),
        (f"{GALAXY} Chrome/126.0 Mobile Safari/537.36 DaumApps/7.3", "mobile", "Daum", "Android"),
        (f"{GALAXY} Whale/3.6 Mobile Safari/537.36 Chrome/120", "mobile", "Whale", "Android"),
        (f"{GALAXY} Version/4.0 Chrome/126.0 Mobile Safari/537.36;KAKAOTALK 2610800", "mobile", "KakaoTalk", "Android"),
        (
            "Mozilla/5.0 (Linux; Android 13; SM-X710) AppleWebKit/537.36 Chrome/126 Safari/537.36",
            "tablet",
            "Chrome",
            "Android",
        ),
        (
            "Mozilla/5.0 (Linux; Android 12; Pixel Tablet) AppleWebKit/537.36 Chrome/1 Safari/5",
            "tablet",
            "Chrome",
            "Android",
        ),
        (
            "Mozilla/5.0 (iPad; CPU OS 17_5 like Mac OS X) Version/17.5 Mobile/15E148 Safari/604.1",
            "tablet",
            "Safari",
            "iOS",
        ),
        (f"{WINDOWS} Chrome/126.0.0.0 Safari/537.36", "desktop", "Chrome", "Windows"),
        (f"{WINDOWS} Chrome/126.0.0.0 Safari/537.36 Edg/126.0", "desktop", "Edge", "Windows"),
        (f"{WINDOWS} Chrome/126.0.0.0 Safari/537.36 OPR/111.0", "desktop", "Opera", "Windows"),
        (f"{WINDOWS} Chrome/126.0.0.0 Whale/3.27.254.15 Safari/537.36", "desktop", "Whale", "Windows"),
        (
            "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:127.0) Gecko/20100101 Firefox/127.0",
            "desktop",
            "Firefox",
            "Windows",
        ),
        ("Mozilla/5.0 (Windows NT 6.1; Trident/7.0; rv:11.0) like Gecko", "desktop", "Internet Explorer", "Windows"),
        (f"{MAC} Version/17.5 Safari/605.1.15", "desktop", "Safari", "macOS"),
        (
            "Mozilla/5.0 (X11; CrOS x86_64 14541.0.0) Chrome/126 Safari/537.36",
            "desktop",
            "Chrome",
            "ChromeOS",
        ),
        ("Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 Chrome/126 Safari/537.36", "desktop", "Chrome", "Linux"),
        (
            "Mozilla/5.0 (SMART-TV; Linux; Tizen 6.0) Version/6.0 TV Safari/537.36",
            "other",
            "Safari",
            "Tizen",
        ),
        ("Mozilla/5.0 (Linux; U; Android 4.0.3; ko-kr) Version/4.0 Mobile", "mobile", "Android Browser", "Android"),
        ("okhttp/4.12.0", "app", "other", "other"),
        ("Dalvik/2.1.0 (Linux; U; Android 14; SM-S921N)", "app", "Android Browser", "Android"),
        ("Shop/3.1 CFNetwork/1408.0.4 Darwin/22.5.0", "app", "other", "iOS"),
        ("python-requests/2.32", "other", "other", "other"),
        ("facebookexternalhit/1.1", "other", "other", "other"),
        ("", "", "", ""),
        ("  ", "", "", ""),
        (None, "", "", ""),
    ],
)
def test_device_browser_and_system(user_agent, device, name, system):
    assert (device_type(user_agent), browser(user_agent), os(user_agent)) == (device, name, system)


def test_words_are_read_from_their_beginning():
    assert browser("Deadline/2.0") == "other"
    assert os("Microsoft/1") == "other"


@given(
    st.one_of(st.text(max_size=200), st.sampled_from(["android" * 2_000, "silk/" * 3_000, "(" * 10_000, "\ud800bot"]))
)
def test_any_text_is_read(text):
    assert device_type(text) in {"", "mobile", "tablet", "desktop", "app", "other"}
    assert isinstance(browser(text), str)
    assert isinstance(os(text), str)
    assert is_bot(text) == any(word in text.lower() for word in ("bot", "spider", "crawl", "headless", "externalhit"))
