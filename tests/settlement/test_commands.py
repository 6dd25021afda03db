"""The commands on an agreement's money, as a shell gives them, on anvil."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.settlement.world import MARCH, World, amounts

import revshare as rs
from revshare.chain.artifacts import load
from revshare.chain.deployment import deployed
from revshare.chain.node import Node
from revshare.cli import main

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    def call(*arguments: str) -> tuple[int, str, str]:
        capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            main(arguments)
        said = capsys.readouterr()
        return int(ended.value.code or 0), said.out, said.err

    return call


class Desk:
    """An agreement's file, a ledger of its sales, and the options by which they are named."""

    def __init__(self, world: World, folder: Path) -> None:
        self.world = world
        self.split = world.deal()
        assert self.split.agreement is not None
        # Without a salt, for the commands have none.
        self.file = folder / "deal.toml"
        self.file.write_text(self.split.agreement.to_toml(), encoding="utf-8")
        self.chain = ("--rpc-url", str(world.chain.w3.provider.endpoint_uri))  # type: ignore[attr-defined]
        self.token = ("--token", world.token.address)
        self.at = ("--split", self.split.address)
        self.ledger = ("--ledger", world.ledger._store.name)


@pytest.fixture
def desk(world: World, tmp_path: Path) -> Desk:
    return Desk(world, tmp_path)


def test_a_split_is_deployed_paid_distributed_and_claimed(desk: Desk, run: Run) -> None:
    options = (*desk.chain, *desk.token)
    code, out, _ = run("deploy", str(desk.file), *options, "--json")
    assert code == 0
    made = json.loads(out)
    assert run("deploy", str(desk.file), *options)[1].startswith(
        f"{made['agreement']}: {made['split']} on chain 31337"
    )
    code, out, _ = run("pay", str(desk.file), "25", "--sale-id", "A", *options)
    assert code == 0
    assert out.startswith("A: 25.00 GBP6 paid in\ntransaction 0x")
    code, _, err = run("pay", str(desk.file), "25", "--sale-id", "A", *options)
    assert code == 2
    assert "AlreadyPaid" in err
    assert err.count("\n") == 1
    code, out, _ = run("claim", str(desk.file), "payee2", *options)
    assert (code, out.split("\n")[0]) == (0, "payee2: 5.00 GBP6 paid")
    several = ("claim", str(desk.file), "payee1", "payee2", *options)
    code, out, err = run(*several)
    assert (code, out.split("\n")[0]) == (1, "payee1: 12.50 GBP6 paid")
    assert err == "revshare: payee2 was not paid: NothingDue\n"
    code, out, err = run(*several, "--json")
    assert (code, err.count("\n")) == (1, 2)
    kinds = [(event["kind"], event["reason"]) for event in json.loads(out)["events"]]
    assert kinds == [("PaymentSkipped", "NothingDue")] * 2
    code, _, err = run("claim", str(desk.file), "payee1", "nobody", *options)
    assert (code, err.count("\n")) == (2, 1)
    run("pay", str(desk.file), "25", "--sale-id", "B", *options)
    code, out, _ = run(*several)
    assert code == 0
    assert out.startswith("payee1: 4.166666 GBP6 paid\npayee2: 8.333333 GBP6 paid\ntransaction 0x")
    code, out, _ = run("distribute", str(desk.file), *options)
    assert (code, out.split("\n")[0]) == (0, "distributed GBP6: payee3 20.00")
    assert run("distribute", str(desk.file), *options)[1] == "nothing is due: nothing was sent\n"
    code, out, _ = run("distribute", str(desk.file), *options, "--json")
    assert json.loads(out)["events"] == []


def test_a_month_is_settled_from_the_command_line(desk: Desk, run: Run) -> None:
    desk.world.sell(desk.split, MARCH, amounts(9))
    options = (*desk.chain, *desk.token, *desk.at, *desk.ledger)
    code, out, _ = run("status", *desk.ledger)
    assert code == 0
    assert "9 sale lines are in no settlement yet\n    → settle it" in out
    code, out, _ = run("settle", str(desk.file), "--period", MARCH, *options, "--dry-run")
    assert code == 0
    assert "planned; 9 lines" in out
    assert "Nothing was signed." in out
    code, out, _ = run("settle", str(desk.file), "--period", MARCH, *options, "--dry-run", "--json")
    (plan,) = json.loads(out)["plans"]
    assert run("status", *desk.ledger)[1].count("\n") == 2
    code, out, err = run("settle", str(desk.file), "--period", MARCH, *options)
    assert code == 0, err
    assert "final; 9 lines" in out
    assert "distribute 0x" in out
    code, out, _ = run("settle", str(desk.file), "--period", MARCH, *options, "--json")
    (result,) = json.loads(out)["settlements"]
    assert result["amount"] == plan["amount"]
    assert {name: one["paid"] for name, one in result["payouts"].items()} == {
        name: one["amount"] for name, one in plan["payouts"].items()
    }
    code, out, _ = run("reconcile", str(desk.file), *options)
    assert code == 0
    assert "all accounts agree, to the unit" in out
    assert json.loads(run("reconcile", str(desk.file), *options, "--json")[1])["reconciled"] is True
    code, out, _ = run("status", str(desk.file), *desk.ledger, "--json")
    (period,) = json.loads(out)["periods"]
    assert period["state"] == "final"
    code, _, err = run("status", "no-such.toml", *desk.ledger)
    assert (code, err.count("\n")) == (2, 1)
    assert "no sales of 'no-such.toml'; of " in err
    assert run("settle", *desk.chain, *desk.ledger)[1] == "nothing is open\n"
    desk.world.check(desk.split)


def test_amounts_are_grouped_and_one_line_is_one_line(desk: Desk, run: Run) -> None:
    desk.world.sell(desk.split, MARCH, [1_234_567_890])
    options = (*desk.chain, *desk.token, *desk.at, *desk.ledger)
    assert "1 sale line is in no settlement yet" in run("status", *desk.ledger)[1]
    dry = run("settle", str(desk.file), "--period", MARCH, *options, "--dry-run")[1]
    assert "planned; 1 line, net 1,234.56789 GBP6" in dry
    done = run("settle", str(desk.file), "--period", MARCH, *options)[1]
    assert "final; 1 line, 1,234.56789 GBP6" in done
    assert "received 1,234.56789 GBP6" in run("reconcile", str(desk.file), *options)[1]
    assert "1 line remitted and shared among 3 payees" in run("status", *desk.ledger)[1]


def test_an_agreement_without_sales_is_doubted_where_others_have_some(desk: Desk, run: Run) -> None:
    desk.world.sell(desk.split, MARCH, [1])
    other = desk.world.deal()
    assert other.agreement is not None
    assert desk.split.agreement is not None
    file = desk.file.with_name("other.toml")
    file.write_text(other.agreement.to_toml(), encoding="utf-8")
    options = (*desk.chain, *desk.token, *desk.ledger, "--split", other.address, "--dry-run")
    code, out, err = run("settle", str(file), "--period", MARCH, *options)
    assert (code, err.count("\n")) == (0, 1)
    assert f"no sales of {other.agreement.name!r}; of {desk.split.agreement.name!r}" in err
    assert "there is nothing to settle" in out


def test_a_period_that_is_not_over_is_doubted(desk: Desk, run: Run) -> None:
    desk.world.sell(desk.split, MARCH, [1])
    options = (*desk.chain, *desk.token, *desk.at, *desk.ledger, "--dry-run")
    code, _, err = run("settle", str(desk.file), "--period", "9011-03", *options)
    assert (code, err.count("\n")) == (0, 1)
    assert err.startswith("revshare: 9011-03 is not over: ")
    assert run("settle", str(desk.file), "--period", MARCH, *options)[2] == ""


@pytest.mark.parametrize(
    ("account", "said"),
    [
        ("0x12", "neither an address"),
        ("ab" * 33, "neither an address"),
        ("gone.json", "gone.json: there is no such file"),
    ],
)
def test_an_account_that_is_none_gets_a_line(desk: Desk, run: Run, account: str, said: str) -> None:
    code, out, err = run(
        "distribute", str(desk.file), *desk.chain, *desk.at, *desk.token, "--account", account
    )
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert said in err
    assert "ab" * 20 not in err, "it may be a key with a digit too many"


def test_a_difference_is_said_and_makes_the_exit_code(desk: Desk, run: Run) -> None:
    desk.world.sell(desk.split, MARCH, amounts(3))
    options = (*desk.chain, *desk.token, *desk.at, *desk.ledger)
    run("settle", str(desk.file), "--period", MARCH, *options)
    desk.split.remit(5, batch_id="by hand", root=bytes(32), count=1)
    desk.world.token.approve(desk.split.address, 5).send()
    desk.split.remit(5, batch_id="by hand", root=bytes(32), count=1).send()
    code, _, err = run("reconcile", str(desk.file), *options)
    assert code == 1
    assert err.startswith("revshare: the books do not agree: ")


def test_what_was_interrupted_goes_on_without_being_named(desk: Desk, run: Run) -> None:
    desk.world.sell(desk.split, MARCH, amounts(3))
    settler = desk.world.settler()
    settler.add(desk.split, MARCH)
    settler.step()
    settler._journal.release()
    code, out, err = run("settle", *desk.chain, *desk.ledger)
    assert code == 0, err
    assert "final; 3 lines" in out
    desk.world.check(desk.split)


def own_factory(desk: Desk) -> str:
    """A factory that is not at the address of every chain."""
    code = load("RevenueSplitFactory").bytecode
    return deployed(Node(desk.world.chain.w3), desk.world.me, "deployment", code, "factory")


def test_a_factory_that_could_only_be_placed_elsewhere_is_named(
    desk: Desk, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    placed = own_factory(desk)
    monkeypatch.setattr(
        rs.RevenueSplitFactory, "deploy", lambda node, account: rs.RevenueSplitFactory(node, placed, account)
    )
    code, out, err = run("deploy", str(desk.file), *desk.chain, *desk.token, "--json")
    assert code == 0
    assert err.endswith(f"other commands find the split with REVSHARE_FACTORY={placed}\n")
    monkeypatch.setenv("REVSHARE_FACTORY", placed)
    code, again, err = run("deploy", str(desk.file), *desk.chain, *desk.token, "--json")
    assert (code, json.loads(again), err) == (0, json.loads(out), "")


def test_a_split_of_another_factory_is_found_by_naming_that(
    desk: Desk, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    world, factory = desk.world, own_factory(desk)
    options = (*desk.chain, *desk.token)
    monkeypatch.setenv("REVSHARE_FACTORY", factory)
    code_, out, err = run("deploy", str(desk.file), *options, "--json")
    assert (code_, err) == (0, "")
    at = ("--split", json.loads(out)["split"])
    assert run("pay", str(desk.file), "25", "--sale-id", "A", *options)[0] == 0
    monkeypatch.delenv("REVSHARE_FACTORY")
    code_, _, err = run("pay", str(desk.file), "25", "--sale-id", "B", *options, *at)
    assert (code_, err.count("\n")) == (2, 1)
    assert "name it by the environment's REVSHARE_FACTORY" in err

    # What was planned with it goes on without: who made the split was asked then.
    split = world.deal(factory=factory)
    world.sell(split, MARCH, amounts(3))
    settler = world.settler()
    settler.add(split, MARCH)
    settler.step()
    settler._journal.release()
    code_, out, err = run("settle", *desk.chain, *desk.ledger)
    assert code_ == 0, err
    assert "final; 3 lines" in out
    world.check(split)


def test_what_another_account_has_planned_is_said_and_makes_the_exit_code(desk: Desk, run: Run) -> None:
    desk.world.sell(desk.split, MARCH, amounts(3))
    settler = desk.world.settler()
    settler.add(desk.split, MARCH)
    settler.step()
    settler._journal.release()
    other = str(list(desk.world.chain.w3.eth.accounts)[1])
    options = (*desk.chain, *desk.token, *desk.at, *desk.ledger, "--account", other)
    code, out, err = run("settle", str(desk.file), "--period", MARCH, *options, "--json")
    assert (code, err.count("\n")) == (1, 1)
    assert "it alone can go on (--account)" in err
    assert json.loads(out)["problems"] == [err.removeprefix("revshare: ").rstrip("\n")]
    assert run("settle", *desk.chain, *desk.ledger)[0] == 0
    desk.world.check(desk.split)


def test_what_another_process_of_the_account_has_in_hand_is_waited_for_and_said(desk: Desk, run: Run) -> None:
    desk.world.sell(desk.split, MARCH, amounts(3))
    settler = desk.world.settler()
    settler.add(desk.split, MARCH)
    settler.step()
    options = (*desk.chain, *desk.token, *desk.at, *desk.ledger)
    code, _, err = run("settle", str(desk.file), "--period", MARCH, *options, "--timeout", "0")
    assert (code, err.count("\n")) == (1, 1)
    assert f"not everything was final within 0 seconds ({settler.worker} of the same account is at" in err
    assert "--account" not in err
    settler.run()
    assert run("settle", str(desk.file), "--period", MARCH, *options)[0] == 0
    desk.world.check(desk.split)


def test_what_takes_too_long_or_costs_too_much_just_now_is_no_mistake(desk: Desk, run: Run) -> None:
    desk.world.sell(desk.split, MARCH, amounts(3))
    options = ("settle", str(desk.file), "--period", MARCH, *desk.chain, *desk.token, *desk.at, *desk.ledger)
    for arguments, kind in (
        (("--max-fee", "1", "--timeout", "0"), "FeesTooHigh"),
        (("--finality", "100", "--timeout", "0"), "SettlementTimeout"),
    ):
        code, out, err = run(*options, *arguments, "--json")
        assert (code, err.count("\n")) == (1, 1), err
        assert json.loads(out)["error"]["kind"] == kind


def test_that_it_waits_for_lower_fees_is_said_at_once_and_once(desk: Desk, run: Run) -> None:
    desk.world.sell(desk.split, MARCH, amounts(3))
    options = ("settle", str(desk.file), "--period", MARCH, *desk.chain, *desk.token, *desk.at, *desk.ledger)
    code, _, err = run(*options, "--max-fee", "1", "--timeout", "0.2")
    waits, failed = err.splitlines()
    assert code == 1
    assert waits.startswith("revshare: waiting: gas costs ")
    assert failed.startswith("revshare: gas costs ")


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (("settle", "{file}"), "give agreements and --period; or neither"),
        (("settle", "--period", "2011-03"), "give agreements and --period; or neither"),
        (("settle", "{file}", "--period", "2011-13"), "there is no period '2011-13'"),
        (("settle", "{file}", "--period", "2011-03", "--finality", "-1"), "--finality is a number of blocks"),
        (("settle", "{file}", "--period", "2011-03", "--zone", "Mars/Base"), "no time zone 'Mars/Base'"),
    ],
)
def test_mistakes_are_one_clear_line(desk: Desk, run: Run, arguments: tuple[str, ...], expected: str) -> None:
    given = [argument.format(file=desk.file) for argument in arguments]
    code, _, err = run(*given, *desk.chain, *desk.token, *desk.at, *desk.ledger)
    assert code == 2
    assert expected in err
    assert err.count("\n") == 1


def test_a_settlement_that_cannot_go_on_is_said_with_its_name(desk: Desk, run: Run) -> None:
    desk.world.sell(desk.split, MARCH, [10**15])
    options: Any = (*desk.chain, *desk.token, *desk.at, *desk.ledger)
    code, out, err = run("settle", str(desk.file), "--period", MARCH, *options, "--json")
    assert code == 1
    assert "is to remit 1,000,000,000.00: " in err
    assert err.endswith(" GBP6 are missing\n")
    assert json.loads(out)["settlements"] == []
    assert "is to remit" in json.loads(out)["problems"][0]
    assert rs.__version__
