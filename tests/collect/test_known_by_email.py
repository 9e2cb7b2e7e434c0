"""An e-mail that is the only id of a file is the visitor; beside other ids it links."""

from __future__ import annotations

import afterclick
from afterclick import Kpi

ALL = {"range": "all", "compare": "none"}


def test_an_email_alone_is_the_visitor_and_joins_the_browser_seen_with_it(tmp_path):
    (tmp_path / "crm.csv").write_text(
        "email,timestamp,event\nA@shop.example ,2026-01-01T00:00:00Z,purchase\nb@shop.example,2026-01-02T00:00:00Z,purchase\n"
    )
    (tmp_path / "web.csv").write_text(
        "client_id,email,timestamp,event\nc1,a@shop.example,2026-01-01T00:00:00Z,sign_up\nc1,,2026-01-03T00:00:00Z,page_view\n"
    )
    with afterclick.open(tmp_path / "store", write=True, create=True) as shop:
        report = shop.import_files(tmp_path / "crm.csv")
        assert report.nobody == 0
        assert shop.ask(Kpi(**ALL)).figures["visitors"] == 2
        shop.import_files(tmp_path / "web.csv")
        assert shop.ask(Kpi(**ALL)).figures["visitors"] == 2
        assert shop.ask(Kpi(identity="raw", **ALL)).figures["visitors"] == 3
