"""Messages as they go out: words with the values of one visitor put in, in the language of that visitor."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple
from urllib.parse import urlsplit

import msgspec
from liquid.exceptions import LiquidError

from afterclick.act.message import HTML_CHANNELS
from afterclick.act.templating import faults, liquid, markup
from afterclick.act.templating.values import plain
from afterclick.core import i18n
from afterclick.core.errors import SpecError
from afterclick.decide.rules.problem import Problem
from afterclick.store.automations import Words

FIELDS: Final = ("title", "body", "button", "url", "image", "code")
"""Fields of words that are templates."""
_LINKS: Final = ("url", "image")
_LONGEST_LINK: Final = 2048


class Preview(NamedTuple):
    """What a visitor would see, None where it cannot be shown; and everything that is wrong with it."""

    words: Words | None
    problems: tuple[Problem, ...]


def choose(words: Sequence[Words], lang: str) -> Words:
    """The words for a visitor who speaks `lang`: the first of that language or of any, else the first of all."""
    spoken = lang.lower().replace("_", "-").partition("-")[0]
    fits = (one for one in words if one.lang.lower().partition("-")[0] in ("", spoken))
    return next(fits, words[0] if words else Words())


def render(words: Words, values: Mapping[str, Any], lang: str = "", *, channel: str = "") -> Words:
    """Put values into words. The body is a fragment of HTML for e-mail and one's own site, plain text elsewhere.

    `values` are data alone (see `templating.values`): what they hold is shown and never read as a template, and escaped
    where HTML is made. Raises SpecError (code `template`), whose path names the field.
    """
    given = plain({**values, "lang": lang or words.lang})
    found = {field: _field(words, field, given, channel) for field in FIELDS}
    return msgspec.structs.replace(words, **found)


def check_template(text: str, path: str = "body") -> list[Problem]:
    """What is wrong with one template, with its line: errors keep a message from being sent, warnings do not."""
    try:
        liquid.parsed(text)
    except LiquidError as error:
        return [faults.of_error(error, text, path)]
    return list(faults.of_names(text, path))


def check_words(words: Sequence[Words], path: str = "words", channel: str = "") -> list[Problem]:
    """What is wrong with any field of a message in any language; addresses are looked at where the `channel` is told."""
    found = []
    for i, one in enumerate(words):
        for field in FIELDS:
            text, place = getattr(one, field), f"{path}[{i}].{field}"
            found += check_template(text, place)
            if channel and field in _LINKS and "{" not in text:
                found += _checked_link(text.strip(), place, relative=channel == "onsite")
    return found


def _checked_link(text: str, path: str, *, relative: bool) -> list[Problem]:
    try:
        _link(text, path, relative=relative)
    except TemplateError as error:
        return [error.problem]
    return []


def preview(words: Words, values: Mapping[str, Any], lang: str = "", *, channel: str = "") -> Preview:
    """The words as one visitor would see them, or why nobody can."""
    problems = check_words([words])
    if any(problem.level == "error" for problem in problems):
        return Preview(None, tuple(problems))
    try:
        return Preview(render(words, values, lang, channel=channel), tuple(problems))
    except TemplateError as error:
        return Preview(None, (*problems, error.problem))


class TemplateError(SpecError):
    """Words that cannot be put together; `problem` says where and why in any language."""

    code = "template"

    def __init__(self, problem: Problem) -> None:
        super().__init__(i18n.text("en", problem.message_id, **problem.params), path=problem.path)
        self.problem = problem


def _field(words: Words, field: str, values: Mapping[str, Any], channel: str) -> str:
    source: str = getattr(words, field)
    if not source:
        return ""
    try:
        if field == "body" and channel in HTML_CHANNELS:
            return _fragment(source, values)
        text = liquid.rendered(source, values)
    except LiquidError as error:
        raise TemplateError(faults.of_error(error, source, field)) from None
    if field in _LINKS:
        return _link(text.strip(), field, relative=channel == "onsite")
    return text


def _fragment(source: str, values: Mapping[str, Any]) -> str:
    """Whether it is HTML is asked of what the operator wrote, never of what a visitor's values make of it."""
    if markup.is_html(source):
        return markup.clean(liquid.rendered(source, values, html=True))
    return markup.of_text(liquid.rendered(source, values))


def _link(text: str, field: str, *, relative: bool) -> str:
    """An address that leads to a page and nowhere else; one's own site may leave out where it is."""
    try:
        parts = urlsplit(text)
        whole = parts.scheme in ("http", "https") and bool(parts.hostname)
    except ValueError:
        whole = False
    near = relative and text.startswith("/") and not text.startswith(("//", "/\\"))
    plainly = text.isprintable() and not any(mark in text for mark in " \"'<>\\") and len(text) <= _LONGEST_LINK
    if text and not (plainly and (whole or near)):
        raise TemplateError(Problem("error", "", field, "templates.bad_link", {"line": 1, "link": text[:60]}))
    return text
