"""Google Admin (Workspace): the ChromeOS devices, organisational units and users of one customer.

API: GET {base_url}/admin/directory/v1/customer/{customer}/devices/chromeos, /customer/{customer}/orgunits and /users (Admin
SDK Directory API; discovery document, and its reference of 2025-11-07, read 2026-11-30). A whole read each time. Sign-in: a
service account that acts for an administrator (OAuth 2 JWT bearer, RS256), with one token per part.
Permission: admin.directory.device.chromeos.readonly, admin.directory.orgunit.readonly and admin.directory.user.readonly,
authorised for the client id of the service account in the Admin console under Security > API controls > Domain-wide
delegation; a role for the administrator that it acts for, with Manage ChromeOS Devices (read), Organizational Units > Read
and Users > Read; the Admin SDK API enabled in the project of the service account.

Quirks:
* `nextPageToken` comes only if `fields` asks for it; without it the listing looks one page long.
* The key of the rows is missing from an empty page, and a short page is not the end. There is no total.
* Page tokens live for about an hour; then the listing begins again from its first page.
* Too many requests (2400 a minute by default) are refused with 403 and a reason as well as with 429.
* DEPROVISIONED rows stay for ever. A device that is enrolled again is ACTIVE again, or has a second row.
* `autoUpdateExpiration` counts milliseconds, as text; "0" is none. `autoUpdateThrough` has replaced it.
* `annotatedUser` and `annotatedLocation` are free text, which an administrator may fill with anything.
* A sorted listing repeats devices and leaves others out (GAM-team/GAM#1107), so none is asked for.

Refuses to ask who used a device last (`recentUsers`), and to call them its holder.

```toml
[[source]]
kind = "google_admin"
name = "google-admin"
service_account_file = "/run/secrets/google-admin.json"   # the key of the service account, as Google made it
administrator = "fleetsync@exempelby.se"           # the account of the role that reads; not a person's own
# customer = "C01exempl"                           # default: the customer of the administrator
# without = ["users"]                              # parts that the service account may not read
```

* **Kept**: of devices id, serial, asset id, model, version, state, organisational unit (`location`), the administrator's
  note of the place (`tag`), enrolment, last contact, whether the version meets the policy, end of automatic updates, and
  the annotated user where that is an address; of organisational units id, path, name and the one above; of users id and
  primary address.
* **Read and dropped**: the asset id as the device's name (rules see it); an annotated user that is no address.
* **Never asked for**: recent users, hours of use, notes, network and hardware addresses, MEID, files, screenshots; names,
  phones, addresses, relations, further addresses, employee ids and log-ins of users.
* **Quirks that decide something**
  * A device's `location` is the path of its organisational unit. `[[unit]] codes = ["/Skolor/Vretaskolan"]` places all that
    lies at and below it, and so does `[[unit_map]]` with `pattern = "/Skolor/Vretaskolan*"`. An organisational unit with the
    name of a `[[unit]]` is that unit; those below it are not, unless the path is listed.
  * An organisational unit without a unit is no finding of its own: most hold accounts or settings. Its devices are.
  * An annotated user that is an address is the holder. Any other text names somebody or something that cannot be told
    apart: it is not kept, and the holder is unknown.
  * DEPROVISIONED is retired. A ChromeOS Flex device is only no longer managed then: it is a computer that may have been
    given another system, and live on in another MDM.
  * DISABLED is how a lost device is locked: it does not work. DELINQUENT and INACTIVE are not managed.
    PRE_PROVISIONED and SHIPPED are ordered, as a purchase is. A device that is to be replaced is in repair.
  * Automatic updates end on `autoUpdateThrough`. Where the device needs somebody to opt in to extended support, and nobody
    has, they end when that begins (`extendedSupportStart`), if that is earlier.
  * The user data of every ChromeOS device are encrypted, which nobody can turn off: each one enrolled is encrypted.
  * An alias of a user is no key: an address that is handed on to a successor would make one person of two.
  * `manufactureDate` is not when a device was bought, and is not taken for it.
* **Not tried here**: a live customer; which date `autoUpdateThrough` shows before and after the opt-in; end of updates of
  ChromeOS Flex; a service account with a role of its own instead of an administrator to act for; the names of the
  privileges, which the console changes; mobile devices, which are privately owned in this API.
"""

from connectors.google_admin.normalising import normalise, split_contact
from connectors.google_admin.reading import PARTS, probe, pull
from connectors.google_admin.settings import Settings

__all__ = ["PARTS", "Settings", "normalise", "probe", "pull", "split_contact"]
