"""Devices from lists that a school or an IT department keeps as CSV or workbook.

Endpoint: the files of `path`. Each list is complete by itself and is named by its file name without the day; of each list
the newest edition counts. Permission: to read the folder, nothing else. Documentation: none, since every school designs
its own list (read 2026-11-24). So headers are recognised by Swedish words; `columns = { field = "header" }` names the
others, and `columns = { field = false }` says that the lists have none. Exports of Intune's portal (English and Swedish), of
ChromeOS devices (console or GAM), of Jamf School and Snipe-IT (custom asset report, list of assets) are recognised by their headers.

Quirks:
* A recognised export lacks no column that decides, and each holds what its system writes there; else it is refused.
* A list speaks for the day in its name, in its column or of its file. A device that it no longer names is absent from it.
* The last contact is the column *last seen*. Being listed is no contact here: otherwise a device that has been silent in
  its MDM for months would look alive. The core uses the list's day for devices that no MDM ever had.
* Days, owners or states under a header that nobody named may say that a device is silent, private or wiped: see below.
* A status says what became of a device (skrotad, stulen, på reparation) or what it is for (lager, lån): both are read.
* With an unknown status a device does not work: it is pending until the word is mapped.
* Groups alone make no set: an avdelning of a förskola has them too. A purpose of the row says so, or a [[device_rule]].
* A holder is a log-in or an employment number. A person's name is no key and is not kept: the device is in the hands of
  somebody unknown (*unknown holder*), and at a unit that is only a förskola it is unknown whether it is in the pool.

Refuses a row that has neither serial number nor asset tag. Whether a serial is usable is decided in the core.

```toml
[[source]]
kind = "device_file"
name = "datorlistor"
path = "/srv/lists"                    # a folder, a file or a pattern; each list is whole for itself
namespace = "personal"                 # whose employment numbers its holders have
domain = "EXB"
# statuses = { "Hylla 3" = "stock", "Återlämnad leasing" = "retired" }
# purposes = { "Elevlåda" = "set" }
# platforms = { "Standardklient" = "windows" }
# ownerships = { "Skolägd" = "organisation" }
# columns = { last_contact = "Senast på nätet", ownership = false }   # false: no column of the lists says it
```

* **Kept**: serial, asset tag, maker, model, system, unit, room, groups, purpose, the holder's log-in or employment
  number, status as a word, day last seen, of purchase and of warranty, order, ownership, what manages it, compliance,
  encryption.
* **Read and dropped**: the device's name; a holder's name in place of a log-in; a status, purpose or system that is
  no word of such lists.
* **Never decoded**: every other column: notes, IMEI, network addresses, phone numbers; "Används av", which names a
  class or a person (`columns = { groups = "Används av" }` where it is a class).
* **Quirks that decide something**
  * Contact is the day last seen (noon, local). Being listed is none in the record: an iPad that its MDM has not heard
    of for months would look alive. The core takes the day a list speaks for as the contact of what no MDM ever had.
  * A status may say what became of a device or what it is for; "Lager" and "Lån" outrank the row's purpose. An
    unknown word makes the device `pending`, so that it never works by accident, and is reported as an unknown value.
  * Groups make no set by themselves (an avdelning has them too). Say so once: `[[device_rule]] when = { source =
    "datorlistor", groups = "*" }`, `purpose = "set"`.
  * A day or another fact that cannot be read ("36 months", "HT 2025") costs itself, never the device; "Aldrig" as the
    day last seen is a device that is not in use yet.
  * Where a list has no column for the last contact, the ownership or the state, and a column under a header that nobody
    named looks like days, owners or states, its devices are unknown until `columns` names that header or says `false`.
  * A list that cannot be read is named and stops no other; what is no list (Thumbs.db, a PDF, a note) is left and named.
  * A list is named by its file without the day: a renamed list is a new one. Placeholder serials are recognised in
    the core; rows that share one are numbered.
  * Jamf School: a device in its bin is retired, one in lost mode lost; the owner's address is the holder. Google: the unit is
    the annotated location. Snipe-IT's custom asset report: the holder is the e-mail address of the one it is checked out to,
    never the name. Its list of assets has the name alone, of a person or a place, so that the holder stays unknown: the
    report with the column Email tells more.
* **Not tried here**: an export of a live system; most Swedish headers of Intune's portal are translations of ours. Lists of
  every kind. An XLS of 1997 is read by the same reader as XLSX.
"""

from connectors.device_file.columns import COLUMNS
from connectors.device_file.normalising import normalise, split_contact
from connectors.device_file.reading import PARTS, probe, pull
from connectors.device_file.settings import Settings

__all__ = ["COLUMNS", "PARTS", "Settings", "normalise", "probe", "pull", "split_contact"]
