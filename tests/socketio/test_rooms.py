"""Rooms and selections."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from arcwire.socketio.rooms import Rooms
from arcwire.socketio.selection import Selection


def test_members_and_rooms_are_two_views_of_one_relation() -> None:
    rooms: Rooms[str] = Rooms()
    rooms.join("ann", ["a", "b"])
    rooms.join("bob", ["b"])
    assert rooms.members("b") == {"ann", "bob"}
    assert rooms.rooms_of("ann") == {"a", "b"}
    rooms.leave("ann", "b")
    assert rooms.members("b") == {"bob"}
    rooms.leave_all("ann")
    assert "a" not in rooms
    assert rooms.rooms_of("ann") == frozenset()


def test_leaving_what_one_is_not_in_is_harmless() -> None:
    rooms: Rooms[str] = Rooms()
    rooms.leave("ann", "a")
    rooms.leave_all("ann")
    rooms.join("ann", [])
    assert len(rooms) == 0
    assert rooms.rooms_of("ann") == frozenset()


_actions = st.lists(
    st.tuples(
        st.sampled_from(["join", "leave", "leave_all"]),
        st.integers(0, 4),
        st.lists(st.sampled_from("abcd"), min_size=1, max_size=3),
    )
)


@given(_actions)
def test_the_index_agrees_with_a_plain_relation(actions: list[tuple[str, int, list[str]]]) -> None:
    rooms: Rooms[int] = Rooms()
    relation: set[tuple[int, str]] = set()
    for action, member, names in actions:
        if action == "join":
            rooms.join(member, names)
            relation |= {(member, name) for name in names}
        elif action == "leave":
            rooms.leave(member, names[0])
            relation.discard((member, names[0]))
        else:
            rooms.leave_all(member)
            relation = {pair for pair in relation if pair[0] != member}
    for name in "abcd":
        assert rooms.members(name) == {member for member, room in relation if room == name}
        assert (name in rooms) == any(room == name for _, room in relation)
    for member in range(5):
        assert rooms.rooms_of(member) == {room for each, room in relation if each == member}
    assert len(rooms) == len({room for _, room in relation})


def test_selections_are_values() -> None:
    base = Selection().to(("a",))
    wider = base.to(("b",)).except_(("c",))
    assert base == Selection(frozenset("a"))
    assert wider == Selection(frozenset("ab"), frozenset("c"))


@pytest.mark.parametrize("wrong", [["a", "b"], 1, None, b"a"])
def test_rooms_are_named_by_strings(wrong: object) -> None:
    with pytest.raises(TypeError, match="a room is named by a string"):
        Selection().to((wrong,))  # type: ignore[arg-type]
