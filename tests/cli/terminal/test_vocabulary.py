"""What completion offers."""

from pathlib import Path

import pytest

from arcwire.cli.terminal.vocabulary import MAX_EVENTS, Vocabulary


@pytest.fixture
def words() -> Vocabulary:
    vocabulary = Vocabulary(commands={"help": "this", "use": "a namespace", "mute": "an event"})
    vocabulary.topics["use"] = lambda: list(vocabulary.namespaces)
    vocabulary.namespaces["/admin"] = "connected"
    vocabulary.learn('old "x"')
    vocabulary.learn("/admin older 1")
    vocabulary.learn(".help")
    vocabulary.learn('"quoted one" 1')
    vocabulary.saw("say", "came")
    vocabulary.saw("tick tock", "came")
    vocabulary.saw("say", "sent")
    return vocabulary


@pytest.mark.parametrize(
    "text, offered",
    [
        ("", ["say", '"tick tock"', "older", "old"]),
        ("s", ["say"]),
        ("say", []),
        ("  ol", ["older", "old"]),
        (".", ["help", "use", "mute"]),
        (".h", ["help"]),
        (".use ", ["/", "/admin"]),
        (".use /a", ["/admin"]),
        (".use /a b", []),
        (".help x", []),
        ("/", ["/admin"]),
        ("/admin ", ["say", '"tick tock"', "older", "old"]),
        ("/admin s", ["say"]),
        ("say ", []),
        ("say -", ["--ack", "--volatile"]),
        ("say 1 --v", ["--volatile"]),
        ("say -1", []),
        ('say "a --v', []),
        (r'say "a\" --v', []),
        ('say "a" --v', ["--volatile"]),
        ('"', []),
    ],
)
def test_offers(words: Vocabulary, text: str, offered: list[str]) -> None:
    candidates = list(words.complete(text))
    assert [candidate.text for candidate in candidates] == offered
    assert all(candidate.replaces <= len(text) for candidate in candidates)


def test_offers_say_what_they_are(words: Vocabulary) -> None:
    assert {each.text: each.about for each in words.complete("")}["say"] == "sent"
    assert {each.text: each.about for each in words.complete(".h")} == {"help": "this"}


def test_files(words: Vocabulary, tmp_path: Path) -> None:
    (tmp_path / "one.json").touch()
    (tmp_path / "once").mkdir()
    (tmp_path / ".hidden").touch()
    for begin in ("@", "text@", "bytes@", '"say" @', "@"):
        assert [each.text for each in words.complete(f"say 1 {begin}{tmp_path}/on")] == ["once/", "one.json"]
    assert [each.text for each in words.complete(f"say @{tmp_path}/")] == ["once/", "one.json"]
    assert list(words.complete(f"say @{tmp_path}/none/")) == []


def test_only_so_many_events_are_remembered() -> None:
    vocabulary = Vocabulary()
    for number in range(MAX_EVENTS + 10):
        vocabulary.saw(f"event{number}", "came")
    assert len(vocabulary.events) == MAX_EVENTS
    assert vocabulary.events[0] == f"event{MAX_EVENTS + 9}"
