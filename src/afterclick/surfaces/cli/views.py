"""What of each answer fits a terminal: its columns, and the one drawn as a bar."""

from __future__ import annotations

from typing import NamedTuple

from afterclick.core.spec import Spec


class View(NamedTuple):
    """Columns in order (none = all of the frame), the column behind the bar, figures worth a line, a part shown besides,
    and the figure that makes the command fail (exit 1) unless it is 0."""

    columns: tuple[str, ...] = ()
    bar: str = ""
    figures: tuple[str, ...] = ()
    also: str = ""
    fails: str = ""


VIEWS: dict[str, View] = {
    "map": View(
        ("stage", "entered", "onward", "open", "lost", "onward_rate", "highest", "dwell_seconds"),
        "entered",
        ("visitors", "sessions", "orders", "conversion_rate", "aov", "revenue", "at_risk", "none", "loop", "within"),
        "barriers",
    ),
    "barriers": View(
        (
            "rank", "stage", "kind", "name", "severity", "visitors", "met_rate", "expected_rate", "at_risk",
            "at_risk_low", "at_risk_high", "recipe",
        ),
        "",
        ("at_risk", "at_risk_low", "at_risk_high", "at_risk_rate", "barriers", "candidates", "visitors", "within"),
    ),
    "funnel": View(
        (
            "step", "event", "n", "of_all_rate", "from_previous_rate", "lost", "open", "seconds_from_first_p50",
            "value_sum", "lost_value",
        ),
        "n",
        (
            "started", "converted", "conversion_rate", "previous_conversion_rate", "seconds_to_convert_p50",
            "worst_step",
        ),
        "breakdown",
    ),
    "drivers": View(
        (
            "direction", "behaviour", "type", "with_n", "with_rate", "without_rate", "times", "odds_ratio", "low",
            "high", "significant",
        ),
        "with_rate",
        ("reached", "decided_earlier", "open", "analysed", "went_on", "did_not", "tested"),
    ),
    "retention": View(
        (
            "period", "cohorts", "base", "returned", "retained_rate", "low_rate", "high_rate", "previous_rate",
            "base_revenue", "revenue", "revenue_ratio", "low_ratio", "high_ratio",
        ),
        "retained_rate",
        ("started", "cohorts", "previous_started"),
        "breakdown",
    ),
    "lifecycle": View(
        ("interval", "active", "new", "returning", "resurrecting", "dormant", "incomplete"),
        "active",
        ("won_per_lost",),
    ),
    "stickiness": View(
        ("intervals", "visitors", "share_rate", "or_more", "or_more_rate"),
        "visitors",
        ("days", "daily_visitors", "monthly_visitors", "dau_mau_rate", "low_rate", "high_rate"),
    ),
    "onboarding": View(
        ("event", "until_day", "newcomers", "visitors", "reached_rate", "low_rate", "high_rate", "previous_rate"),
        "reached_rate",
        ("newcomers", "left_out", "previous_newcomers"),
        "progress",
    ),
    "paths": View(
        ("column", "node", "type", "paths", "share_rate", "visitors", "merged", "previous_share_rate"),
        "share_rate",
        ("paths", "visitors", "ordered", "conversion_rate", "begun"),
        "paths",
    ),
    "transitions": View(
        ("from", "from_type", "to", "to_type", "moves", "visitors", "rate", "median_seconds"),
        "rate",
        ("entries", "moves", "back_and_forth_rate", "repeat_rate", "order_rate", "steps_to_order"),
        "nodes",
    ),
    "searches": View(
        (
            "where", "source", "word", "searches", "sessions", "nothing", "nothing_rate", "exits", "ordered_rate",
            "revenue",
        ),
        "nothing_rate",
        ("searches", "words", "nothing", "nothing_rate", "empty", "refined", "exits", "searchers"),
    ),
    "channels": View(
        (
            "channel", "source", "medium", "campaign", "term", "content", "media", "visitors", "bounce_rate",
            "conversion_rate", "orders", "revenue", "cost", "roas", "cac", "aim_kpi",
        ),
        "visitors",
        ("cost", "roas", "cac", "blended_cac"),
    ),
    "attribution": View(
        (
            "channel", "source", "campaign", "ad", "message", "landing", "visitors", "conversions", "revenue",
            "share_low_rate", "share_rate", "share_high_rate", "first_revenue", "linear_revenue", "markov_revenue",
            "shapley_revenue", "cost", "roas", "cac",
        ),
        "revenue",
        ("conversions", "revenue", "unattributed_revenue", "attributed_rate", "cost", "roas", "cac"),
    ),
    "change": View(("factor", "effect", "share_rate"), "", ("previous_revenue", "revenue")),
    "top": View(
        ("value", "name", "visitors", "share_rate", "sessions", "orders", "units", "conversion_rate", "revenue"),
        "visitors",
    ),
    "touchpoints": View(
        (
            "touchpoint", "twin", "visitors", "sessions", "views", "landings", "bounce_rate", "exits", "exit_rate",
            "friction",
        ),
        "visitors",
        ("visitors", "sessions", "touchpoints", "words"),
    ),
    "touchpoint": View(
        ("side", "touchpoint", "type", "sessions", "visitors", "share_rate"),
        "sessions",
        (
            "visitors", "sessions", "views", "entries", "bounce_rate", "exits", "exit_rate", "dwell_seconds",
            "friction", "error_rate", "loop_rate", "slow_rate",
        ),
    ),
    "feedback": View(
        (
            "value", "answers", "visitors", "score_rate", "score_low_rate", "score_high_rate", "nps", "nps_low",
            "nps_high", "promoters", "passives", "detractors",
        ),
        "answers",
        ("answers", "visitors", "score_rate", "nps", "nps_low", "nps_high", "promoters", "detractors", "texts"),
        "words",
    ),
    "rewards": View(
        ("outcome", "members", "alike", "difference", "low", "high", "naive_difference", "reason"),
        "",
        ("members", "matched", "unmatched_rate", "alike", "exposed_rate", "worst_balance", "joined"),
        "balance",
    ),
    "referrals": View(
        ("visitor", "known_as", "invites", "referred", "buyers", "orders", "revenue", "promoter"),
        "referred",
        ("invites", "referred", "new", "new_buyers", "orders", "revenue", "k_factor", "k_low", "k_high"),
        "pairs",
    ),
    "segment": View(
        ("metric", "value", "other", "difference", "difference_low", "difference_high", "differs"),
        "",
        ("members", "everyone", "share_rate", "compared", "active", "revenue", "revenue_rate", "rule"),
        "trend",
    ),
    "backtest": View(
        (
            "automation", "firings", "visitors", "per_visitor", "held_out", "both_visitors", "near_firings", "cost",
            "revenue_after", "orders_after",
        ),
        "firings",
        (
            "firings", "visitors", "per_visitor", "held_out", "previous_firings", "cost", "revenue_after",
            "revenue_after_low", "revenue_after_high", "orders_after", "break_even_rate", "sent", "suppressed",
            "messages_cost", "rules", "beside",
        ),
        "times",
    ),
    "segments": View(
        (
            "name", "kind", "members", "share_rate", "active", "buyer_rate", "orders", "revenue", "revenue_rate",
            "problem",
        ),
        "members",
        ("segments", "lists", "visitors"),
    ),
    "value": View(
        (
            "channel", "source", "medium", "campaign", "term", "content", "media", "customers", "repeat_rate",
            "alive_rate", "clv", "clv_mean", "won", "won_clv", "cac", "ltv_cac",
        ),
        "clv",
        (
            "customers", "alive", "alive_low", "alive_high", "clv", "clv_low", "clv_high", "clv_mean",
            "newcomer_clv", "repeat_rate", "cac", "ltv_cac", "holdout_expected", "holdout_actual",
        ),
        "rules",
    ),
    "rfm": View(
        ("recency", "frequency", "rfm_name", "customers", "share_rate", "orders", "revenue", "revenue_rate"),
        "customers",
        ("customers", "orders", "revenue", "days_p50"),
        "names",
    ),
    "repeat": View(
        (
            "order", "customers", "of_all_rate", "from_previous_rate", "within_rate", "days_p50", "days_seen_p50",
            "open",
        ),
        "customers",
        ("repeat_rate", "within_rate", "days_p50"),
    ),
    "visitors": View(
        ("visitor", "known_as", "stage", "channel", "sessions", "events", "orders", "revenue", "last_seen_at"),
        "",
        ("visitors", "found", "next_cursor"),
    ),
    "visitor": View(
        ("session", "start_at", "channel", "landing", "pages", "events", "orders", "revenue", "stage_to"),
        "",
        (
            "visitor", "known_as", "ids", "first_seen_at", "last_seen_at", "channel", "stage", "sessions", "orders",
            "revenue",
        ),
    ),
    "personas": View(
        (
            "persona", "direction", "name", "visitors", "share_rate", "buyers", "revenue", "revenue_rate", "path",
            "channel",
        ),
        "visitors",
        ("visitors", "personas", "stable", "agreement_resampled", "agreement_reseeded", "silhouette"),
        "behaviours",
    ),
    "affinities": View(
        (
            "value", "visitors", "leading", "leading_rate", "share_rate", "signals_per_visitor", "recency_seconds",
            "views", "baskets", "orders",
        ),
        "leading",
        ("visitors", "signals", "too_few"),
    ),
    "discover": View(
        ("position", "stage", "enter", "visitors", "share_rate"),
        "visitors",
        ("stages", "states", "fit_rate", "forward_rate", "explained_rate", "toml"),
        "typical",
    ),
    "doctor": View(("severity", "count", "text_id", "examples")),
    "alerts": View(
        ("state", "alert", "figure", "days", "value", "usual", "low", "high", "reason", "problem"),
        "",
        ("alerts", "ringing", "cooling", "unknown"),
        "causes",
    ),
    "boards": View(
        (
            "board", "card", "title", "question", "finding", "figure", "value", "goal", "reached", "problem",
            "cards", "goals",
        ),
        "",
        ("cards", "goals", "reached"),
    ),
    "reconcile": View(
        ("status", "text_id", "left", "right", "difference", "day", "key", "reason"),
        "",
        ("lines", "failed", "unchecked"),
        fails="failed",
    ),
    "kpi": View(("metric", "value", "previous", "change", "low", "high")),
    "data": View(
        ("event", "raw_names", "stage", "events", "visitors", "share_rate", "last_at"),
        "events",
        ("events", "visitors", "ids", "links", "first_at", "last_at", "imports", "rejected", "duplicates", "nobody"),
    ),
}  # fmt: skip
"""A question that is not named here shows every column of its frame."""

PARTS: dict[str, View] = {
    "rules": View(("foreseen_by", "total", "actual", "error", "correlation", "auc")),
    "names": View(("rfm_name", "customers", "share_rate", "orders", "revenue", "revenue_rate", "days_p50"), "customers"),
    "checks": VIEWS["doctor"],
    "barriers": VIEWS["barriers"],
    "paths": View(("rank", "path", "paths", "share_rate", "conversion_rate"), "share_rate"),
    "nodes": View(("node", "steps", "visitors", "exit_rate", "repeat_rate", "order_rate", "steps_to_order"), "steps"),
    "breakdown": View(("group", "step", "n", "of_all_rate", "from_previous_rate", "value_sum"), "n"),
    "trend": View(("interval", "step", "n", "rate", "incomplete"), "rate"),
    "words": View(
        ("wording", "answers", "visitors", "low_share_rate", "rest_share_rate", "odds_ratio", "q_value", "direction"), "answers"
    ),
    "balance": View(("covariate", "members", "not_joined", "alike", "before", "after")),
    "pairs": View(("visitor", "referred", "referred_at", "new", "orders", "revenue")),
    "histogram": View(("step", "low_seconds", "high_seconds", "n"), "n"),
}
"""The same for parts of an answer."""


def view_of(spec: Spec, part: str | None = None) -> View:
    """The view of a kind of question, or of a part of its answer."""
    return VIEWS.get(spec.key_word, View()) if part is None else PARTS.get(part, View())
