"""The schema of the typed event and of its answer; the same as in order.mjs and order_pydantic.py."""

from typing import Annotated

from msgspec import Meta, Struct


class Order(Struct):
    id: Annotated[int, Meta(ge=0)]
    item: Annotated[str, Meta(min_length=1, max_length=64)]
    quantity: Annotated[int, Meta(ge=1, le=1000)]
    price: Annotated[float, Meta(gt=0)]
    express: bool
    tags: list[str]


class Receipt(Struct):
    id: int
    item: str
    total: float
    express: bool
