"""Pupils, children and groups from lists that a register exports, or that a school keeps by hand, as CSV or workbook.

Endpoint: the files of `path`. Each list is complete for its units and is named by its file name without the day; of each
list the newest edition counts. Permission: to read the folder, nothing else. Documentation: none, since the exports of
Procapita and Edlevo, edWise and Lifecare differ from one municipality to the next (read 2026-11-30). So headers are
recognised by Swedish words; `columns = { field = "header" }` names the others, and `columns = { field = false }` says that
the lists have none.

Quirks:
* A pupil has many rows: for each enrolment, group or class. They are one person, and equal enrolments are one.
* One list may be of one school, or of all. Lists may name the same person: see below.
* A list by hand often has no school form, no first day, or no school: `school_form`, `list_units`.
* Lists of förskola also hold children who wait for a place. They go nowhere yet: see `statuses`.
* FSK is förskola in some registers and förskoleklass in others, so it is unknown until `school_forms` says.
* A newcomer has a temporary number with letters (20130101TF01), and a civic number later.
* Text is often cp1252, and headers may lack å, ä and ö.

Refuses to keep a civic number: it becomes a token while the row is read, and only where nothing else identifies a
person or `read_civic_number` asks for it. A mark of protection counts on every row, also one left out or broken.

```toml
[[source]]
kind = "register_file"
name = "elevlistor"
path = "/srv/elever"                   # a folder, a file or a pattern; each list is whole for itself
counts = ["pupils", "children"]        # ["children"] where another register counts the pupils; without it, a witness
domain = "EXB"                         # Windows domain of account names written without one
mail_domains = ["edu.exempelby.se"]    # other addresses are private mail and are not kept
# person_is = "civic_number"           # where the lists have different columns: the one that all have
# read_civic_number = true             # a token of it, for [identity] match_on_civic_number
# school_form = "GR"                   # of lists without a column for it
# school_forms = { FSK = "FS", "Resursskola" = "GR" }
# list_units = { "klasslista_vreta*" = "Vretaskolan" }     # of lists without a column for the school
# group_types = []                     # default ["Klass", "Avdelning"]; [] is all of them, teaching groups too
# statuses = { "Vilande" = true, "Tackat nej" = false }    # whether somebody with this word goes there
# columns = { school_form = "Verks.form", start = "Från#1", end = 6, protected = false }   # false: no such column
```

* **Kept**: the register's number of a person, log-ins and school mail of pupils, unit code and name, school form, year,
  first and last day, class or department; the civic number only as a token made while the row is read, where no number
  tells persons apart, or `read_civic_number` asks for it, or the row is marked protected. Log-ins in förskoleklass become
  tokens in the runner; of children in förskola no key is kept.
* **Read and dropped**: the state of a placement, once it has done what it does; rows that ended more than a year ago.
* **Never decoded**: every other column: names, address, phone, guardians, private mail, birth date, sex, language,
  schedule, fee.
* **Quirks that decide something**
  * Rows of förskola and of pedagogisk omsorg are placements of children; all others are enrolments, also those of
    fritidshem, which say nothing of age. Where no column says the school form, a list whose units stand under "Förskola" is
    of förskola.
  * All lists are read once any of them is new. A person is one person in all of them, by the same number; a membership
    that two lists have is that of the newer one. A list that cannot be read takes nobody for absent.
  * A list that no longer comes keeps what it said last, and grows old.
  * An enrolment has no id: it is person, unit, school form and first day, so that a new year or a moved last day is an
    update. Where the first day cannot be read, or the school form is blank or unknown, what is believed of the person at
    that unit stays; where nothing was, it is new and undecided. A row of an unknown form may be a child's: the part of
    children names it too, and takes that person for present.
  * A year is written 5, 05, "Åk 5" or "F". The year of another form is not guessed from the name of a class.
  * A class is known by its unit and its name, without regard to case.
  * An unknown state of a placement leaves its last day unknown. A header that nobody named, over words for such states or
    over days, does the same for each row.
  * A header that may be a mark of protection (skydd, sekretess, spärr …) and is not read refuses the list until
    `columns = { protected = … }` names the column, or says `false`.
  * Where the civic number is the only key, somebody who gets their own number in place of a temporary one is a new person
    from then on. A row without any key cannot be anybody's, and then nobody of its list is taken for absent: let the export
    keep the register's number of persons who are protected, or give how many they are as a headcount.
* **Not tried here**: an export of a named register. Layouts differ per municipality.
"""

from connectors.register_file.columns import COLUMNS
from connectors.register_file.normalising import normalise
from connectors.register_file.reading import PARTS, probe, pull
from connectors.register_file.settings import Settings

__all__ = ["COLUMNS", "PARTS", "Settings", "normalise", "probe", "pull"]
