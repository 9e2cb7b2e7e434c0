"""What statuses of orders and messages, channels, and yes and no are called, in English and Korean."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from afterclick.collect.synonyms import squash, squashed
from afterclick.core import names


def _words(listed: Mapping[str, str]) -> dict[str, str]:
    return {squash(word): event for event, words in listed.items() for word in words.split()}


ORDER_STATUS: Final = _words(
    {
        names.ORDER_COMPLETED: (
            "completed complete paid purchase purchased confirmed processing fulfilled shipped delivered shipping in_transit"
            " closed partially_fulfilled success succeeded done captured"
            " 교환요청 교환처리중 교환완료 교환 취소요청 취소처리중 반품요청 반품접수 반품처리중 환불요청 환불처리중"
            " 결제완료 구매완료 주문완료 구매확정 구매결정 배송준비 배송준비중 상품준비중 배송대기 배송중 배송완료 발송완료"
            " 발송대기 신규주문 주문확인 발주확인 거래완료 완료"
        ),
        names.ORDER_REFUNDED: (
            "refunded refund returned return partially_refunded chargeback chargedback"
            " 환불 환불완료 반품 반품완료 반품완료환불 취소환불 부분환불"
        ),
        names.ORDER_CANCELLED: (
            "cancelled canceled cancel voided void expired failed declined rejected abandoned"
            " 취소 취소완료 주문취소 결제취소 미입금취소 구매취소 결제실패 자동취소"
        ),
        names.ORDER_UPDATED: (
            "pending unpaid awaiting_payment on_hold draft authorized open new created"
            " 입금대기 입금전 결제대기 미입금 보류"
        ),
    }
)
"""What the status of an order means; one that is not paid yet is no sale, one whose return is only asked for is."""

MESSAGE_STATUS: Final = _words(
    {
        names.MESSAGE_SENT: (
            "sent send processed requested accepted dispatched queued submitted injection 발송 발송완료 전송 전송완료 요청 접수"
        ),
        names.MESSAGE_DELIVERED: (
            "delivered delivery success succeeded successful ok 성공 전달 전달완료 발송성공 전송성공 수신 수신완료 도착"
            " 수신성공"
        ),
        names.MESSAGE_OPENED: "opened open read viewed seen unique_open 오픈 열람 읽음 확인 수신확인 메일오픈",
        names.MESSAGE_CLICKED: "clicked click link_clicked unique_click 클릭 링크클릭",
        names.MESSAGE_BOUNCED: "bounced bounce hard_bounce soft_bounce hardbounce softbounce returned 반송",
        names.MESSAGE_FAILED: (
            "failed fail failure error undelivered undeliverable rejected reject 실패 발송실패 전송실패 수신실패 오류"
        ),
        names.MESSAGE_COMPLAINED: "complained complaint spam spam_report spamreport marked_as_spam abuse 스팸신고 스팸",
        names.MESSAGE_UNSUBSCRIBED: (
            "unsubscribed unsubscribe opted_out optout opt_out group_unsubscribe list_unsubscribe 수신거부 구독취소 구독해지"
        ),
        names.MESSAGE_SUPPRESSED: "suppressed dropped drop skipped blocked block excluded 차단 제외 발송제외 수신차단",
    }
)
"""What the status of a message means."""

CHANNELS: Final = _words(
    {
        "email": "email e-mail mail newsletter edm 이메일 메일",
        "push": "push app_push web_push apns fcm 푸시 앱푸시 웹푸시",
        "sms": "sms lms mms text text_message rcs 문자 단문 장문",
        "messenger": (
            "messenger kakao kakaotalk alimtalk friendtalk brandmessage kakao_alimtalk kakao_friendtalk at ft whatsapp line"
            " 카카오 카카오톡 카톡 알림톡 친구톡 브랜드메시지 카카오알림톡 카카오친구톡"
        ),
    }
)
"""Channels of messages by what providers call them."""

YES: Final = squashed(
    "y yes true t 1 on o agreed agree accepted subscribed opt_in granted",
    "동의 동의함 수신 수신함 수신동의 예 허용",
)
NO: Final = squashed(
    "n no false f 0 off x disagreed declined denied unsubscribed opt_out",
    "거부 미동의 비동의 동의안함 수신안함 수신거부 미수신 아니오 차단",
)
"""How tables say yes and no."""
