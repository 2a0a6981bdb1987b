"""Why a pull or a row is refused. An error is named by its remedy."""

from fleetsync.core.model import RecordType


class PullError(Exception):
    """A pull or a record could not be read. The text is for people: what happened, to what, what to do next.

    It never holds a secret, a query string, or a value read from a source.
    """


class SourceUnavailable(PullError):
    """Try later: the source or the network is down or slow, or a response was incomplete."""


class WrongAnswer(SourceUnavailable):
    """The source answered with something else than documented: a notice of maintenance, an error in place of a page, another host.

    Such an answer mostly passes by itself. Where it stays from the first pull on, the address is wrong, and the text says so.
    """


class PageTokenExpired(SourceUnavailable):
    """The source no longer knows the page token of a listing. Reading it again from the first page may help, once."""


class Stopped(SourceUnavailable):
    """The daemon is stopping. Nothing is wrong with the source, and nothing is reported."""


class SourceRefused(PullError):
    """A person must act: a credential, a permission, an address or a file is wrong. The text says what to do."""


class AccessRefused(SourceRefused):
    """A credential or a permission was refused at the door: at the token address, or at the first page of a listing.

    After two in a row the part waits some hours before it is asked again, since asking can lock an account.
    """


class QueryRefused(SourceRefused):
    """The source refuses the query (400, 422), for instance an unknown filter. A simpler query may work.

    Of an *optional_query* also 500 and 501: some servers fail on a filter that they do not know.
    """


class PartMissing(PullError):
    """This system does not have the part (an edition, a cloud or a licence without it). This is not the same as "none".

    *has_json*: whether the response that said so was JSON. Where a system always answers in JSON, a 404 without it came from
    another host or from a gateway in between, and says nothing about the part. *is_forbidden*: the system may have the part,
    and the permission for it was not granted.
    """

    def __init__(self, text: str, *, has_json: bool = True, is_forbidden: bool = False) -> None:
        super().__init__(text)
        self.has_json = has_json
        self.is_forbidden = is_forbidden


class RecordError(PullError):
    """One record cannot be read: `RecordError("start is not a date", source_id="4711")`. A reason never holds a value.

    With *source_id* (and *record_type*, where the part has several) the record is present and unreadable: what is believed of it
    stays. Without, nobody can say which record it was, and nothing of its scope is taken for absent by this pull.
    *place*: where a person finds it, such as "personal.csv line 17"; default: the id.
    """

    def __init__(
        self, reason: str, *, source_id: str | None = None, record_type: RecordType | None = None, place: str = ""
    ) -> None:
        super().__init__(reason)
        self.source_id, self.record_type, self.place = source_id, record_type, place or source_id or ""
