"""What keeps a target from being met is calculated from the figures of the same run."""

from typing import Any

import limit_tables
import pytest
import results
import tables
from limits import KERNEL, OWN, TOOLS, Cost, Limit, limit_of
from targets import verdicts

from support.figures import memory, pace
from support.figures import results as some_results

ECHO, BROADCAST = "echo-100x8", "broadcast-1000"


def summary(*groups: list[dict[str, Any]]) -> dict[str, Any]:
    return results.summarized(some_results(*groups))


def limits(made: dict[str, Any]) -> list[Limit]:
    return [limit for verdict in verdicts(made) if (limit := limit_of(made, verdict))]


def echo(kernel: float, bare: float, bare_user: float) -> dict[str, Any]:
    """Arcwire takes 10 µs an echo, Bun 8.8: with a target of 1.1 it is 8 that are allowed."""
    return summary(
        pace(ECHO, "arcwire-3.13", 100_000, user_us=10 - kernel, system_us=kernel),
        pace(ECHO, "bun", 1e6 / 8.8, user_us=5, system_us=3.8),
        pace(ECHO, "bare-3.13", 1e6 / bare, user_us=bare_user, system_us=bare - bare_user),
    )


def test_what_is_allowed_is_put_beside_what_arcwire_and_the_bare_handler_take() -> None:
    (limit,) = limits(echo(kernel=3, bare=5, bare_user=2.5))
    assert limit.verdict.rival == "bun"
    assert limit.allowed == pytest.approx(8, rel=1e-3)
    assert limit.used == Cost(10, 3)
    assert limit.bare is not None
    assert (limit.bare.total, limit.bare.kernel) == pytest.approx((5, 2.5), rel=1e-3)
    assert limit.beyond == pytest.approx(5, rel=1e-3)
    assert limit.bare_ratio == pytest.approx(1.76, rel=1e-3)


@pytest.mark.parametrize(
    "kernel, bare, bare_user, name, text",
    [
        (3, 5, 2.5, OWN, "bun: Arcwire itself 5.00 of 3.00 µs (bare handler 1.76)"),
        (9, 5, 2.5, OWN, "bun: Arcwire itself 5.00 of 3.00 µs (bare handler 1.76)"),
        (3, 8.8, 5.8, TOOLS, "bun: bare handler 1.00, 8.80 of 8.00 µs"),
        (8.5, 9, 0.5, KERNEL, "bun: kernel alone 8.50 of 8.00 µs (bare handler 0.98)"),
    ],
)
def test_the_limit_is_the_first_that_takes_more_than_is_allowed(
    kernel: float, bare: float, bare_user: float, name: str, text: str
) -> None:
    """System calls that the bare handler does without are Arcwire's."""
    made = echo(kernel, bare, bare_user)
    (limit,) = limits(made)
    assert limit.name == name
    assert str(limit) == text
    assert text in tables.targets_table(made)


@pytest.mark.parametrize(
    "kernel, name, text, row",
    [
        (
            30,
            OWN,
            "bun: user code 70.0 of 50.0 µs (no bare handler)",
            "| 80.0 | 100 (30.0) | – | – | Arcwire |",
        ),
        (
            85,
            KERNEL,
            "bun: kernel alone 85.0 of 80.0 µs (no bare handler)",
            "| 80.0 | 100 (85.0) | – | – | kernel |",
        ),
    ],
)
def test_without_a_bare_handler_user_code_is_one(kernel: float, name: str, text: str, row: str) -> None:
    made = summary(
        pace("polling-100", "arcwire-3.13", 10_000, user_us=100 - kernel, system_us=kernel),
        pace("polling-100", "bun", 12_500, user_us=50.0, system_us=30.0),
    )
    (limit,) = limits(made)
    assert (limit.bare, limit.bare_ratio, limit.beyond, limit.name) == (None, None, None, name)
    assert str(limit) == text
    (line,) = limit_tables.limits_table(made).splitlines()[2:]
    assert line.endswith(f"| bun | 1 | 0.80 | – {row}")


def test_the_bare_handler_of_another_python_says_nothing() -> None:
    made = summary(
        pace(BROADCAST, "arcwire-3.11", 100_000, user_us=4, system_us=6),
        pace(BROADCAST, "python-socketio", 20_000, user_us=40, system_us=10),
        pace(BROADCAST, "bare-3.13", 150_000, user_us=1, system_us=6),
    )
    limit = next(limit for limit in limits(made) if limit.verdict.server == "arcwire-3.11")
    assert limit.bare is None


def test_what_is_met_or_about_memory_or_of_an_older_file_has_no_limit() -> None:
    assert limits(summary(memory("arcwire-3.13", 9000), memory("bun", 8000))) == []
    assert limits(summary(pace(ECHO, "arcwire-3.13", 2), pace(ECHO, "bun", 3))) == []
    met = summary(
        pace(ECHO, "arcwire-3.13", 3, user_us=1, system_us=1), pace(ECHO, "bun", 2, user_us=1, system_us=1)
    )
    assert limits(met) == []


def test_costs_and_calls_are_shown_for_every_server() -> None:
    made = summary(
        pace(ECHO, "bun", 1, user_us=2.5, system_us=1.25),
        pace(ECHO, "bare-3.13", 1, write_calls=0.125, read_calls=0.13, system_calls=0.26),
    )
    costs, calls = limit_tables.costs_table(made), limit_tables.calls_table(made)
    assert costs.splitlines()[2] == "| echo, 8 in flight | – | – | – | – | – | 2.50 + 1.25 | – |"
    assert calls.splitlines()[2] == "| echo, 8 in flight | – | – | – | – | – | – | 0.12 / 0.13 / 0.26 |"
    assert limit_tables.costs_table(summary(pace(ECHO, "bun", 1))) == "Not measured."


def test_the_balance_counts_what_is_met_and_the_limits_of_the_rest() -> None:
    made = echo(kernel=3, bare=8.8, bare_user=5.8)
    assert limit_tables.balance_text(made) == (
        "0 of 1 targets are met. Of the others, 0 allow less time than the kernel alone takes, 1 less than "
        "a bare handler on the same libraries takes; 0 are missed by what Arcwire does beyond it."
    )


def test_the_bare_handler_is_in_no_comparison() -> None:
    made = echo(kernel=3, bare=1, bare_user=0.5)
    for name in ("works", "throughput", "latency", "other", "ratios"):
        assert "bare" not in tables.TABLES[name](made), name
    assert "**114**" in tables.works_table(made)
