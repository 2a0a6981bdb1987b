"""The columns of a ledger's export, by the words of their headers."""

from fleetsync.pull.files import FileColumn

COLUMNS = (
    FileColumn("serial", ("serienummer", "serienr", "s/n", "serial number", "serial numbers"), deciding=True),
    FileColumn("quantity", ("antal", "kvantitet", "antal enheter", "st", "quantity"), kind="number", deciding=True),
    FileColumn(
        "amount",
        ("belopp", "radbelopp", "belopp sek", "amount"),
        kind="number",
        fallbacks=("summa", "totalt", "pris", "á-pris", "apris", "styckpris", "kostnad"),
        deciding=True,
    ),
    FileColumn("order", kind="id"),
    FileColumn(
        "purchased",
        ("inköpsdatum", "inköpt", "köpdatum", "purchase date"),
        kind="day",
        fallbacks=("leveransdatum", "fakturadatum", "orderdatum", "bokföringsdatum", "verifikationsdatum", "datum"),
    ),
    FileColumn(
        "model",
        ("modell", "modellbeteckning", "model"),
        # Never a description or a text: people write into it for whom a device is.
        fallbacks=("artikel", "artikelbenämning", "benämning", "produkt"),
    ),
    FileColumn("warranty", kind="day"),
    FileColumn("unit_code", kind="id"),
    FileColumn("cost_centre", kind="id"),
    FileColumn("unit"),
)  # fmt: skip

# Without a serial nothing can be recognised; without quantity and amount a credit looks like a purchase.
NEEDED_FIELDS = {"serial": ("serial",), "quantity": ("quantity", "amount")}
