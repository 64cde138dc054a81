"""`mailboxes sign-in`: consent anew that a mailbox may be read."""

from __future__ import annotations

import click

from models.session import reading, transaction
from models.tables.mailboxes import SignIn
from worker.acts.mailbox_columns import see_encrypted
from worker.acts.mailboxes import sign_in_anew
from worker.cli.common import act, find_mailbox, start
from worker.cli.consent import ask, provider_options
from worker.oauth.providers import provider_of
from worker.secrets.vault import vault_of


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
    granted = ask(registered, before.username, flow)
    with transaction(engine) as session:
        mailbox = find_mailbox(session, name)
        sign_in_anew(session, mailbox, wanted, granted, vault, act())
    click.echo(f"{mailbox.name} may be read; see that it works: inbox-worker mailboxes check {mailbox.name}")
