"""The canonical fields a column can be mapped to, declared once for the map, the guess and the help."""

from __future__ import annotations

from typing import Final, NamedTuple

from afterclick.core.event import PROPERTY_PREFIX


class Field(NamedTuple):
    """A canonical field: what it holds (`text`, `id`, `instant`, `number`, `json`) and a sentence for people."""

    name: str
    holds: str
    about: str


_DECLARED: Final = (
    Field("event_id", "id", "the sender's id of the message; makes retries and second imports count once"),
    Field("type", "text", "kind of call: track, page, screen, identify, group, alias"),
    Field("event", "text", "name of what happened"),
    Field("occurred_at", "instant", "when it happened; kept as it is"),
    Field("original_at", "instant", "the sender's own clock, corrected by sent_at and received_at"),
    Field("sent_at", "instant", "when the sender sent it, by its own clock"),
    Field("received_at", "instant", "when the server received it"),
    Field("anonymous_id", "id", "id of a browser or device"),
    Field("user_id", "id", "id of a known person: member, customer"),
    Field("email", "id", "e-mail address, plain or hashed; trimmed and lower-cased"),
    Field("phone", "id", "telephone number"),
    Field("session_id", "text", "the sender's own session id"),
    Field("url", "text", "address of the page"),
    Field("referrer", "text", "address of the page before"),
    Field("user_agent", "text", "the browser's description of itself"),
    Field("order_id", "text", "id of the order or transaction"),
    Field("revenue", "number", "total of an order or refund, value of any other event"),
    Field("price", "number", "price of one piece"),
    Field("quantity", "number", "number of pieces"),
    Field("currency", "text", "ISO 4217 code"),
    Field("properties", "json", "JSON object(s) with everything else; several are merged"),
    Field("utm_source", "text", "campaign source, joined to the url where the url has no utm of its own"),
    Field("utm_medium", "text", "campaign medium"),
    Field("utm_campaign", "text", "campaign name"),
    Field("utm_term", "text", "search term"),
    Field("utm_content", "text", "which creative"),
    Field("utm_id", "text", "campaign id"),
    Field("platform", "text", "web, ios, android: kept as the property `platform`"),
    Field("product_id", "text", "kept as the property `product_id`"),
    Field("product_name", "text", "kept as the property `product_name`"),
    Field("category", "text", "kept as the property `category`"),
    Field("brand", "text", "kept as the property `brand`"),
    Field("coupon", "text", "kept as the property `coupon`"),
    Field("search_term", "text", "kept as the property `search_term`"),
    Field("country", "text", "kept as the property `country`"),
    Field("cost", "number", "what an ad cost on that day"),
    Field("impressions", "number", "how often it was shown"),
    Field("clicks", "number", "how often it was clicked"),
    Field("until", "instant", "last day that a row of costs covers; a row is to cover one day"),
    Field("channel", "text", "channel of an ad or a message, kept as the property `channel`"),
    Field("campaign", "text", "campaign or template of a message"),
    Field("campaign_id", "text", "the ad system's id of the campaign"),
    Field("keyword", "text", "divides the costs of an ad, as do the six that follow"),
    Field("device", "text", "divides the costs of an ad"),
    Field("placement", "text", "divides the costs of an ad"),
    Field("age", "text", "divides the costs of an ad"),
    Field("gender", "text", "divides the costs of an ad"),
    Field("region", "text", "divides the costs of an ad"),
    Field("hour", "text", "divides the costs of an ad"),
    Field("message_id", "text", "id of a message, the same in all that became of it"),
    Field("machine", "text", "whether a program and no person opened or clicked"),
    Field("link", "text", "the link that was clicked in a message"),
    Field("items", "json", "JSON list of what was ordered"),
    Field("refund_amount", "number", "what was paid back of an order"),
    Field("refunded_at", "instant", "when it was paid back"),
    Field("sale_price", "number", "price while on offer"),
    Field("availability", "text", "whether a product can be had"),
    Field("image_url", "text", "address of a product's picture"),
    Field("product_url", "text", "address of a product's page"),
    Field("signed_up_at", "instant", "when a customer signed up"),
    Field("email_consent", "text", "may be written to by e-mail"),
    Field("sms_consent", "text", "may be written to by text message"),
    Field("push_consent", "text", "may be sent push messages"),
    Field("marketing_consent", "text", "agreed to be advertised to"),
    Field("score", "number", "points, stars or the answer from 0 to 10"),
    Field("scale", "number", "the highest score there is"),
    Field("comment", "text", "what somebody said in words"),
    Field("survey", "text", "name of the survey or the question"),
)

FIELDS: Final[dict[str, Field]] = {field.name: field for field in _DECLARED}
"""Every canonical field by name; `p.<name>` names a property column of one's own besides."""

UTM: Final = ("utm_source", "utm_medium", "utm_campaign", "utm_term", "utm_content", "utm_id")
INSTANTS: Final = ("occurred_at", "original_at", "sent_at", "received_at")
IDS: Final = ("anonymous_id", "user_id", "email", "phone")
PRODUCT: Final = (
    "platform",
    "product_id",
    "product_name",
    "category",
    "brand",
    "coupon",
    "search_term",
    "country",
    "impressions",
    "clicks",
    "until",
    "channel",
    "campaign",
    "campaign_id",
    "keyword",
    "device",
    "placement",
    "age",
    "gender",
    "region",
    "hour",
    "message_id",
    "machine",
    "link",
    "refund_amount",
    "refunded_at",
    "sale_price",
    "availability",
    "image_url",
    "product_url",
    "signed_up_at",
    "email_consent",
    "sms_consent",
    "push_consent",
    "marketing_consent",
    "score",
    "scale",
    "comment",
    "survey",
)
"""Fields that have no column of their own in the log and become properties of that name."""

NUMBERS: Final = frozenset(
    {"price", "quantity", "impressions", "clicks", "refund_amount", "sale_price", "score", "scale"}
)
"""Fields that become properties of numbers."""

BREAKDOWNS: Final = ("keyword", "device", "placement", "age", "gender", "region", "hour")
"""What divides the costs of one ad on one day into several rows."""

TYPES: Final = frozenset({"track", "page", "screen", "identify", "group", "alias", "link", "unlink", "rule"})


def known(name: str) -> bool:
    """Whether a map may name this field."""
    return name in FIELDS or (name.startswith(PROPERTY_PREFIX) and len(name) > len(PROPERTY_PREFIX))


def property_name(field: str) -> str | None:
    """The property column a mapped field is kept in, or None when the log has a column for it."""
    if field.startswith(PROPERTY_PREFIX):
        return field
    return PROPERTY_PREFIX + field if field in (*PRODUCT, "price", "quantity") else None
