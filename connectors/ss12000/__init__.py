"""A school register by SS12000:2020, versions 2.0 and 2.1: units, groups, pupils, children, staff.

API: GET {base_url}/organisations, /groups, /persons, /placements, /duties, POST {base_url}/persons/lookup (SIS OpenAPI
2.0.0 and 2.1.0 with the corrigendum of 2022-08; Edlevo's documentation 1.4.0; read 2026-11-24). A whole read each time.
Permission: to read these; no standard says how it is granted, nor how a token is got: see `auth`.

Quirks:
* A register has what it has, and cannot be asked for its version: filters, page size and look-ups are tried and left.
* A following page is asked for by token and size alone. Its token may be null, blank or absent after the last, and
  grow old (410); an empty page may follow a full one.
* `enroledAt` has one l. An enrolment has no id; `cancelled` ends it early without saying when, and Edlevo lacks it.
* A duty may sit at any level (Edlevo: always a Skola), may be vacant, and knows no form of employment.
* A child may hold several places; förskola has no skolenhetskod. Groups of Edlevo are a Skola's.
* Nobody says whether a token remembers what was to be expanded: `expand` is never asked for.
* Letters come composed or not, ids in any case, days as open as 9999-12-31.

Refuses to take any mark of protection but an absent one and "Ingen" for none, on whatever reference it stands; to decode
birth dates, addresses, phones, photos, guardians and private mail; and to read "missing" as "none".
"""

from connectors.ss12000.normalising import normalise
from connectors.ss12000.parts import PARTS, pull
from connectors.ss12000.probing import probe
from connectors.ss12000.settings import Settings

__all__ = ["PARTS", "Settings", "normalise", "probe", "pull"]
