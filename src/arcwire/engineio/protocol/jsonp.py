"""Polling by script elements and forms (JSONP), for browsers that cannot ask other sites otherwise."""

import re
from urllib.parse import parse_qsl

import msgspec

# Clients write a line break as `\n`, because forms change real ones, and a `\n` of the payload as `\\n`.
_NEWLINE = re.compile(r"(\\)?\\n")


def wrap(body: bytes, index: str) -> bytes:
    """A script that hands a payload (UTF-8) to the client's function of this index."""
    digits = "".join(character for character in index if character in "0123456789")
    # JSON allows two line separators in strings that scripts did not until 2019.
    text = msgspec.json.encode(body.decode()).replace(b"\xe2\x80\xa8", b"\\u2028")
    return b"___eio[%b](%b);" % (digits.encode(), text.replace(b"\xe2\x80\xa9", b"\\u2029"))


def read_form(form: bytes) -> bytes | None:
    """The payload in the field `d` of a form; None where there is no such field."""
    fields = dict(parse_qsl(form.decode("utf-8", "replace"), keep_blank_values=True))
    text = fields.get("d")
    if text is None:
        return None
    return _NEWLINE.sub(lambda match: match[0] if match[1] else "\n", text).replace("\\\\n", "\\n").encode()
