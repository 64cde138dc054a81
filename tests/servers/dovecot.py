"""A Dovecot of one's own."""

from __future__ import annotations

import base64
import grp
import os
import pwd
import secrets
import shutil
import subprocess
from typing import Any

from tests.servers.mail import PASSWORD, MailServer, hang_up
from tests.servers.private import HOST, ServerMissingError, make_certificate, program

DOVECOT_CONF = """
base_dir = {folder}/run
state_dir = {folder}/state
log_path = {folder}/dovecot.log
protocols = imap
listen = {host}
default_internal_user = {internal}
default_internal_group = {internal_group}
default_login_user = {login}
default_client_limit = 2000
first_valid_uid = 1
mail_location = mdbox:{folder}/mail/%u
mail_fsync = never
mail_max_userip_connections = 1000
ssl_cert = <{folder}/tls.crt
ssl_key = <{folder}/tls.key
disable_plaintext_auth = no
auth_failure_delay = 0
auth_username_chars =
auth_mechanisms = plain login xoauth2 oauthbearer
passdb {{
  driver = oauth2
  mechanisms = xoauth2 oauthbearer
  args = {folder}/oauth2.conf
}}
passdb {{
  driver = static
  mechanisms = plain login
  args = password={password}
}}
userdb {{
  driver = static
  args = uid={mail} gid={mail_group} home={folder}/mail/%u
}}
namespace inbox {{
  inbox = yes
  mailbox Sent {{
    auto = create
    special_use = \\Sent
  }}
  mailbox Junk {{
    auto = create
    special_use = \\Junk
  }}
  # These exist for whoever makes them.
  mailbox Archive {{
    special_use = \\Archive
  }}
  mailbox "All Mail" {{
    special_use = \\All
  }}
  mailbox Drafts {{
    special_use = \\Drafts
  }}
  mailbox Trash {{
    special_use = \\Trash
  }}
}}
protocol imap {{
  mail_plugins = imap_zlib
}}
service imap-login {{
  {chroot}
  inet_listener imap {{
    port = {port}
  }}
  inet_listener imaps {{
    port = {tls_port}
  }}
}}
service anvil {{
  chroot =
  # No penalty for failed logins: every test comes from one address.
  unix_listener anvil-auth-penalty {{
    mode = 0
  }}
}}
service stats {{
  chroot =
}}
"""


# Access tokens are checked by their signature, so no provider is asked.
OAUTH2_CONF = """
introspection_mode = local
local_validation_key_dict = fs:posix:prefix={folder}/keys/
username_attribute = email
"""


class PrivateDovecot(MailServer):
    """A mail server whose users have the folders Sent and Junk.

    Whoever signs a JWT with `token_key` (HS256, the user's name in `email`, any `sub`, `iat`, `exp`) may sign in
    with it by XOAUTH2 and OAUTHBEARER. The folders Archive, All Mail, Drafts and Trash have their special uses as
    soon as a user makes them. STARTTLS works too.
    """

    def __init__(self) -> None:
        super().__init__()
        self.ca_file: str = str(self.folder / "tls.crt")
        self.token_key = secrets.token_bytes(32)

    def kick(self, user: str) -> None:
        """Break every connection of a user."""
        if user in self._sessions:
            hang_up(self._sessions.pop(user))
        subprocess.run([program("doveadm"), "-c", str(self.folder / "dovecot.conf"), "kick", user], check=False)

    def _start(self) -> None:
        dovecot = program("dovecot")
        version = subprocess.run([dovecot, "--version"], check=True, capture_output=True, text=True).stdout
        if not version.startswith("2.3."):
            raise ServerMissingError(f"the tests' Dovecot is configured for 2.3, this one is {version.strip()}")
        make_certificate(self.folder)
        self._keep_token_key()
        mail = self.folder / "mail"
        mail.mkdir()
        self.folder.chmod(0o755)
        if os.geteuid() == 0:
            shutil.chown(mail, "mail", "mail")
        conf = self.folder / "dovecot.conf"
        conf.write_text(DOVECOT_CONF.format(folder=self.folder, host=HOST, password=PASSWORD, **self._settings()))
        self._run([dovecot, "-F", "-c", str(conf)], self.port)

    def _settings(self) -> dict[str, Any]:
        ports = {"port": self.port, "tls_port": self.tls_port}
        if os.geteuid() == 0:
            users = {"internal": "dovecot", "login": "dovenull", "mail": "mail"}
            return ports | users | {"internal_group": "dovecot", "mail_group": "mail", "chroot": ""}
        me, mine = pwd.getpwuid(os.geteuid()).pw_name, grp.getgrgid(os.getegid()).gr_name
        users = {"internal": me, "login": me, "mail": me}
        return ports | users | {"internal_group": mine, "mail_group": mine, "chroot": "chroot ="}

    def _keep_token_key(self) -> None:
        (self.folder / "oauth2.conf").write_text(OAUTH2_CONF.format(folder=self.folder))
        key = self.folder / "keys/default/HS256/default"
        key.parent.mkdir(parents=True)
        key.write_bytes(base64.b64encode(self.token_key))
