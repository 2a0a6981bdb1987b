"""A school register by SS12000:2020, versions 2.0 and 2.1: units, groups, pupils, children, staff.

API: GET {base_url}/organisations, /groups, /persons, /placements, /duties, POST {base_url}/persons/lookup (SIS OpenAPI
2.0.0 and 2.1.0 with the corrigendum of 2022-08; Edlevo's documentation 1.4.0; read 2026-11-24). A whole read each time.
Permission: to read these; no standard says how it is granted, nor how a token is got: see `auth`.

Quirks:
* A register cannot be asked for its version: filters, page size and look-ups are tried, and left out where refused.
* A following page is asked for by token and size alone. Its token may be null, blank or absent after the last, and
  grow old (410); an empty page may follow a full one.
* `enroledAt` has one l. An enrolment has no id; `cancelled` ends it early without saying when, and Edlevo lacks it.
* A duty may sit at any level (Edlevo: always a Skola), may be vacant, and has no form of employment.
* A child may hold several places; förskola has no skolenhetskod. Groups of Edlevo are a Skola's.
* The standard leaves open whether a page token remembers `expand`, so it is never asked for.
* Letters come composed or not, ids in any case, days as open as 9999-12-31.

Every mark of protection protects, on whatever reference it stands, except an absent one and "Ingen". Refuses to decode
birth dates, addresses, phones, photos, guardians and private mail, and to read "missing" as "none".

```toml
[[source]]
kind = "ss12000"
name = "skolregister"
base_url = "https://register.exempelby.se/ss12000/v2.0"   # what /organisations and the others hang below, whole
auth = "oauth2"                        # or "bearer" (token_file), "mtls", "none"
token_url = "https://register.exempelby.se/connect/token"
client_id = "fleetsync"
client_secret_file = "/run/secrets/skolregister"
counts = ["pupils", "children"]        # add "staff" where no personnel file counts
# scope = "ss12000"
# auth_style = "basic"                 # client id and secret as HTTP Basic instead of in the form
# certificate_file = "/etc/fleetsync/register.pem"        # a client certificate: alone with "mtls", or beside the others
# certificate_key_file = "/etc/fleetsync/register.key"
# page_size = 200                      # default 500
# requests_per_minute = 60             # default: one after the other, without a pause
# mail_domains = ["exempelby.se"]      # other addresses are private mail and are not kept
# identifiers = { "https://exempelby.se/anstnr" = { scheme = "number", namespace = "personal" } }
# school_forms = { FSK = "FKLASS" }    # what this register means by a form of its own
# group_types = ["Klass"]              # default Klass and Avdelning; [] is all of them
# read_civic_number = true             # a token of it, of staff, for [identity] match_on_civic_number
```

`scheme` of an identifier is `object_id` (namespace: the tenant), `account` (namespace: the Windows domain) or `number`
(namespace: by default this source's own).

* **Kept**: of organisations id, name, type, codes, parent, school forms, the principal's number, days; of groups id,
  name, type, organisation, form, days; of pupils id, log-ins (EPPN, school mail, configured identifiers), enrolments
  (organisation, form, year, days) and membership of groups; of children in förskola id and placements; of staff id,
  log-ins and duties (organisation, percentage, days). Log-ins in förskoleklass are marked as a child's, and become
  tokens in the runner.
* **Read and dropped**: marks of protection and personStatus, once they have done what they do; meta.modified, but for
  the last day of what was cancelled; people who are neither pupils, placed nor employed; rows that ended more than a
  year ago. Names only of staff and only with `store_names`; the civic number only as a token made while the answer is
  decoded.
* **Never decoded**: birth date, sex, addresses, phones, photos, guardians (`responsibles`, `owners`), civic numbers
  of pupils and children, the value of a private address, education codes, programmes, duty roles, signatures,
  descriptions, reasons.
* **Quirks that decide something**
  * Nothing can be asked for the version: words of 2.0, 2.1 and the national register of school units are all known.
    Unknown words are kept as they are, are reported, and entitle nobody.
  * Filters and page size are tried, the narrowest query first, and left where the register answers 400; what was not
    wanted is dropped here. A filter by last day may drop what has none, against the standard: only a row without one
    that comes through proves that it does not, and one in 9999 proves nothing. Where none came, the whole listing is
    read once more for those that are missing. Following pages are asked for by token and size alone. A token that
    grew old (400, 410) begins again. Neither `expand` nor `sortkey` is ever asked for, and no order is relied on:
    what belongs together is joined by id.
  * A person whom a duty or a placement names and no listing has is looked up, 500 at once; a batch that is too large
    (503, 400) is halved, one that comes too soon (429) waits.
  * The last day of an organisation is the last of everything at it and below it. It counts once it has passed and the
    organisations have been read on a later day; a day to come ends nothing yet.
  * 404, 405 and 501 mean that the register does not have a part, never that it is empty. Of children and staff that
    holds for `/persons` too, since only there a register says who is protected. Without groups, pupils are read all
    the same.
  * A mark protects on whatever reference it stands, on rows too that are too old, broken or not kept, and so does
    that of a person of whom there is no other row. All but an absent one and "Ingen" do. A person named by a duty or
    a placement and not found by look-up is kept by their id.
  * `cancelled`, Avliden and Utvandrad come without a day: rows end on the local day of the person's `meta.modified`,
    or before by their own end; without that day, the row is left out, and so ends with the day on which it was seen
    last.
  * Somebody is a child if an enrolment that runs, is to come or began last is of FKLASS (or FS, or year 0; year 1
    from 2028-07-01), or of an unknown form without a year, since that may be the register's own word for
    förskoleklass; unless one of a grade runs, or one above the first grade has begun. After-school care (FTH,
    OPPFTH), kulturskola and other activities for any age say nothing; a person with nothing else is a pupil once
    after-school care has begun. A placement with an unknown form is a child's.
  * An enrolment has no id: it is person, unit, form and first day. A membership of a class has the days of the class
    where it has none of its own. Where one of these cannot be read, what is believed of the person there stays; an
    enrolment of which nothing was believed is new and undecided. So does what is believed of a group whose type cannot
    be read, and of a duty whose person cannot.
  * A duty has no form of employment, so its dates decide; and it sits where the register says, at Edlevo always at a
    Skola.
  * An address without a type (2.0) is private, unless `mail_domains` has its domain.
* **Not tried here**: a register of any vendor; the exchange with a client certificate for a token that Sunet runs for
  Skolverket; `/deletedEntities` and subscriptions, since each pull reads the whole; a register that withholds people
  who are protected (give their number as a headcount).
"""

from connectors.ss12000.normalising import normalise
from connectors.ss12000.parts import PARTS, pull
from connectors.ss12000.probing import probe
from connectors.ss12000.settings import Settings

__all__ = ["PARTS", "Settings", "normalise", "probe", "pull"]
