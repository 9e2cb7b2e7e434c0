"""Which hosts, apps and source names are known, as rows of text a person can read and correct.

A row of `HOSTS` is `channel source search-parameters: hosts`. A host stands for itself and everything below it,
`google.*` for google under any public suffix, `bing.com/chat` for one part of a host, `com.kakao.talk` for an app's
referrer. Longest host first, then longest path. Each site can put rows of its own before these.
"""

from __future__ import annotations

from typing import Final

from afterclick.stitch.address import words

HOSTS: Final = """
organic_search naver query: search.naver.com
organic_search daum q: search.daum.net
organic_search nate q: search.nate.com
organic_search zum query: search.zum.com
organic_search google q: google.* com.google.android.googlequicksearchbox
organic_search bing q: bing.com com.microsoft.bing
organic_search yahoo p: search.yahoo.*
organic_search duckduckgo q: duckduckgo.com com.duckduckgo.mobile.android
organic_search baidu wd,word: baidu.com
organic_search yandex text: yandex.* ya.ru
organic_search ecosia q: ecosia.org
organic_search qwant q: qwant.com
organic_search startpage query: startpage.com
organic_search brave q: search.brave.com
organic_search kagi q: kagi.com
organic_search sogou query: sogou.com
organic_search so q: so.com
organic_search seznam q: search.seznam.cz
organic_search ask q: ask.com
organic_search aol q: search.aol.*
organic_search coccoc query: coccoc.com
organic_search petal query: petalsearch.com
organic_search lycos q: search.lycos.com
organic_search swisscows query: swisscows.com
organic_search mojeek q: mojeek.com

email naver: mail.naver.com com.nhn.android.mail
email daum: mail.daum.net mail2.daum.net
email kakao: mail.kakao.com
email google: mail.google.* com.google.android.gm
email outlook: outlook.live.com outlook.office.com outlook.office365.com mail.live.com com.microsoft.office.outlook
email yahoo: mail.yahoo.* com.yahoo.mobile.client.android.mail
email aol: mail.aol.*
email icloud: icloud.com/mail
email proton: mail.proton.me mail.protonmail.com
email qq: mail.qq.com
email netease: mail.163.com mail.126.com
email mailru: e.mail.ru
email yandex: mail.yandex.*
email samsung: com.samsung.android.email.provider

organic_social naver: blog.naver.com cafe.naver.com post.naver.com kin.naver.com
organic_social daum: cafe.daum.net
organic_social tistory: tistory.com
organic_social kakaostory: story.kakao.com com.kakao.story
organic_social brunch: brunch.co.kr
organic_social band: band.us com.nhn.android.band
organic_social dcinside: dcinside.com
organic_social fmkorea: fmkorea.com
organic_social clien: clien.net
organic_social ppomppu: ppomppu.co.kr
organic_social ruliweb: ruliweb.com
organic_social theqoo: theqoo.net
organic_social cyworld: cyworld.com
organic_social facebook: facebook.com fb.com fb.me fb.watch com.facebook.katana com.facebook.lite
organic_social instagram: instagram.com com.instagram.android
organic_social threads: threads.net threads.com com.instagram.barcelona
organic_social x: x.com twitter.com t.co com.twitter.android
organic_social linkedin: linkedin.com lnkd.in com.linkedin.android
organic_social pinterest: pinterest.* pin.it com.pinterest
organic_social reddit: reddit.com redd.it com.reddit.frontpage
organic_social snapchat: snapchat.com com.snapchat.android
organic_social tiktok: tiktok.com com.zhiliaoapp.musically com.ss.android.ugc.trill
organic_social vk: vk.com vkontakte.ru
organic_social ok: ok.ru odnoklassniki.ru
organic_social weibo: weibo.com weibo.cn
organic_social xiaohongshu: xiaohongshu.com
organic_social zhihu: zhihu.com
organic_social mixi: mixi.jp
organic_social tumblr: tumblr.com
organic_social quora: quora.com
organic_social bluesky: bsky.app
organic_social mastodon: mastodon.social
organic_social discord: discord.com
organic_social flickr: flickr.com

organic_video youtube: youtube.com youtu.be com.google.android.youtube
organic_video vimeo: vimeo.com
organic_video dailymotion: dailymotion.com
organic_video twitch: twitch.tv
organic_video bilibili: bilibili.com
organic_video soop: sooplive.co.kr afreecatv.com

organic_shopping naver query: shopping.naver.com smartstore.naver.com brand.naver.com
organic_shopping google q: shopping.google.* google.*/shopping
organic_shopping coupang q: coupang.com
organic_shopping 11st: 11st.co.kr
organic_shopping gmarket: gmarket.co.kr
organic_shopping auction: auction.co.kr
organic_shopping ssg: ssg.com
organic_shopping danawa: danawa.com
organic_shopping enuri: enuri.com
organic_shopping lotteon: lotteon.com
organic_shopping musinsa: musinsa.com
organic_shopping oliveyoung: oliveyoung.co.kr
organic_shopping ohouse: ohou.se
organic_shopping idus: idus.com
organic_shopping amazon k: amazon.*
organic_shopping ebay _nkw: ebay.*
organic_shopping etsy q: etsy.com
organic_shopping aliexpress: aliexpress.com
organic_shopping temu: temu.com
organic_shopping rakuten: rakuten.co.jp
organic_shopping walmart: walmart.com

ai_assistant chatgpt: chatgpt.com chat.openai.com com.openai.chatgpt
ai_assistant perplexity: perplexity.ai ai.perplexity.app.android
ai_assistant claude: claude.ai com.anthropic.claude
ai_assistant gemini: gemini.google.com bard.google.com com.google.android.apps.bard
ai_assistant copilot: copilot.microsoft.com copilot.cloud.microsoft bing.com/chat com.microsoft.copilot
ai_assistant deepseek: chat.deepseek.com
ai_assistant grok: grok.com x.com/i/grok
ai_assistant mistral: chat.mistral.ai
ai_assistant meta_ai: meta.ai
ai_assistant poe: poe.com
ai_assistant you: you.com
ai_assistant phind: phind.com
ai_assistant wrtn: wrtn.ai wrtn.io
ai_assistant clova: clova-x.naver.com

messenger kakao: pf.kakao.com com.kakao.talk
messenger line: line.me jp.naver.line.android
messenger whatsapp: whatsapp.com wa.me com.whatsapp
messenger telegram: t.me web.telegram.org org.telegram.messenger
messenger facebook_messenger: messenger.com com.facebook.orca

referral naver: naver.com com.nhn.android.search
referral daum: daum.net net.daum.android.daum
referral kakao: kakao.com
referral nate: nate.com
referral zum: zum.com
referral google: news.google.* discover.google.* google.*/discover
referral google: accounts.google.* calendar.google.* classroom.google.* docs.google.* drive.google.*
referral google: groups.google.* meet.google.* play.google.* sites.google.* support.google.*
referral yahoo: yahoo.*
referral msn: msn.com
"""

# `group source: names`, compared without punctuation. Every source of HOSTS names itself; these are the other
# spellings, and the sources that take part in several channels, whose name in utm_source must mean one thing.
SOURCES: Final = """
search naver: naver naversearch naverbrand naverbrandsearch naverpowerlink powerlink naversa 네이버
search daum: daum 다음
search kakao: kakao kakaokeyword kakaomoment 카카오
search nate: nate 네이트
search zum: zum 줌
search google: google googleads googlesearch adwords 구글
search bing: bing bingads msads microsoft microsoftads
search yahoo: yahoo
search msn: msn
search duckduckgo: ddg
social naver: naverblog navercafe naverpost 네이버블로그 네이버카페
social facebook: facebook fb meta metaads 페이스북
social instagram: instagram ig insta igshopping 인스타 인스타그램
social x: x twitter
social tiktok: tiktokads 틱톡
social kakaostory: kakaostory 카카오스토리
social line: line lineads
video youtube: youtube yt youtubeads 유튜브
shopping naver: navershopping naversmartstore smartstore 네이버쇼핑 스마트스토어
shopping google: googleshopping shoppinggoogle
shopping coupang: 쿠팡
ai chatgpt: openai
"""

# Names that open the name of many a placement (`naver_sa_brand`, `facebook-retargeting`) and mean nothing else.
OPENING_NAMES: Final = words("""
    naver daum kakao google facebook instagram youtube bing yahoo tiktok twitter linkedin pinterest
""")

# `user agent contains (lower-case) | channel | source`, tried in this order when there is no referrer.
IN_APP: Final = (
    ("kakaotalk", "messenger", "kakao"),
    ("naver(inapp", "referral", "naver"),
    ("daumapps", "referral", "daum"),
    ("instagram", "organic_social", "instagram"),
    ("fban", "organic_social", "facebook"),
    ("fbav", "organic_social", "facebook"),
    (" line/", "messenger", "line"),
)

NAVER_AD_MARKS: Final = words("""
    n_media n_query n_rank n_ad n_ad_group n_keyword n_keyword_id n_campaign_type n_ad_group_type n_match
    n_mall_pid n_mall_id
""")
"""Parameters Naver adds to the address of an ad when the advertiser turned them on (its notice 13446 of 2023-09-18)."""

NAVER_NAMES: Final = {
    "nt_source": "utm_source",
    "nt_medium": "utm_medium",
    "nt_detail": "utm_campaign",
    "nt_keyword": "utm_term",
}
"""Naver's own campaign parameters and the utm name each is read as."""

NAVER_MATCHES: Final = {"1": "exact", "2": "expanded", "3": "related", "4": "similar", "5": "smart_block"}
"""What `n_match` says of how the search met the keyword."""

CAMPAIGN_PARAMETERS: Final = (
    *("utm_source", "utm_medium", "utm_campaign", "utm_term", "utm_content", "utm_id"),
    *NAVER_NAMES,
    *sorted(NAVER_AD_MARKS),
    *("napm", "gad_source"),
)

# `name, medium, source, network, ad`. Of several in one URL the first here is the touch's, ad ones before others.
CLICK_IDS: Final = (
    ("gclid", "cpc", "google", "google", True),
    ("gbraid", "cpc", "google", "google", True),
    ("wbraid", "cpc", "google", "google", True),
    ("dclid", "display", "google", "google_display", True),
    ("msclkid", "cpc", "bing", "microsoft", True),
    ("ttclid", "cpc", "tiktok", "tiktok", True),
    ("twclid", "cpc", "x", "x", True),
    ("li_fat_id", "cpc", "linkedin", "linkedin", True),
    ("epik", "cpc", "pinterest", "pinterest", True),
    ("rdt_cid", "cpc", "reddit", "reddit", True),
    ("sccid", "cpc", "snapchat", "snapchat", True),
    ("yclid", "cpc", "yandex", "yandex", True),
    ("fbclid", "social", "facebook", "meta", False),
    ("igshid", "social", "instagram", "meta", False),
    ("srsltid", "shopping", "google", "google", False),
    ("irclickid", "affiliate", "impact", "impact", False),
    ("clickid", "affiliate", "", "", False),
)

PAYMENT_HOSTS: Final = words("""
    inicis.com inicis.co.kr kcp.co.kr tosspayments.com toss.im kakaopay.com pay.kakao.com pay.naver.com payco.com
    nicepay.co.kr nicepay.com danal.co.kr mobilians.co.kr easypay.co.kr kicc.co.kr ksnet.co.kr smartro.co.kr
    settlebank.co.kr xpay.lgdacom.net samsungpay.com paypal.com stripe.com braintreegateway.com adyen.com mollie.com
    klarna.com affirm.com afterpay.com pay.shopify.com pay.amazon.com payments.amazon.com worldpay.com 2checkout.com
    alipay.com razorpay.com
""")

PORTALS: Final = words("naver daum nate zum google bing yahoo msn")
