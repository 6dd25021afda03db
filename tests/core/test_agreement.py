"""Agreements: what people write is understood, kept as written, and compiled to the schedule."""

from __future__ import annotations

import copy
import json
import pickle
import tomllib
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests import oracle
from tests.strategies import MAX_AMOUNT, address, agreements, amounts, book_ruled

from revshare import Agreement, AgreementError, Governance, NeedsPayoutBook, Payee, Tier, Token, UnknownPayee

EXPORTER = "0xfB6916095ca1df60bB79Ce92cE3Ea74c37c5d359"
DESIGNER = "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed"

TEXT = f"""\
name = "Cosmetics to Australia"
token = {{ symbol = "GBPT", decimals = 6 }}

[payees]
exporter = "{EXPORTER}"
designer = "{DESIGNER}"

[[tiers]]
until = "2000"
shares = {{ designer = 1 }}

[[tiers]]
shares = {{ exporter = "60%", designer = "40%" }}
"""


def data() -> dict[str, Any]:
    return tomllib.loads(TEXT)


def with_shares(shares: dict[str, Any]) -> Agreement:
    payees = {name: address(number + 1) for number, name in enumerate(shares)}
    return Agreement.model_validate(
        {
            "name": "x",
            "token": {"symbol": "T", "decimals": 2},
            "payees": payees,
            "tiers": [{"shares": shares}],
        }
    )


# -------------------------------------------------------------------------------- reading and compiling


def test_the_schedule_says_what_the_file_says() -> None:
    schedule = Agreement.loads(TEXT).schedule()
    assert schedule.payees == ("exporter", "designer")
    assert schedule.addresses == (EXPORTER, DESIGNER)
    assert schedule.token == Token(symbol="GBPT", decimals=6)
    assert [(tier.start, tier.end, tier.weights, tier.total) for tier in schedule.tiers] == [
        (0, 2_000_000_000, (0, 1), 1),
        (2_000_000_000, None, (3, 2), 5),
    ]
    assert schedule.entitlements(2_000_000_010) == {"exporter": 6, "designer": 2_000_000_004}


def test_every_way_in_gives_the_same(tmp_path: Path) -> None:
    agreement = Agreement.loads(TEXT)
    toml, plain_json = tmp_path / "a.toml", tmp_path / "a.JSON"
    toml.write_text(TEXT, encoding="utf-8")
    plain_json.write_text(json.dumps(data() | {"$schema": "revshare.json"}), encoding="utf-8")
    assert Agreement.load(toml) == Agreement.load(str(plain_json)) == agreement
    assert Agreement.model_validate(data()) == Agreement(**data()) == agreement
    assert Agreement.model_validate(agreement) is agreement
    assert Agreement.model_validate_json(json.dumps(data())) == agreement
    assert Agreement.model_validate_json(json.dumps(data()).encode()) == agreement
    built = Agreement(
        name="Cosmetics to Australia",
        token=Token(symbol="GBPT", decimals=6),
        payees={"exporter": EXPORTER, "designer": DESIGNER},
        tiers=(
            Tier(until="2000", shares={"designer": 1}),
            Tier(shares={"exporter": "60%", "designer": "40%"}),
        ),
    )
    assert built == agreement


@pytest.mark.parametrize(
    ("shares", "weights"),
    [
        ({"a": "60%", "b": "40%"}, {"a": 3, "b": 2}),
        ({"a": "12.5%", "b": "87.5%"}, {"a": 1, "b": 7}),
        ({"a": "33.33%", "b": "66.67%"}, {"a": 3333, "b": 6667}),
        ({"a": "100%"}, {"a": 1}),
        ({"a": "99.9999999%", "b": "0.0000001%"}, {"a": 999_999_999, "b": 1}),
        ({"a": "50.000000000000000000000000000000%", "b": "50%"}, {"a": 1, "b": 1}),
        ({"a": 2, "b": 4}, {"a": 2, "b": 4}),
        ({"a": 2**32 - 1}, {"a": 2**32 - 1}),
    ],
)
def test_percentages_become_the_smallest_weights_and_weights_stay(
    shares: dict[str, Any], weights: dict[str, int]
) -> None:
    agreement = with_shares(shares)
    assert agreement.tiers[0].weights() == weights
    assert agreement.tiers[0].shares == shares


def test_addresses_are_kept_with_their_checksum() -> None:
    for written in (EXPORTER, EXPORTER.lower(), "0x" + EXPORTER[2:].upper()):
        payees = {"exporter": written, "designer": DESIGNER}
        assert Agreement.model_validate(data() | {"payees": payees}).payees["exporter"] == EXPORTER


def test_an_agreement_paid_through_a_book_may_have_a_crowd_of_payees() -> None:
    crowd = {f"p{number}": address(number + 1) for number in range(401)}
    many: dict[str, Any] = {"name": "crowd", "token": {"symbol": "T", "decimals": 2}, "payees": crowd}
    many["tiers"] = [{"shares": dict.fromkeys(crowd, 1)}]
    with pytest.raises(
        AgreementError, match="payees: has 401 entries; at most 400 fit a contract; with a rule"
    ):
        Agreement.model_validate(many)
    commission = {"rule": "commission", "to": "p0", "rate": "10%"}
    with pytest.raises(AgreementError, match="payees: has 401 entries"):
        Agreement.model_validate(many | {"rules": [commission]})
    book = Agreement.model_validate(many | {"rules": [commission, {"rule": "threshold", "amount": "10"}]})
    assert len(book.base_schedule().payees) == 401
    with pytest.raises(NeedsPayoutBook):
        book.schedule()


def test_until_may_be_a_whole_number() -> None:
    given = data()
    given["tiers"][0]["until"] = 2000
    assert Agreement.model_validate(given) == Agreement.loads(TEXT)


def test_the_largest_agreement_fits() -> None:
    names = [f"payee{number}" for number in range(400)]
    tiers: list[dict[str, Any]] = [
        {"until": str(n + 1), "shares": dict.fromkeys(names, 2**32 - 1)} for n in range(7)
    ]
    tiers.append({"shares": dict.fromkeys(names, 1)})
    largest = {"name": "x" * 200, "token": {"symbol": "T", "decimals": 36}, "tiers": tiers}
    largest["payees"] = {name: address(number + 1) for number, name in enumerate(names)}
    assert Agreement.model_validate(largest).schedule().tiers[0].total < 2**48


def test_a_tier_ends_where_the_contract_still_counts() -> None:
    token = Token(symbol="GBPT", decimals=6)
    given = data()
    given["tiers"][0]["until"] = token.format(2**127 - 1)
    assert Agreement.model_validate(given).schedule().tiers[1].start == 2**127 - 1
    given["tiers"][0]["until"] = token.format(2**127)
    with pytest.raises(AgreementError, match="more than the contract counts"):
        Agreement.model_validate(given)
    given["tiers"][0]["until"] = "9" * 80
    with pytest.raises(AgreementError, match=r"tiers\[0\]\.until: .*beyond 2\^256"):
        Agreement.model_validate(given)


@pytest.mark.parametrize(
    "name", ["a", "account manager", "Zoë", "3M", "A.B.", "x_1", "देवी", "李雷", "name", "until", "a" * 64]
)
def test_names_people_have_are_taken(name: str) -> None:
    agreement = with_shares({name: 1})
    assert Agreement.loads(agreement.to_toml()) == agreement


# ------------------------------------------------------------------------------------------ governance


def governed(**governance: Any) -> Governance:
    found = Agreement.model_validate(data() | {"governance": governance}).governance
    assert found is not None
    return found


def test_without_governance_the_terms_never_change() -> None:
    agreement = Agreement.loads(TEXT)
    assert agreement.governance is None
    assert "governance" not in agreement.to_dict()
    assert agreement == Agreement.model_validate(data() | {"governance": None})


@pytest.mark.parametrize(
    ("quorum", "hundredths"),
    [("66.67%", 6667), ("100%", 10_000), ("0.01%", 1), ("50.000%", 5000), ("099.9%", 9990)],
)
def test_a_quorum_counts_hundredths_of_a_percent(quorum: str, hundredths: int) -> None:
    found = governed(quorum=quorum)
    assert (found.hundredths, found.seconds, found.quorum) == (hundredths, 0, quorum)
    assert found.is_unanimous == (quorum == "100%")


@pytest.mark.parametrize(
    ("notice", "seconds"),
    [
        ("14 days", 14 * 86_400),
        ("1 day", 86_400),
        ("36 hours", 36 * 3600),
        ("90minutes", 5400),
        ("2 weeks", 14 * 86_400),
        ("1 second", 1),
        (1, 1),
        (2**32 - 1, 2**32 - 1),
    ],
)
def test_a_notice_is_whole_seconds_however_it_is_written(notice: Any, seconds: int) -> None:
    found = governed(controller=EXPORTER.lower(), notice=notice)
    assert (found.hundredths, found.seconds, found.notice) == (0, seconds, notice)
    assert found.controller == EXPORTER
    assert found.same_as(Governance(controller=EXPORTER, notice=seconds))
    assert not found.same_as(None)
    assert bool(list(found.hints())) == (seconds < 86_400)


def test_governance_says_what_it_is() -> None:
    assert str(governed(quorum="66.67%")) == "holders of 66.67% of the weight sign"
    assert str(governed(quorum="100%")) == "everybody signs"
    assert str(governed(controller=EXPORTER, notice="2 weeks")) == f"{EXPORTER}, after 14 days"
    short = Agreement.model_validate(data() | {"governance": {"controller": EXPORTER, "notice": 3661}})
    assert short.hints() == (
        "the notice is 3661 seconds, less than a day: payees may not notice new terms before they count",
    )
    assert Agreement.loads(TEXT).hints() == ()
    assert repr(short).splitlines()[-1] == f"  amended by: {EXPORTER}, after 3661 seconds"


def test_governance_is_written_as_a_person_would() -> None:
    text = TEXT + '\n[governance]\nquorum = "66.67%"\n'
    assert Agreement.loads(text).to_toml() == text


# ------------------------------------------------------------------------------------------ round trips


@given(agreements(max_payees=40))
def test_an_agreement_survives_every_round_trip(agreement: Agreement) -> None:
    assert Agreement.loads(agreement.to_toml()) == agreement
    assert Agreement.loads(agreement.to_json(), format="json") == agreement
    assert Agreement.model_validate_json(agreement.model_dump_json()) == agreement
    assert Agreement.model_validate(agreement.to_dict()) == agreement
    assert pickle.loads(pickle.dumps(agreement)) == agreement
    assert copy.deepcopy(agreement) == agreement
    assert hash(copy.deepcopy(agreement)) == hash(agreement)


@given(book_ruled())
def test_rules_survive_every_round_trip(given_data: dict[str, Any]) -> None:
    agreement = Agreement.model_validate(given_data)
    assert [rule.rule for rule in agreement.rules] == [rule["rule"] for rule in given_data["rules"]]
    assert Agreement.loads(agreement.to_toml()) == agreement
    assert Agreement.loads(agreement.to_json(), format="json") == agreement
    assert Agreement.model_validate(agreement.to_dict()) == agreement
    assert pickle.loads(pickle.dumps(agreement)) == agreement
    assert hash(copy.deepcopy(agreement)) == hash(agreement)
    jsonschema.Draft202012Validator(Agreement.json_schema()).validate(json.loads(agreement.to_json()))
    assert len(repr(agreement).splitlines()) >= 1 + len(agreement.payees) + len(agreement.rules)


@given(agreements(max_payees=40), amounts(MAX_AMOUNT, least=0))
def test_the_schedule_pays_what_the_written_shares_say(agreement: Agreement, revenue: int) -> None:
    """The oracle is fed from the text of the agreement: percentages as they stand, never made whole."""
    tiers: oracle.Tiers = [
        (
            None if tier.until is None else agreement.token.parse(tier.until),
            [_written(tier.shares.get(payee, 0)) for payee in agreement.payees],
        )
        for tier in agreement.tiers
    ]
    assert list(agreement.schedule().entitlements(revenue).values()) == oracle.entitlements(tiers, revenue)


def _written(share: int | str) -> int:
    """A share as an integer on one scale for its tier: weights as they are, percentages times 10^6."""
    if isinstance(share, int):
        return share
    whole, _, decimals = share.removesuffix("%").partition(".")
    return int(whole + decimals.ljust(6, "0"))


@pytest.mark.parametrize("suffix", [".toml", ".json"])
def test_save_and_load(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"agreement{suffix}"
    agreement = Agreement.loads(TEXT)
    agreement.save(path)
    assert Agreement.load(path) == agreement
    if suffix == ".toml":
        assert path.read_text(encoding="utf-8") == TEXT, "written as a person would"
    with pytest.raises(AgreementError, match="name it .toml or .json"):
        agreement.save(tmp_path / "agreement.yaml")


# ------------------------------------------------------------------------------------------ the model


def test_an_agreement_is_frozen_all_the_way_down() -> None:
    agreement = Agreement.loads(TEXT)
    with pytest.raises(ValueError, match="frozen"):
        agreement.name = "other"  # type: ignore[misc]
    for change in ("__setitem__", "setdefault", "update", "pop", "clear", "__ior__"):
        with pytest.raises(TypeError, match="frozen model"):
            getattr(agreement.payees, change)("x", "y")
    with pytest.raises(TypeError):
        agreement.tiers[0].shares["exporter"] = 5
    assert len({agreement, Agreement.loads(TEXT)}) == 1


def test_a_changed_copy_is_checked_like_any_agreement() -> None:
    agreement = Agreement.loads(TEXT)
    renamed = agreement.model_copy(update={"name": "Cosmetics to Austria"})
    assert renamed.name == "Cosmetics to Austria"
    assert renamed.tiers == agreement.tiers
    assert agreement.model_copy() == agreement
    with pytest.raises(AgreementError, match=r"tiers\[0\]\.until: does not belong"):
        agreement.model_copy(update={"tiers": agreement.tiers[:1]})


def test_tiers_of_any_iterable_are_checked() -> None:
    assert Agreement.model_validate(data() | {"tiers": iter(data()["tiers"])}) == Agreement.loads(TEXT)
    with pytest.raises(AgreementError, match=r"tiers\[0\]\.until: is missing"):
        Agreement.model_validate(data() | {"tiers": reversed(data()["tiers"])})


def test_payee() -> None:
    agreement = Agreement.loads(TEXT)
    assert agreement.payee("designer") == Payee(name="designer", address=DESIGNER)
    with pytest.raises(UnknownPayee, match="did you mean 'designer'"):
        agreement.payee("desinger")


def test_it_shows_itself() -> None:
    agreement = Agreement.loads(TEXT)
    assert str(agreement) == "Cosmetics to Australia: 2 payees, 2 tiers, in GBPT"
    assert repr(agreement).splitlines() == [
        "Agreement('Cosmetics to Australia', in GBPT with 6 decimals)",
        f"  exporter: {EXPORTER}",
        f"  designer: {DESIGNER}",
        "  until 2000: designer 1",
        "  then: exporter 60%, designer 40%",
    ]


# ------------------------------------------------------------------------------------------ the JSON schema


def test_the_schema_is_one_and_accepts_what_we_accept() -> None:
    schema = Agreement.json_schema()
    jsonschema.Draft202012Validator.check_schema(schema)
    validator = jsonschema.Draft202012Validator(schema)
    validator.validate(data())
    validator.validate(data() | {"$schema": "agreement.schema.json"})
    validator.validate(data() | {"governance": {"quorum": "66.67%"}})
    validator.validate(data() | {"governance": {"controller": EXPORTER, "notice": "14 days"}})
    validator.validate(json.loads(Agreement.loads(TEXT).to_json()))
    for part in (schema, *schema["$defs"].values()):
        for name, field in part["properties"].items():
            assert (
                field.get("description") or "$ref" in field or "anyOf" in field or part["title"] == "Payee"
            ), name


@given(agreements())
def test_the_schema_accepts_every_agreement(agreement: Agreement) -> None:
    jsonschema.Draft202012Validator(Agreement.json_schema()).validate(json.loads(agreement.to_json()))


@pytest.mark.parametrize(
    "change",
    [
        {"nam": "x"},
        {"name": 3},
        {"token": {"symbol": "T"}},
        {"payees": {"a": "0x12"}},
        {"payees": {}},
        {"tiers": []},
        {"tiers": [{"shares": {"exporter": 0.5}}]},
        {"tiers": [{"shares": {"exporter": "60"}}]},
        {"tiers": [{"until": 2000.5, "shares": {"exporter": 1}}]},
        {"tiers": [{"until": "1e3", "shares": {"exporter": 1}}]},
        {"governance": {}},
        {"governance": {"quorum": "50%", "notice": 5}},
        {"governance": {"controller": EXPORTER}},
        {"governance": {"controller": EXPORTER, "notice": "1 month"}},
        {"governance": {"controller": EXPORTER, "notice": 5, "quorum": "50%"}},
        {"governance": {"quorum": 50}},
        {"rules": [{"to": "exporter", "rate": "10%"}]},
        {"rules": [{"rule": "comission", "to": "exporter", "rate": "10%"}]},
        {"rules": [{"rule": "commission", "to": "exporter"}]},
        {"rules": [{"rule": "commission", "to": "exporter", "rate": 10}]},
        {"rules": [{"rule": "cap", "payee": "exporter", "to": "designer", "amount": 10.5}]},
    ],
)
def test_the_schema_marks_what_is_wrong(change: dict[str, Any]) -> None:
    assert not jsonschema.Draft202012Validator(Agreement.json_schema()).is_valid(data() | change)


# ------------------------------------------------------------------------------------------ wrong use


def test_wrong_arguments_are_told_apart_from_wrong_agreements() -> None:
    with pytest.raises(ValueError, match="format must be"):
        Agreement.loads(TEXT, format="yaml")  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="load\\(path\\)"):
        Agreement.loads(TEXT.encode())  # type: ignore[arg-type]


def test_a_json_schema_key_is_for_editors_of_json_only() -> None:
    with pytest.raises(AgreementError, match="schema"):
        Agreement.model_validate(data() | {"$schema": "x"})


@given(st.sampled_from(["Tier", "Payee"]), st.dictionaries(st.text(max_size=6), st.integers(), max_size=3))
def test_parts_refuse_as_the_whole_does(kind: str, fields: dict[str, Any]) -> None:
    with pytest.raises(AgreementError):
        (Tier if kind == "Tier" else Payee)(**fields)
