"""The commands by which terms are amended: `propose`, `sign`, `revoke`, `announce`, `amend`.

A proposal is a file that goes from hand to hand: `propose` writes it, `sign` shows what it changes and adds a
consent, `amend` takes one file or several and puts the new terms in force. `revoke` takes a consent back, on
the chain, whoever has the file.
"""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from revshare._options import (
    AccountOption,
    AsJson,
    PasswordFile,
    RpcUrl,
    account_of,
    asks,
    busy,
    connect,
    own_factory,
    print_json,
    receipt_as_dict,
)
from revshare.errors import InvalidInput, UnknownPayee, WrongChain

if TYPE_CHECKING:
    from revshare.chain import AmendableSplit, Proposal, Receipt
    from revshare.chain.signers import Account

__all__ = ["register"]

OneProposal = Annotated[Path, typer.Argument(metavar="PROPOSAL", help="A file that `propose` wrote.")]


def register(app: typer.Typer) -> None:
    """Add the commands to `app`."""
    url = "--rpc-url http://127.0.0.1:8545"
    app.command(
        epilog=f"Example: revshare propose 0x5b1869D9A4C187F2EAa108f3062412ecf0526b24 remix.toml {url}"
    )(propose)
    app.command(epilog="Example: revshare sign remix.proposal.json --account ann.keystore.json")(sign)
    app.command(epilog=f"Example: revshare revoke remix.proposal.json --account ann.keystore.json {url}")(
        revoke
    )
    app.command(epilog=f"Example: revshare announce remix.proposal.json --account chair.keystore.json {url}")(
        announce
    )
    app.command(epilog=f"Example: revshare amend remix.proposal.json --account ann.keystore.json {url}")(
        amend
    )


def propose(
    split: Annotated[
        str, typer.Argument(metavar="SPLIT", help="The address of a split that can be amended.")
    ],
    agreement: Annotated[
        Path, typer.Argument(metavar="AGREEMENT", help="The agreement it is to go on by: TOML or JSON.")
    ],
    *,
    rpc_url: RpcUrl,
    out: Annotated[
        Path | None,
        typer.Option(
            "--out",
            metavar="FILE",
            help="Where to write the proposal; left out, beside the agreement, ending in .proposal.json.",
            show_default=False,
        ),
    ] = None,
    days: Annotated[
        int, typer.Option("--days", min=1, max=3650, help="For how many days payees can consent to it.")
    ] = 30,
    token: Annotated[
        list[str] | None,
        typer.Option(
            "--token",
            metavar="ADDRESS",
            help="Another token to settle first, besides those in the split's log; as often as needed.",
            show_default=False,
        ),
    ] = None,
    seen: Annotated[
        bool,
        typer.Option(
            "--seen/--not-seen", help="Whether to settle the tokens in the split's log first as well."
        ),
    ] = True,
    as_json: AsJson = False,
) -> None:
    """Propose new terms: write a file that shows what would change, for payees to sign. Sends nothing."""
    from revshare.agreement import Agreement

    new = Agreement.load(agreement)
    file = out or agreement.with_suffix(".proposal.json")
    with busy("looking at the split"):
        handle = _amendable(split, rpc_url)
        proposal = handle.propose(new, deadline=timedelta(days=days), tokens=token or (), seen=seen)
    try:
        with file.open("x", encoding="utf-8", newline="\n") as written:
            written.write(proposal.to_json())
    except FileExistsError as error:
        raise InvalidInput(
            f"{file} is there already, with consents perhaps: name another by --out"
        ) from error
    _show(proposal, file, as_json)


def sign(
    proposal: OneProposal,
    *,
    account: Annotated[
        str | None,
        typer.Option(
            "--account",
            metavar="KEYSTORE",
            help="The keystore file of the payee who consents; left out, nothing is signed, only shown.",
            show_default=False,
        ),
    ] = None,
    password_file: PasswordFile = None,
    payee: Annotated[
        str | None,
        typer.Option("--payee", help="Whose the --signature is: name or address.", show_default=False),
    ] = None,
    signature: Annotated[
        str | None,
        typer.Option(
            "--signature",
            metavar="HEX",
            help="A consent given elsewhere: by a wallet, over the typed_data that --json shows, or by a "
            "contract.",
            show_default=False,
        ),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(
            "--out",
            metavar="FILE",
            help="Where to write the signed proposal; left out, into the same file.",
            show_default=False,
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Consent to a proposal. Shows what it changes before it asks for the password; needs no node."""
    from revshare.chain import Proposal

    found, shown_first = Proposal.load(proposal), False
    if (payee is None) != (signature is None):
        raise InvalidInput("--payee and --signature belong together")
    if account is not None and signature is not None:
        raise InvalidInput("give either a keystore, or a signature made elsewhere")
    if account is not None:
        shown_first = asks(password_file) and not as_json
        if shown_first:
            typer.echo(f"{found.changes()}\n")
        found = found.sign(_key(account, password_file))
    elif payee is not None and signature is not None:
        found = found.add_consent(payee, signature)
    else:
        if out is not None or password_file is not None:
            raise InvalidInput("nothing is signed without --account, or --payee and --signature")
        _show(found, proposal, as_json)
        return
    file = out or proposal
    found.save(file)
    _show(found, file, as_json, changes=not shown_first)


def revoke(
    proposal: OneProposal,
    *,
    rpc_url: RpcUrl,
    account: AccountOption = None,
    password_file: PasswordFile = None,
    as_json: AsJson = False,
) -> None:
    """Take back the consent to a proposal: on the chain, once and for all, whoever has the signed file.

    The payee sends it, before or after signing.
    """
    from revshare.chain import Proposal
    from revshare.chain.signers import sender

    found = Proposal.load(proposal)
    split = _amendable_of(found, rpc_url, account_of(account, password_file))
    payees = dict(zip(found.old.schedule.addresses, found.old.schedule.payees, strict=True))
    who = sender(split.node, split.account).address
    if who not in payees:
        raise UnknownPayee(who, payees.values())
    with busy("waiting for the transaction"):
        receipt = split.revoke_consent(found).send()
    if as_json:
        print_json(_as_dict(found) | {"revoked": payees[who], "receipt": receipt_as_dict(receipt)})
    else:
        typer.echo(f"revoked: a consent of {payees[who]} to this proposal counts no more")
        typer.echo(_mined(receipt))


def announce(
    proposal: OneProposal,
    *,
    rpc_url: RpcUrl,
    account: AccountOption = None,
    password_file: PasswordFile = None,
    as_json: AsJson = False,
) -> None:
    """Announce a proposal, so that its notice begins. For splits under a controller, who must send it."""
    from revshare.chain import AmendmentProposed, Proposal
    from revshare.chain.reverts import moment

    found = Proposal.load(proposal)
    split = _amendable_of(found, rpc_url, account_of(account, password_file))
    if found.governance.controller is None:
        raise InvalidInput("nobody announces new terms for this split: payees consent (sign), then amend")
    with busy("waiting for the transaction"):
        receipt = split.announce(found).send()
    ready, announced = receipt.event(AmendmentProposed, split.address).ready_at, split.announced()
    until = announced.until if announced is not None else None
    if as_json:
        said = {"ready_at": ready, "until": until, "receipt": receipt_as_dict(receipt)}
        print_json(_as_dict(found) | said)
    else:
        last = f", until {moment(until)}" if until is not None else ""
        typer.echo(f"announced; `revshare amend` may put it in force from {moment(ready)} on{last}")
        typer.echo(_mined(receipt))


def amend(
    proposals: Annotated[
        list[Path],
        typer.Argument(metavar="PROPOSAL", help="The proposal, or the copies that people have signed."),
    ],
    *,
    rpc_url: RpcUrl,
    account: AccountOption = None,
    password_file: PasswordFile = None,
    as_json: AsJson = False,
) -> None:
    """Put a proposal in force, once enough have consented. Everybody is first paid by the old terms.

    Anybody may send it, and pays the gas. Consents that were revoked since are left out.
    """
    from revshare.chain import Proposal

    first, *others = map(Proposal.load, proposals)
    split = _amendable_of(first.merge(*others), rpc_url, account_of(account, password_file))
    merged = split.merge(first, *others)
    revoked = split.revoked(merged)
    if revoked:
        typer.echo(f"revshare: revoked, and left out: the consent of {', '.join(revoked)}", err=True)
        merged = merged.without(*revoked)
    call = split.amend(merged)
    if not merged.enough():
        raise InvalidInput(
            f"not enough have consented: {merged.weight_signed()} of the {merged.weight_needed()} parts of "
            f"the weight that it takes; still to sign: {', '.join(merged.missing())}"
        )
    with busy("waiting for the transaction"):
        for name, good in split.check_consents(merged).items():
            if not good:
                raise InvalidInput(f"the consent of {name} is not good: the signature is not theirs")
        receipt = call.send()
    if as_json:
        print_json(_as_dict(merged) | {"epoch": split.epoch(), "receipt": receipt_as_dict(receipt)})
    else:
        typer.echo(f"{merged.changes()}\n\nin force since block {receipt.block_number}")
        typer.echo(_mined(receipt))


# ---------------------------------------------------------------- helpers


def _amendable(address: str, rpc_url: str, account: Account = None) -> AmendableSplit:
    from revshare.chain import AmendableSplit, RevenueSplit
    from revshare.chain.signers import address_or_none

    if address_or_none(address) is None:
        raise InvalidInput(f"{address!r} is not an address")
    split = RevenueSplit.at(connect(rpc_url), address, account=account, factory=own_factory())
    if not isinstance(split, AmendableSplit):
        raise InvalidInput(f"the terms of the split at {split.address} never change: it was created so")
    return split


def _amendable_of(proposal: Proposal, rpc_url: str, account: Account) -> AmendableSplit:
    served = connect(rpc_url).eth.chain_id
    if served != proposal.chain_id:
        raise WrongChain(
            f"the proposal is for chain {proposal.chain_id}, and the node serves chain {served}",
            expected=proposal.chain_id,
            actual=served,
        )
    return _amendable(proposal.split, rpc_url, account)


def _key(account: str, password_file: Path | None) -> Any:
    signer = account_of(account, password_file)
    if isinstance(signer, str):
        raise InvalidInput("only a key can consent: name a keystore file, or give --payee and --signature")
    return signer


def _show(proposal: Proposal, file: Path, as_json: bool, *, changes: bool = True) -> None:
    if as_json:
        print_json({"file": str(file)} | _as_dict(proposal))
        return
    if changes:
        typer.echo(f"{proposal.changes()}\n")
    if proposal.tokens:
        typer.echo(f"settled first, besides the settlement token and the coin: {', '.join(proposal.tokens)}")
    typer.echo(f"{file}: {_standing(proposal)}")


def _standing(proposal: Proposal) -> str:
    """Who has consented, and who has yet to, in a line."""
    from revshare.chain.reverts import moment

    if proposal.governance.controller is not None:
        return f"for {proposal.governance.controller} to announce"
    names = ", ".join(name for name, _, _ in proposal.signed()) or "nobody"
    said = f"signed by {names}"
    if proposal.enough():
        return f"{said}: enough, until {moment(proposal.deadline)}"
    return f"{said}; still to sign, until {moment(proposal.deadline)}: {', '.join(proposal.missing())}"


def _mined(receipt: Receipt) -> str:
    return f"transaction {receipt.tx_hash}, {receipt.gas_used:,} gas"


def _as_dict(proposal: Proposal) -> dict[str, Any]:
    """A proposal as plain data: what it changes, who has consented, and what is signed."""
    changes = proposal.changes()
    show = changes.token.format
    return {
        "split": proposal.split,
        "chain_id": proposal.chain_id,
        "agreement": proposal.agreement.name,
        "governance": proposal.governance.model_dump(exclude_none=True),
        "amendments_so_far": proposal.epoch,
        "deadline": proposal.deadline or None,
        "tokens": list(proposal.tokens),
        "slices": [{"from": show(a), "until": None if b is None else show(b)} for a, b in changes.slices],
        "changes": [
            {
                "payee": row.payee,
                "address": row.address,
                "before": [str(share) for share in row.before],
                "after": [str(share) for share in row.after],
                "verdict": row.verdict,
            }
            for row in changes
        ],
        "signed": [name for name, _, _ in proposal.signed()],
        "missing": list(proposal.missing()),
        "weight_signed": proposal.weight_signed(),
        "weight_needed": proposal.weight_needed(),
        "enough": proposal.enough(),
        "typed_data": proposal.typed_data(),
    }
