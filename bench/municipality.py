"""An invented municipality of any size: employees in 500 units, their devices, and how both change.

The same seed always gives the same municipality and the same changes. It knows the right answer: per unit, how many
employees are owed a device, and how many of them have one that works.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum
from hashlib import blake2b
from random import Random
from typing import TypeVar
from uuid import UUID

import msgspec

UNIT_COUNT = 500
MAIL_DOMAIN = "exempelby.se"
SILENT_DAYS = 200  # far beyond the limit of staleness, so that no holiday decides
CHANGED_SHARE = 0.01
REPLACED_SHARE = 0.001
MOVED_CONTACTS_SHARE = 0.8

T = TypeVar("T")

UnitCoverage = Mapping[str, tuple[int, int]]  # slug → employees owed a device, those of them with one that works


class Change(StrEnum):
    """What happens between two syncs."""

    SOME = "some"  # 1 % of devices and of employees differ, 0.1 % are replaced by others
    CONTACTS = "contacts"  # 80 % of the devices have been in contact since, and nothing else differs


class Model(msgspec.Struct, frozen=True):
    """A model of a device. A phone never counts as a working device."""

    operating_system: str
    version: str
    manufacturer: str
    name: str
    enrolment: str
    is_phone: bool = False


LAPTOP = Model("Windows", "10.0.26100", "Dell Inc.", "Latitude 5440", "windowsAzureADJoin")
TABLET = Model("iPadOS", "18.6", "Apple", "iPad (A16)", "appleBulkWithUser")
PHONE = Model("iOS", "18.6", "Apple", "iPhone 14", "appleBulkWithUser", is_phone=True)


class Device(msgspec.Struct):
    """A device as Intune knows it. *holder*: the number of an employee, or of nobody who is on the staff list."""

    number: int
    model: Model
    home_unit: int
    holder: int | None
    last_contact_at: datetime
    build: int = 0
    is_compliant: bool = True
    is_being_wiped: bool = False

    @property
    def id(self) -> str:
        """A GUID; those of neighbours have nothing in common, as in reality."""
        return str(UUID(bytes=blake2b(b"device %d" % self.number, digest_size=16).digest(), version=4))


class Employee(msgspec.Struct):
    """An employee as the personnel system knows them."""

    number: int
    unit: int
    is_permanent: bool
    first_day: date
    percent: int = 100


class Municipality:
    """Devices and employees as they are now. `advance` changes them."""

    def __init__(self, size: int, now: datetime, seed: int = 1) -> None:
        """*size*: the number of devices, and of employees."""
        self._random = Random(seed)
        self._now = now
        self._next_number = 2 * size + 1
        self.employees = {number: self._new_employee(number) for number in range(1, size + 1)}
        self.devices = [self._new_device(number) for number in range(1, size + 1)]
        self._give_out_devices()

    # --- the first day ------------------------------------------------------------------------------------------------

    def _new_employee(self, number: int) -> Employee:
        first_day = date(2015, 8, 1) + timedelta(days=self._random.randrange(3000))
        return Employee(number, self._random.randrange(UNIT_COUNT), self._random.random() < 0.95, first_day)

    def _new_device(self, number: int) -> Device:
        share = self._random.random()
        model = LAPTOP if share < 0.7 else TABLET if share < 0.98 else PHONE
        return Device(
            number,
            model,
            home_unit=self._random.randrange(UNIT_COUNT),
            holder=None,
            last_contact_at=self._contact(0.03),
            is_compliant=self._random.random() < 0.9,
            is_being_wiped=self._random.random() < 0.005,
        )

    def _contact(self, silent_share: float) -> datetime:
        days = SILENT_DAYS if self._random.random() < silent_share else 0
        return self._now - timedelta(days=days, seconds=self._random.randrange(3600, 48 * 3600))

    def _give_out_devices(self) -> None:
        """Most devices have one holder of their own; some are second devices, nobody's, or of somebody unknown."""
        numbers = list(self.employees)
        waiting = self._random.sample(numbers, len(numbers))
        for device in self.devices:
            share = self._random.random()
            if share < 0.86:
                device.holder = waiting.pop()
            elif share < 0.92:
                device.holder = self._random.choice(numbers)
            elif share < 0.95:
                device.holder = -device.number

    # --- what happens then --------------------------------------------------------------------------------------------

    def advance(self, change: Change, now: datetime) -> None:
        """Let *change* happen until *now*."""
        self._now = now
        if change is Change.CONTACTS:
            for device in self._sample(self.devices, MOVED_CONTACTS_SHARE):
                device.last_contact_at = self._contact(0.0)
            return
        self._change_devices()
        self._replace_devices()
        self._change_employees()
        self._replace_employees()

    def _sample(self, values: Sequence[T], share: float) -> list[T]:
        return self._random.sample(values, max(1, round(len(values) * share)))

    def _change_devices(self) -> None:
        numbers = list(self.employees)
        for device in self._sample(self.devices, CHANGED_SHARE):
            share = self._random.random()
            if share < 0.7:
                device.build += 1
                device.last_contact_at = self._contact(0.0)
            elif share < 0.9:
                device.is_compliant = not device.is_compliant
            else:
                device.holder = self._random.choice(numbers)

    def _replace_devices(self) -> None:
        """Others take the place of some devices; half of the new ones are given to somebody else."""
        numbers = list(self.employees)
        for place in self._sample(range(len(self.devices)), REPLACED_SHARE):
            holder = self.devices[place].holder
            self.devices[place] = self._new_device(self._take_number())
            self.devices[place].holder = holder if self._random.random() < 0.5 else self._random.choice(numbers)

    def _change_employees(self) -> None:
        for employee in self._sample(list(self.employees.values()), CHANGED_SHARE):
            share = self._random.random()
            if share < 0.6:
                employee.percent = 175 - employee.percent
            elif share < 0.9:
                employee.unit = self._random.randrange(UNIT_COUNT)
            else:
                employee.is_permanent = not employee.is_permanent

    def _replace_employees(self) -> None:
        for number in self._sample(list(self.employees), REPLACED_SHARE):
            del self.employees[number]
            newcomer = self._take_number()
            self.employees[newcomer] = self._new_employee(newcomer)

    def _take_number(self) -> int:
        self._next_number += 1
        return self._next_number

    # --- the right answer ---------------------------------------------------------------------------------------------

    def coverage(self) -> UnitCoverage:
        """The right answer. Owed: permanent employees. Covered: those who hold a computer or tablet that works."""
        holders = {device.holder for device in self.devices if self._works(device)}
        owed = [employee for employee in self.employees.values() if employee.is_permanent]
        expected = Counter(unit_slug(employee.unit) for employee in owed)
        covered = Counter(unit_slug(employee.unit) for employee in owed if employee.number in holders)
        return {slug: (expected[slug], covered[slug]) for slug in map(unit_slug, range(UNIT_COUNT))}

    def _works(self, device: Device) -> bool:
        is_silent = device.last_contact_at < self._now - timedelta(days=SILENT_DAYS / 2)
        return not (is_silent or device.is_being_wiped or device.model.is_phone)


# --- what the systems show ----------------------------------------------------------------------------------------------


def unit_slug(unit: int) -> str:
    """The slug of a unit, from its number."""
    return f"skola-{unit:03}"


def unit_name(unit: int) -> str:
    """The name of a unit, from its number."""
    return f"Exempelskolan {unit:03}"


def cost_centre(unit: int) -> str:
    """The cost centre of a unit, from its number."""
    return f"{31000 + unit}"


def login(number: int) -> str:
    """The log-in of an employee, from their number; a negative number is of somebody who is not on the staff list."""
    return f"{'tuva.exempel' if number > 0 else 'vikarie'}{abs(number)}@{MAIL_DOMAIN}"


STAFF_HEADER = (
    "Anställningsnummer", "Personnummer", "Efternamn", "Förnamn", "Användarnamn", "Sekretess", "Kostnadsställe",
    "Enhet", "Befattning", "Anställningsform", "Anst.from", "Anst.tom", "Sysselsättningsgrad",
)  # fmt: skip


def staff_row(employee: Employee) -> tuple[str, ...]:
    """The row of the personnel system's report."""
    return (
        f"{employee.number:07}",
        f"19800101-{employee.number % 10000:04}",
        f"Exempelsson{employee.number}",
        "Tuva",
        login(employee.number),
        "",
        cost_centre(employee.unit),
        unit_name(employee.unit),
        "Lärare",
        "Tillsvidare" if employee.is_permanent else "Timavlönad",
        employee.first_day.isoformat(),
        "",
        f"{employee.percent},00",
    )


def device_rows(devices: Sequence[Device]) -> Iterator[dict[str, object]]:
    """The rows of `managedDevices`, with the fields of the whole resource."""
    for device in devices:
        yield _OTHER_FIELDS | _device_fields(device)


def _device_fields(device: Device) -> dict[str, object]:
    user = "" if device.holder is None else login(device.holder)
    model, unit = device.model, device.home_unit
    mac = f"{device.number:012X}"
    return {
        "id": device.id,
        "userId": ""
        if device.holder is None
        else str(UUID(int=(2**100 if device.holder > 0 else 2**99) + abs(device.holder))),
        "deviceName": f"EX-{unit:03}-{device.number:07}",
        "enrolledDateTime": "2025-06-02T07:15:00Z",
        "lastSyncDateTime": device.last_contact_at.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "operatingSystem": model.operating_system,
        "complianceState": "compliant" if device.is_compliant else "noncompliant",
        "osVersion": f"{model.version}.{1000 + device.build}",
        "deviceEnrollmentType": model.enrolment,
        "emailAddress": user,
        "azureADDeviceId": str(UUID(int=device.number)),
        # A holder's unit counts first, so the category matters for devices without one.
        "deviceCategoryDisplayName": f"Lager {unit_name(unit)}" if device.number % 2 else "",
        "userPrincipalName": user,
        "userDisplayName": f"Tuva Exempelsson{abs(device.holder)}" if device.holder else "",
        "model": model.name,
        "manufacturer": model.manufacturer,
        "serialNumber": f"EX{device.number:09}",
        "managementState": "wipePending" if device.is_being_wiped else "managed",
        "managedDeviceName": f"tuva_{model.operating_system}_{device.number}",
        "wiFiMacAddress": mac,
        "ethernetMacAddress": mac[::-1],
        "freeStorageSpaceInBytes": 100_000_000_000 + device.number * 4096,
    }


def instant(text: str) -> datetime:
    """An instant as Graph writes it."""
    return datetime.strptime(text, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)


_OTHER_FIELDS: dict[str, object] = {
    "managedDeviceOwnerType": "company",
    "jailBroken": "Unknown",
    "managementAgent": "mdm",
    "easActivated": False,
    "easDeviceId": "",
    "easActivationDateTime": "0001-01-01T00:00:00Z",
    "azureADRegistered": True,
    "activationLockBypassCode": None,
    "deviceRegistrationState": "registered",
    "isSupervised": False,
    "exchangeLastSuccessfulSyncDateTime": "0001-01-01T00:00:00Z",
    "exchangeAccessState": "none",
    "exchangeAccessStateReason": "none",
    "remoteAssistanceSessionUrl": None,
    "remoteAssistanceSessionErrorDetails": None,
    "isEncrypted": True,
    "imei": "",
    "complianceGracePeriodExpirationDateTime": "9999-12-31T23:59:59Z",
    "phoneNumber": "",
    "androidSecurityPatchLevel": "",
    "configurationManagerClientEnabledFeatures": None,
    "deviceHealthAttestationState": None,
    "subscriberCarrier": "",
    "meid": "",
    "totalStorageSpaceInBytes": 255_000_000_000,
    "partnerReportedThreatState": "unknown",
    "requireUserEnrollmentApproval": None,
    "managementCertificateExpirationDate": "2027-06-02T07:15:00Z",
    "iccid": None,
    "udid": None,
    "notes": None,
    "physicalMemoryInBytes": 0,
    "enrollmentProfileName": None,
}
