"""Health, alerts, notifications, the kill switch, and logs without secrets."""

from __future__ import annotations

import json
import re
import socket
from pathlib import Path
from typing import Any

import pytest
import structlog
from prometheus_client import REGISTRY

from keeper.config.schema import WatchSection
from keeper.watch import logs, metrics
from keeper.watch.alerts import ALERTS, HOUR, Alarms, Level, Message, Problem
from keeper.watch.health import RECENT, Health, Stuck
from keeper.watch.monitor import Monitor
from keeper.watch.notify import WAITING, Notifier, services
from keeper.watch.switch import KillSwitch
from tests.keeper.services import Service

ROOT = Path(__file__).parents[2]
RUNBOOK = ROOT / "docs" / "runbook.md"
LOW = Problem("balance_low", "little", 0.01, 0.05)
LAG = Problem("endpoint_lag", "behind", 9, 3)


def sample(name: str, labels: dict[str, str]) -> float:
    return REGISTRY.get_sample_value(name, labels) or 0.0


def alarms(sent: list[Message], **more: Any) -> Alarms:
    return Alarms(sent.append, **{"repeat": 600.0, "per_hour": 20, "least": Level.WARNING, **more})


def test_alarms__a_problem_lasts__told_once_then_again_after_the_time_set_then_that_it_is_over() -> None:
    sent: list[Message] = []
    told = alarms(sent)
    for now in range(0, 1_300, 10):
        told.update([LOW], now)
    told.update([], 1_300)
    assert [message.title for message in sent] == [
        "balance_low: a sender can pay for few more transactions",
        "balance_low: still, for 10 min",
        "balance_low: still, for 20 min",
        "balance_low: over",
    ]
    assert {message.level for message in sent} == {Level.CRITICAL}
    assert sent[0].body == "little"


def test_alarms__gone_before_it_has_lasted__not_told() -> None:
    sent: list[Message] = []
    told = alarms(sent)
    wait = ALERTS["endpoint_lag"].wait
    told.update([LAG], 0)
    told.update([LAG], wait - 1)
    told.update([], wait)
    told.update([LAG], wait + 1)
    assert sent == []
    told.update([LAG], 2 * wait + 1)
    assert len(sent) == 1


def test_alarms__the_same_event_again__counted_and_told_with_the_next() -> None:
    sent: list[Message] = []
    told = alarms(sent)
    for now in (0, 1, 2, 700):
        told.event("transaction_reverted", f"at {now}", now)
    assert [message.body for message in sent] == ["at 0", "at 700; 2 more since the last notification"]


def test_alarms__too_many_in_an_hour__held_back_and_said() -> None:
    sent: list[Message] = []
    told = alarms(sent, per_hour=3, repeat=1.0)
    for now in range(10):
        told.update([LOW] if now % 2 == 0 else [], now)
    assert len(sent) == 3
    told.update([LOW], HOUR + 20)
    assert sent[-1].body == "little\n(7 notifications before were not sent)"


def test_alarms__only_critical_wanted__warnings_stay_in_the_log() -> None:
    sent: list[Message] = []
    told = alarms(sent, least=Level.CRITICAL)
    told.event("reorg_deep", "deep", 0)
    told.event("nonce_taken", "who?", 0)
    assert [message.title for message in sent] == ["nonce_taken: somebody else sends with this key"]


def test_runbook__every_alert__has_its_section_with_level_and_what_to_do() -> None:
    text = RUNBOOK.read_text()
    sections = dict(re.findall(r"^## ([a-z_]+)\n(.*?)(?=^## |\Z)", text, re.M | re.S))
    assert sorted(sections) == sorted(ALERTS)
    for name, section in sections.items():
        assert re.match(rf"\n\*\*{ALERTS[name].level.value}\*\*: {re.escape(ALERTS[name].means)}", section), name
        for part in ("Means.", "See.", "Do.", "Over."):
            assert section.count(f"**{part}**") == 1, f"{name}: {part}"


def test_alerts__named_in_the_code__are_those_there_are() -> None:
    code = "\n".join(path.read_text() for path in (ROOT / "keeper").rglob("*.py"))
    named = set(re.findall(r"(?:Problem|\.tell|\.event)\(\s*\"([a-z_]+)\"", code))
    assert named == set(ALERTS)


def well(**facts: Any) -> Health:
    """A keeper that is well, at second 100 of its clock, but for the facts given."""
    health = Health(60.0, WatchSection(), clock=lambda: 100.0, wall=lambda: 1_000.0)
    health.head, health.head_time, health.last = 7, 990, 95.0
    health.balances = {"0xA": 10**18}
    health.base_fee, health.most_fee, health.free_capital, health.disk_free = 5, 10, 1, 10**12
    for name, fact in facts.items():
        setattr(health, name, fact)
    return health


def test_health__all_is_well__no_problem() -> None:
    assert well().problems == []
    assert well().report()["ok"] is True


@pytest.mark.parametrize(
    ("facts", "name", "number"),
    [
        ({"last": 30.0}, "head_stale", 70),
        ({"last": None}, "head_stale", 0),
        ({"head_time": 800}, "head_old", 200),
        ({"head_time": 1_100}, "clock_off", 100),
        ({"failure": "no answer"}, "head_failing", 1),
        ({"lags": {"a": 1, "b": 9}}, "endpoint_lag", 9),
        ({"silent": ["0 a", "1 b"]}, "endpoint_down", 2),
        ({"deaf": (90.0, 2)}, "endpoint_deaf", 2),
        ({"lanes": {"urgent": Stuck(21, "0xaa")}}, "lane_stuck", 21),
        ({"balances": {"0xA": 10**16}}, "balance_low", 0.01),
        ({"base_fee": 11}, "fees_capped", 11 / 10**9),
        ({"free_capital": 0}, "capital_gone", 0),
        ({"quarantined": {"0x1": "why"}}, "accounts_quarantined", 1),
        ({"failing": {"0x1": "why", "0x2": "why"}}, "accounts_failing", 2),
        ({"store": (99.0, 3)}, "store_failing", 3),
        ({"disk_free": 10**8}, "disk_low", 100),
        ({"notify_failed": 4}, "notify_failing", 4),
        ({"killed": "by hand"}, "kill_switch", 1),
        ({"shut_down": 77}, "shut_down", 77),
    ],
)
def test_health__one_thing_is_wrong__named_with_its_number(facts: dict[str, Any], name: str, number: float) -> None:
    health = well(**facts)
    (problem,) = health.problems
    assert (problem.name, problem.value) == (name, number)
    assert health.report()["ok"] is (ALERTS[name].level is Level.WARNING)


def test_health__long_ago__no_problem_any_more() -> None:
    assert well(deaf=(100.0 - RECENT, 2), store=(100.0 - RECENT, 1)).problems == []
    assert well(lags={"a": 3}, lanes={"urgent": Stuck(20, "0xaa")}).problems == []


class Endpoint:
    """A node's counters."""

    deaf = switches = 0
    name = "host"

    def lags(self) -> dict[str, int]:
        return {"0 a": 0, "1 b": 10} if self.deaf else {"0 a": 0}

    def silent(self) -> list[str]:
        return ["2 c"] if self.deaf else []


def test_monitor__counters_went_up__events_and_problems_are_told(tmp_path: Path) -> None:
    sent: list[Message] = []
    health, node, switch = well(), Endpoint(), KillSwitch(tmp_path / "keeper.kill")
    monitor = Monitor(health, alarms(sent), Notifier([]), switch, node, tmp_path / "keeper.sqlite")
    monitor.look()
    assert sent == []
    node.deaf = node.switches = 1
    health.tell("reorg_deep", "20 blocks")
    switch.turn_on("a drill")
    metrics.STORE_FAILURES.inc()
    for _ in range(2):
        monitor.look()
    assert [message.title.split(":")[0] for message in sent] == [
        "reorg_deep",
        "endpoint_switched",
        "endpoint_deaf",
        "kill_switch",
        "store_failing",
    ]
    assert sample("keeper_kill_switch", {}) == 1
    assert sample("keeper_alert", {"name": "kill_switch", "level": "warning"}) == 1
    switch.turn_off()
    monitor.look()
    assert sent[-1].title == "kill_switch: over"
    assert sample("keeper_alert", {"name": "kill_switch", "level": "warning"}) == 0


def test_notifier__service_is_there__gets_level_title_and_body() -> None:
    with Service() as service, Notifier([service.url], "keeper test") as notifier:
        notifier.send(Message(Level.CRITICAL, "lane_stuck: late", "0xaa"))
        assert service.got.wait(20)
    (body,) = service.bodies
    assert (body["title"], body["message"], body["type"]) == ("[keeper test] lane_stuck: late", "0xaa", "failure")


def test_notifier__service_refuses_or_is_not_there__counted_until_one_goes_out() -> None:
    before = sample("keeper_notifications_failed_total", {})
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        with Notifier([f"json://127.0.0.1:{nobody.getsockname()[1]}"]) as notifier:
            notifier.send(Message(Level.WARNING, "a", "b"))
    with Service(500) as service, Notifier([service.url]) as refused:
        refused.send(Message(Level.WARNING, "a", "b"))
        assert service.got.wait(20)
    assert (notifier.failed, refused.failed) == (1, 1)
    assert sample("keeper_notifications_failed_total", {}) == before + 2


def test_notifier__service_hangs__sending_does_not_wait_and_what_is_too_much_is_counted() -> None:
    with Service() as service:
        service.go_on.clear()
        with Notifier([service.url]) as notifier:
            for number in range(WAITING + 10):
                notifier.send(Message(Level.WARNING, str(number), ""))
            assert not service.got.is_set()
            assert notifier.failed >= 9
            service.go_on.set()


def test_notifier__no_address__nothing_happens() -> None:
    with Notifier([]) as notifier:
        notifier.send(Message(Level.WARNING, "a", "b"))
    assert notifier.failed == 0
    assert len(services(["json://host/path"])) == 1
    with pytest.raises(ValueError, match="Apprise knows no such address"):
        services(["nothing of the sort"])


def test_switch__file_is_there__on_whoever_made_it(tmp_path: Path) -> None:
    path = tmp_path / "sub" / "keeper.kill"
    switch = KillSwitch(path)
    assert switch.reason == "" == switch.stops("bid")
    switch.turn_on("SIGUSR1")
    assert switch.stops("bid") == switch.stops("open") == "SIGUSR1" == KillSwitch(path).reason
    assert switch.turn_off()
    assert switch.reason == ""
    assert not switch.turn_off()
    path.touch()
    assert "is there" in switch.reason


def test_switch__file_cannot_be_read_or_written__on(tmp_path: Path) -> None:
    (tmp_path / "keeper.kill").mkdir()
    assert "Is a directory" in KillSwitch(tmp_path / "keeper.kill").reason
    (tmp_path / "file").touch()
    switch = KillSwitch(tmp_path / "file" / "keeper.kill")
    switch.turn_on("SIGUSR1")
    assert switch.stops("bid")


def test_switch__sightings_spared__only_bids_stop(tmp_path: Path) -> None:
    switch = KillSwitch(tmp_path / "keeper.kill", spares_sightings=True)
    switch.turn_on("drill")
    assert (switch.stops("open"), switch.stops("bid")) == ("", "drill")


def test_logs__addresses_with_keys__left_out(capsys: pytest.CaptureFixture[str]) -> None:
    logs.keep_secret(["wss://user:pass-word-9@host.example:8546/v2/abcdef0123456789?token=qwertyuiop", "http://h/ws"])
    logs.set_up_logs("info")
    text = "wss://user:pass-word-9@host.example:8546/v2/abcdef0123456789?token=qwertyuiop: refused"
    structlog.get_logger("test").info("leaving", endpoint=text, error=text, path="/ws")
    (line,) = capsys.readouterr().err.splitlines()
    read = json.loads(line)
    assert read["endpoint"] == read["error"] == "wss://user:…@host.example:8546/…?…: refused"
    assert (read["path"], read["level"], read["event"]) == ("/ws", "info", "leaving")
    logs._secrets.clear()
    structlog.reset_defaults()
