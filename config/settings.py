"""Settings: read once, typed, every error at once, secrets masked.

Sources, strongest first: flags (passed as keyword arguments), environment `INBOX_*`, `INBOX_*_FILE` for secrets,
`.env` in the working folder, the TOML file that `INBOX_CONFIG` names (default `inbox-worker.toml`), defaults.
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, ValidationError, ValidationInfo, field_validator
from pydantic.fields import FieldInfo
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)

PREFIX = "INBOX_"
LEAST_KEY = 32
"""Characters: what is shorter can be guessed."""
FERNET_KEY = re.compile("[A-Za-z0-9_-]{43}=")
"""32 octets as URL-safe base64."""
_HERE = frozenset({"127.0.0.1", "localhost", "::1"})


class SettingsError(Exception):
    """Settings are wrong; the message names every one of them and where to mend it."""


class Settings(BaseSettings):
    """Everything that can be configured, with its unit and default."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX,
        env_file=".env",
        env_file_encoding="utf-8",
        dotenv_filtering="match_prefix",
        extra="forbid",
        frozen=True,
        # A wrong secret must not stand in the error that says so.
        hide_input_in_errors=True,
    )

    database_url: SecretStr = Field(
        SecretStr("sqlite:///inbox-worker.sqlite"),
        description="SQLAlchemy URL of the database: sqlite:///file or postgresql://user:password@host/name.",
    )
    artifact: Path | None = Field(None, description="Reply classifier to use; default: the promoted or shipped one.")
    artifact_folder: Path = Field(Path("artifacts"), description="Where trained reply classifiers are kept.")
    opt_out_floor: float = Field(
        0.9, ge=0, le=1, description="Least share of opt-outs that a classifier must recognise or hold to be promoted."
    )
    review_share: float = Field(
        0.02, ge=0, le=1, description="Share of answers drawn at random for review, by which accuracy is measured."
    )
    poll_seconds: int = Field(60, ge=1, le=86_400, description="Seconds between two polls of one mailbox.")
    poll_threads: int = Field(8, ge=1, le=256, description="Mailboxes polled at the same time.")
    poll_messages: int = Field(
        5000, ge=1, description="Most messages one poll takes before other mailboxes get a turn."
    )
    batch_messages: int = Field(
        1000, ge=1, le=25_000,
        description="Most messages in hand at a time, read and not recorded yet; a fifth goes into one transaction.",
    )  # fmt: skip
    backfill_processes: int = Field(
        0, ge=0, le=256, description="Processes that judge the mail of a backfill side by side; 0: one for each CPU."
    )
    imap_timeout: float = Field(60.0, gt=0, description="Seconds an IMAP answer may take.")
    host_connections: int = Field(2000, ge=1, description="Most connections to one mail server, kept ones included.")
    host_connects_a_second: float = Field(20.0, gt=0, description="Most new connections to one mail server a second.")
    mailbox_megabytes_a_day: int = Field(1000, ge=1, description="Most megabytes of one mailbox read a day (UTC).")
    backfill_megabytes_a_day: int = Field(
        1000, ge=1, description="Most megabytes of one mailbox that backfills read a day, besides the live ones."
    )
    push: bool = Field(
        default=True, description="Keep the connection to each mailbox, and let its server tell of new mail (IDLE)."
    )
    mailbox_private_hosts: bool = Field(
        default=False, description="Let the console lead mailboxes into private networks; the command line always may."
    )
    absence_days: int = Field(7, ge=0, le=3650, description="Days a sequence pauses on an absence with no date.")
    absence_extra_days: int = Field(1, ge=0, le=365, description="Working days a sequence waits after the return.")
    weak_match_days: int = Field(90, ge=1, description="Days after a send in which a mail may match without its id.")
    reply_scope: Literal["answered", "all"] = Field(
        "answered", description="Campaigns of the contact a reply changes: the answered one, or all."
    )
    public_url: str | None = Field(None, description="Where the links in our mail lead: the address of the console.")
    link_keys: SecretStr | None = Field(
        None, description="Keys that sign links, separated by spaces or commas; the first signs, all are accepted."
    )
    secret_keys: SecretStr | None = Field(
        None, description="Keys that stored secrets are encrypted with, by spaces or commas; the first encrypts."
    )
    google_client_id: str | None = Field(None, description="Client id of this installation at Google.")
    google_client_secret: SecretStr | None = Field(None, description="Its client secret.")
    google_issuer: str = Field("https://accounts.google.com", description="Issuer of Google's tokens.")
    microsoft_client_id: str | None = Field(None, description="Application id of this installation at Microsoft.")
    microsoft_client_secret: SecretStr | None = Field(None, description="Its client secret; none: a public client.")
    microsoft_issuer: str = Field(
        "https://login.microsoftonline.com/common/v2.0",
        description="Issuer of Microsoft's tokens; for client credentials with the tenant instead of common.",
    )
    oidc_issuer: str | None = Field(None, description="Issuer of the identity provider that lets people in.")
    oidc_client_id: str | None = Field(None, description="Client id of the console there.")
    oidc_client_secret: SecretStr | None = Field(None, description="Its client secret; none: a public client.")
    oidc_name: str = Field(
        "your company", min_length=1, max_length=60, description="What the button to sign in there calls it."
    )
    console_host: str = Field("127.0.0.1", description="Address the console listens on.")
    console_port: int = Field(8025, ge=0, le=65535, description="Port the console listens on; 0: any free one.")
    metrics_host: str = Field("127.0.0.1", description="Address at which a daemon tells how it fares over HTTP.")
    metrics_port: int | None = Field(
        None, ge=0, le=65535, description="Port of /metrics, /healthz and /readyz there; none: not told. 0: any."
    )
    stall_seconds: int = Field(
        300, ge=1, description="Seconds without a poll that ends, while mailboxes wait, after which /healthz fails."
    )
    traces_url: str | None = Field(
        None, description="Where a daemon sends traces (OTLP over HTTP); none: nowhere. Needs the extra tracing."
    )
    traces_share: float = Field(1.0, ge=0, le=1, description="Share of the polls that bring something that is traced.")
    alarm_bounce_share: float = Field(
        0.02, gt=0, le=1, description="Share of hard bounces among the sends of a mailbox or campaign that is an alarm."
    )
    alarm_bounce_days: int = Field(28, ge=1, description="Days of sends that this share is taken of.")
    alarm_bounce_sends: int = Field(20, ge=1, description="Least sends in these days for a share to tell something.")
    event_days: int = Field(
        90, ge=1, le=36_500, description="Days an event is kept that no endpoint waits for or has missed."
    )
    message_months: int | None = Field(
        None, ge=2, le=1_200, description="Whole months that texts of messages are kept; none: for ever."
    )
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field("INFO", description="Least severe log line shown.")
    log_format: Literal["text", "json"] = Field("text", description="Log lines for people or for machines.")

    @field_validator("public_url", "oidc_issuer")
    @classmethod
    def _is_base(cls, value: str | None) -> str | None:
        if value is None or not value.strip():
            return None
        # Mail programs press an unsubscribe button for people only over HTTPS (RFC 8058 3.1).
        return _base(value)

    @field_validator("oidc_client_id")
    @classmethod
    def _has_issuer(cls, value: str | None, info: ValidationInfo) -> str | None:
        # An issuer that is wrong in itself is told already.
        if "oidc_issuer" in info.data and bool(info.data["oidc_issuer"]) != bool(value):
            raise ValueError("INBOX_OIDC_ISSUER and INBOX_OIDC_CLIENT_ID belong together; set both, or neither")
        return value or None

    @field_validator("google_issuer", "microsoft_issuer")
    @classmethod
    def _is_issuer(cls, value: str) -> str:
        # Client secrets and tokens go there (RFC 8414 2: an issuer is an https URL without query and fragment).
        return _base(value)

    @field_validator("link_keys")
    @classmethod
    def _are_long(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None and any(len(key) < LEAST_KEY for key in _keys(value)):
            raise ValueError(f"each key needs at least {LEAST_KEY} characters; `openssl rand -hex 32` makes one")
        return value

    @field_validator("secret_keys")
    @classmethod
    def _are_keys(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None and not all(FERNET_KEY.fullmatch(key) for key in _keys(value)):
            raise ValueError("each key is 43 characters and an equals sign; `inbox-worker secrets new-key` makes one")
        return value

    @property
    def encryption_keys(self) -> tuple[str, ...]:
        """The keys that stored secrets may be encrypted with, the one that encrypts first; empty where none is set."""
        return _keys(self.secret_keys) if self.secret_keys else ()

    @property
    def signing_keys(self) -> tuple[str, ...]:
        """The keys that links may be signed with, the one that signs first; empty where none is set."""
        return _keys(self.link_keys) if self.link_keys else ()

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - ours reads one file per setting instead
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Put the sources in the order the module's docstring promises."""
        toml = TomlConfigSettingsSource(settings_cls, os.environ.get(f"{PREFIX}CONFIG", "inbox-worker.toml"))
        return init_settings, env_settings, _SecretFiles(settings_cls), dotenv_settings, toml


def is_safe(url: str) -> bool:
    """Say whether what is sent to this URL is encrypted, or never leaves this machine."""
    parts = urlsplit(url)
    return bool(parts.hostname) and (
        parts.scheme == "https" or (parts.scheme == "http" and is_here(parts.hostname or ""))
    )


def is_here(host: str) -> bool:
    """Say whether a host is this machine, by its usual names."""
    return host in _HERE


def _base(value: str) -> str:
    url = value.strip().rstrip("/")
    if not is_safe(url) or not url.isprintable() or any(each in url for each in "?#<>, "):
        raise ValueError("write https://host or https://host/path; http:// is for this machine alone")
    return url


def _keys(value: SecretStr) -> tuple[str, ...]:
    return tuple(value.get_secret_value().replace(",", " ").split())


def _content(name: str, path: str) -> str:
    try:
        # Editors of Windows begin UTF-8 with a mark, which belongs to no value.
        return Path(path).read_text(encoding="utf-8-sig").strip()
    except UnicodeError:
        raise ValueError(f"{name}: {path} is not UTF-8; write it anew in that encoding") from None
    except OSError as error:
        raise ValueError(f"{name}: {path} cannot be read: {error.strerror}") from None


class _SecretFiles(PydanticBaseSettingsSource):
    """`INBOX_X_FILE` names a file whose content is the value of `INBOX_X`, as container platforms mount secrets."""

    def get_field_value(self, field: FieldInfo, field_name: str) -> tuple[Any, str, bool]:  # noqa: ARG002 - the interface
        name = f"{PREFIX}{field_name.upper()}_FILE"
        path = os.environ.get(name)
        return (_content(name, path) if path else None), field_name, False

    def __call__(self) -> dict[str, Any]:
        values = {name: self.get_field_value(field, name)[0] for name, field in self.settings_cls.model_fields.items()}
        return {name: value for name, value in values.items() if value is not None}


def read(**flags: Any) -> Settings:
    """Read the settings once.

    Args:
        flags: values given on the command line; None means not given.

    Raises:
        SettingsError: names every wrong setting, what is wrong with it, and where it can be set.
    """
    unknown = sorted(set(_environment_names()) - {f"{PREFIX}{name.upper()}" for name in Settings.model_fields})
    problems = [f"{name}: no such setting" for name in unknown]
    try:
        settings = Settings(**{name: value for name, value in flags.items() if value is not None})
    except ValidationError as error:
        problems += [
            f"{PREFIX}{'.'.join(str(part) for part in each['loc']).upper()}: {each['msg']}" for each in error.errors()
        ]
    except (OSError, ValueError) as error:
        problems.append(f"{error}")
    if problems:
        raise SettingsError(
            "\n".join(problems)
            + "\nSet them in the environment, .env or inbox-worker.toml; docs/configure.md lists all."
        )
    return settings


def _environment_names() -> list[str]:
    names = (name.upper() for name in os.environ if name.upper().startswith(PREFIX))
    return [name.removesuffix("_FILE") for name in names if name != f"{PREFIX}CONFIG"]
