"""How events get here: snippets with the address of this server and a place for the key."""

from __future__ import annotations

from afterclick.surfaces.viz.markup import Html, el, join
from afterclick.surfaces.viz.voice import Voice


def connect(host: str, voice: Voice, *, first: bool) -> Html:
    """How to send events here: snippets with the address of this server; `first` where nothing ever came."""
    ways = [
        ("live.way_script", f'<script async src="{host}/afterclick.js" data-key="YOUR_WRITE_KEY"></script>'),
        (
            "live.way_curl",
            f"""curl -u YOUR_WRITE_KEY: {host}/v1/track -d '{{"type":"track","event":"Signed Up","userId":"u1"}}'""",
        ),
        ("live.way_segment", f"AnalyticsBrowser.load({{ writeKey: 'YOUR_WRITE_KEY', cdnURL: '{host}' }})"),
        ("live.way_python", f"segment.analytics.client.Client('YOUR_WRITE_KEY', host='{host}')"),
        ("live.way_posthog", f"posthog.init('YOUR_WRITE_KEY', {{ api_host: '{host}' }})"),
    ]
    body = [
        el("p", None, voice.text("live.connect_what")),
        [
            join(
                [
                    el("p", {"class": "group"}, voice.text(name)),
                    el("pre", {"data-copy": True, "tabindex": 0}, el("code", None, code)),
                ]
            )
            for name, code in ways
        ],
        el("p", {"class": "foot"}, voice.text("live.connect_key")),
    ]
    if first:
        return el("section", {"class": "panel card"}, el("h2", None, voice.text("live.connect")), body)
    return el("details", {"class": "panel card more"}, el("summary", None, voice.text("live.connect_more")), body)
