"""The headers that Swedish registers, lists and consoles use, by the field that they mean, and how headers are compared."""

from collections.abc import Mapping
from typing import Final

from fleetsync.core.text import normalised_word

HEADER_WORDS: Final[Mapping[str, tuple[str, ...]]] = {
    # people
    "civic_number": (
        "personnummer",
        "pnr",
        "personnr",
        "persnr",
        "sekelpersnr",
        "person-id",
        "identifierare",
        "personidentitet",
    ),
    "person_number": (
        "anställningsnummer",
        "anstnr",
        "anst.nr",
        "anställningsnr",
        "anställdnummer",
        "personalnummer",
        "elev-id",
        "barn-id",
    ),
    "object_id": ("objekt-id", "object id", "entra-id", "azure ad-id"),
    "login": ("användarnamn", "användare", "konto", "kontonamn", "signatur", "inloggning", "upn", "eppn", "username"),
    "email": ("e-post", "mail", "mejl", "e-postadress", "epost skola", "e-post arbete", "email", "emailadr"),
    "name": ("namn", "elevnamn", "fullständigt namn"),
    "protected": (
        "sekretess",
        "sekretessmarkering",
        "skyddad",
        "skyddad identitet",
        "skyddsnivå",
        "skyddade uppgifter",
    ),
    # employments
    "employment_form": ("anställningsform", "anst.form", "anställningstyp", "form av anställning"),
    "start": ("från", "from", "fr.o.m.", "fom", "startdatum", "anst.from", "anställd from", "börjar", "placerad from"),
    "end": ("till", "tom", "t.o.m.", "t o m", "slutdatum", "anst.tom", "anställd tom", "slutar", "placerad tom"),
    "share": ("sysselsättningsgrad", "syssgrad", "syss.grad", "ssg", "%", "tjänstgöringsgrad"),
    "leave_from": ("ledig from", "ledig fr.o.m.", "tjänstledig from", "frånvaro from"),
    "leave_to": ("ledig tom", "ledig t.o.m.", "tjänstledig tom", "frånvaro tom"),
    "job": ("befattning", "tjänst", "titel", "aid", "etikett"),
    # schools
    "unit": ("enhet", "skola", "skolenhet", "förskola", "arbetsplats", "enhetsnamn", "organisation", "plats"),
    "unit_code": ("skolenhetskod", "enhetskod", "skolkod"),
    "cost_centre": ("kostnadsställe", "kst", "ansvar", "kontrub1"),
    "school_form": ("skolform", "verksamhetsform", "verksamhet"),
    "year": ("årskurs", "åk", "årskurs/stadie", "årsk"),
    "group": ("klass", "avdelning", "grupp", "undervisningsgrupp"),
    "children": ("antal barn", "antal elever", "antal", "barn"),
    # devices
    "serial": ("serienummer", "serienr", "s/n", "sn", "serial number", "serial", "serienummer (s/n)"),
    "ownership": ("ownership", "device ownership", "owner type", "ägarskap", "ägandeform", "ägartyp"),
    "state": ("device state", "management state", "enhetstillstånd", "enhetens tillstånd", "hanteringsstatus"),
    "managed_by": ("managed by", "management agent", "hanteras av", "hanterad av"),
    "compliance": ("compliance", "compliance state", "efterlevnad", "kompatibilitet"),
    "encrypted": ("encrypted", "is encrypted", "krypterad", "kryptering"),
    "asset_tag": (
        "inventarienummer",
        "inv.nr",
        "inventarienr",
        "stöldmärkning",
        "asset tag",
        "märkning",
        "datornummer",
    ),
    "device_name": ("datornamn", "enhetens namn", "device name", "hostname"),
    "manufacturer": ("tillverkare", "fabrikat", "märke", "manufacturer"),
    "model": ("modell", "modellbeteckning", "produkt", "artikel", "benämning", "model"),
    "platform": ("plattform", "operativsystem", "os", "platform"),
    "os_version": ("os-version", "operativsystemsversion", "version", "os version"),
    "status": ("status", "läge", "tillstånd"),
    "purpose": ("syfte", "användning", "typ av användning", "ändamål", "purpose"),
    "groups": ("klasser", "grupper"),
    "last_contact": ("senast sedd", "senaste kontakt", "last seen", "last contact"),
    "enrolled": ("registrerad", "registreringsdatum", "enrolled"),
    # purchases
    "order": ("ordernummer", "order", "ordernr", "beställningsnummer", "inköpsorder"),
    "purchased": ("inköpsdatum", "inköpt", "leveransdatum", "köpdatum", "purchase date"),
    "delivery": ("beräknad leverans", "levereras", "förväntad leverans"),
    "quantity": ("kvantitet", "antal enheter", "st", "quantity"),
    "price": ("pris", "belopp", "á-pris", "apris", "styckpris", "kostnad"),
    "warranty": ("garanti", "garanti t.o.m.", "garantidatum", "garanti slut", "warranty"),
    "as_of": ("utskriftsdatum", "uttagsdatum", "rapportdatum", "per datum", "avser datum"),
}
"""Swedish headers per field, for columns without headers of their own. Some headers stand under several fields: a
connector names only the fields that its kind of file has."""

FALLBACK_WORDS: Final[Mapping[str, tuple[str, ...]]] = {
    "last_contact": (
        "senast ansluten",
        "last check-in",
        "last checkin",
        "senaste incheckning",
        "last sync",
        "last sync date time",
        "senast synkad",
        "senast synkroniserad",
        "senaste synkronisering",
        "last inventory update",
        "last reported",
        "last connected",
        "senast uppkopplad",
        "senast kontaktad",
        "most recent activity",
        "last activity",
        "senaste aktivitet",
        "senast aktiv",
        "last active",
        "senaste inloggning",
        "senast inloggad",
        "last logon",
        "last login",
    ),
    "start": ("tillträde", "tillträdesdatum", "anställningsdatum", "anstdatum", "anst.datum", "anställningsstart"),
    "end": ("slutdatum för anställning", "anställning slutar", "avgångsdatum"),
    "employment_form": ("employment type", "typ av anställning"),
    "given_name": ("förnamnsmå",),
    "family_name": ("efternamnsmå",),
    "asset_tag": ("annotated asset id",),
}
"""Headers that mean a field where none of its other headers is there, in the order in which they count."""


def fold_header(header: str) -> str:
    """A header without case, accents, spaces and punctuation; a percent sign stays, being a header itself."""
    return normalised_word(header, keep="%")
