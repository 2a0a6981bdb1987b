"""Jamf Pro: the computers and mobile devices of one server, what Apple has assigned to it, and its buildings.

API: GET {base_url}/v4/computers-inventory (or the newest of v3, v2, v1 that the server has), /v2/mobile-devices/detail,
/v1/device-enrollments and /{id}/devices, /v1/buildings (or /departments, /sites) (OpenAPI of 11.7.1, Jamf's release notes
and Platform API documentation, read 2026-11-30). A whole read each time. Sign-in: OAuth 2 client credentials of an API
client, or of an integration of the Jamf Platform API.
Permission: Read Computers, Read Mobile Devices, Read Buildings (or Departments, Sites) and Read Device Enrollment Program
Instances, in the API role of the API client under Settings > API roles and clients; by the Platform API devices:read and
its like, granted to the integration in Jamf Account.

Quirks:
* A token may live for 60 seconds (the default of an API client) or 900 (Platform API), and ends inside a listing.
* A page larger than 2000 is cut without a word; a short page is not the end. The sort order is by name unless asked.
* Rows move between pages while they are read: every listing is ordered by id, and its rows are compared with totalCount.
* Sections that were not asked for are null. Without DISK_ENCRYPTION no Mac is known to be encrypted or not.
* `lastContactTime` (to v3) is called `lastCheckIn` in v4, beside a `lastContact` that is often null: the latest counts.
* Mobile devices name the same things otherwise: emailAddress for email, warrantyExpiresDate for warrantyDate.
* -1 is no site, building or department. Ids are texts; old servers sent numbers.
* A 404 without JSON is another host, never "this server does not have it".

Refuses to decode who logged in last, recovery keys, passwords and addresses of networks.

```toml
[[source]]
kind = "jamf_pro"
name = "jamf-pro"
base_url = "https://exempelby.jamfcloud.com/api"   # by the Platform API: https://eu.api.jamfcloud.com/pro
client_id = "11111111-2222-4333-8444-555555555555"
client_secret_file = "/run/secrets/jamf-pro"
# token_url = "https://eu.api.jamfcloud.com/auth/token"            # default {base_url}/oauth/token
# environment_id = "99999999-2222-4333-8444-555555555555"          # Platform API only; or tenant_id
# places = "sites"                                 # what the schools are: "buildings" (default), "departments", "sites"
# domain = "EXB"                                   # Windows domain of user names written without one
# without = ["purchases"]                          # parts that are not wanted
```

* **Kept**: of devices record id, serial, asset tag, model, system and version, the assigned user's name and mail as
  log-ins, building (or department, site), enrolment and its profile, last contact, management, ownership, lost mode,
  purchase order with its day, end of warranty; of computers whether the start-up disk is encrypted; of what Apple has
  assigned serial, model and state; of buildings id and name; when a device enrolment token ends.
* **Read and dropped**: the device's name (rules see it); privately owned phones; devices that Apple no longer assigns
  to the organisation.
* **Never decoded**: who logged in last, real names, phone numbers, positions, rooms, network and hardware addresses,
  recovery keys, management and AirPlay passwords, prices, applications, extension attributes.
* **Quirks that decide something**
  * A computer or mobile device that is not managed does not work, and says so. It is not *retired*: it may have moved
    to another MDM, which then says that it is managed.
  * A Mac is encrypted when its start-up partition is ENCRYPTED. While it is being encrypted or decrypted it is not.
  * Of mobile devices Jamf says how they can be encrypted, and not whether they are: that stays unknown.
  * A mobile device owned privately is a phone where its model says iPhone or iPod: it is left out and counted.
  * A shared iPad has no user of its own, even where Jamf names one: it is reported shared and has no keys.
  * The user name is a key when it is an address, or an account where `domain` is set; a text with blanks is a name and
    none.
  * A device's `location` is the id of its building (department, site). That is a unit by its name, or where the `[[unit]]`
    lists the id among its codes; a `[[unit_map]]` sees the id.
  * What Apple has assigned is a purchase: it expects an MDM, so that a device that was never enrolled is found.
    REMOVED devices no longer belong to the organisation.
  * A server's last version of the inventory is tried first, and remembered for the pull alone.
* **Not tried here**: a live server; the Platform API's capabilities beside devices:read; user accounts instead of API
  clients; a server of which one broken device makes a page fail (500) for good; `lastContactDate` of mobile devices,
  which newer servers may have; how API clients that are limited to a site see the rest.
"""

from connectors.jamf_pro.normalising import normalise, split_contact
from connectors.jamf_pro.reading import PARTS, probe, pull
from connectors.jamf_pro.settings import Settings

__all__ = ["PARTS", "Settings", "normalise", "probe", "pull", "split_contact"]
