"""The fields that every question about a funnel's steps shares: written once, so that they mean the same everywhere."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta

from afterclick.analyse.question import Duration

Within = Annotated[Duration, Meta(description="time from step 1, inclusive")]
WithinFrom = Annotated[
    Literal["first", "previous"], Meta(description="the window runs from step 1, or from the last step reached")
]
Ties = Annotated[
    Literal["either", "strict"],
    Meta(description="equal instants count in either order, or a later step must be later"),
]
TieTolerance = Annotated[Duration, Meta(description="instants this close count as equal")]
Hold = Annotated[
    tuple[str, ...],
    Meta(
        description="up to three properties that stay as they were at step 1; a missing value never matches",
        examples=["basket_id", "product_id"],
        max_length=3,
    ),
]
First = Annotated[
    Literal["any", "ever", "matching"],
    Meta(
        description="any step 1 counts; or only the visitor's first such event of all history; or only the first one "
        "that meets the step's condition"
    ),
]
Clip = Annotated[
    Literal["none", "range"], Meta(description="later steps may follow the range, or nothing after it counts")
]
