"""The schema of the typed event; the same as in order.mjs and order_msgspec.py."""

from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError


class Order(BaseModel):
    model_config = ConfigDict(strict=True)

    id: int = Field(ge=0)
    item: str = Field(min_length=1, max_length=64)
    quantity: int = Field(ge=1, le=1000)
    price: float = Field(gt=0)
    express: bool
    tags: list[str]


def check_order(value: object) -> dict[str, Any]:
    try:
        order = Order.model_validate(value)
    except ValidationError as error:
        return {"error": str(error)}
    return {
        "id": order.id,
        "item": order.item,
        "total": order.quantity * order.price,
        "express": order.express,
    }
