"""Snipe-IT: the assets of one server as a register of devices, and its locations or companies.

API: GET {base_url}/hardware, the same with status=Archived, and /locations or /companies (the server's own source:
AssetsController, AssetsTransformer, StatusLabel, RouteServiceProvider, read 2026-11-30). A whole read each time. Sign-in:
a personal access token.
Permission: View on Assets, and on Locations (or Companies), and Create API Keys under Self, for the user who made the
token.

Quirks:
* An error may come with HTTP status 200, as `{"status": "error"}`.
* A page has at most 500 rows (`MAX_RESULTS` of the server, which may be lower), whatever is requested, without a word.
* Archived assets are no part of the listing, unless the server is set to show them: they are a listing of their own.
* Every text is escaped for HTML: `&amp;`, `&#039;`.
* An asset is handed out to a user, to a location, or to another asset, all in one field.
* The server takes 120 requests a minute from a user (`API_THROTTLE_PER_MINUTE`).
* With full support of multiple companies a user sees the assets of one company only, without a word.

Refuses to decode names of users, job titles, notes, custom fields, prices and images.

```toml
[[source]]
kind = "snipeit"
name = "inventarier"
base_url = "https://inventarier.exempelby.se/api/v1"
token_file = "/run/secrets/inventarier"
# places = "companies"                 # which of them are the schools; default locations
# categories = ["Dator*", "Surfplatta"]                   # default: assets of every category are devices
# statuses = { "Hos leverantören" = "in_repair", "Reserv IT" = "stock" }
# namespace = "personal"               # whose employment numbers its users have; the same in staff_file
# domain = "EXB"                       # Windows domain of user names written without one
# end_of_life_is_support_end = true    # end-of-life months are the maker's support, not a planned life
# trust = 1                            # its word counts before an MDM's; default -1
# requests_per_minute = 60             # default 100: others use the server too
```

* **Kept**: of assets id, serial, asset tag, maker, model, category, status label, order number, days of purchase, end of
  warranty and perhaps end of life, the location or company, and of the user who has it mail and user name, or else the
  employment number; of locations and companies id, name and parent.
* **Read and dropped**: the asset's name (rules see it); assets of users' own (`byod`) and of other categories, which are
  counted.
* **Never decoded**: names, job titles and managers, notes, custom fields, suppliers, prices, images, addresses.
* **Quirks that decide something**
  * It is a register: it says what exists, who has it and what became of it, and never that a device works. A device
    that only it knows covers nobody and is *not in an MDM*. Chargers, docks and projectors are assets too: `categories`
    says which of them are devices.
  * Where it names another user than an MDM, the MDM's counts (`trust`), and the difference is shown.
  * The word of a status label decides where it is known (stulen, på reparation, lager …) or stands in `statuses`; else
    its type does: archived is retired, undeployable is in repair, pending is not in use yet.
  * An asset that is handed out to another one has the user or the location of that one: one step, and no further.
  * A user without number, mail or a user name with a domain is somebody, and nobody can say who: the holder is unknown.
  * An asset's location is where it was handed out, else its default location; the id is kept, so that two rooms of one
    name are two, and a `[[unit_map]]` sees it. A location with the name of a unit is that unit's. Where a `[[unit]]`
    lists the name of a location among its `codes`, all rooms below that location are its own too.
  * The category is among the device's groups, for `[[device_rule]]`.
  * Each listing says how many rows it has. One with fewer is read again, and then refused.
* **Not tried here**: a live server; versions before 5. Deleted assets are not read: they are absent, as elsewhere.
"""

from connectors.snipeit.normalising import normalise
from connectors.snipeit.reading import PARTS, probe, pull
from connectors.snipeit.settings import Settings

__all__ = ["PARTS", "Settings", "normalise", "probe", "pull"]
