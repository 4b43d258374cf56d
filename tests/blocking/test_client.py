"""The blocking client against a real server."""

import gc
import os
import queue
import signal
import subprocess
import sys
import threading
import time
from typing import Any

import msgspec
import pytest

from arcwire import Ack, AckTimeout, ConnectRefused, Disconnected, InvalidAnswer, StateName
from arcwire.blocking import Client, Socket
from arcwire.blocking import loop_thread as loop_threads
from arcwire.errors import ConnectError, Unreachable
from blocking.conftest import PATIENCE
from support.servers import ServerProcess, free_port, running


class Point(msgspec.Struct):
    x: int
    y: int


# -- connecting -----------------------------------------------------------------------------


def test_with_connects_and_closes(server: ServerProcess) -> None:
    client = Client(server.url)
    assert not client.socket.connected
    assert threading.active_count() == 1  # nothing runs before it is needed
    with client as socket:
        assert socket is client.socket
        assert socket.connected
        assert socket.active
        assert socket.namespace == "/"
        assert socket.id is not None
        assert len(socket.id) == 20
        assert socket.transport == "websocket"
        assert not socket.recovered
        assert not socket.deduplicated
        assert socket.state.name is StateName.OPEN
        assert "open" in repr(client)
        assert "blocking" in repr(socket)
    assert not socket.connected
    client.close()
    with pytest.raises(Disconnected, match="the client is closed"):
        socket.emit("echo")
    with pytest.raises(Disconnected, match="the client is closed"):
        socket.emit_with_ack("echo")
    with pytest.raises(Disconnected, match="the client is closed"):
        client.connect()


def test_why_it_does_not_connect(server: ServerProcess) -> None:
    with pytest.raises(Unreachable), Client(f"http://127.0.0.1:{free_port()}"):
        pytest.fail("it cannot be connected")
    with pytest.raises(ConnectRefused) as refused, Client(f"{server.url}/admin"):
        pytest.fail("it cannot be connected")
    assert (refused.value.message, refused.value.data) == ("not allowed", {"retry": False})
    with pytest.raises(ValueError, match="transports"):
        Client(server.url, transports=["pigeon"])
    with pytest.raises(TypeError):
        Client(server.url, colour="red")


def test_auth_may_be_a_function_and_be_replaced(server: ServerProcess) -> None:
    asked: list[str] = []

    def token() -> dict[str, Any]:
        asked.append(threading.current_thread().name)
        return {"token": "secret"}

    client = Client(f"{server.url}/admin", auth={"token": "wrong"})
    try:
        with pytest.raises(ConnectRefused):
            client.connect()
        client.socket.auth = token
        assert client.connect().connected
    finally:
        client.close()
    assert len(asked) == 1


def test_namespaces_share_a_connection(server: ServerProcess) -> None:
    client = Client(server.url)
    with client as socket, client.of("/admin", auth={"token": "secret"}) as admin:
        assert client.of("/admin") is admin
        assert admin.emit_with_ack("echo", "admin") == "admin"
        assert socket.emit_with_ack("echo", "root") == "root"
        assert client.asynchronous.manager.connection is not None
        admin.disconnect()
        assert not admin.active
        assert socket.emit_with_ack("echo", 1) == 1
        admin.connect()
        assert admin.emit_with_ack("echo", 2) == 2


def test_what_is_emitted_right_before_the_end_arrives(server: ServerProcess, socket: Socket) -> None:
    with socket.events("bye") as events:
        with Client(server.url) as other:
            other.emit("shout", "bye", 1)
        assert events.get(PATIENCE).args == [1]


# -- sending --------------------------------------------------------------------------------


def test_answers(socket: Socket) -> None:
    assert socket.emit_with_ack("echo", {"a": [1, b"\0"]}) == {"a": [1, b"\0"]}
    assert socket.emit_with_ack("echo", 1, 2) == (1, 2)
    assert socket.emit_with_ack("echo") is None
    assert socket.emit_with_ack("echo", {"x": 1, "y": 2}, returns=Point) == Point(1, 2)
    with pytest.raises(InvalidAnswer):
        socket.emit_with_ack("echo", {"x": 1}, returns=Point)
    with pytest.raises(AckTimeout):
        socket.timeout(0.05).emit_with_ack("never")
    with pytest.raises(Disconnected):
        socket.emit_with_ack("kick")


def test_what_cannot_be_sent_is_told_at_once(socket: Socket) -> None:
    with pytest.raises(ValueError, match="lifecycle"):
        socket.emit("connect")
    with pytest.raises(TypeError):
        socket.emit("x", object())
    with pytest.raises(TypeError):
        socket.emit_with_ack("x", object())


def test_order_and_back_pressure(socket: Socket) -> None:
    with socket.events("bounced") as events:
        for number in range(500):
            socket.emit("bounce", number)
        socket.emit("bounce", "last").wait()
        assert [events.get(PATIENCE).args[0] for _ in range(501)] == [*range(500), "last"]


def test_flags(socket: Socket) -> None:
    with socket.events("bounced") as events:
        socket.volatile.emit("bounce", 1)
        socket.compress(False).timeout(PATIENCE).emit("bounce", 2)
        assert [events.get(PATIENCE).args for _ in range(2)] == [[1], [2]]
    assert socket.timeout(PATIENCE).volatile.emit_with_ack("echo", 3) == 3


def test_threads_share_a_socket(socket: Socket) -> None:
    answers: queue.Queue[Any] = queue.Queue()

    def ask(number: int) -> None:
        for count in range(20):
            answers.put(socket.emit_with_ack("echo", [number, count]))

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE)
    assert sorted(answers.get_nowait() for _ in range(100)) == [[n, c] for n in range(5) for c in range(20)]


# -- handlers ---------------------------------------------------------------------------------


def test_plain_handlers_run_in_threads_and_may_use_the_socket(socket: Socket) -> None:
    seen: queue.Queue[Any] = queue.Queue()

    @socket.on("bounced")
    def bounced(point: Point) -> None:
        seen.put((point, threading.current_thread().name, socket.emit_with_ack("echo", point.x)))

    socket.emit("bounce", {"x": 1, "y": 2})
    point, thread, answer = seen.get(timeout=PATIENCE)
    assert (point, answer) == (Point(1, 2), 1)
    assert thread not in ("MainThread", "arcwire-loop")
    socket.off("bounced", bounced)


def test_handlers_answer(server: ServerProcess, socket: Socket) -> None:
    with Client(server.url) as other:

        @socket.on("question")
        def question(value: int) -> dict[str, int]:
            return {"twice": value * 2}

        assert other.emit_with_ack("survey", 21) == [{"twice": 42}]
        socket.off("question")

        @socket.once("question")
        def later(ack: Ack, value: int) -> None:
            threading.Thread(target=ack, args=(value,)).start()

        assert other.emit_with_ack("survey", 5) == [5]


def test_ordered_handlers_run_one_by_one(socket: Socket) -> None:
    seen: list[int] = []
    done = threading.Event()

    @socket.on("tick", ordered=True)
    def tick(number: int) -> None:
        if number % 7 == 0:
            time.sleep(0.002)  # others would come first
        seen.append(number)
        if number == 199:
            done.set()

    socket.emit("ticks", 200)
    assert done.wait(PATIENCE)
    assert seen == list(range(200))


def test_asynchronous_handlers_may_not_wait_for_themselves(socket: Socket) -> None:
    seen: queue.Queue[Any] = queue.Queue()

    @socket.on("bounced")
    async def bounced(number: int) -> None:
        try:
            socket.emit_with_ack("echo", number)
        except RuntimeError as error:
            seen.put(str(error))
        socket.emit("echo", number)  # does not wait
        seen.put(await socket.asynchronous.emit_with_ack("echo", number))

    socket.emit("bounce", 1)
    assert "would wait for itself" in seen.get(timeout=PATIENCE)
    assert seen.get(timeout=PATIENCE) == 1


def test_listeners_and_middlewares(socket: Socket) -> None:
    seen: queue.Queue[Any] = queue.Queue()

    @socket.on_any
    def came(event: str, *args: Any) -> None:
        seen.put(("came", event, *args))

    @socket.on_any_outgoing
    def went(event: str, *args: Any) -> None:
        seen.put(("went", event, *args))

    socket.emit("bounce", 1)
    assert seen.get(timeout=PATIENCE) == ("went", "bounce", 1)
    assert seen.get(timeout=PATIENCE) == ("came", "bounced", 1)
    assert socket.listeners_any() == [came]
    socket.off_any(came)
    socket.off_any_outgoing()

    @socket.use
    async def check(event: Any) -> None:
        seen.put(event.name)

    socket.emit("bounce", 2)
    assert seen.get(timeout=PATIENCE) == "bounced"


def test_lifecycle_handlers_and_states() -> None:
    with running("uvicorn-fast", "support.cli_app:app") as server:
        seen: queue.Queue[Any] = queue.Queue()
        client = Client(server.url, reconnection_delay=0.05, reconnection_delay_max=0.1)
        socket = client.socket
        socket.on_connect(lambda: seen.put("connect"))
        socket.on_disconnect(lambda reason: seen.put(("disconnect", reason)))
        socket.on_connect_error(lambda error: seen.put(type(error)))
        with client, socket.states() as states:
            assert seen.get(timeout=PATIENCE) == "connect"
            assert states.get(PATIENCE).name is StateName.OPEN
            server.kill()
            assert seen.get(timeout=PATIENCE)[0] == "disconnect"
            assert states.get(PATIENCE).name is StateName.RECOVERING
            assert issubclass(seen.get(timeout=PATIENCE), ConnectError)
            socket.emit("shout", "again", 1)  # waits
            with socket.events("again") as again:
                server.start()
                assert again.get(PATIENCE).args == [1]
            names = [states.get(PATIENCE).name]
            while names[-1] is not StateName.OPEN:
                names.append(states.get(PATIENCE).name)
        assert list(socket.states()) == [] if socket.active else True


def test_errors_of_handlers(socket: Socket) -> None:
    seen: queue.Queue[Any] = queue.Queue()

    @socket.on_error
    def failed(error: Exception) -> None:
        seen.put(error)

    @socket.on("bounced")
    def bounced() -> None:
        raise LookupError("broken")

    socket.emit("bounce")
    assert repr(seen.get(timeout=PATIENCE)) == "LookupError('broken')"


def test_handlers_that_were_registered_before_get_what_comes_with_the_connection(
    server: ServerProcess,
) -> None:
    client = Client(f"{server.url}/picky?room=1", extra_headers={"x-key": "1"})
    seen: queue.Queue[Any] = queue.Queue()
    client.socket.on("welcome", lambda about: seen.put(about["query"]["room"]))
    early = client.socket.events()
    with client:
        assert seen.get(timeout=PATIENCE) == "1"
        assert early.get(PATIENCE).name == "welcome"


# -- streams ----------------------------------------------------------------------------------


def test_events_are_iterated(socket: Socket) -> None:
    numbers = []
    events = socket.events("tick")
    socket.emit_with_ack("ticks", 50)
    for event in events:
        assert event.name == "tick"
        numbers.append(event.args[0])
        if numbers[-1] == 49:
            break
    assert numbers == list(range(50))
    assert len(events) == 0
    with pytest.raises(TimeoutError, match=r"nothing came within 0\.01 seconds"):
        events.get(0.01)
    events.close()
    with pytest.raises(EOFError):
        events.get()
    assert list(events) == []


def test_an_iteration_ends_with_the_socket(server: ServerProcess) -> None:
    with Client(server.url) as socket:
        events = socket.events()
        socket.emit("bounce", 1)
        socket.emit("kick")
        assert [event.args for event in events] == [[1]]


def test_an_iteration_ends_when_another_thread_closes(server: ServerProcess) -> None:
    client = Client(server.url)
    events = client.connect().events()
    counted: list[int] = []
    reader = threading.Thread(target=lambda: counted.append(len(list(events))))
    reader.start()
    client.close()
    reader.join(PATIENCE)
    assert counted == [0]
    assert list(events) == []


def test_what_came_before_the_end_can_be_read_after_it(server: ServerProcess) -> None:
    with Client(server.url) as socket:
        events = socket.events()
        socket.emit_with_ack("ticks", 3)
    assert [event.args for event in events] == [[0], [1], [2]]
    with pytest.raises(EOFError):
        events.get()


def test_streams_answer(server: ServerProcess, socket: Socket) -> None:
    def answer() -> None:
        event = socket.events("question").get(PATIENCE)
        assert event.wants_ack
        event.answer("from a stream")

    reader = threading.Thread(target=answer)
    reader.start()
    with Client(server.url) as other:
        deadline = time.monotonic() + PATIENCE
        while (answers := ask_soon(other)) != ["from a stream"]:
            assert time.monotonic() < deadline, answers
    reader.join(PATIENCE)


def ask_soon(socket: Socket) -> Any:
    try:
        return socket.timeout(1).emit_with_ack("survey", 1)
    except AckTimeout:
        return None


# -- interrupts and ends ------------------------------------------------------------------------


def interrupt_soon() -> threading.Thread:
    """Ctrl-C, as soon as the main thread waits."""
    main = threading.main_thread()

    def interrupt() -> None:
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            frame = sys._current_frames()[main.ident or 0]
            if frame.f_code.co_name == "join" and frame.f_code.co_filename.endswith("loop_thread.py"):
                signal.pthread_kill(main.ident or 0, signal.SIGINT)
                return
            time.sleep(0.005)

    thread = threading.Thread(target=interrupt)
    thread.start()
    return thread


def test_interrupts_lose_nothing(socket: Socket) -> None:
    with socket.events("bounced") as events:
        helper = interrupt_soon()
        with pytest.raises(KeyboardInterrupt):
            next(events)
        helper.join()
        socket.emit("bounce", 1)
        assert events.get(PATIENCE).args == [1]
    helper = interrupt_soon()
    with pytest.raises(KeyboardInterrupt):
        socket.emit_with_ack("never")
    helper.join()
    assert socket.emit_with_ack("echo", 2) == 2


def test_an_interrupt_gives_up_connecting() -> None:
    client = Client(f"http://127.0.0.1:{free_port()}", retry_connect=True)
    helper = interrupt_soon()
    with pytest.raises(KeyboardInterrupt):
        client.connect()
    helper.join()
    assert not client.socket.active
    client.close()


def test_a_client_that_nobody_has_is_closed(server: ServerProcess, socket: Socket) -> None:
    def forget() -> None:
        other = Client(f"{server.url}/admin", auth={"token": "secret"})
        other.connect().emit("shout", "x")

    forget()
    gc.collect()
    assert socket.emit_with_ack("echo", 1) == 1
    # `_no_threads` waits for its end.


def test_a_handler_that_closes_its_client_does_not_wait_for_itself(
    server: ServerProcess, caplog: pytest.LogCaptureFixture
) -> None:
    client = Client(server.url)
    socket = client.connect()
    closed = threading.Event()

    @socket.on("bounced")
    def bounced() -> None:
        client.close()
        closed.set()

    socket.emit("bounce")
    assert closed.wait(PATIENCE)
    deadline = time.monotonic() + PATIENCE
    while threading.active_count() > 1:
        assert time.monotonic() < deadline
        time.sleep(0.01)
    assert socket.state.name is StateName.CLOSED
    assert caplog.records == []  # no handler was cancelled


PROGRAM = """\
import sys
from arcwire.blocking import Client
client = Client(sys.argv[1])
socket = client.connect()
socket.emit("shout", "from a program that ends", 1)
"""

FORKING = """\
import os, sys
from arcwire.blocking import Client

before = Client(sys.argv[1])
connected = Client(sys.argv[1])
socket = connected.connect()
child = os.fork()
if child == 0:
    try:
        socket.emit_with_ack("echo", 1)
    except RuntimeError as error:
        assert "before the process forked" in str(error), error
    else:
        os._exit(3)
    connected.close()
    with before as own:
        assert own.emit_with_ack("echo", "child") == "child"
    sys.exit(0)
_, status = os.waitpid(child, 0)
assert os.waitstatus_to_exitcode(status) == 0, status
assert socket.emit_with_ack("echo", "parent") == "parent"
with before as own:
    assert own.emit_with_ack("echo", "parent too") == "parent too"
connected.close()
"""


def run(program: str, url: str) -> None:
    done = subprocess.run(
        [sys.executable, "-W", "ignore::DeprecationWarning", "-c", program, url],
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")


def test_the_end_of_the_program_closes_what_is_open(server: ServerProcess, socket: Socket) -> None:
    with socket.events("from a program that ends") as events:
        run(PROGRAM, server.url)
        assert events.get(PATIENCE).args == [1]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="the system does not fork")
def test_forks(server: ServerProcess) -> None:
    run(FORKING, server.url)


def test_all_clients_share_one_thread(server: ServerProcess, socket: Socket) -> None:
    with Client(server.url) as other:
        other.emit_with_ack("echo")
        assert [each.name for each in threading.enumerate()].count("arcwire-loop") == 1
        assert loop_threads._current is not None
