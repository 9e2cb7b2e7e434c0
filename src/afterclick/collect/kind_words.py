"""What columns, statuses and channels are called in exports of each kind, in English and Korean; the most telling first."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from afterclick.collect.synonyms import COLUMNS, squash, squashed
from afterclick.core import names

_UNIT: Final = re.compile(r"\s*[(\[（].*$")


def base(name: str) -> str:
    """A column name squashed, without the unit in parentheses behind it: `Amount spent (KRW)` is `amountspent`."""
    return squash(_UNIT.sub("", name)) or squash(name)


def _ranks(listed: Mapping[str, str], *taken: str) -> dict[str, dict[str, int]]:
    """Own names per field, and for the fields `taken` over those that events use."""
    found: dict[str, dict[str, int]] = {}
    for field, words in listed.items():
        found[field] = {squash(word): rank for rank, word in reversed(list(enumerate(words.split())))}
    for field in taken:
        own = found.setdefault(field, {})
        for word, rank in COLUMNS[field].items():
            own.setdefault(word, 100 + rank)
    return found


_CREATED: Final = "created_at created date day timestamp time datetime 일시 날짜 일자 등록일 등록일시"

COSTS: Final = _ranks(
    {
        "occurred_at": (
            "date day report_date reporting_starts date_start segments_date cost_date stat_date"
            " 날짜 일자 일별 기준일 기준일자 집계일 보고일 보고시작 시작일 노출일 광고일자 일"
        ),
        "until": "reporting_ends date_stop date_end end_date 보고종료 종료일",
        "cost": (
            "cost spend amount_spent ad_spend adspend ad_cost total_cost total_spend media_cost cost_krw cost_usd"
            " spend_krw spend_usd 비용 총비용 광고비 총광고비 광고비용 소진액 소진금액 소진비용 집행금액 집행액"
            " 집행광고비 지출금액 사용금액"
        ),
        "impressions": "impressions impr impression imps 노출수 노출 노출횟수",
        "clicks": "clicks link_clicks click clicks_all 클릭수 링크클릭 클릭 링크클릭수",
        "currency": "currency currency_code account_currency account_currency_code 통화 통화코드",
        "utm_source": (
            "utm_source source media_source traffic_source platform publisher ad_platform ad_network network media"
            " 소스 매체 매체명 광고매체 광고플랫폼 플랫폼 유입소스"
        ),
        "utm_medium": "utm_medium medium 미디엄 매체유형 유입매체",
        "utm_campaign": ("utm_campaign campaign campaign_name ad_campaign 캠페인 캠페인명 캠페인이름 캠페인_이름"),
        "campaign_id": "campaign_id 캠페인id 캠페인번호",
        "utm_term": (
            "ad_group ad_group_name adgroup adgroup_name ad_set adset ad_set_name adset_name utm_term"
            " 광고그룹 광고그룹명 광고그룹이름 광고세트 광고세트명 광고세트이름"
        ),
        "utm_content": "ad ad_name creative creative_name ad_title utm_content 광고 광고명 광고이름 소재 소재명 광고소재",
        "channel": "channel channel_group default_channel_group 채널 채널명 채널그룹",
        "keyword": "keyword keywords search_keyword 키워드 검색어",
        "device": "device device_type device_platform 기기 기기유형 디바이스 pc/모바일매체 pc/모바일",
        "placement": "placement ad_placement 게재위치 노출위치 노출지면 지면",
        "age": "age age_range 연령 연령대 나이",
        "gender": "gender sex 성별",
        "region": "region location 지역",
        "hour": "hour hour_of_day 시간대",
    }
)

_MOMENTS: Final = {
    names.MESSAGE_SENT: (
        "sent_at send_time sent_time sent_date send_date sent_on sent send_at 발송일시 발송시간 발송시각 발송일 전송일시"
        " 전송시간 보낸시간 요청일시"
    ),
    names.MESSAGE_DELIVERED: (
        "delivered_at delivery_time delivered_time delivered_on delivered 전달일시 도착일시 수신일시 수신시간 수신시각"
        " 수신완료일시"
    ),
    names.MESSAGE_OPENED: (
        "opened_at open_time opened_time first_opened_at first_open first_open_time opened_on opened read_at viewed_at"
        " 오픈일시 오픈시간 열람일시 열람시간 확인일시 읽은시간 수신확인일시"
    ),
    names.MESSAGE_CLICKED: (
        "clicked_at click_time clicked_time first_clicked_at first_click first_click_time clicked_on clicked 클릭일시"
        " 클릭시간 클릭시각"
    ),
    names.MESSAGE_BOUNCED: "bounced_at bounce_time bounced_on bounced 반송일시 반송시간",
    names.MESSAGE_FAILED: "failed_at fail_time failed_on failed 실패일시 실패시간",
    names.MESSAGE_COMPLAINED: "complained_at spam_at complaint_time complained 스팸신고일시",
    names.MESSAGE_UNSUBSCRIBED: (
        "unsubscribed_at unsubscribe_time unsubscribed_on opted_out_at unsubscribed 수신거부일시 수신거부시간"
    ),
    names.MESSAGE_SUPPRESSED: "suppressed_at suppressed_on suppressed 발송제외일시",
}
MOMENTS: Final = _ranks(_MOMENTS)
"""Per event of a message the columns that say when it was, in files with one row per message."""

MESSAGES: Final = _ranks(
    {
        "event_id": "event_id sg_event_id webhook_id 이벤트id",
        "occurred_at": (
            "timestamp event_time event_at occurred_at status_at updated_at processed_at sent_at send_time sent_time"
            " sent_date created_at time date datetime 처리일시 상태일시 일시 발송일시 발송시간 발송일 전송일시 날짜 시간"
        ),
        "event": (
            "event status event_type message_status delivery_status state result type event_name"
            " 상태 결과 이벤트 발송결과 전송결과 발송상태 전송상태 처리상태 수신결과 구분"
        ),
        "message_id": (
            "message_id sg_message_id msg_id mail_id email_id delivery_id send_id notification_id message_key"
            " 메시지id 메시지번호 메시지키 발송번호 발송id"
        ),
        "campaign": (
            "campaign campaign_name newsletter newsletter_name broadcast template template_name template_code campaign_id"
            " template_id subject 캠페인 캠페인명 템플릿 템플릿명 템플릿코드 발송제목 메일제목 제목"
        ),
        "channel": (
            "channel message_channel message_type medium service 채널 발송채널 메시지유형 메시지종류 발송유형 발송종류 발송구분"
        ),
        "user_id": "user_id",
        "email": "recipient_email to_email email_to email recipient to 수신자이메일 수신이메일 받는사람 수신자",
        "phone": "recipient_phone to_phone phone recipient to 수신번호 수신자번호 받는번호 받는사람 수신자",
        "machine": (
            "machine_open is_machine_open sg_machine_open machine_opened machine is_machine is_bot bot apple_mpp mpp is_mpp"
            " proxy_open is_proxy prefetch 기계오픈 자동오픈 봇여부"
        ),
        "link": "link link_url clicked_url url 링크 클릭링크 클릭url",
    },
    "user_id",
    "anonymous_id",
    "email",
    "phone",
)

CATALOGUE: Final = _ranks(
    {
        "product_id": (
            "product_id item_id sku product_no product_code goods_no goods_code item_code article_id id variant_id"
            " 상품번호 상품코드 상품id 제품번호 제품코드 품목코드 자체상품코드"
        ),
        "product_name": "product_name title name item_name product_title 상품명 제품명 품명",
        "category": (
            "category product_category category_name product_type google_product_category categories"
            " 카테고리 카테고리명 상품분류 분류 대분류"
        ),
        "brand": "brand brand_name manufacturer vendor maker 브랜드 브랜드명 제조사",
        "price": "price regular_price list_price selling_price unit_price 판매가 판매가격 상품가격 가격 정가 소비자가",
        "sale_price": "sale_price discount_price special_price 할인가 할인판매가 세일가",
        "currency": "currency currency_code 통화",
        "availability": "availability in_stock stock_status product_status status 재고상태 판매상태 진열상태 품절여부",
        "image_url": "image_link image_url image main_image thumbnail 대표이미지 이미지 이미지url 이미지링크",
        "product_url": "product_url link url permalink 상품url 상품링크 상품주소",
        "occurred_at": "updated_at modified_at last_modified last_updated 수정일 수정일시 최종수정일 변경일",
    }
)

_SIGNED_UP: Final = (
    "signed_up_at signup_date sign_up_date signup_at registered_at registration_date join_date joined_at member_since"
    " created_at created_on 가입일 가입일시 가입일자 회원가입일 회원가입일시 등록일 등록일시"
)
CUSTOMERS: Final = _ranks(
    {
        "user_id": "user_id customer_id member_id id",
        "signed_up_at": _SIGNED_UP,
        "occurred_at": "updated_at modified_at last_modified last_updated 수정일 수정일시 최종수정일 변경일 변경일시",
        "email_consent": (
            "email_consent accepts_email_marketing accepts_marketing email_opt_in email_optin email_marketing_consent"
            " newsletter 이메일수신동의 이메일수신동의여부 이메일수신여부 메일수신동의 메일수신여부 이메일수신"
        ),
        "sms_consent": (
            "sms_consent accepts_sms_marketing sms_opt_in sms_optin sms_marketing_consent sms수신동의 sms수신동의여부"
            " sms수신여부 문자수신동의 문자수신여부 sms수신"
        ),
        "push_consent": "push_consent push_opt_in push_optin 푸시수신동의 앱푸시수신동의 푸시동의 푸시수신여부",
        "marketing_consent": "marketing_consent marketing_opt_in 마케팅동의 마케팅수신동의 광고수신동의 마케팅활용동의",
    },
    "user_id",
    "email",
    "phone",
)

TRAITS: Final = squashed(
    "name first_name last_name full_name gender sex age birthday birth_date birthdate date_of_birth city country region",
    "address zip zipcode postal_code grade tier level membership segment loyalty points total_spent orders_count",
    "이름 성명 회원명 고객명 성별 나이 연령 연령대 생일 생년월일 지역 도시 주소 우편번호 회원등급 등급 적립금 포인트",
    "총구매금액 총주문금액 구매횟수",
)
"""Columns that describe a person."""

FEEDBACK: Final = _ranks(
    {
        "event_id": "response_id answer_id review_id feedback_id submission_id 응답id 응답번호 리뷰번호 후기번호",
        "occurred_at": f"submitted_at answered_at responded_at completed_at reviewed_at response_date review_date {_CREATED}"
        " 응답일시 응답일 작성일 작성일시 작성시간 제출일시",
        "score": (
            "score nps nps_score csat csat_score rating stars star_rating satisfaction points answer_score recommend"
            " 점수 평점 별점 만족도 추천점수 추천의향 추천지수 nps점수 평가점수"
        ),
        "scale": "scale max_score out_of score_max 만점",
        "comment": (
            "comment comments review review_text review_body feedback text body content message opinion answer_text"
            " 의견 코멘트 내용 리뷰 리뷰내용 후기 후기내용 상품평 응답내용 기타의견"
        ),
        "survey": "survey survey_name survey_type survey_id question form form_name 설문 설문명 설문이름 설문유형 문항 질문",
        "product_id": "product_id item_id sku product_no product_code goods_no 상품번호 상품코드 상품id",
        "product_name": "product_name item_name product_title 상품명 제품명",
        "order_id": "order_id order_number order_no 주문번호",
        "channel": "channel survey_channel 채널",
        "url": "url page_url page survey_page 페이지 페이지주소 응답페이지",
    },
    "user_id",
    "anonymous_id",
    "email",
    "phone",
)

_ORDER_FIELDS: Final = {
    "event": (
        "order_status financial_status payment_status status order_state state claim_status"
        " 주문상태 주문처리상태 결제상태 처리상태 상태 클레임상태 주문현황 배송상태"
    ),
    "refund_amount": "refunded_amount refund_amount refund_total total_refunded amount_refunded 환불금액 실환불금액 환불액",
    "refunded_at": "refunded_at refund_date refund_time refunded_on 환불일 환불일시 환불완료일 환불완료일시",
    "items": "items line_items products order_items cart 상품목록 주문상품",
    "revenue": "상품별총주문금액 최종상품별총주문금액 상품주문금액 총결제금액 실결제금액 최종결제금액",
    "price": "상품구매금액 옵션포함판매가",
    "user_id": "구매자id 주문자id 회원아이디 구매자아이디 주문자아이디",
    "email": "buyer_email billing_email 구매자이메일 주문자이메일",
    "phone": "buyer_phone billing_phone 구매자연락처 주문자연락처 주문자휴대전화 구매자휴대폰",
    "product_id": "product_id item_id sku stock_code lineitem_sku 상품번호 상품코드 상품id",
    "product_name": "product_name item_name lineitem_name description 상품명 주문상품명",
    "quantity": "lineitem_quantity",
}
ORDERS: Final = _ranks(
    _ORDER_FIELDS, *(field for field in COLUMNS if field not in ("event", "type", "properties", "event_id"))
)
"""Beside the names that events use, those of order tables of shop systems."""


PLATFORMS: Final = {
    "facebook": frozenset({"amountspent", "지출금액", "adsetname", "광고세트이름", "reportingstarts", "보고시작"}),
    "google": frozenset({"impr", "avgcpc", "segmentsdate", "캠페인유형"}),
    "naver": frozenset({"총비용", "평균노출순위", "평균클릭비용", "pc모바일매체"}),
}
"""Columns that only the reports of one ad system have."""
