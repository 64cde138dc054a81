"""The providers whose access tokens open mailboxes: what each is asked, and as what we are registered there."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from config.settings import Settings
from models.tables.mailboxes import SignIn
from worker.errors import InputError

MANY_TENANTS: Final = ("/common/", "/organizations/", "/consumers/")
"""Parts of an issuer that stand for nobody in particular."""


@dataclass(frozen=True, slots=True)
class Provider:
    """A provider, and as what this installation is registered there."""

    name: SignIn
    issuer: str
    client_id: str
    client_secret: str | None = field(repr=False)

    @property
    def setting(self) -> str:
        """How the names of its settings begin."""
        return f"INBOX_{self.name.value.upper()}"


@dataclass(frozen=True, slots=True)
class Kind:
    """What is asked of a kind of provider, whatever the installation."""

    host: str
    scope: str
    """The least that lets a mailbox be read over IMAP."""
    client_scope: str | None
    """The same for client credentials; None: it gives none."""
    device: bool
    """Whether it lets devices without a browser ask for this scope."""
    loopback: str
    """The host that its registered addresses of this machine have (RFC 8252 7.3)."""
    consent: dict[str, str]
    """What else makes it hand out a refresh token."""


KINDS: Final = {
    # Google has no narrower scope for IMAP, and does not offer this one to devices.
    SignIn.GOOGLE: Kind(
        host="imap.gmail.com",
        scope="https://mail.google.com/",
        client_scope=None,
        device=False,
        loopback="127.0.0.1",
        consent={"access_type": "offline", "prompt": "consent"},
    ),
    SignIn.MICROSOFT: Kind(
        host="outlook.office365.com",
        scope="https://outlook.office.com/IMAP.AccessAsUser.All offline_access",
        client_scope="https://outlook.office365.com/.default",
        device=True,
        # Its portal registers http://localhost, and then takes any port.
        loopback="localhost",
        consent={},
    ),
}


def provider_of(sign_in: SignIn, settings: Settings) -> Provider:
    """Return a provider as the settings know it.

    Raises:
        InputError: this installation is not registered with it; names the setting.
    """
    issuer, client_id, secret = {
        SignIn.GOOGLE: (settings.google_issuer, settings.google_client_id, settings.google_client_secret),
        SignIn.MICROSOFT: (settings.microsoft_issuer, settings.microsoft_client_id, settings.microsoft_client_secret),
    }[sign_in]
    if not client_id:
        raise InputError(
            f"this installation is not registered with {sign_in.value.capitalize()}; register it there and set"
            f" INBOX_{sign_in.value.upper()}_CLIENT_ID (docs/operate.md says how)"
        )
    return Provider(sign_in, issuer, client_id, secret.get_secret_value() if secret else None)
