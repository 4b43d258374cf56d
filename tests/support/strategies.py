"""What hypothesis draws in the tests of the protocols."""

from hypothesis import strategies as st

from arcwire.engineio.protocol.packet import TYPES, Binary

SEPARATOR = "\x1e"

unicode_text = st.text(st.characters(exclude_categories=["Cs"]))
"""Text that UTF-8 can hold."""

payload_text = st.text(st.characters(exclude_categories=["Cs"], exclude_characters=SEPARATOR))
"""Text that a polling payload can carry."""

text_packets = st.builds(str.__add__, st.sampled_from(TYPES), payload_text)
"""Text packets with their digit."""

wire_packets = text_packets | st.binary().map(Binary)
"""Packets as a session sees them: text with a digit, or the content of a binary message."""

near_packets = st.text(st.sampled_from("0123456789b=+/aQ\x1e \n€")) | st.text()
"""Text that is nearly a payload, so that decoders get beyond its first character."""

garbage = st.binary() | near_packets.map(lambda text: text.encode(errors="surrogatepass"))
"""Bodies that nobody should send."""

json_scalars = (
    st.none()
    | st.booleans()
    | st.integers(-(2**53) + 1, 2**53 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | unicode_text
)

json_values = st.recursive(
    json_scalars,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(unicode_text, inner, max_size=4),
    max_leaves=12,
)
"""Anything that JSON can hold."""

binary_values = st.recursive(
    json_scalars | st.binary(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(unicode_text, inner, max_size=4),
    max_leaves=10,
)
"""Anything that JSON can hold, and bytes anywhere."""
