"""Staff from a file: a personnel system's report as CSV or workbook, one row per employment.

Endpoint: the files of `path`, of which the newest edition counts. Permission: to read the folder, nothing else.
Documentation: none, since every municipality designs its own report (read 2026-11-24). So headers are recognised by
Swedish words; `columns = { field = "header" }` names the others, and `columns = { field = false }` says that the file has none.
Exports of Visma Agda PS, Stratsys, Hogia Lön and PAXml, and lists such as Personec's, are recognised by their headers.

Quirks:
* A recognised export lacks no column that decides, and each holds what its system writes there; else it is refused.
* One person has many rows: employments, and one employment split over cost centres. All count; never the last alone.
* Employment numbers are a person's in some systems and an employment's in others: see `person_is`.
* A blank end, 9999-12-31 and 2099-12-31 are open; a blank form of employment is unknown, not permanent.
* A share is written 75,00 or 0,75 or 75 %.
* A file of the whole municipality is read as it is, and units that no source lists are shown as unmapped.
  `departments` keeps only the rows that match; the others never become records.

Refuses to keep a civic number: it becomes a token while the row is read, and only where nothing else identifies a
person or `read_civic_number` asks for it. A mark of protection counts on every row, also one left out or broken.

```toml
[[source]]
kind = "staff_file"
name = "personal"
path = "/srv/hr/personal_*.csv"        # one list; its newest edition counts
namespace = "personal"                 # whose employment numbers these are; the same in device_file
counts = ["staff"]                     # default: the file founds the entitlements of staff
domain = "EXB"                         # Windows domain of account names written without one
mail_domains = ["exempelby.se"]        # other addresses are private mail and are not kept
# departments = ["3*", "Vretaskolan"]  # keep only rows whose codes or unit match; default: all
# person_is = "civic_number"           # where a person has one number per employment
# read_civic_number = true             # a token of it, for [identity] match_on_civic_number
# columns = { employment_form = "Anst kat", start = "Från#1", end = 6, protected = false }   # false: no such column
# employment_forms = { "Månadslön vik" = "fixed" }
```

* **Kept**: employment number, log-ins and work addresses, unit codes and name, form of employment, first and last
  day, days of leave, share; names only with `store_names`; the civic number only as a token made while the row is
  read, where no number tells persons apart, or `read_civic_number` asks for it, or the row is marked protected (so
  that they are recognised in other sources).
* **Never decoded**: every other column: address, phone, sex, salary, cause of absence, birth date.
* **Quirks that decide something**
  * All rows of a person make one person with all employments. Identical rows are one. An employment's id is person,
    place and first day, so that a moved end is an update.
  * The whole municipality is kept with its codes, since a teacher may belong to an unexpected cost centre; unmapped
    units are shown. A file that suddenly covers everybody is held by the guard. `departments` is the explicit way to
    keep less, and then those rows never become records.
  * A mark of protection counts on any row, also one that `departments` leaves out or that cannot be read.
  * A blank form of employment is `unknown` where the file has the column; without the column the dates decide. So is
    one that is not known; what is no word of such files ("Vik för …") is not kept, and is reported as `(text)`.
  * The first day of this employment (Från, TILLTRÄDE) comes before that of the first one (ANSTDATUM). A day that cannot
    be read leaves the employment, and its person undecided; a share that cannot be read only itself. A first day that
    cannot be read leaves the employment at that place as it was believed; where none was, it is a new one.
  * A header that may be a mark of protection (skydd, sekretess, spärr …) and is not read refuses the file until
    `columns = { protected = … }` names the column, or says `false`.
  * A share above 1 is per cent; above 100 % it is full time.
  * An account name without a domain belongs to many people and is no key: it is reported as an unknown value.
  * Agda's TILLTRÄDE is the first day of this employment; ANSTDATUM, of the first one, is not read. PAXml: the register of
    employees (personal/person), whose cost centre is the reference of dimension 1; who is to be deleted is left out.
* **Not tried here**: an export of a live personnel system. Headers of Agda, Stratsys and Hogia come from instructions, and
  their order is assumed; a layout differs per municipality.
"""

from connectors.staff_file.columns import COLUMNS
from connectors.staff_file.normalising import normalise
from connectors.staff_file.reading import PARTS, probe, pull
from connectors.staff_file.settings import Settings

__all__ = ["COLUMNS", "PARTS", "Settings", "normalise", "probe", "pull"]
