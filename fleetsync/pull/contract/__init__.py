"""The contract of a connector: what it offers, and what it is given.

A connector is a module with `PARTS`, `Settings`, `pull`, `normalise` and, if it can, `probe`. It says which addresses
and files to read and what a record means. Time limits, tokens, retries, keys, masking and SQL are done elsewhere.
This package holds plain values and Protocols. It opens no connection, and no secret in it can be printed.

**Ids.** A record's id is what the source calls it, or is made of facts of its row; `connectors/README.md` says what holds when
one of these cannot be read.
"""

from fleetsync.core.model import Credential, CredentialUse
from fleetsync.pull.contract.connect import (
    Client,
    Connect,
    Decode,
    DecodedResponse,
    FileRow,
    NextPage,
    Params,
    ParamValue,
    SourceFile,
)
from fleetsync.pull.contract.connector import Connector, ContactSplittingConnector, ProbingConnector
from fleetsync.pull.contract.errors import (
    AccessRefused,
    PageTokenExpired,
    PartMissing,
    PullError,
    QueryRefused,
    RecordError,
    SourceRefused,
    SourceUnavailable,
    Stopped,
    WrongAnswer,
)
from fleetsync.pull.contract.listings import (
    DroppedRow,
    MarkWord,
    NormalisedItem,
    Page,
    Part,
    ProbeResult,
    RawRecord,
    RejectedRecord,
    UncertainRecord,
    UnknownValue,
    UnreadableFact,
)
from fleetsync.pull.contract.signing_in import (
    ApiKey,
    Auth,
    Basic,
    Bearer,
    ClientCertificate,
    ClientSecret,
    MutualTls,
    NoAuth,
    ServiceAccount,
    SignedAssertion,
)
from fleetsync.pull.contract.source_settings import (
    Duration,
    Ratio,
    SourceName,
    SourceSettings,
    parse_duration,
)

__all__ = [
    "AccessRefused",
    "ApiKey",
    "Auth",
    "Basic",
    "Bearer",
    "Client",
    "ClientCertificate",
    "ClientSecret",
    "Connect",
    "Connector",
    "ContactSplittingConnector",
    "Credential",
    "CredentialUse",
    "Decode",
    "DecodedResponse",
    "DroppedRow",
    "Duration",
    "FileRow",
    "MarkWord",
    "MutualTls",
    "NextPage",
    "NoAuth",
    "NormalisedItem",
    "Page",
    "PageTokenExpired",
    "ParamValue",
    "Params",
    "Part",
    "PartMissing",
    "ProbeResult",
    "ProbingConnector",
    "PullError",
    "QueryRefused",
    "Ratio",
    "RawRecord",
    "RecordError",
    "RejectedRecord",
    "ServiceAccount",
    "SignedAssertion",
    "SourceFile",
    "SourceName",
    "SourceRefused",
    "SourceSettings",
    "SourceUnavailable",
    "Stopped",
    "UncertainRecord",
    "UnknownValue",
    "UnreadableFact",
    "WrongAnswer",
    "parse_duration",
]
