"""What the columns of exports are called, in English and Korean, by the field they hold; the most telling names first."""

from __future__ import annotations

import re
import unicodedata
from typing import Final

_NAMES: Final[dict[str, str]] = {
    "event_id": "message_id event_id insert_id $insert_id event_uuid hit_id eid uuid id 이벤트id 이벤트번호 로그번호",
    "type": "type call_type message_type event_type",
    "event": (
        "event event_name event_type event_text action_name event_action action activity event_title name"
        " 이벤트 이벤트명 이벤트이름 이벤트유형 행동 행동유형 액션"
    ),
    "occurred_at": (
        "occurred_at timestamp event_timestamp event_time event_datetime event_at event_ts ts time datetime date_time"
        " client_event_time derived_tstamp collector_tstamp created_at createdat invoice_date order_date ordered_at"
        " purchase_date transaction_date order_datetime server_time visit_time event_date date day"
        " 발생일시 발생시각 이벤트일시 이벤트시간 일시 시각 시간 주문일시 주문일자 주문일 결제일시 결제일 구매일시"
        " 구매일 접속일시 등록일시 날짜 일자"
    ),
    "original_at": "original_timestamp original_at client_timestamp device_time dvce_created_tstamp",
    "sent_at": "sent_at dvce_sent_tstamp 발신일시",
    "received_at": "received_at server_received_time server_timestamp server_upload_time 수신일시",
    "anonymous_id": (
        "anonymous_id anon_id visitor_id client_id device_id cookie_id browser_id user_pseudo_id full_visitor_id"
        " visitor distinct_id $device_id domain_userid cid fpid idfv adid uuid"
        " 방문자id 방문자아이디 방문자번호 방문자 쿠키id 쿠키 기기id 디바이스id 익명id"
    ),
    "user_id": (
        "user_id customer_id member_id account_id contact_id person_id user customer member uid customer_no"
        " customer_number member_no household_id household_key household login_id"
        " 회원id 회원아이디 회원번호 회원 고객id 고객아이디 고객번호 고객코드 고객 사용자id 유저id 아이디"
    ),
    "email": "email email_address user_email customer_email e_mail mail hashed_email email_sha256 이메일 이메일주소 메일",
    "phone": "phone phone_number mobile mobile_number tel telephone 전화번호 휴대폰 휴대폰번호 휴대전화 연락처 핸드폰",
    "session_id": "session_id visit_id session ga_session_id user_session domain_sessionid 세션id 세션 방문id",
    "url": (
        "url page_url page_location current_url $current_url context_page_url location_href href page_address"
        " landing_url location page 페이지url 페이지주소 url주소 현재url 페이지"
    ),
    "referrer": (
        "referrer referer page_referrer page_referer context_page_referrer $referrer referrer_url referring_url"
        " http_referer ref 유입url 이전페이지 레퍼러 리퍼러"
    ),
    "user_agent": "user_agent useragent context_user_agent $user_agent browser_agent http_user_agent ua 사용자에이전트",
    "order_id": (
        "order_id transaction_id order_number order_no invoice_no invoice_id invoice receipt_id receipt_no"
        " basket_id checkout_id purchase_id orderid 주문번호 주문id 거래번호 영수증번호"
    ),
    "revenue": (
        "total revenue order_total total_price grand_total purchase_revenue total_amount order_amount payment_amount"
        " paid_amount value event_value sales sales_value amount conversion_value"
        " 결제금액 실결제금액 총결제금액 주문금액 총주문금액 판매금액 매출 매출액 구매금액 금액"
    ),
    "price": "price unit_price item_price product_price 단가 판매단가 상품가격 판매가 가격",
    "quantity": "quantity qty item_quantity units 수량 구매수량 주문수량",
    "currency": "currency currency_code 통화 통화코드 화폐",
    "properties": (
        "properties event_properties event_data event_params params parameters payload data attributes"
        " custom_data props properties_json json 속성 이벤트속성"
    ),
    "utm_source": "utm_source context_campaign_source campaign_source",
    "utm_medium": "utm_medium context_campaign_medium campaign_medium",
    "utm_campaign": "utm_campaign context_campaign_name campaign_name",
    "utm_term": "utm_term context_campaign_term campaign_term",
    "utm_content": "utm_content context_campaign_content campaign_content",
    "utm_id": "utm_id",
}

_INSIDE: Final[dict[str, str]] = {
    "email": "email user_email customer_email email_address e_mail hashed_email 이메일",
    "phone": "phone phone_number mobile 전화번호 휴대폰",
    "order_id": "order_id transaction_id order_number order_no invoice_no 주문번호",
    "revenue": (
        "total revenue order_total total_price grand_total purchase_revenue total_amount order_amount payment_amount"
        " value amount 결제금액 주문금액 금액"
    ),
    "price": "price unit_price item_price 단가 가격",
    "quantity": "quantity qty 수량",
    "currency": "currency currency_code 통화",
    "url": "url page_url page_location current_url $current_url",
    "referrer": "referrer referer page_referrer $referrer",
    "user_agent": "user_agent useragent $user_agent $raw_user_agent",
    "session_id": "session_id ga_session_id $session_id",
    "utm_source": "utm_source",
    "utm_medium": "utm_medium",
    "utm_campaign": "utm_campaign",
    "utm_term": "utm_term",
    "utm_content": "utm_content",
}

WEAK: Final = frozenset({"id", "uuid", "name", "action", "activity", "event_type", "type", "page", "location", "ref"})
"""Names that say little: the values must bear them out."""

_ID_LIKE: Final = re.compile(
    r"(id|ids|key|code|no|num|sku|ean|upc|gtin|isbn|barcode|zip|postcode|phone|mobile|hash|token|version|번호|코드|아이디|우편번호)$"
)


def squash(name: str) -> str:
    """A column name without case, spaces and separators: `Client ID`, `client_id` and `clientId` are one."""
    return re.sub(r"[\s_\-.:/()\[\]]+", "", unicodedata.normalize("NFC", name)).casefold()


def squashed(*listed: str) -> frozenset[str]:
    """The words of some lists, each squashed."""
    return frozenset(squash(word) for words in listed for word in words.split())


def _ranks(names: dict[str, str]) -> dict[str, dict[str, int]]:
    return {
        field: {squash(name): rank for rank, name in reversed(list(enumerate(listed.split())))}
        for field, listed in names.items()
    }


COLUMNS: Final = _ranks(_NAMES)
"""Per field the squashed column names with their rank, 0 the most telling."""

INSIDE: Final = _ranks(_INSIDE)
"""The same for keys inside JSON; only fields that are safely told by such a key."""

_WEAK_SQUASHED: Final = frozenset(squash(name) for name in WEAK)


def is_weak(name: str) -> bool:
    """Whether a column name says so little that its values must bear it out."""
    return squash(name) in _WEAK_SQUASHED


def is_id_like(name: str) -> bool:
    """Whether a column of this name holds labels even where they are digits: `StockCode`, `zip`, `ItemId`."""
    # A capital or a separator before the ending keeps `paid` and `grid` from being ids.
    words = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name)
    last = re.split(r"[\s_\-.:/]+", words)[-1].casefold()
    return _ID_LIKE.fullmatch(last) is not None or bool(re.search(r"(번호|코드|아이디)$", name))
