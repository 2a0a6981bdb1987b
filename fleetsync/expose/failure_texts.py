"""What a failed pull means for the people who read about it, and who does what, in their language.

The reason of a failure is written in English where it is noticed, with hosts, files and statuses. It is recognised here by
a part of its text. What is not recognised is told by its remedy: whether it may pass by itself, or a person must act.
"""

from typing import NamedTuple

from fleetsync.core.model import NOT_THERE, TRIED_AGAIN, Text


class FailureText(NamedTuple):
    """A sentence about failures whose reason has one of *parts*."""

    parts: tuple[str, ...]
    text: Text


FAILURE_TEXTS = (
    FailureText(
        ("no file matches",),
        Text(
            "Ingen fil har kommit än. Be den som exporterar listan att köra exporten; filen läses av sig själv när den finns.",
            "No file has come yet. Ask the person who exports the list to run the export; the file is read by itself once it is there.",
        ),
    ),
    FailureText(
        ("is still being written", "its end is missing", "disappeared while it was read", "ends inside a quoted cell"),
        Text(
            "Filen är inte färdigskriven än. Den läses av sig själv när den är hel.",
            "The file is not complete yet. It is read by itself once it is.",
        ),
    ),
    FailureText(
        (
            "does not accept our credential (401)",
            "refused our token (403)",
            "no token from ",
            "the key or token",
            "the private key is not",
        ),
        Text(
            "Källan släpper inte in oss: en nyckel eller en behörighet saknas, är fel eller har gått ut. Teknikern ser med "
            "fleetsync check vilken det är och vem som kan ge den.",
            "The source does not let us in: a key or a permission is missing, wrong or expired. The technician sees with "
            "fleetsync check which one it is and who can grant it.",
        ),
    ),
    FailureText(
        ("did not answer within", "cannot be reached, or hung up", "is not working (", "is limiting our rate ("),
        Text(
            "Källan svarar inte just nu, eller ber oss vänta. Talen vilar så länge på det som redan är hämtat.",
            "The source does not answer now, or asks us to wait. Meanwhile the numbers rest on what was pulled before.",
        ),
    ),
    FailureText(
        ("in place of an answer", "redirects to", "redirects without end"),
        Text(
            "Källan svarade med något annat än sina uppgifter, till exempel ett meddelande om driftstopp. Talen vilar så länge "
            "på det som redan är hämtat.",
            "The source answered with something else than its data, such as a notice of maintenance. Meanwhile the numbers rest "
            "on what was pulled before.",
        ),
    ),
    FailureText(
        ("has nothing at the address that was asked", "is not an address such as", "Check the base address"),
        Text(
            "Källan finns inte på den adress som står i inställningarna. Teknikern rättar adressen och prövar med "
            "fleetsync check.",
            "The source is not at the address in the configuration. The technician corrects the address and tries "
            "fleetsync check.",
        ),
    ),
    FailureText(
        ("it is damaged", "is protected by a password", "is not a workbook that can be read", "whatever its name says"),
        Text(
            "Filen är skadad, låst eller av ett slag som inte kan läsas. Be den som exporterar listan att spara den igen som "
            "XLSX eller CSV.",
            "The file is damaged, locked or of a kind that cannot be read. Ask the person who exports the list to save it again as XLSX "
            "or CSV.",
        ),
    ),
    FailureText(
        ("columns = {", "both mean", "columns names", "columns puts", "columns gives no number"),
        Text(
            "Filens rubriker är inte de väntade. Exportera den som förut, eller låt teknikern ange rubrikerna i källans tabell.",
            "The headers of the file are not the expected ones. Export it as before, or let the technician name them in the "
            "table of the source.",
        ),
    ),
    FailureText(
        ("What counts here needs",),
        Text(
            "Källan har inte den del som ska ge rätt till verktyg. Teknikern låter en annan källa göra det, eller frågar "
            "leverantören.",
            "The source does not have the part that is to entitle people. The technician lets another source do that, or asks "
            "the vendor.",
        ),
    ),
)
NO_FAILURE = Text(
    "Källan har inte den här delen. Det är inget fel, och ingen behöver göra något.",
    "The source does not have this part. That is no failure, and nobody has to do anything.",
)
MAY_PASS = Text(
    "Källan gick inte att läsa den här gången. Det prövas igen av sig självt; ingen behöver göra något än.",
    "The source could not be read this time. It is tried again by itself; nobody has to do anything yet.",
)
NEEDS_A_PERSON = Text(
    "Källan går inte att läsa förrän någon ändrar något. Teknikern ser med fleetsync check vad som saknas.",
    "The source cannot be read until somebody changes something. The technician sees with fleetsync check what is missing.",
)


def failure_text(reason: str) -> Text:
    """What a failure with this *reason* means, and who does what."""
    if reason.startswith(NOT_THERE):
        return NO_FAILURE
    for failure in FAILURE_TEXTS:
        if any(part in reason for part in failure.parts):
            return failure.text
    return MAY_PASS if TRIED_AGAIN in reason else NEEDS_A_PERSON
