"""Looks for credentials in what is about to be sealed. Pure: what the environment holds is an argument.

Two searches: for the forms that issuers give to tokens and keys, and for the values of those variables of the
compiling environment whose names are those of credentials. A value is compared and forgotten; a `Leak` names
the place and never shows it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final, NamedTuple


class Shape(NamedTuple):
    """What tokens of a kind look like. Every pattern begins with a literal text, which `re` finds quickly."""

    what: str
    pattern: re.Pattern[bytes]


def _word(literal: bytes, rest: bytes) -> re.Pattern[bytes]:
    """A token that begins with the literal and does not stand in the middle of a word."""
    return re.compile(literal + rb"(?<![A-Za-z0-9]" + literal + rb")" + rest)


SHAPES: Final = (
    Shape("an AWS access key", _word(b"AKIA", rb"[A-Z2-7]{16}(?<!EXAMPLE)(?![A-Za-z0-9])")),
    Shape("an AWS access key", _word(b"ASIA", rb"[A-Z2-7]{16}(?<!EXAMPLE)(?![A-Za-z0-9])")),
    Shape("an AWS secret key", _word(b"secret_access_key", rb"\W{1,8}[A-Za-z0-9/+]{40}(?![\w/+])")),
    Shape("an AWS secret key", _word(b"SECRET_ACCESS_KEY", rb"\W{1,8}[A-Za-z0-9/+]{40}(?![\w/+])")),
    Shape("an Azure storage key", _word(b"AccountKey=", rb"[A-Za-z0-9+/]{86}==")),
    Shape("a Google API key", _word(b"AIza", rb"[\w-]{35}(?![\w-])")),
    Shape("a GitHub token", _word(b"gh", rb"[pousr]_[A-Za-z0-9]{36,}")),
    Shape("a GitHub token", _word(b"github_pat_", rb"\w{22,}")),
    Shape("a GitLab token", _word(b"glpat-", rb"[\w-]{20,}")),
    Shape("a Slack token", _word(b"xox", rb"[abeoprs]-[\w-]{10,}")),
    Shape("a Databricks token", _word(b"dapi", rb"[0-9a-f]{32}(?![0-9a-f])")),
    Shape("a dbt Cloud token", _word(b"dbtc_", rb"(?=[\w-]*[0-9])[\w-]{20,}")),
    Shape("a dbt Cloud token", _word(b"dbtu_", rb"(?=[\w-]*[0-9])[\w-]{20,}")),
    Shape("a Vault token", _word(rb"hvs\.", rb"[\w-]{24,}")),
    Shape("a private key", re.compile(rb"-----BEGIN (?:[A-Z]+ )*PRIVATE KEY-----")),
    Shape("a JSON web token", _word(b"eyJ", rb"[\w-]{8,}\.eyJ[\w-]{8,}\.[\w-]{8,}")),
    Shape("a password in an address", re.compile(rb"""://[^\s/:@'"\\{}<$]{1,64}:[^\s/:@'"\\{}<$]{8,}@[\w.-]+""")),
)
_OF_A_CREDENTIAL: Final = re.compile(
    r"PASSWORD|PASSWD|PASSPHRASE|SECRET|TOKEN|CREDENTIAL|API_?KEY|(?:^|_)(?:AUTH|KEY|PASS|PWD)(?:_|$)", re.IGNORECASE
)
_NO_CREDENTIALS: Final = frozenset({"PWD", "OLDPWD", "SSH_AUTH_SOCK"})
_SHORTEST: Final = 8
_A_MERE_WORD: Final = re.compile(r"[a-z_.-]{,15}|[A-Z_.-]{,15}|[0-9_.-]{,15}|(.)\1*|floe-placeholder")
_RESERVED: Final = re.compile(rb"[^A-Za-z0-9._~-]")


@dataclass(frozen=True, slots=True)
class Leak:
    """A credential in a file: `variable` is the name of the environment variable that holds it, if one does."""

    path: str
    line: int
    what: str
    variable: str | None = None
    offset: int = field(default=0, compare=False)
    secret: bytes = field(default=b"", repr=False, compare=False)


def find_leaks(files: Mapping[str, bytes], environ: Mapping[str, str]) -> Iterator[Leak]:
    """Every credential in every file, at its first place there."""
    credentials = [(name, _written_forms(value)) for name, value in sorted(credentials_in(environ).items())]
    for path, content in files.items():
        yield from _tokens(path, content)
        for name, forms in credentials:
            found = next((at for form in forms if (at := content.find(form)) >= 0), None)
            if found is not None:
                what = f"the value of the environment variable {name}"
                yield Leak(path, _line(content, found), what, name, found, forms[0])


def credentials_in(environ: Mapping[str, str]) -> dict[str, str]:
    """The variables that look like credentials by their names, and whose values are not mere words or numbers."""
    return {
        name: value.strip()
        for name, value in environ.items()
        if _OF_A_CREDENTIAL.search(name)
        and name not in _NO_CREDENTIALS
        and len(value.strip()) >= _SHORTEST
        and not _A_MERE_WORD.fullmatch(value.strip())
    }


def _tokens(path: str, content: bytes) -> Iterator[Leak]:
    for what, pattern in SHAPES:
        first_places = {found[0]: found.start() for found in reversed(list(pattern.finditer(content)))}
        for secret, start in first_places.items():
            yield Leak(path, _line(content, start), what, None, start, secret)


def _written_forms(value: str) -> tuple[bytes, ...]:
    """As it is, as JSON writes it, as an address has it (RFC 3986, section 2.1); each once, the plain one first."""
    plain = value.encode(errors="surrogateescape")
    in_json = json.dumps(value, ensure_ascii=False)[1:-1].encode(errors="surrogateescape")
    in_address = _RESERVED.sub(lambda byte: b"%%%02X" % byte[0][0], plain)
    return tuple(dict.fromkeys((plain, in_json, in_address)))


def _line(content: bytes, offset: int) -> int:
    return content.count(b"\n", 0, offset) + 1
