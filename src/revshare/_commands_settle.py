"""The commands on an agreement's money: deploy, pay, distribute, claim, settle, status, reconcile."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from revshare._commands_chains import unknown_chain
from revshare._options import (
    DEFAULT_LEDGER,
    AccountOption,
    AgreementFile,
    AsJson,
    LedgerUrl,
    PasswordFile,
    RpcUrl,
    account_of,
    agreement_name,
    busy,
    connect,
    own_factory,
    print_json,
    receipt_as_dict,
    unknown_agreement,
)
from revshare._wording import in_commands
from revshare._words import counted
from revshare.errors import FeesTooHigh, InvalidInput

if TYPE_CHECKING:
    from revshare.agreement import Agreement
    from revshare.chain import Call, Receipt, RevenueSplit
    from revshare.chain.signers import Account
    from revshare.ledger import Ledger
    from revshare.settlement import Progress, Reconciliation, SettlementPlan, SettlementResult

__all__ = ["register"]

TokenOption = Annotated[
    str | None,
    typer.Option(
        "--token",
        metavar="ADDRESS",
        help="The settlement token's contract, where the agreement does not say; not for the coin.",
        show_default=False,
    ),
]
SplitOption = Annotated[
    str | None,
    typer.Option(
        "--split",
        metavar="ADDRESS",
        help="The split's address; left out, where `deploy` creates it.",
        show_default=False,
    ),
]


def register(app: typer.Typer) -> None:
    """Add the commands to `app`."""
    url = "--rpc-url http://127.0.0.1:8545"
    app.command(epilog=f"Example: revshare deploy australia.toml --token 0x5FbD…0aa3 {url}")(deploy)
    app.command(epilog=f"Example: revshare pay australia.toml 12.50 --sale-id INV-1 {url}")(pay)
    app.command(epilog=f"Example: revshare distribute australia.toml {url}")(distribute)
    app.command(epilog=f"Example: revshare claim australia.toml designer {url}")(claim)
    app.command(epilog=f"Example: revshare settle australia.toml --period 2011-03 --account me.json {url}")(
        settle
    )
    app.command(epilog="Example: revshare status --ledger sales.db")(status)
    app.command(epilog=f"Example: revshare reconcile australia.toml --ledger sales.db {url}")(reconcile)


# ------------------------------------------------------------------------------------------ one call


def deploy(
    agreement: AgreementFile,
    *,
    rpc_url: RpcUrl,
    token: TokenOption = None,
    account: AccountOption = None,
    password_file: PasswordFile = None,
    yes: Annotated[
        bool, typer.Option("--yes", help="Do not ask before the factory is placed and paid for.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Create the split of an agreement, or find it where it is: doing this twice does it once.

    Whoever deploys first on a chain places the factory there and pays for it. What that costs is said before
    anything is sent, and outside of development chains asked.
    """
    from revshare.agreement import Agreement
    from revshare.chain import RevenueSplit

    loaded = Agreement.load(agreement)
    w3, me = connect(rpc_url), account_of(account, password_file)
    _say_what_the_factory_costs(w3, loaded, token, me, ask=not (yes or as_json))
    with busy("creating the split"):
        split = RevenueSplit.deploy(w3, loaded, token=token, account=me, factory=own_factory())
    if split.factory is not None and own_factory() is None:
        typer.echo(
            f"revshare: this chain's factory is at {split.factory}: other commands find the split with "
            f"REVSHARE_FACTORY={split.factory}",
            err=True,
        )
    if as_json:
        print_json(
            {
                "agreement": loaded.name,
                "split": split.address,
                "chain_id": split.chain_id,
                "token": split.token.model_dump(),
                "payees": split.payees,
            }
        )
        return
    typer.echo(
        f"{loaded.name}: {split.address} on chain {split.chain_id}; "
        f"{split.token.symbol} sent there is shared among {counted(len(split.payees), 'payee')}"
    )


def _say_what_the_factory_costs(
    w3: Any, agreement: Agreement, token: str | None, account: Account, *, ask: bool
) -> None:
    """Say on standard error what the factory costs, if it has to be placed, and ask whether it shall be.

    Raises what `RevenueSplit.deploy` raises for the token, UnsupportedChain, and Abort for no.
    """
    from revshare.chain import RevenueSplit, RevenueSplitFactory
    from revshare.chain.chains import Chain

    with busy("looking at the chain"):
        # So that a mistake is said first.
        RevenueSplit.predict_address(w3, agreement, token=token, factory=own_factory())
        chain = Chain.of(w3.eth.chain_id)
        cost = None if own_factory() else RevenueSplitFactory.deployment_cost(w3, account)
    if not chain.known:
        typer.echo(f"revshare: {unknown_chain(chain)}", err=True)
    if cost is None:
        return
    typer.echo(f"revshare: {cost}", err=True)
    if ask and not chain.is_development:
        typer.confirm("Place it, and pay that?", abort=True, err=True)


def pay(
    agreement: AgreementFile,
    amount: Annotated[str, typer.Argument(metavar="AMOUNT", help="In whole tokens, such as 12.50.")],
    *,
    sale_id: Annotated[
        str, typer.Option("--sale-id", metavar="ID", help="The sale's own number; it is paid once.")
    ],
    rpc_url: RpcUrl,
    token: TokenOption = None,
    split: SplitOption = None,
    account: AccountOption = None,
    password_file: PasswordFile = None,
    as_json: AsJson = False,
) -> None:
    """Pay one sale in; approves exactly that much of the token first."""
    handle = _handle(agreement, rpc_url, token, split, account_of(account, password_file))
    receipt = _sent(handle.pay(amount, sale_id=sale_id))
    paid = handle.token.format(handle.token.parse(amount), grouped=True)
    _show(
        receipt,
        f"{sale_id}: {paid} {handle.token.symbol} paid in",
        as_json=as_json,
    )


def distribute(
    agreement: AgreementFile,
    *,
    rpc_url: RpcUrl,
    token: TokenOption = None,
    split: SplitOption = None,
    account: AccountOption = None,
    password_file: PasswordFile = None,
    as_json: AsJson = False,
) -> None:
    """Pay everyone what is due."""
    handle = _handle(agreement, rpc_url, token, split, account_of(account, password_file))
    call = handle.distribute()
    with busy("asking what is due"):
        due = {payee: units for payee, units in call.preview().payouts.items() if units}
    if not due and not as_json:
        typer.echo("nothing is due: nothing was sent")
        return
    paid = ", ".join(f"{payee} {handle.token.format(units, grouped=True)}" for payee, units in due.items())
    _show(_sent(call), f"distributed {handle.token.symbol}: {paid}", as_json=as_json)


def claim(
    agreement: AgreementFile,
    payees: Annotated[list[str], typer.Argument(metavar="PAYEE...", help="The payees' names or addresses.")],
    *,
    rpc_url: RpcUrl,
    token: TokenOption = None,
    split: SplitOption = None,
    account: AccountOption = None,
    password_file: PasswordFile = None,
    as_json: AsJson = False,
) -> None:
    """Pay one payee, or several, what is due to them; the money goes to the payees, whoever claims.

    Of several, one that cannot be paid is left out and stops nobody; then the exit code is 1.
    """
    from revshare.chain import Claimed, PaymentSkipped

    handle = _handle(agreement, rpc_url, token, split, account_of(account, password_file))
    receipt = _sent(handle.claim(payees[0]) if len(payees) == 1 else handle.claim_many(payees))
    paid_here = [event for event in receipt.events_of(Claimed) if event.address == handle.address]
    called = {owner: name for name, owner in handle.payees.items()}
    paid = "\n".join(
        f"{called.get(event.payee, event.payee)}: "
        f"{handle.token.format(event.amount, grouped=True)} {handle.token.symbol} paid"
        for event in paid_here
    )
    _show(receipt, paid or "nobody was paid", as_json=as_json)
    skipped = [event for event in receipt.events_of(PaymentSkipped) if event.address == handle.address]
    for left_out in skipped:
        name = called.get(left_out.payee, left_out.payee)
        typer.echo(f"revshare: {name} was not paid: {left_out.reason}", err=True)
    if skipped:
        raise typer.Exit(1)


# ------------------------------------------------------------------------------------------ settlements


def settle(
    agreements: Annotated[
        list[Path] | None,
        typer.Argument(
            metavar="AGREEMENT...",
            help="Agreements' files; left out, what the account has open is taken to its end.",
            show_default=False,
        ),
    ] = None,
    *,
    period: Annotated[
        str | None,
        typer.Option(
            "--period",
            metavar="PERIOD",
            help="2011, 2011-Q1, 2011-03, 2011-W09, 2011-03-15 or 2011-03-01/2011-04-01.",
            show_default=False,
        ),
    ] = None,
    zone: Annotated[
        str, typer.Option("--zone", metavar="ZONE", help="Whose midnights a period begins and ends at.")
    ] = "UTC",
    rpc_url: RpcUrl,
    ledger: LedgerUrl = DEFAULT_LEDGER,
    token: TokenOption = None,
    split: SplitOption = None,
    account: AccountOption = None,
    password_file: PasswordFile = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show what would be done; write and sign nothing.")
    ] = False,
    finality: Annotated[
        str | None,
        typer.Option(
            "--finality",
            metavar="BLOCKS",
            help="Blocks until a transaction is final, or finalized, or safe; left out, as the chain says.",
            show_default=False,
        ),
    ] = None,
    max_fee: Annotated[
        int | None,
        typer.Option(
            "--max-fee", metavar="WEI", min=1, help="Wei per gas to pay at most.", show_default=False
        ),
    ] = None,
    timeout: Annotated[
        float, typer.Option("--timeout", metavar="SECONDS", min=0, help="How long to wait for finality.")
    ] = 3600.0,
    as_json: AsJson = False,
) -> None:
    """Remit what a period's sales come to, share it out, wait until that is final, and show who got what.

    Doing it again, also after a crash, goes on where it stands and pays nobody twice.
    """
    from revshare.ledger import Ledger
    from revshare.settlement import Settler

    files = agreements or []
    if bool(files) != bool(period):
        raise InvalidInput("give agreements and --period; or neither, to go on with what is open")
    if split is not None and len(files) != 1:
        raise InvalidInput("--split is the address of one agreement's split")
    w3, me = connect(rpc_url), account_of(account, password_file)
    with Ledger.open(ledger, create=False) as sales, _progress() as watch:
        settler = Settler(
            sales,
            w3,
            account=me,
            finality=_finality(finality),
            max_fee=max_fee,
            watch=watch,
        )
        handles = [_handle(file, w3, token, split, me) for file in files]
        _doubt(sales, handles)
        _doubt_period(period, zone)
        if dry_run:
            plans = [settler.plan(handle, period or "", zone=zone) for handle in handles]
            _show_plans(plans, as_json=as_json)
            return
        for handle in handles:
            settler.add(handle, period or "", zone=zone)
        results = settler.run(timeout)
        problems = settler.problems
    unfinished = [result for result in results if result.state not in ("final", "carried", "failed")]
    if as_json:
        print_json(
            {
                "settlements": [result.to_dict() for result in results],
                "problems": [in_commands(str(error)) for error in problems.values()]
                or [_whose(one) for one in unfinished],
            }
        )
    else:
        for result in results:
            _show_result(result)
        if not results and not problems:
            typer.echo("nothing is open")
    for error in problems.values():
        typer.echo(f"revshare: {in_commands(str(error))}", err=True)
    if not problems:
        for result in unfinished:
            typer.echo(f"revshare: {_whose(result)}", err=True)
    if problems or unfinished or any(result.differences for result in results):
        raise typer.Exit(1)


def status(
    agreement: Annotated[
        str | None,
        typer.Argument(
            metavar="AGREEMENT", help="An agreement's name or file; left out, all.", show_default=False
        ),
    ] = None,
    *,
    ledger: LedgerUrl = DEFAULT_LEDGER,
    as_json: AsJson = False,
) -> None:
    """Say where every period stands, and what to do. Asks the ledger alone."""
    from revshare.ledger import Ledger
    from revshare.settlement import status as standings

    name = agreement_name(agreement)
    with busy("reading the ledger"), Ledger.open(ledger, create=False) as sales:
        found = standings(sales, name)
        if name is not None and not found:
            raise unknown_agreement(name, sales.agreements())
    if as_json:
        print_json({"periods": [standing.to_dict() for standing in found]})
        return
    if not found:
        typer.echo("no sales, no settlements")
    for standing in found:
        typer.echo(f"{standing.agreement}, {standing.period}: {standing.what}")
        if standing.to_do:
            typer.echo(f"    → {standing.to_do}")


def reconcile(
    agreement: AgreementFile,
    *,
    rpc_url: RpcUrl,
    ledger: LedgerUrl = DEFAULT_LEDGER,
    token: TokenOption = None,
    split: SplitOption = None,
    as_json: AsJson = False,
) -> None:
    """Compare ledger, contract, log and balances, to the unit. With differences the exit code is 1."""
    from revshare.ledger import Ledger
    from revshare.settlement import reconcile as compare

    handle = _handle(agreement, rpc_url, token, split, None)
    with Ledger.open(ledger, create=False) as sales, busy("reading the chain"):
        books = compare(sales, handle)
    if as_json:
        print_json(books.to_dict())
    else:
        _show_books(books)
    if not books.reconciled:
        typer.echo("revshare: the books do not agree: " + "; ".join(books.differences), err=True)
        raise typer.Exit(1)


# ------------------------------------------------------------------------------------------ what they share


def _handle(
    agreement: Path, node: Any, token: str | None, split: str | None, account: Account
) -> RevenueSplit:
    """Return the split of an agreement's file, at the address given or where `deploy` creates it."""
    from revshare.agreement import Agreement
    from revshare.chain import RevenueSplit

    loaded = Agreement.load(agreement)
    with busy("looking at the split"):
        w3 = connect(node) if isinstance(node, str) else node
        maker = own_factory()
        address = split or RevenueSplit.predict_address(w3, loaded, token=token, factory=maker)
        return RevenueSplit.at(w3, address, agreement=loaded, token=token, account=account, factory=maker)


def _doubt(sales: Ledger, handles: Sequence[RevenueSplit]) -> None:
    """Say on standard error which agreements have no sales, where others have: a name may be misspelt."""
    known = sales.agreements()
    for handle in handles:
        name = handle.agreement.name if handle.agreement is not None else ""
        if known and name not in known:
            typer.echo(f"revshare: {unknown_agreement(name, known)}", err=True)


def _doubt_period(text: str | None, zone: str) -> None:
    """Say on standard error that a period is not over: it may be misspelt, or meant for later."""
    from revshare.ledger import Period

    if text is not None and (period := Period.parse(text, zone)).end > datetime.now(UTC):
        typer.echo(
            f"revshare: {period} is not over: what is sold or recorded after it is settled goes into the "
            "next settlement",
            err=True,
        )


def _finality(text: str | None) -> Any:
    if text is None or text in ("finalized", "safe"):
        return text
    if not text.isascii() or not text.isdecimal():
        raise InvalidInput(f"--finality is a number of blocks, finalized or safe, not {text!r}")
    return int(text)


def _sent(call: Call) -> Receipt:
    with busy("waiting for the transaction"):
        return call.send()


def _show(receipt: Receipt, text: str, *, as_json: bool) -> None:
    if as_json:
        print_json(receipt_as_dict(receipt))
    else:
        typer.echo(f"{text}\ntransaction {receipt.tx_hash}, {receipt.gas_used:,} gas")


@contextmanager
def _progress() -> Iterator[Callable[[Progress], None]]:
    """Show on the terminal what a settler does; without one, say once that it waits for lower fees."""
    if not sys.stderr.isatty():
        waits = False

        def tell(progress: Progress) -> None:
            nonlocal waits
            if isinstance(progress.error, FeesTooHigh) and not waits:
                waits = True
                typer.echo(f"revshare: waiting: {in_commands(str(progress.error))}", err=True)

        yield tell
        return
    with Console(stderr=True).status("looking at the chain") as shown:
        yield lambda progress: shown.update(progress.message)


def _show_plans(plans: Sequence[SettlementPlan], *, as_json: bool) -> None:
    if as_json:
        print_json({"plans": [plan.to_dict() for plan in plans]})
        return
    for plan in plans:
        show = partial(plan.token.format, grouped=True)
        typer.echo(
            f"{plan.agreement}, {plan.period}: {plan.state}; {counted(plan.count, 'line')}, "
            f"net {show(plan.amount)} {plan.token.symbol}"
        )
        if plan.note:
            typer.echo(f"    {plan.note}")
        for symbol, count in plan.left_out.items():
            typer.echo(f"    {counted(count, 'line')} in {symbol} left out")
        if plan.payouts:
            table = _table("payee", "gets", "of which earned now")
            for payout in plan.payouts:
                table.add_row(payout.payee, show(payout.amount, full=True), show(payout.earned, full=True))
            Console().print(table)
            steps = ", ".join(f"{step.step} {step.gas:,}" for step in plan.steps)
            typer.echo(
                f"gas: {steps}; {plan.cost / 1e18:.6f} coin at most of now's fees. Nothing was signed."
            )


def _whose(result: SettlementResult) -> str:
    """Say why a settlement that nothing keeps back did not go on: it is another account's."""
    return (
        f"{result.agreement}, {result.period} is {result.state}, and not final: {result.record.sender} has "
        "planned it, and it alone can go on (--account)"
    )


def _show_result(result: SettlementResult) -> None:
    show = partial(result.token.format, grouped=True)
    typer.echo(
        f"{result.agreement}, {result.period}: {result.state}; {counted(result.count, 'line')}, "
        f"{show(result.amount)} {result.token.symbol}"
    )
    if result.record.note:
        typer.echo(f"    {result.record.note}")
    if result.payouts:
        table = _table("payee", "earned", "paid", "set aside")
        for payout in result.payouts:
            table.add_row(
                payout.payee,
                show(payout.earned, full=True),
                show(payout.paid, full=True),
                show(payout.credited, full=True),
            )
        Console().print(table)
    for made in result.transactions:
        typer.echo(f"{made.step} {made.tx_hash} in block {made.block_number}, {made.gas_used or 0:,} gas")


def _show_books(books: Reconciliation) -> None:
    show = partial(books.token.format, grouped=True)
    table = _table("payee", "schedule", "contract", "log", "token", "ledger")
    for one in books.payees:
        accounts = (one.schedule, one.contract, one.log, one.balances, one.ledger)
        table.add_row(one.payee, *("–" if units is None else show(units, full=True) for units in accounts))
    Console().print(table)
    typer.echo(
        f"{books.agreement}: received {show(books.received)} {books.token.symbol} by block "
        f"{books.block_number}, {show(books.remitted)} of it by {counted(books.settlements, 'settlement')}; "
        f"{counted(books.open_lines, 'line')} not settled yet"
    )
    if books.reconciled:
        typer.echo("all accounts agree, to the unit")


def _table(payee: str, *figures: str) -> Table:
    """Make a table that breaks what is too wide for the screen into lines, and never cuts off a digit."""
    table = Table()
    table.add_column(payee, overflow="fold")
    for figure in figures:
        table.add_column(figure, justify="right", overflow="fold")
    return table
