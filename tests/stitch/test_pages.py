"""Paths and page groups: what counts as one page, and which pages count as one group."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from afterclick.stitch.address import halves, read_head
from afterclick.stitch.page import DEFAULT_PAGES, PageGroups, page_group, path_of


@pytest.mark.parametrize(
    ("url", "path"),
    [
        ("https://Shop.Example/Cart/?x=1#top", "/Cart"),
        ("https://shop.example", "/"),
        ("https://shop.example/", "/"),
        ("https://shop.example?x=/a", "/"),
        ("https://shop.example///a//b/", "/a/b"),
        ("/cart?utm_source=x", "/cart"),
        ("cart/", "/cart"),
        ("shop.example/cart", "/cart"),
        ("index.html?x", "/index.html"),
        ("//shop.example/cart", "/cart"),
        ("https://shop.example/%EC%83%81%ED%92%88/%EB%8B%88%ED%8A%B8", "/상품/니트"),
        ("https://shop.example/a%2Fb/c%3Fd%25", "/a%2Fb/c%3Fd%25"),
        ("https://shop.example/%zz/%E3%8", "/%zz/%E3%8"),
        ("https://shop.example/a%00b", "/a%00b"),
        ("https://shop.example/a;JSESSIONID=12AB/b;v=1", "/a/b;v=1"),
        ("https://[::1]:80/x/", "/x"),
        ("myapp://home/cart", "/cart"),
        ("javascript:alert(1)", ""),
        ("mailto:a@b", ""),
        ("?x=1", ""),
        ("#top", ""),
        ("", ""),
        (None, ""),
    ],
)
def test_paths(url, path):
    assert path_of(url) == path


def test_a_path_that_only_looks_decoded_stays_apart():
    assert path_of("https://a.example/50%25") == "/50%25"
    assert path_of("https://a.example/50%2525") == "/50%2525"
    assert path_of("https://a.example/a%2fb") == path_of("https://a.example/a%2Fb") != path_of("https://a.example/a/b")


@pytest.mark.parametrize(
    ("url", "host"),
    [
        ("https://WWW.Shop.Example:8443/x", "www.shop.example"),
        ("/cart", ""),
        ("javascript:alert(1)", ""),
        ("https://상점.kr/", f"{'상점'.encode('idna').decode()}.kr"),
        (None, ""),
    ],
)
def test_hosts(url, host):
    assert read_head(halves(url)[0]).host == host


@pytest.mark.parametrize(
    ("path", "group"),
    [
        ("", ""),
        ("/", "/"),
        ("/cart", "/cart"),
        ("/Cart", "/Cart"),
        ("/products", "/products"),
        ("/products/knit-014", "/products/*"),
        ("/Products/knit", "/Products/*"),
        ("/product/list.html", "/product/list.html"),
        ("/product/세이지-니트/123/category/45", "/product/*/*"),
        ("/상품/니트", "/상품/*"),
        ("/collections/knit/products/sage-knit", "/collections/*/products"),
        ("/order/20240101-0000123", "/order/*"),
        ("/order/complete", "/order/complete"),
        ("/account/orders/1001", "/account/orders/*"),
        ("/checkout/step-1", "/checkout/step-1"),
        ("/view/12345.html", "/view/*"),
        ("/u/0b5c6c1e-8d29-4d3f-9a58-0c2a7f9f8b11", "/u/*"),
        ("/f/9f86d081884c7d65", "/f/*"),
        ("/f/deadbeefcafe", "/f/deadbeefcafe"),
        ("/checkouts/cn/Z2NwLXVzLWVhc3QxOjAxSk40WEs2QUVQ/thank-you", "/checkouts/cn/*"),
        ("/blogs/best-sleep/heating-pad-vs-electric-blanket", "/blogs/best-sleep/*"),
        ("/pages/store-locator", "/pages/store-locator"),
        ("/a/b/c/d/e", "/a/b/c"),
        ("/" + "가" * 41, "/*"),
    ],
)
def test_groups_by_shape(path, group):
    assert page_group(path) == group


def test_own_wildcards_come_first_and_in_order():
    groups = PageGroups(
        patterns=(
            ("/products/sale-*", "Sale product"),
            ("/products/*", "Product page"),
            ("/magazine/**", ""),
            ("/*/help", "Help"),
            ("/", "Home"),
        )
    )
    assert page_group("/products/sale-1", groups) == "Sale product"
    assert page_group("/products/knit-014/reviews", groups) == "Product page"
    assert page_group("/products", groups) == "/products"
    assert page_group("/magazine/2024/05/knit", groups) == "/magazine/**"
    assert page_group("/ko/help", groups) == "Help"
    assert page_group("/ko/x/help", groups) == "/ko/x/help"
    assert page_group("/", groups) == "Home"
    assert page_group("/cart", groups) == "/cart"
    assert page_group("", groups) == ""
    assert groups.fingerprint() != DEFAULT_PAGES.fingerprint() == PageGroups().fingerprint()


def test_a_wildcard_is_no_regular_expression():
    groups = PageGroups(patterns=(("/a.b(*", "Odd"),))
    assert page_group("/a.b(c", groups) == "Odd"
    assert page_group("/axb(c", groups) == "/axb(c"


@given(st.one_of(st.none(), st.text(max_size=80), st.text("/%?#:.a1-é\ud800\x00", max_size=80)))
def test_any_text_has_a_path_and_a_group(text):
    path = path_of(text)
    assert path == "" or path.startswith("/")
    assert "?" not in path
    assert path in ("", "/") or not path.endswith("/")
    assert page_group(path).count("/") <= 3
    assert (page_group(path) == "") == (path == "")
    assert isinstance(read_head(halves(text)[0]).host, str)


@given(st.text("abc/%20é", max_size=30))
def test_a_path_reads_the_same_twice(text):
    once = path_of("https://a.example/" + text)
    assert path_of("https://a.example" + once.replace("%", "%25")) == once.replace("%", "%25")


def test_ten_thousand_characters_are_read():
    for text in ("https://a.example/" + "a/" * 5_000, "/" + "a-1" * 3_500, "/" * 10_000, "/" + "%E3" * 3_300):
        assert len(page_group(path_of(text))) < 400
