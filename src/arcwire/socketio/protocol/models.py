"""Pydantic's models: recognised without importing pydantic, which is optional.

Whoever has a model to send or to annotate with has imported it.
"""

from typing import Any


def is_model(type_: Any) -> bool:
    """Whether a type is a pydantic (version 2) model."""
    return (
        isinstance(type_, type) and hasattr(type_, "__pydantic_validator__") and hasattr(type_, "model_dump")
    )


def is_pydantic_dataclass(type_: Any) -> bool:
    """Whether a type is a dataclass that pydantic made."""
    return _is_validated(type_) and hasattr(type_, "__dataclass_fields__")


def fields_of(model: Any) -> list[object]:
    """The values of a model's fields."""
    return [*vars(model).values(), *(model.__pydantic_extra__ or {}).values()]


def dump(model: Any, *, binary: bool = False) -> object:
    """A model as plain objects under its wire names; `binary` keeps bytes (and dates) as they are."""
    return model.model_dump(mode="python" if binary else "json", by_alias=True)


def encode_model(value: Any) -> object:
    """For encoders: what to encode in place of an object that they do not know. Raises TypeError."""
    if is_model(type(value)):
        return dump(value)
    raise TypeError(f"an object of type {type(value).__name__} has no JSON form")


def decode_model(type_: Any, value: Any) -> Any:
    """For decoders: a value of a model. Raises pydantic's ValidationError."""
    return type_.model_validate(value)


def first_error(error: BaseException | None) -> tuple[str, str] | None:
    """What a ValidationError of pydantic says first, and where: (message, path)."""
    if error is None or not hasattr(error, "errors") or not hasattr(error, "error_count"):
        return None
    details = error.errors(include_url=False, include_input=False)[0]
    path = "".join(f"[{each}]" if isinstance(each, int) else f".{each}" for each in details["loc"])
    return details["msg"], path


def _is_validated(type_: Any) -> bool:
    return isinstance(type_, type) and hasattr(type_, "__pydantic_validator__")
