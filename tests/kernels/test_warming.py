"""Kernels are compiled before they are needed, for the types they are called with, and cached where they are told to be."""

from __future__ import annotations

import os
import subprocess
import sys

import numba
import pytest

from afterclick import Attribution, Backtest, Funnel, JourneyMap, Kpi, Paths, Retention, Transitions
from afterclick.analyse import troubles
from afterclick.analyse.kernels import compiled
from afterclick.core.arrays import frozen
from afterclick.decide.backtest import running
from support.shop import Shop

WHOLE = {"range": "all", "compare": "none"}


def test_questions_call_kernels_with_the_types_of_their_examples(tmp_path, monkeypatch):
    met = set()

    def recorded(self):
        wanted = [str(numba.typeof(value)) for value in self.example()]

        def call(*arguments):
            met.add(self.plain.__name__)
            assert [str(numba.typeof(value)) for value in arguments] == wanted, self.plain.__name__
            return self.plain(*arguments)

        return call

    shop = Shop()
    for number, name in enumerate(("Page Viewed", "Product Viewed", "Product Added", "Order Completed")):
        shop.add("v", f"{number}m", name, url="https://shop.example/", device="mobile", price=3, load_ms=120)
    shop.add("v", "5m", "Page Viewed", url="https://shop.example/done", load_ms=90)
    shop.add("v", "5m", "Receipt Shown", url="https://shop.example/done").add("v", "6m", "Payment Error")
    shop.add("v", "4m", "Identified", type="identify", email="v@shop.example")
    shop.add("v", "4m", "Ad Clicked", channel="display").add("w", "4m", "Page Viewed", url="https://shop.example/?utm_source=x")
    for number in range(2):
        shop.add(f"x{number}", f"{number + 7}m", "Page Viewed", url="https://shop.example/", user="x")
    for number in range(70):
        # Enough visits on either side for a landing page to be looked into.
        shop.add(f"v{number}", "5m", "Page Viewed", url=f"https://shop.example/{'ab'[number % 2]}", device="mobile")
    questions = (
        Funnel(steps=("Page Viewed", "Order Completed"), **WHOLE),
        Funnel(steps=("Page Viewed", "Product Added[price >= 2]"), **WHOLE),
        Funnel(steps=("Page Viewed", "Order Completed"), order="strict", **WHOLE),
        Funnel(steps=("Page Viewed", "Order Completed"), order="any", **WHOLE),
        Kpi(**WHOLE),
        Kpi(session_source="sdk", **WHOLE),
        Paths(**WHOLE),
        Transitions(top=2, **WHOLE),
        Attribution(touch_unit="event", **WHOLE),
        Attribution(touch_unit="event", data_driven="off", **WHOLE),
        Retention(**WHOLE),
        Retention(start="Page Viewed", back="Product Viewed", **WHOLE),
        Backtest(rule="session.pages >= 1", range="all"),
        JourneyMap(**WHOLE),
    )
    with shop.open(tmp_path / "store") as workspace:
        monkeypatch.setattr(compiled.Kernel, "fast", recorded)
        for one in compiled._ALL:
            monkeypatch.setattr(one, "ready", True)
        for question in questions:
            workspace.ask(question)
        monkeypatch.setattr(troubles, "_FEW", 0)
        workspace.context().forget()
        workspace.ask(questions[-1])
        # As of a store whose rows came live: gathered by arrival, then put in order within each call.
        monkeypatch.setattr(running, "arrivals", lambda context: frozen(context.column("at").copy()))
        workspace.context().forget()
        workspace.ask(Backtest(rule="session.pages >= 2", range="all"))
    assert met == {one.plain.__name__ for one in compiled._ALL}


def test_a_process_of_its_own_fills_the_cache(tmp_path):
    module = "afterclick.analyse.kernels.journey"
    command = [sys.executable, "-P", "-m", "afterclick.analyse.kernels.warming", module]
    done = subprocess.run(
        command, env=os.environ | {"AFTERCLICK_CACHE": str(tmp_path)}, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    folder = tmp_path / "afterclick" / "kernels"
    assert len(list(folder.glob("compiled-*"))) == 1
    assert list(folder.rglob("journey.follow_stages*.nbi"))


def test_an_application_that_embeds_python_is_not_started_again(monkeypatch):
    monkeypatch.setattr(sys, "executable", "/opt/shop/shop-server")
    monkeypatch.setattr(subprocess, "run", lambda *_, **__: pytest.fail("started"))
    compiled._compile_elsewhere()
    assert compiled._modules()


def test_a_process_that_ends_while_a_kernel_is_compiled_waits_for_it_and_begins_no_other(tmp_path):
    script = """if True:
        import time, afterclick
        from afterclick.analyse.kernels import compiled, sessions
        assert len(compiled._ALL) > 1
        begun = []
        def warm(kernel):
            begun.append(kernel)
            time.sleep(0.5)
            print("whole", flush=True)
        compiled.Kernel.warm, compiled._QUIET = warm, 0.0
        compiled._compile_elsewhere = lambda: None
        compiled.warm_in_background()
        while not begun:
            time.sleep(0.01)
        print("end", flush=True)
    """
    environment = {**os.environ, "AFTERCLICK_CACHE": str(tmp_path)}
    done = subprocess.run([sys.executable, "-c", script], env=environment, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout.split(), done.stderr) == (0, ["end", "whole"], "")
