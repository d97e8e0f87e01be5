"""Who calls: tokens that hold, and every one that does not."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from ehr_cases import EC, FORGED, ISSUER, RSA, Server, key_set, serving, token
from joserfc.jwk import OctKey

from uptake.delivery import tokens
from uptake.delivery.ehr import Ehr
from uptake.delivery.reads import open_client
from uptake.delivery.tokens import LEEWAY, LONGEST, Keys, TokenError, Verifier, public_keys

BASE = "https://uptake.example"
PATH = "/cds-services/try"
AUDIENCE = BASE + PATH


@pytest.fixture
def keys(tmp_path: Path) -> Path:
    file = tmp_path / "keys.json"
    file.write_text(json.dumps(key_set()))
    return file


def verifier(keys: Path | None = None, **more: Any) -> Verifier:
    ehrs = [Ehr("st-mary", issuer=ISSUER, keys=keys, **more)]
    return Verifier(ehrs, BASE, open_client)


def admit(by: Verifier, text: str, path: str = PATH) -> str:
    return asyncio.run(by.verify(f"Bearer {text}", path)).name


def refuse(by: Verifier, text: str, scheme: str = "Bearer", path: str = PATH) -> str:
    with pytest.raises(TokenError) as refused:
        asyncio.run(by.verify(f"{scheme} {text}", path))
    assert text not in str(refused.value) or not text
    return str(refused.value)


@pytest.mark.parametrize(
    ("key", "alg", "more"),
    [
        (EC, "ES384", {}), (RSA, "RS384", {}), (EC, "ES384", {"aud": [AUDIENCE, "x"]}),
        (EC, "ES384", {"exp": timedelta(seconds=-LEEWAY + 10)}),
        (EC, "ES384", {"iat": timedelta(seconds=LEEWAY - 10)}),
        (EC, "ES384", {"nbf": timedelta(seconds=LEEWAY - 10)}),
        (EC, "ES384", {"sub": "x", "tenant": "y"}),
    ],
)  # fmt: skip
def test_a_token_that_holds(keys: Path, key: Any, alg: str, more: dict[str, Any]) -> None:
    assert admit(verifier(keys), token(AUDIENCE, key, alg, **more)) == "st-mary"


@pytest.mark.parametrize(
    ("claims", "why"),
    [
        ({"exp": timedelta(seconds=-LEEWAY - 5)}, "ExpiredTokenError"),
        ({"exp": None}, "MissingClaimError"), ({"iat": None}, "MissingClaimError"),
        ({"jti": None}, "MissingClaimError"), ({"jti": ""}, "InvalidClaimError"),
        ({"jti": 7}, "InvalidClaimError"), ({"aud": None}, "MissingClaimError"),
        ({"aud": BASE}, "InvalidClaimError"), ({"aud": AUDIENCE + "/feedback"}, "InvalidClaim"),
        ({"aud": "https://uptake.example.evil/cds-services/try"}, "InvalidClaimError"),
        ({"aud": {"x": AUDIENCE}}, "InvalidClaimError"),
        ({"iat": timedelta(seconds=LEEWAY + 60)}, "InvalidClaimError"),
        ({"nbf": timedelta(seconds=LEEWAY + 60)}, "InvalidClaimError"),
        ({"exp": timedelta(seconds=LONGEST + LEEWAY + 60)}, "too long"),
        ({"exp": "soon"}, "InvalidClaimError"), ({"iss": "https://other.example"}, "issuer"),
        ({"iss": None}, "no JWT"), ({"iss": [ISSUER]}, "no JWT"),
    ],
)  # fmt: skip
def test_claims_that_do_not_hold(keys: Path, claims: dict[str, Any], why: str) -> None:
    assert why in refuse(verifier(keys), token(AUDIENCE, **claims))


def test_forged(keys: Path) -> None:
    assert "BadSignature" in refuse(verifier(keys), token(AUDIENCE, FORGED))
    good = token(AUDIENCE)
    head, body, sign = good.split(".")
    other = token(AUDIENCE, jti="other").split(".")[1]
    for text in (f"{head}.{other}.{sign}", f"{head}.{body}.", f"{head}.{body}.{sign[:-4]}AAAA"):
        refuse(verifier(keys), text)


def test_alg_none_and_hmac(keys: Path) -> None:
    claims = token(AUDIENCE).split(".")[1]
    for alg in ("none", "None", "NONE", ""):
        head = {"alg": alg, "kid": "ec"}
        outer = OctKey.import_key(json.dumps(head)).as_dict()["k"]  # base64url
        for sign in ("", "x"):
            assert "algorithm" in refuse(verifier(keys), f"{outer}.{claims}.{sign}")
    # the public key, which everybody has, taken for a secret
    secret = OctKey.import_key(json.dumps(EC.as_dict(private=False)))
    assert "algorithm" in refuse(verifier(keys), token(AUDIENCE, secret, "HS256"))


def test_algorithms_are_those_configured(keys: Path) -> None:
    assert "algorithm" in refuse(verifier(keys), token(AUDIENCE, RSA, "RS256"))
    assert admit(verifier(keys, algorithms=("RS256",)), token(AUDIENCE, RSA, "RS256"))
    # an algorithm of another kind of key
    with pytest.raises(TokenError):
        admit(verifier(keys), token(AUDIENCE, RSA, "RS384", header={"kid": "ec"}))


@pytest.mark.parametrize(
    ("text", "scheme"),
    [
        ("", "Bearer"), ("x", "Bearer"), ("a.b", "Bearer"), ("a.b.c", "Bearer"),
        ("....", "Bearer"), ("e30.e30.e30", "Bearer"), ("💊.💊.💊", "Bearer"),
        ("dXNlcjpwYXNz", "Basic"), ("x" * 20_000, "Bearer"), ("W10.W10.x", "Bearer"),
    ],
)  # fmt: skip
def test_what_is_no_token(keys: Path, text: str, scheme: str) -> None:
    refuse(verifier(keys), text, scheme)


def test_a_token_is_used_once(keys: Path) -> None:
    by, once = verifier(keys), token(AUDIENCE)
    admit(by, once)
    assert "used before" in refuse(by, once)
    same = token(AUDIENCE, jti="same")
    admit(by, same)
    assert "used before" in refuse(by, token(AUDIENCE, RSA, "RS384", jti="same"))


def test_a_forged_token_uses_up_no_jti(keys: Path) -> None:
    by = verifier(keys)
    refuse(by, token(AUDIENCE, FORGED, jti="mine"))
    admit(by, token(AUDIENCE, jti="mine"))


def test_what_is_remembered_is_bounded(keys: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tokens, "REMEMBERED", 3)
    at = time.time()
    by = Verifier([Ehr("st-mary", issuer=ISSUER, keys=keys)], BASE, open_client, lambda: at)
    for _ in range(3):
        admit(by, token(AUDIENCE))
    assert "too many" in refuse(by, token(AUDIENCE))
    at += 400  # those that were remembered have ended by now
    admit(by, token(AUDIENCE, exp=int(at) + 300))


@pytest.mark.parametrize("audience", ["https://old.example", f"https://old.example{PATH}"])
def test_an_alias_is_of_one_tenant(keys: Path, audience: str) -> None:
    by = verifier(keys, audience=("https://old.example",))
    assert admit(by, token(audience))
    refuse(verifier(keys), token(audience))


class TestFetchedKeys:
    @pytest.fixture
    def ehr(self) -> Iterator[Server]:
        with serving() as server:
            server.says("/jwks", key_set())
            yield server

    def find(self, keys: Keys, *kids: str | None) -> list[str]:
        """What became of each key id, all asked with one client."""

        async def work() -> list[str]:
            found = []
            async with open_client() as client:
                keys.client = lambda: client
                for kid in kids:
                    try:
                        found.append(str((await keys.find(kid)).kid))
                    except TokenError:
                        found.append("none")
            return found

        return asyncio.run(work())

    def of(self, ehr: Server, **more: Any) -> Keys:
        at = f"{ehr.base}/jwks"
        return Keys(Ehr("st-mary", issuer=ISSUER, jwks=at), open_client, **more)

    def test_they_are_fetched_once(self, ehr: Server) -> None:
        assert self.find(self.of(ehr), "ec", "rsa", "ec") == ["ec", "rsa", "ec"]
        assert ehr.paths() == ["/jwks"]

    def test_an_unknown_key_is_looked_for_once_a_minute(self, ehr: Server) -> None:
        now = 0.0
        keys = self.of(ehr, clock=lambda: now)
        assert self.find(keys, "new", "new", "new") == ["none"] * 3
        assert len(ehr.asked) == 1
        now = 61.0
        ehr.says("/jwks", {"keys": [{**EC.as_dict(private=False), "kid": "new"}]})
        assert self.find(keys, "new", "ec") == ["new", "none"]
        assert len(ehr.asked) == 2

    def test_they_are_fetched_again_after_an_hour(self, ehr: Server) -> None:
        now = 0.0
        keys = self.of(ehr, clock=lambda: now)
        self.find(keys, "ec")
        now = 3601.0
        ehr.says("/jwks", "<html>", 500)
        assert self.find(keys, "ec") == ["ec"]  # what was known holds while the EHR is away
        assert len(ehr.asked) == 2

    def test_without_an_id_only_a_single_key(self, ehr: Server) -> None:
        assert self.find(self.of(ehr), None) == ["none"]
        ehr.says("/jwks", key_set(EC))
        assert self.find(self.of(ehr), None) == ["ec"]

    @pytest.mark.parametrize("body", ["<html>", {"keys": [7]}, {"keys": {}}, {}, [], "x" * 600_000])
    def test_a_set_that_is_none(self, ehr: Server, body: Any) -> None:
        ehr.says("/jwks", body)
        assert self.find(self.of(ehr), "ec") == ["none"]

    def test_a_server_that_is_not_there(self) -> None:
        assert self.find(self.of(Server(1)), "ec") == ["none"]

    def test_nothing_is_fetched_from_the_jku_of_a_token(self, ehr: Server) -> None:
        at = f"{ehr.base}/jwks"
        by = Verifier([Ehr("st-mary", issuer=ISSUER, jwks=at)], BASE, open_client)
        ehr.says("/evil", key_set(FORGED))
        for jku in (f"{ehr.base}/evil", f"{at}/", "http://169.254.169.254/", f"{at}?x"):
            assert "jku" in refuse(by, token(AUDIENCE, FORGED, header={"jku": jku}))
        assert ehr.asked == []
        assert admit(by, token(AUDIENCE, header={"jku": at}))


def test_only_signing_keys_are_read() -> None:
    sent = [
        {"kty": "oct", "k": "c2VjcmV0", "kid": "hmac"},
        {**RSA.as_dict(private=False), "use": "enc", "kid": "enc"},
        {"kty": "EC", "crv": "P-384", "x": "!", "y": "!", "kid": "broken"},
        {"kty": "new", "kid": "new"},
        EC.as_dict(private=False),
    ]
    assert list(public_keys(json.dumps({"keys": sent}).encode())) == ["ec"]
