"""What shops, pixels and tools call each kind of event, so that `core.names` can give all of it one name."""

from __future__ import annotations

from typing import Final

ALIASES: Final[dict[str, str]] = {
    "Page Viewed": (
        "page_view page_viewed pageview pageviews $pageview viewed_page view_page page_visit"
        " page_visited gtm.historychange 페이지뷰 페이지조회 페이지방문 페이지열람"
    ),
    "Screen Viewed": "screen_view screen_viewed screenview $screen viewed_screen 화면조회 화면뷰 화면열람",
    "Page Left": "page_leave page_left $pageleave",
    "Scrolled": "scroll scrolled scroll_depth page_scroll 스크롤",
    "Idle": "idle user_idle",
    "User Engagement": "user_engagement",
    "Session Started": "session_start session_started start_session 세션시작",
    "Session Ended": "session_end session_ended end_session 세션종료",
    "First Visit": "first_visit first_open",
    "Web Vitals": "$web_vitals web_vitals",
    "Heartbeat": "page_ping heartbeat",
    "Product List Viewed": (
        "product_list_viewed view_item_list collection_viewed category_viewed category_view"
        " product_list_view view_category viewed_category 상품목록조회 카테고리조회"
    ),
    "Product List Impression": "product_list_impression product_impression",
    "Products Searched": (
        "products_searched search_submitted view_search_results search product_search searched"
        " site_search 검색 상품검색"
    ),
    "Product Clicked": "product_clicked select_item select_content product_click 상품클릭",
    "Product Viewed": (
        "product_viewed view_item product_view viewed_product view_product view_content viewcontent"
        " product_detail_view product_page_view detail_view item_view productview 상품조회"
        " 상품상세조회 상품보기 상품상세"
    ),
    "Product Added": (
        "product_added add_to_cart addtocart added_to_cart product_added_to_cart added_product"
        " cart_add add_cart add_to_basket added_to_basket basket_add insert_cart add_basket"
        " addbasket 장바구니 장바구니담기 장바구니추가 장바구니에담기"
    ),
    "Product Removed": (
        "product_removed remove_from_cart removefromcart product_removed_from_cart cart_remove"
        " remove_from_basket delete_cart 장바구니삭제 장바구니제거"
    ),
    "Cart Viewed": (
        "cart_viewed view_cart cart_view basket_view view_basket viewed_cart basket_viewed 장바구니조회 장바구니보기"
    ),
    "Cart Shared": "cart_shared",
    "Checkout Started": (
        "checkout_started begin_checkout initiate_checkout initiatecheckout checkout_begin"
        " started_checkout start_checkout checkout_start order_start order_form 결제시작 주문시작"
        " 주문서작성 주문하기"
    ),
    "Checkout Step Viewed": "checkout_step_viewed checkout_progress",
    "Checkout Step Completed": (
        "checkout_step_completed checkout_contact_info_submitted checkout_address_info_submitted"
        " add_shipping_info checkout_shipping_info_submitted 배송정보입력"
    ),
    "Payment Info Entered": (
        "payment_info_entered add_payment_info addpaymentinfo payment_info_submitted 결제정보입력 결제수단선택"
    ),
    "Order Completed": (
        "order_completed purchase purchased checkout_completed order_placed placed_order"
        " complete_payment completepayment completed_order order_complete order_success order_result"
        " transaction ecommerce_purchase purchase_complete purchase_completed buy order"
        " payment_complete place_order 구매 구매완료 주문완료 결제완료"
    ),
    "Order Updated": "order_updated",
    "Order Refunded": "order_refunded refund refunded order_refund refund_complete 환불 환불완료 반품완료",
    "Order Cancelled": (
        "order_cancelled order_canceled cancelled_order canceled_order order_cancel cancel_order"
        " 주문취소 구매취소 결제취소"
    ),
    "Coupon Entered": "coupon_entered",
    "Coupon Applied": "coupon_applied apply_coupon coupon_used use_coupon 쿠폰사용 쿠폰적용",
    "Coupon Denied": "coupon_denied",
    "Coupon Removed": "coupon_removed",
    "Coupon Issued": "coupon_issued coupon_download download_coupon 쿠폰발급 쿠폰다운로드",
    "Promotion Viewed": "promotion_viewed view_promotion promotion_view",
    "Promotion Clicked": "promotion_clicked select_promotion promotion_click",
    "Product Added to Wishlist": (
        "product_added_to_wishlist add_to_wishlist addtowishlist wishlist_add add_wishlist"
        " added_to_wishlist 찜 찜하기 위시리스트추가 관심상품등록"
    ),
    "Product Removed from Wishlist": ("product_removed_from_wishlist remove_from_wishlist wishlist_remove 찜해제"),
    "Wishlist Product Added to Cart": "wishlist_product_added_to_cart",
    "Product Shared": "product_shared share share_product 공유 상품공유",
    "Product Reviewed": ("product_reviewed review_written write_review review_submitted 리뷰작성 후기작성 상품평작성"),
    "Signed Up": (
        "signed_up sign_up signup registered register complete_registration completeregistration"
        " registration_completed user_registered account_created create_account join join_complete"
        " member_join customer_created 회원가입 회원가입완료 가입 가입완료"
    ),
    "Signed In": "signed_in login log_in sign_in logged_in user_login 로그인",
    "Signed Out": "signed_out logout log_out sign_out logged_out 로그아웃",
    "Lead Submitted": (
        "lead_submitted generate_lead lead submit_lead email_filled_on_popup email_filled"
        " popup_submitted email_submitted email_capture email_captured contact_form_submitted"
        " submit_application form_submitted_lead 상담신청 상담신청완료 문의하기 문의접수 견적요청"
    ),
    "Newsletter Subscribed": (
        "newsletter_subscribed newsletter_signup newsletter_sign_up subscribe_newsletter"
        " email_subscribed newsletter_subscribe 뉴스레터구독 뉴스레터신청"
    ),
    "Form Started": "form_start form_started",
    "Form Submitted": "form_submit form_submitted",
    "Link Clicked": "link_click link_clicked outbound_click",
    "File Downloaded": "file_download file_downloaded",
    "Subscription Started": (
        "subscription_started subscription_created start_subscription subscribe 구독시작 정기구독신청"
    ),
    "Subscription Renewed": ("subscription_renewed subscription_renewal app_store_subscription_renew 구독갱신"),
    "Subscription Cancelled": (
        "subscription_cancelled subscription_canceled app_store_subscription_cancel"
        " cancel_subscription 구독해지 구독취소"
    ),
    "Trial Started": "trial_started start_trial starttrial begin_trial 체험시작 무료체험시작",
    "Application Installed": "application_installed app_install app_installed install 앱설치",
    "Application Opened": "application_opened app_open app_opened open_app 앱실행",
    "Application Backgrounded": "application_backgrounded app_background",
    "Application Uninstalled": "application_uninstalled app_remove app_uninstall app_uninstalled 앱삭제",
    "Ad Impression": "ad_impression ad_viewed ad_view ad_exposure 광고노출",
    "Ad Clicked": "ad_click ad_clicked click_ad 광고클릭",
    "Message Sent": "message_sent email_sent push_sent sms_sent 메시지발송 발송완료",
    "Message Delivered": "message_delivered email_delivered push_delivered sms_delivered 전달완료 발송성공",
    "Message Opened": "message_opened email_opened email_open push_opened push_open 메일오픈 메시지오픈",
    "Message Clicked": (
        "message_clicked email_link_clicked email_clicked email_click push_clicked push_click"
        " sms_click 메시지클릭 메일클릭 푸시클릭"
    ),
    "Message Dismissed": "message_dismissed message_closed",
    "Message Suppressed": "message_suppressed",
    "Message Failed": "message_failed email_failed push_failed sms_failed 발송실패",
    "Message Bounced": "message_bounced email_bounced hard_bounce soft_bounce 반송",
    "Message Complained": "message_complained email_marked_as_spam spam_report 스팸신고",
    "Message Unsubscribed": ("message_unsubscribed email_unsubscribed unsubscribed unsubscribe 수신거부 수신거부완료"),
    "Consent Updated": (
        "consent_updated consent_update consent segment_consent_preference_updated 수신동의 수신동의변경"
    ),
    "Consent Given": "consent_given consent_granted opt_in opted_in $opt_in 동의완료",
    "Consent Withdrawn": "consent_withdrawn consent_revoked consent_denied opt_out opted_out $opt_out 동의철회 수신동의철회",
    "Experiment Viewed": (
        "experiment_viewed experiment_exposure experience_impression $feature_flag_called $experiment_started"
    ),
    "Decision Made": "decision_made",
    "Ad Cost Reported": "ad_cost_reported ad_cost ad_spend ad_spend_reported 광고비",
    "Product Updated": "product_updated product_update 상품정보변경",
    "Feedback Submitted": "feedback_submitted feedback csat_submitted 만족도응답 피드백",
    "Survey Answered": "survey_answered survey_submitted survey_completed nps_submitted 설문응답 설문완료",
    "Invite Sent": "invite_sent invitation_sent send_invite send_invitation friend_invited 친구초대 초대하기 초대발송",
    "Rewards Joined": (
        "rewards_joined reward_joined loyalty_joined loyalty_enrolled rewards_enrolled join_rewards"
        " loyalty_program_joined join_loyalty 멤버십가입 멤버십등록 리워드가입"
    ),
    "Identified": "identified identify $identify",
    "Aliased": "aliased alias $create_alias",
    "Grouped": "grouped $groupidentify",
}
"""Canonical name -> what others call it, words parted by spaces; case, spaces, dots, hyphens and underscores do not matter."""
