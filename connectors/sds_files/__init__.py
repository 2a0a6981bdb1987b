"""A school register's export for Microsoft School Data Sync, CSV v2.1: schools, classes, pupils, staff.

Endpoint: orgs.csv, users.csv and roles.csv in the folder `path`, with classes.csv and enrollments.csv where there are
classes (Microsoft's reference of the SDS v2.1 CSV file format and its default lists of values, read 2026-11-30).
Permission: to read the folder, nothing else.

Quirks:
* The files are one set: each export is complete, and what it does not name is not there any more. So half a set is refused,
  and so are files of different exports.
* The format has neither school forms nor forms of employment, and marks nobody as protected.
* A class may be a class or a teaching group; nothing tells them apart but its title.
* `activeDirectoryMatchId` is what Microsoft finds a user's account by.
* Days are ISO 8601 by the reference. Microsoft's own examples write 8/24/2021, which is no day here.
* Some exporters write the civic number as `sourcedId`.

Refuses to open demographics.csv, relationships.csv and userFlags.csv, and to decode names, passwords and phones.

```toml
[[source]]
kind = "sds_files"
name = "sds"
path = "/srv/sds"                      # the folder of one set of files
counts = ["pupils"]                    # add "staff" where no personnel file counts
# domain = "EXB"                       # Windows domain of user names written without one
# mail_domains = ["exempelby.se"]      # other addresses are private mail and are not kept
# grades = { "0" = { form = "FKLASS", year = 0 } }         # what this export means by a grade of its own
# organisation_forms = { "10000002" = "GRAN" }             # school form of an organisation, by its sourcedId
# class_titles = ["?[A-F]", "F-klass*"]                    # default: all classes are read, teaching groups too
```

* **Kept**: of organisations id, name, type, the one above; of classes id, title, organisation; of pupils and staff id,
  log-ins (activeDirectoryMatchId, user name, mail) and roles (organisation, days); of pupils grade, and membership of
  classes.
* **Read and dropped**: users with other roles (alumni, other) or without any. An id or log-in that is a civic number becomes
  a token while the row is read.
* **Never decoded**: names, passwords, phones, sessions, courses; the files that are not named above are not opened.
* **Quirks that decide something**
  * users.csv, roles.csv and enrollments.csv are of one export when their days are at most one apart: by the days in their
    names, else by when they were written.
  * A role of a user who is not in users.csv, and one whose word is not known, are counted as rows that could not be read,
    and what is believed of that user stays.
  * Protection must come from another source, or the export must leave protected persons out (give their number as a
    headcount).
  * Grades 01 to 09 are grundskola, kg and 00 are förskoleklass, pr, pk, it and tk are förskola, until `grades` says
    otherwise. The form of an organisation in `organisation_forms` comes before that of the grade. An unknown grade entitles
    nobody, is reported, and its pupil's log-ins are stored as tokens, as a child's.
  * A role has an id of user, organisation and first day. A first day that cannot be read leaves the role as it was believed.
  * With `class_titles` a class is a *Klass*, which a set serves first.
  * An export that stops having classes keeps those that were believed; they grow old.
* **Not tried here**: an export of any vendor; `sessionSourcedId` and `isPrimary`, which are not read.
"""

from connectors.sds_files.normalising import normalise
from connectors.sds_files.reading import PARTS, probe, pull
from connectors.sds_files.schema import COLUMNS
from connectors.sds_files.settings import Settings

__all__ = ["COLUMNS", "PARTS", "Settings", "normalise", "probe", "pull"]
