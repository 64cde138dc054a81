"""`mailboxes sign-in`: consent anew that a mailbox may be read."""

from __future__ import annotations

import click

from models.session import reading, transaction
from models.tables import Mailbox, SignIn
from worker.access import keep
from worker.cli.common import find_mailbox, now, start
from worker.cli.consent import ask, provider_options
from worker.errors import InputError
from worker.oauth_providers import provider_of
from worker.vault import vault_of


@click.command("sign-in")
@click.argument("name")
@provider_options
def sign_in(name: str, provider: str | None, flow: str) -> None:
    """Consent anew that the mailbox NAME may be read, or for the first time instead of its password.

    Also lets polling go on where it was stopped. Without --google or --microsoft it is the provider of before.
    """
    settings, engine = start()
    vault = vault_of(settings)
    with reading(engine) as session:
        before = find_mailbox(session, name)
    wanted = SignIn(provider) if provider else before.sign_in
    if wanted is SignIn.PASSWORD:
        raise click.UsageError(
            f"{before.name} signs in with a password: inbox-worker mailboxes set {before.name} --password-file FILE"
            " changes it; or say --google or --microsoft"
        )
    see_encrypted(name, wanted, before.security)
    registered = provider_of(wanted, settings)
    # Says now, and not after a person has consented, if there is no key.
    vault.require_key()
    kind, tokens = ask(registered, before.username, flow)
    with transaction(engine) as session:
        mailbox = find_mailbox(session, name)
        mailbox.sign_in, mailbox.password = wanted, ""
        go_on(mailbox)
        keep(session, mailbox.id, kind, tokens, vault, now())
    click.echo(f"{mailbox.name} may be read; see that it works: inbox-worker mailboxes check {mailbox.name}")


def see_encrypted(name: str, sign_in: SignIn, security: str) -> None:
    """Refuse to show access tokens to everybody on the way (RFC 7628 section 3)."""
    if sign_in is not SignIn.PASSWORD and security == "plain":
        raise InputError(
            f"{name}: access tokens are shown over encrypted connections only, and security is 'plain'; give"
            f" --security tls (inbox-worker mailboxes set {name} --security tls)"
        )


def go_on(mailbox: Mailbox) -> None:
    """Let it be polled at once, as if nothing had gone wrong before."""
    mailbox.stopped_at = mailbox.next_poll_at = mailbox.last_error = None
    mailbox.failures = 0
