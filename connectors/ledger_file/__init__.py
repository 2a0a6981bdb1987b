"""Purchases from a ledger's export, such as Agresso's (Unit4): devices by their serial numbers, with order and day.

Endpoint: the files of `path`, of which the newest edition counts. Permission: to read the folder, nothing else.
Documentation: none, since every municipality designs its own query (read 2026-11-30). So headers are recognised by Swedish
words; `columns = { field = "header" }` names the others, and `columns = { field = false }` says that the file has none.

Quirks:
* One line may have many serial numbers in one cell, separated by commas, semicolons, lines or blanks.
* A line may have a quantity and no serial number: an order, or what was never noted.
* A credit takes a purchase back: by a quantity or an amount below zero, written -5, 5- or (5).
* Numbers are written 1 234,50. Of an amount only the sign is read.
* A purchase that is paid by several cost centres has a line for each.

Refuses to keep amounts, suppliers, accounts and the names of those who ordered or approved.

```toml
[[source]]
kind = "ledger_file"
name = "ekonomi"
path = "/srv/ekonomi/inkop_*.csv"      # one list with all purchases that matter; its newest edition counts
# articles = ["*iPad*", "*ThinkPad*"]  # which lines are devices; default: all
# cost_centre_is_unit = true           # each unit buys its own devices; default: the one who pays says nothing of where
# columns = { serial = "Fritext 2", model = "Artikelnamn", amount = false }   # false: no column of the file says it
```

* **Kept**: serial numbers, model or article, order number, days of purchase and of warranty, and perhaps the cost centre.
* **Read and dropped**: quantity, and the sign of the amount, once they have done what they do.
* **Never decoded**: every other column: maker, supplier, account, invoice, text, prices, who ordered and who approved.
* **Quirks that decide something**
  * The file is whole: it lists every purchase since the oldest device in use, each time. A device that it no longer
    lists was not bought, after `grace_pulls`.
  * A device that was bought and that no MDM and no list ever had is *ordered*; later it is *never enrolled*.
  * First in, first out: a credit takes back the oldest purchase of its serial number. Lines of one serial number, order
    and day are one purchase.
  * Pieces without a serial number are no devices: nothing could say which of them has been delivered and enrolled. They
    are counted as *bought without a serial number*, where the pull is shown. Of one order and article, pieces that come
    with serial numbers and those that are credited are taken off them.
  * A cell for serial numbers with a note in it ("se följesedel") has none. One with text that may be a serial number and
    cannot be read is refused with its line, and then nothing of the file is taken for absent.
  * The maker is not read: ledgers write the supplier there, and a device is not recognised by its serial number under
    another maker's name.
  * Where an MDM names another model than the article, the MDM's counts (`trust`).
  * Who pays is not who uses: a cost centre places a device only with `cost_centre_is_unit`, and then as its weakest
    evidence.
  * A file in which every serial number is credited is refused: its amounts are the supplier's side.
* **Not tried here**: an export of a live ledger; ranges of serial numbers ("A001-A030").
"""

from connectors.ledger_file.columns import COLUMNS
from connectors.ledger_file.normalising import normalise
from connectors.ledger_file.reading import PARTS, probe, pull
from connectors.ledger_file.settings import Settings

__all__ = ["COLUMNS", "PARTS", "Settings", "normalise", "probe", "pull"]
