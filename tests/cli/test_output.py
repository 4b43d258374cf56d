"""Lines on the output, and readers who are slow or go."""

import asyncio
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from arcwire.cli.failures import CommandError
from arcwire.cli.output import LineWriter, OutputGone

PATIENCE = 10.0


@pytest.fixture
def pipe() -> Iterator[tuple[int, int]]:
    ends = os.pipe()
    try:
        yield ends
    finally:
        for end in ends:
            try:
                os.close(end)
            except OSError:
                continue


async def test_lines_come_in_order_and_all_before_the_end(pipe: tuple[int, int]) -> None:
    reading, writing = pipe
    writer = LineWriter(writing)
    lines = [f"line {number} é" for number in range(50_000)]  # more than a pipe holds

    async def write() -> None:
        for line in lines:
            writer.write(line)
        await writer.close()
        os.close(writing)

    def read() -> bytes:
        content = b""
        while part := os.read(reading, 65_536):
            content += part
        return content

    content, _ = await asyncio.wait_for(asyncio.gather(asyncio.to_thread(read), write()), PATIENCE)
    assert content.decode().splitlines() == lines


async def test_a_reader_who_goes_is_noticed_without_writing(pipe: tuple[int, int]) -> None:
    reading, writing = pipe
    writer = LineWriter(writing)
    os.close(reading)
    with pytest.raises(OutputGone):
        await asyncio.wait_for(writer.watch(), PATIENCE)
    writer.write("for nobody")
    with pytest.raises(OutputGone):
        await asyncio.wait_for(writer.close(), PATIENCE)


async def test_a_reader_who_is_too_slow_is_an_error(pipe: tuple[int, int]) -> None:
    reading, writing = pipe
    writer = LineWriter(writing, max_waiting=1_000_000)
    for _ in range(200):
        writer.write("x" * 10_000)
    with pytest.raises(CommandError, match="the reader of the output is too slow"):
        await asyncio.wait_for(writer.watch(), PATIENCE)
    os.close(reading)  # sets the thread free


async def test_files_that_are_full(tmp_path: Path) -> None:
    full = os.open("/dev/full", os.O_WRONLY)
    try:
        writer = LineWriter(full)
        writer.write("x")
        with pytest.raises(CommandError, match="cannot write the output: No space left"):
            await asyncio.wait_for(writer.close(), PATIENCE)
    finally:
        os.close(full)
    file = os.open(tmp_path / "file", os.O_WRONLY | os.O_CREAT)
    try:
        writer = LineWriter(file)
        writer.write("\ud800")
        await asyncio.wait_for(writer.close(), PATIENCE)
    finally:
        os.close(file)
    assert (tmp_path / "file").read_bytes() == b"\\ud800\n"
