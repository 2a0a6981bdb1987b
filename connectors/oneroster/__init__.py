"""A school register by OneRoster, 1.1 and 1.2 over REST: schools, classes, pupils, staff.

API: GET {base_url}/orgs, /classes, /users, /enrollments (1EdTech OneRoster 1.1 and 1.2; OpenAPI of Ed-Fi's server and
Visma Flyt Skole's guide, read 2026-11-30). A whole read each time. Sign-in: OAuth 2 client credentials.
Permission: the scope roster-core.readonly (1.2) or roster.readonly (1.1), granted to our client by the register's vendor.

Quirks:
* A server may give fewer rows than were asked for, without a word. So a short page is not the end: an empty one is, or as
  many rows as X-Total-Count says (some say totalCount), or a Link header without a next.
* `endDate` is exclusive by the standard: the last day is the day before. Some exporters write the last day itself.
* A row that is `tobedeleted` is gone, and is still listed for a while.
* Convenience listings answer under another key (/students under `users`), and not every server has them.
* 1.1 has `role` and `orgs` of a user, 1.2 has `roles`, each with its own unit and days.
* One person may be listed under several ids, with the same `identifier`.
* A client that has lost its right may get an empty answer instead of an error.
* A server that refuses `fields` or `sort` (400, 422) is asked without.

Refuses to ask for demographics, and to decode names, phones, passwords, parents and private mail.

```toml
[[source]]
kind = "oneroster"
name = "skolregister"
base_url = "https://register.exempelby.se/ims/oneroster/rostering/v1p2"   # 1.1: …/ims/oneroster/v1p1
token_url = "https://register.exempelby.se/oauth/token"
client_id = "fleetsync"
client_secret_file = "/run/secrets/skolregister"
counts = ["pupils"]
# scope = "one-roster-api:https://purl.imsglobal.org/spec/or/v1p2/scope/roster-core.readonly"   # default: of the version
# auth_style = "body"                  # client id and secret in the form instead of as HTTP Basic
# page_size = 100                      # default 500
# requests_per_minute = 60             # default: one after the other, without a pause
# end_dates = "inclusive"              # where the register writes the last day itself
# mail_domains = ["exempelby.se"]      # other addresses are private mail and are not kept
# domain = "EXB"                       # Windows domain of user names written without one
# user_ids = { AD = { scheme = "account", namespace = "EXB" } }
# grades = { "0" = { form = "FKLASS", year = 0 } }         # what this register means by a grade of its own
# organisation_forms = { "o-17" = "GRAN" }                 # school form of an organisation, by its sourcedId
# class_types = []                     # default ["homeroom"]; [] is all of them, teaching groups too
```

`scheme` of a user id is `object_id` (namespace: the tenant), `account` (namespace: the Windows domain) or `number`
(namespace: by default this source's own).

* **Kept**: of organisations id, name, type, identifier, the one above; of classes id, title, type, school; of pupils and
  staff id, identifier, log-ins (user name, mail, configured user ids), roles (organisation, days); of pupils grade, and
  membership of classes.
* **Read and dropped**: users with other roles (parents, relatives), rows that are to be deleted, user ids of other types.
  An id, identifier or user name of ten or twelve digits may be a civic number: it becomes a token while it is decoded.
* **Never decoded**: given and family names, phones, passwords, `agents`, `userProfiles`, demographics, courses, terms,
  results, `metadata`.
* **Quirks that decide something**
  * OneRoster marks nobody as protected. Another source must, or the register must leave them out (give their number as a
    headcount).
  * Whether an account is enabled (`enabledUser`) says nothing of whether somebody goes to the school, and is not read.
  * Grades 01 to 09 are grundskola, KG and 00 are förskoleklass, PR, PK, IT and TK are förskola, until `grades` says
    otherwise. The form of an organisation in `organisation_forms` comes before that of the grade. An unknown grade entitles
    nobody, is reported, and its pupil's log-ins are stored as tokens, as a child's.
  * A grade has no days, and registers write the next one in summer. Of a pupil in year 1 whose earlier role has ended and
    whose next one has not begun, the log-ins stay tokens: they may be those of the year before.
  * Every role of a pupil is an enrolment at its organisation. Staff are all roles but pupils', parents' and relatives'; their
    form of employment is not known, so their days decide.
  * Two ids with one identifier are one person, since both have the identifier as a key.
  * A user of whom any field cannot be read stays as believed.
* **Not tried here**: any vendor's server; OAuth 1.0a, which old servers want; a server that ignores `offset`, or that answers
  with an error behind the last page; children in förskola, who are at most pupils with a grade; the CSV form.
"""

from connectors.oneroster.normalising import normalise
from connectors.oneroster.reading import PARTS, probe, pull
from connectors.oneroster.settings import Settings

__all__ = ["PARTS", "Settings", "normalise", "probe", "pull"]
