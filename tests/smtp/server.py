"""A mail server for tests. It stores received e-mails, and can inject faults.

Usage: server.py FOLDER PORT OPTIONS. OPTIONS is JSON with `tls` ("none", "starttls", "implicit"), `certificate`, `key`
and `login` ([user, password] or null).

- FOLDER/received: a line of JSON per e-mail, written before the reply.
- FOLDER/connections: a byte per connection.
- FOLDER/open: the number of open connections.
- FOLDER/fault: the fault to inject, read at each step.
- SIGUSR1 closes the listener and all connections; SIGUSR2 listens again.

tests/backends/src/smtp.rs starts this server and documents the faults.
"""

import asyncio
import email
import email.header
import email.policy
import json
import signal
import ssl
import sys
import warnings
from pathlib import Path

from aiosmtpd.smtp import MISSING, SMTP, AuthResult

FOLDER, PORT, OPTIONS = Path(sys.argv[1]), int(sys.argv[2]), json.loads(sys.argv[3])
CONNECTED = set()


def fault():
    try:
        return json.loads((FOLDER / "fault").read_text())
    except FileNotFoundError:
        return {}


def said_at(step):
    """Returns the reply to send at this step instead of the normal reply."""
    return fault().get("say") if fault().get("at") == step else None


def keep(name, line):
    with open(FOLDER / name, "a", encoding="ascii") as file:
        file.write(line)


def connected(connection, is_connected):
    (CONNECTED.add if is_connected else CONNECTED.discard)(connection)
    (FOLDER / "open.draft").write_text(str(len(CONNECTED)))
    (FOLDER / "open.draft").rename(FOLDER / "open")


def decoded(value):
    # Not the policy's own decoder, which retains the space between two encoded words (RFC 2047 section 6.2).
    return str(email.header.make_header(email.header.decode_header("".join(value.splitlines()))))


def record(envelope, answered):
    message = email.message_from_bytes(envelope.content, policy=email.policy.default)

    def body(kind):
        part = message.get_body([kind])
        return part and part.get_content().replace("\r\n", "\n")

    line = {
        "from": envelope.mail_from,
        "to": envelope.rcpt_tos,
        "raw": envelope.content.decode("latin-1"),
        "headers": [[name, decoded(value)] for name, value in message.raw_items()],
        "text": body("plain"),
        "html": body("html"),
        "defects": [repr(defect) for part in message.walk() for defect in part.defects],
        "answered": answered,
    }
    keep("received", json.dumps(line) + "\n")


class Handler:
    async def handle_MAIL(self, server, session, envelope, address, options):
        return said_at("from") or MISSING

    async def handle_RCPT(self, server, session, envelope, address, options):
        return said_at("to") or MISSING

    async def handle_AUTH(self, server, session, envelope, args):
        return said_at("login") or MISSING

    async def handle_DATA(self, server, session, envelope):
        if said := said_at("end"):
            return said
        hangs_up = fault().get("at") == "hang_up"
        record(envelope, not hangs_up)
        if hangs_up:
            server.transport.abort()
        return "250 2.0.0 accepted"


class Server(SMTP):
    async def _handle_client(self):
        keep("connections", ".")
        connected(self, True)
        if said := said_at("connect"):
            await self.push(said)
            self.transport.close()
            return
        await super()._handle_client()

    def connection_lost(self, error):
        connected(self, False)
        super().connection_lost(error)

    async def push(self, status):
        if isinstance(status, bytes):
            status = status.decode("ascii")
        at = fault().get("at")
        if at == "silence":
            await asyncio.Event().wait()
        if at == "slow":
            for character in status:
                self._writer.write(character.encode())
                await asyncio.sleep(1)
            status = ""
        if at == "injection" and status.startswith("220 Ready to start TLS"):
            status += "\r\n250-localhost\r\n250 AUTH PLAIN LOGIN"
        await super().push(status)
        if status.startswith("421"):
            self.transport.close()

    async def smtp_STARTTLS(self, arg):
        if fault().get("at") == "broken_tls":
            await self.push("220 Ready to start nothing")
            await self.push("this is not TLS")
            return
        await super().smtp_STARTTLS(arg)

    async def smtp_DATA(self, arg):
        if said := said_at("data"):
            await self.push(said)
            return
        await super().smtp_DATA(arg)


def authenticate(server, session, envelope, mechanism, data):
    given = [data.login.decode(), data.password.decode()]
    return AuthResult(success=given == OPTIONS["login"], handled=False)


def protocol(tls):
    return Server(
        Handler(),
        hostname="localhost",
        tls_context=tls if OPTIONS["tls"] == "starttls" else None,
        require_starttls=True,
        auth_required=OPTIONS["login"] is not None,
        auth_require_tls=OPTIONS["tls"] == "starttls",
        authenticator=authenticate,
    )


async def main():
    loop = asyncio.get_running_loop()
    tls = None
    if OPTIONS["tls"] != "none":
        tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        tls.load_cert_chain(OPTIONS["certificate"], OPTIONS["key"])

    async def listen():
        around = tls if OPTIONS["tls"] == "implicit" else None
        return await loop.create_server(lambda: protocol(tls), "127.0.0.1", PORT, ssl=around)

    listening = await listen()

    def stop():
        listening.close()
        for connection in list(CONNECTED):
            connection.transport.abort()

    async def start_again():
        nonlocal listening
        listening = await listen()

    loop.add_signal_handler(signal.SIGUSR1, stop)
    loop.add_signal_handler(signal.SIGUSR2, lambda: loop.create_task(start_again()))
    print("listening", flush=True)
    await asyncio.Event().wait()


warnings.simplefilter("ignore")
asyncio.run(main())
