"""Small files that ask a reader for gigabytes of memory, or for hours."""

import zipfile
from io import BytesIO

_MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
_OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_PARTS = {
    "[Content_Types].xml": '<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types"><Override PartName='
    '"/xl/workbook.xml" ContentType="application/vnd.openxmlformats-officedocument.spreadsheetml.sheet.main+xml"/></Types>',
    "_rels/.rels": '<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">'
    f'<Relationship Id="rId1" Type="{_OFFICE}/officeDocument" Target="xl/workbook.xml"/></Relationships>',
    "xl/workbook.xml": f'<workbook xmlns="{_MAIN}" xmlns:r="{_OFFICE}"><sheets><sheet name="A" sheetId="1" r:id="rId1"/>'
    "</sheets></workbook>",
    "xl/_rels/workbook.xml.rels": '<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">'
    f'<Relationship Id="rId1" Type="{_OFFICE}/worksheet" Target="worksheets/sheet1.xml"/>'
    f'<Relationship Id="rId2" Type="{_OFFICE}/sharedStrings" Target="sharedStrings.xml"/></Relationships>',
}
_HEADER = '<row r="1"><c r="A1" t="inlineStr"><is><t>Serienummer</t></is></c></row>'


def workbook_of(rows: str, shared_strings: str = "") -> bytes:
    """An XLSX whose only sheet has a header and *rows*."""
    content = BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in _PARTS.items():
            archive.writestr(name, text)
        if shared_strings:
            archive.writestr("xl/sharedStrings.xml", f'<sst xmlns="{_MAIN}">{shared_strings}</sst>')
        sheet = f'<worksheet xmlns="{_MAIN}"><sheetData>{_HEADER}{rows}</sheetData></worksheet>'
        archive.writestr("xl/worksheets/sheet1.xml", sheet)
    return content.getvalue()


def cell_in_the_last_corner(quote: str = '"') -> bytes:
    """1.4 kB. With single quotation marks it is XML all the same, and nothing that looks for cells by their text sees it."""
    row = '<row r="1048576"><c r="XFD1048576"><v>1</v></c></row>'
    return workbook_of(row.replace('"', quote))


def cells_in_the_last_column(rows: int = 5000) -> bytes:
    """About 40 kB."""
    cells = (f'<row r="{row}"><c r="A{row}"><v>1</v></c><c r="XFD{row}"><v>1</v></c></row>' for row in range(2, rows))
    return workbook_of("".join(cells))


def long_text_in_each_row(quote: str = '"', rows: int = 60_000, letters: int = 32_000) -> bytes:
    """One text to which each row refers: 2 GB, in some 300 kB."""
    cells = (f'<row r="{row}"><c r="A{row}" t="s"><v>0</v></c></row>'.replace('"', quote) for row in range(2, rows))
    return workbook_of("".join(cells), f"<si><t>{'x' * letters}</t></si>")


def archive_bomb(mebibytes: int = 100) -> bytes:
    """Blanks, a thousandth of their size when they are packed."""
    return workbook_of(" " * (mebibytes * 2**20))


def xml_of_nested_elements(count: int = 9_000_000) -> bytes:
    """PAXml whose elements never end; each is an object for its reader."""
    return b"<paxml><personal>" + b"<a>" * count + b"</personal></paxml>"


def text_in_one_row(mebibytes: int = 16) -> bytes:
    """CSV with a column for each byte."""
    return b"Serienummer\n" + b";" * (mebibytes * 2**20) + b"\n"


def repeated_cells() -> bytes:
    """An ODS of half a kilobyte that says of one cell how often it stands there: 17 thousand million times."""
    names = "urn:oasis:names:tc:opendocument:xmlns"
    cell = '<table:table-cell office:value-type="string" table:number-columns-repeated="16384"><text:p>x</text:p>'
    content = BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("mimetype", "application/vnd.oasis.opendocument.spreadsheet")
        archive.writestr("META-INF/manifest.xml", f'<m:manifest xmlns:m="{names}:manifest:1.0"/>')
        archive.writestr(
            "content.xml",
            f'<office:document-content xmlns:office="{names}:office:1.0" xmlns:table="{names}:table:1.0" '
            f'xmlns:text="{names}:text:1.0"><office:body><office:spreadsheet><table:table table:name="A">'
            f'<table:table-row table:number-rows-repeated="1048576">{cell}</table:table-cell></table:table-row>'
            "</table:table></office:spreadsheet></office:body></office:document-content>",
        )
    return content.getvalue()
