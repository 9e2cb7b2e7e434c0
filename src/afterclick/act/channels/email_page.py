"""The page around the words of an e-mail: readable in every mail program, by day and by night, and read aloud in order."""

from __future__ import annotations

import html
from typing import Final

from afterclick.act.templating import markup
from afterclick.core import i18n
from afterclick.store.automations import Words

_WIDTH: Final = 560
_COLOURS: Final = {
    "paper": "#f4f4f2", "card": "#ffffff", "ink": "#1c1b1a", "quiet": "#5c5a57", "line": "#dddad6", "button": "#1f4e79",
}  # fmt: skip
_NIGHT: Final = {
    "paper": "#161514", "card": "#22201f", "ink": "#f1efec", "quiet": "#b5b1ac", "line": "#45423f", "button": "#2c6aa3",
}  # fmt: skip

_SHEET: Final = """
body,.paper{{background:{paper}!important}} .card{{background:{card}!important}} .card,.card p,.card h1{{color:{ink}!important}}
.quiet td,.quiet a{{color:{quiet}!important}} .card .code{{border-color:{line}!important}} .card a{{color:{ink}!important}}
.card a.button{{background:{button}!important}} .card a.button,.card a.button span{{color:#ffffff!important}}
"""
# Many mail programs read styles at the elements alone, so those say how it looks by day; at night this has to win.


def page(words: Words, *, lang: str, sender: str, footer: str = "", unsubscribe: str = "") -> str:
    """A whole HTML document. `words.body` is a fragment of HTML that was cleaned, everything else is plain text."""
    night = _SHEET.format(**_NIGHT)
    tongue = lang if lang in i18n.languages() else ""
    return (
        f'<!doctype html>\n<html lang="{html.escape(lang or "en")}"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        '<meta name="color-scheme" content="light dark"><meta name="supported-color-schemes" content="light dark">'
        f"<title>{_text(words.title)}</title>"
        f"<style>:root{{color-scheme:light dark}}@media (prefers-color-scheme:dark){{{night}}}</style></head>"
        f'<body style="margin:0;background:{_COLOURS["paper"]}">'
        f'<div role="main"><table role="presentation" class="paper" width="100%" cellpadding="0" cellspacing="0" border="0">'
        f'<tr><td align="center" style="padding:24px 12px">'
        f'<table role="presentation" class="card" width="100%" cellpadding="0" cellspacing="0" border="0" '
        f'style="max-width:{_WIDTH}px;border-radius:8px;color:{_COLOURS["ink"]};background:{_COLOURS["card"]}">'
        '<tr><td style="padding:32px 28px;'
        'font:16px/1.6 -apple-system,BlinkMacSystemFont,\'Apple SD Gothic Neo\',\'Malgun Gothic\',\'Segoe UI\',sans-serif;'
        f'word-break:keep-all;overflow-wrap:anywhere">{_card(words, tongue)}</td></tr></table>'
        f"{_foot(sender, footer, unsubscribe, tongue)}</td></tr></table></div></body></html>\n"
    )


def plain(words: Words, body: str, *, lang: str, sender: str, footer: str = "", unsubscribe: str = "") -> str:
    """The same as plain text; `body` is that of the words as text."""
    tongue = lang if lang in i18n.languages() else "en"
    parts = [body]
    if words.code:
        parts.append(f"{i18n.text(tongue, 'email.code')}: {words.code}")
    if words.url:
        parts.append(f"{words.button}: {words.url}" if words.button else words.url)
    foot = [line for line in (_own(sender, footer), footer) if line]
    if unsubscribe and unsubscribe not in footer:
        foot.append(f"{i18n.text(tongue, 'email.unsubscribe')}: {unsubscribe}")
    return "\n\n".join(part for part in (*parts, "-- \n" + "\n".join(foot) if foot else "") if part) + "\n"


def _card(words: Words, lang: str) -> str:
    parts = []
    if words.image:
        parts.append(f'<img src="{html.escape(words.image)}" alt="" width="504" style="max-width:100%;height:auto;border:0">')
    if words.title:
        parts.append(f'<h1 style="margin:0 0 16px;font-size:22px;line-height:1.35">{_text(words.title)}</h1>')
    parts.append(words.body)
    if words.code:
        label = html.escape(i18n.text(lang or "en", "email.code"))
        parts.append(
            f'<p class="code" style="margin:24px 0;padding:14px;border:1px dashed {_COLOURS["line"]};border-radius:6px;'
            f'text-align:center">{label}<br><strong style="font-size:20px;letter-spacing:1px">{_text(words.code)}</strong></p>'
        )
    if words.url:
        parts.append(
            f'<p style="margin:24px 0 0"><a class="button" href="{html.escape(words.url)}" style="display:inline-block;'
            f'padding:12px 22px;border-radius:6px;background:{_COLOURS["button"]};color:#ffffff;text-decoration:none;'
            f'font-weight:600"><span style="color:#ffffff">{_text(words.button or words.url)}</span></a></p>'
        )
    return "".join(parts)


def _own(sender: str, footer: str) -> str:
    """The sender's name for a line of its own, unless the lines of the footer begin with it anyway."""
    return "" if footer.startswith(sender) else sender


def _foot(sender: str, footer: str, unsubscribe: str, lang: str) -> str:
    lines = [markup.linked(line) for line in (_own(sender, footer), *footer.splitlines()) if line.strip()]
    if unsubscribe and unsubscribe not in footer:
        word = html.escape(i18n.text(lang or "en", "email.unsubscribe"))
        lines.append(f'<a href="{html.escape(unsubscribe)}" style="color:{_COLOURS["quiet"]}">{word}</a>')
    if not lines:
        return ""
    return (
        f'<table role="presentation" class="quiet" width="100%" cellpadding="0" cellspacing="0" border="0" '
        f'style="max-width:{_WIDTH}px"><tr><td style="padding:20px 28px;font:13px/1.6 -apple-system,BlinkMacSystemFont,'
        f"'Apple SD Gothic Neo','Malgun Gothic','Segoe UI',sans-serif;color:{_COLOURS['quiet']};"
        f'word-break:keep-all;overflow-wrap:anywhere">{"<br>".join(lines)}</td></tr></table>'
    )


def _text(text: str) -> str:
    return html.escape(text)

