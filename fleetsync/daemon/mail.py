"""Sends mails by SMTP, several over one connection. Knows addresses and texts, and nothing of what they say."""

import smtplib
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from email.headerregistry import Address
from email.message import EmailMessage

from fleetsync.settings import Settings, SettingsError
from fleetsync.settings.tables import MailTable

TIMEOUT_SECONDS = 10.0


class MailError(Exception):
    """The mail could not be sent; the text says why and what to do, and names no recipient."""


class Mailer:
    """An open connection to the mail server."""

    def __init__(self, connection: smtplib.SMTP, sender: str) -> None:
        self._connection, self._sender = connection, sender

    def send(self, recipients: tuple[str, ...], subject: str, plain: str, html: str, message_id: str) -> None:
        """Send one mail; its recipients do not see each other. Raises MailError."""
        message = EmailMessage()
        message["From"], message["Subject"] = self._sender, subject
        message["To"] = Address(display_name="fleetsync", addr_spec=self._sender)
        message["Message-ID"] = f"<{message_id}@{self._sender.rpartition('@')[2]}>"
        message["Auto-Submitted"] = "auto-generated"  # no holiday answers
        message.set_content(plain)
        message.add_alternative(html, subtype="html")
        try:
            refused = self._connection.send_message(message, self._sender, recipients)
        except (OSError, smtplib.SMTPException) as error:
            raise MailError(_reason(error)) from None
        if refused:
            raise MailError("the mail server refused some of the recipients. Compare [mail] recipients with its log")


@contextmanager
def open_mailer(settings: Settings) -> Iterator[Mailer]:
    """The mail server of `[mail]`. Raises MailError, and SettingsError for a password that cannot be read."""
    mail = settings.mail
    if mail.host is None or mail.sender is None:
        raise SettingsError(f"{settings.file_name}: [mail] host and sender are missing; without them nothing is sent")
    password = settings.mail_password()
    try:
        with _connect(mail, mail.host, settings) as connection:
            if mail.user is not None:
                connection.login(mail.user, password)
            yield Mailer(connection, mail.sender)
    except (OSError, smtplib.SMTPException) as error:
        raise MailError(_reason(error)) from None


def _connect(mail: MailTable, host: str, settings: Settings) -> smtplib.SMTP:
    certificates = ssl.create_default_context(
        cafile=str(settings.network.ca_file) if settings.network.ca_file else None
    )
    if mail.security == "tls":
        return smtplib.SMTP_SSL(host, mail.port, timeout=TIMEOUT_SECONDS, context=certificates)
    connection = smtplib.SMTP(host, mail.port, timeout=TIMEOUT_SECONDS)
    if mail.security == "starttls":
        try:
            connection.starttls(context=certificates)
        except Exception:
            connection.close()
            raise
    return connection


def _reason(error: Exception) -> str:
    """What happened and what to do. Never the answer of the server itself: it may repeat an address."""
    if isinstance(error, smtplib.SMTPAuthenticationError):
        return "the mail server refused the user or the password. Correct [mail] user and password_file"
    if isinstance(error, smtplib.SMTPNotSupportedError):
        return 'the mail server offers no STARTTLS. Use another port, or [mail] security = "tls"'
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        return "the mail server refused the recipients. Compare [mail] recipients with its log"
    if isinstance(error, ssl.SSLError):
        return "the certificate of the mail server is not trusted. Name its authority in [network] ca_file"
    if isinstance(error, smtplib.SMTPResponseException):
        return f"the mail server answered {error.smtp_code}. Its log says why"
    return f"the mail server does not answer ({type(error).__name__}). Check [mail] host and port"
