import json
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from arcwire.engineio.protocol.jsonp import read_form, wrap
from support.vectors import vectors


@pytest.mark.parametrize("row", vectors("engineio-jsonp", "scripts"))
def test_scripts(row):
    assert wrap(row["payload"].encode(), row["index"]).decode() == row["script"]


@pytest.mark.parametrize("row", vectors("engineio-jsonp", "forms"))
def test_forms(row):
    payload = None if row["payload"] is None else row["payload"].encode()
    assert read_form(row["form"].encode()) == payload


@given(st.text(), st.text())
def test_a_script_calls_one_function_with_the_payload(payload, index):
    match = re.fullmatch(r"___eio\[[0-9]*\]\((.*)\);", wrap(payload.encode(), index).decode(), re.DOTALL)
    assert match is not None
    assert json.loads(match[1]) == payload
    assert not set(match[1]) & set("\n\r\u2028\u2029")


@given(st.binary())
def test_forms_of_any_bytes_are_read(form):
    payload = read_form(form)
    assert payload is None or isinstance(payload.decode(), str)
