"""The staff lists that personnel systems export, by their headers.

The order is the one in which the system writes them. Where a header is assumed, `tests/recorded/staff_file/provenance.toml`
says so.
"""

from connectors.staff_file.columns import CODE_FIELDS
from fleetsync.pull.files import (
    ADDRESSES,
    CIVIC_NUMBERS,
    DAYS,
    FORMS,
    LOGIN_FIELDS,
    MARKS,
    NUMBERS,
    ExportLayout,
    LayoutColumn,
    appearance_of_words,
)

_PAY_FORMS = appearance_of_words("forms of pay", {"mån", "månad", "månadslön", "tim", "timlön", "man"})

AGDA = ExportLayout(
    name="Visma Agda PS",
    columns=(
        LayoutColumn("ANSTNR", "person_number", needed=True, appearance=NUMBERS),
        LayoutColumn("EFTERNAMNSMÅ", "family_name"),
        LayoutColumn("FÖRNAMNSMÅ", "given_name"),
        LayoutColumn("PERSNR", "civic_number", appearance=CIVIC_NUMBERS),
        LayoutColumn("EMAILADR", "email", needed=True, appearance=ADDRESSES),
        LayoutColumn("KONTRUB1", "cost_centre", needed=True, appearance=NUMBERS),
        LayoutColumn("ANSTDATUM", appearance=DAYS),  # of the first employment
        LayoutColumn("TILLTRÄDE", "start", needed=True, appearance=DAYS),
        LayoutColumn("SLUTDATUM", "end", needed=True, may_be_blank=True, appearance=DAYS),
        LayoutColumn("SYSSDATUM", appearance=DAYS),
        LayoutColumn("BEFATTNING"),
    ),
    telling=("EFTERNAMNSMÅ", "FÖRNAMNSMÅ", "EMAILADR", "KONTRUB1", "TILLTRÄDE", "SYSSDATUM"),
    at_least=4,
)

STRATSYS = ExportLayout(
    name="Stratsys",
    columns=(
        LayoutColumn("Personnummer", "civic_number", needed=True, appearance=CIVIC_NUMBERS),
        LayoutColumn("Förnamn", "given_name"),
        LayoutColumn("Efternamn", "family_name"),
        LayoutColumn("Signatur", "login", needed=True),
        LayoutColumn("Grundanställningsenhet", "unit", needed=True),
        LayoutColumn("Anställningsdatum", "start", needed=True, appearance=DAYS),
        LayoutColumn("Grundanställning"),
        LayoutColumn("Lön", appearance=NUMBERS),
        LayoutColumn("Lön Giltig från", appearance=DAYS),
    ),
    telling=("Signatur", "Grundanställningsenhet", "Grundanställning", "Lön", "Lön Giltig från"),
    at_least=3,
)

HOGIA = ExportLayout(
    name="Hogia Lön",
    columns=(
        LayoutColumn("Anställdnummer", "person_number", needed=True, appearance=NUMBERS),
        LayoutColumn("SekelPersnr", "civic_number", appearance=CIVIC_NUMBERS),
        LayoutColumn("Efternamn", "family_name"),
        LayoutColumn("Förnamn", "given_name"),
        LayoutColumn("E-post", "email", needed=True, appearance=ADDRESSES),
        LayoutColumn("Kostnadsställe", "cost_centre", needed=True, appearance=NUMBERS),
        LayoutColumn("Anställningsform", "employment_form", needed=True, appearance=FORMS),
        LayoutColumn("Anställningsdatum", "start", needed=True, appearance=DAYS),
        LayoutColumn("Avgångsdatum", "end", needed=True, may_be_blank=True, appearance=DAYS),
    ),
    telling=("Anställdnummer", "SekelPersnr", "Avgångsdatum"),
    at_least=2,
)

PAXML = ExportLayout(
    name="PAXml",
    columns=(
        LayoutColumn("anstid", "person_number", needed=True, appearance=NUMBERS),
        LayoutColumn("persnr", "civic_number", appearance=CIVIC_NUMBERS),
        LayoutColumn("fornamn", "given_name"),
        LayoutColumn("efternamn", "family_name"),
        LayoutColumn("epostarb", "email", needed=True, appearance=ADDRESSES),
        LayoutColumn("eposthem", appearance=ADDRESSES),
        LayoutColumn("befattning"),
        LayoutColumn("anstform", "employment_form", needed=True, appearance=FORMS),
        LayoutColumn("anstdatum", "start", needed=True, appearance=DAYS),
        LayoutColumn("avgdatum", "end", appearance=DAYS),  # an element that is not there says that nobody has it
        LayoutColumn("lonform", "pay_form", appearance=_PAY_FORMS),
        LayoutColumn("sysgrad", "share", appearance=NUMBERS),
        LayoutColumn("resenhet 1", "cost_centre", needed=True, appearance=NUMBERS),
    ),
    telling=("anstid", "epostarb", "anstform", "avgdatum", "lonform", "resenhet 1"),
    at_least=4,
)

PERSONEC_LIKE = ExportLayout(
    name="a personnel system such as Personec P",
    columns=(
        LayoutColumn("Personnummer", "civic_number", spellings=("Persnr", "Pnr")),
        LayoutColumn(
            "Anst.nr", "person_number", spellings=("Anställningsnummer", "Anställningsnr"), needed=True, may_be_blank=True, appearance=NUMBERS
        ),
        LayoutColumn("Efternamn", "family_name"),
        LayoutColumn("Förnamn", "given_name"),
        LayoutColumn("E-post", "email", spellings=("E-postadress",), needed=True, or_fields=LOGIN_FIELDS, appearance=ADDRESSES),
        LayoutColumn("Arbetsplats", "unit", spellings=("Enhet",), needed=True, or_fields=CODE_FIELDS),
        LayoutColumn("Kst", "cost_centre", spellings=("Kostnadsställe", "Ansvar"), needed=True, or_fields=("unit", *CODE_FIELDS), appearance=NUMBERS),
        LayoutColumn("Befattning", spellings=("Titel",)),
        LayoutColumn("Anst.form", "employment_form", spellings=("Anställningsform",), needed=True, may_be_blank=True, appearance=FORMS),
        LayoutColumn(
            "Fr.o.m.", "start", spellings=("Från", "Anst.from", "Anst.fr.o.m."), needed=True, appearance=DAYS
        ),
        LayoutColumn(
            "T.o.m.", "end", spellings=("Till", "Anst.tom", "Anst.t.o.m."), needed=True, may_be_blank=True, appearance=DAYS
        ),
        LayoutColumn("Sysselsättningsgrad", "share", spellings=("Syss.grad", "Syssgrad", "SSG"), appearance=NUMBERS),
        LayoutColumn("Ledig fr.o.m.", "leave_from", spellings=("Ledig from",), appearance=DAYS),
        LayoutColumn("Ledig t.o.m.", "leave_to", spellings=("Ledig tom",), appearance=DAYS),
        LayoutColumn(
            "Skyddad identitet",
            "protected",
            spellings=("Sekretess", "Sekretessmarkering"),
            needed=True,
            may_be_blank=True,
            appearance=MARKS,
        ),
    ),
    telling=("Anst.nr", "Arbetsplats", "Kst", "Anst.form", "Fr.o.m.", "T.o.m.", "Sysselsättningsgrad", "Skyddad identitet"),
    at_least=6,
)  # fmt: skip

LAYOUTS = (AGDA, STRATSYS, HOGIA, PAXML, PERSONEC_LIKE)
