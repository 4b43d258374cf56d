import pytest

from arcwire.socketio.protocol.dialect import DIALECTS
from arcwire.socketio.protocol.packet import CONNECT, Packet

NEW, OLD = DIALECTS[4], DIALECTS[3]


def test_who_joins_the_root_and_who_is_told_its_id():
    assert (NEW.joins_root, NEW.answers_with_id) == (False, True)
    assert (OLD.joins_root, OLD.answers_with_id) == (True, False)


def test_ids_that_old_clients_make_themselves():
    assert NEW.id_of is None
    assert OLD.id_of is not None
    assert OLD.id_of("/", "eaiBN1tKxahQGUEDAAAA") == "eaiBN1tKxahQGUEDAAAA"
    assert OLD.id_of("/admin", "eaiBN1tKxahQGUEDAAAA") == "/admin#eaiBN1tKxahQGUEDAAAA"


@pytest.mark.parametrize(
    "data, new, old",
    [
        (None, {"message": "no"}, "no"),
        ({"a": 1}, {"message": "no", "data": {"a": 1}}, {"a": 1}),
        ("nope2", {"message": "no", "data": "nope2"}, "nope2"),
        (0, {"message": "no", "data": 0}, 0),
    ],
)
def test_refusals(data, new, old):
    assert NEW.refusal("no", data) == new
    assert OLD.refusal("no", data) == old


@pytest.mark.parametrize(
    "asked, namespace, auth",
    [
        ("/admin", "/admin", {}),
        ("/admin?", "/admin", {}),
        ("/admin?token=1", "/admin", {"token": "1"}),
        ("/admin?token=a%2Cb+c&x=%E2%82%AC&empty=", "/admin", {"token": "a,b c", "x": "€", "empty": ""}),
        ("/admin?token=1&token=2", "/admin", {"token": "2"}),
        ("/admin?next=/a?b", "/admin", {"next": "/a?b"}),
        ("/", "/", {}),
    ],
)
def test_auth_is_the_query_of_the_namespace(asked, namespace, auth):
    assert NEW.read_connect is None
    assert OLD.read_connect is not None
    packet = Packet(CONNECT, asked, data={"ignored": True})
    assert OLD.read_connect(packet) == Packet(CONNECT, namespace, data=auth)
