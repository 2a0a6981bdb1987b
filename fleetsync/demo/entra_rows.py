"""The accounts of Exempelby's Entra ID: those of the staff, of rooms, and of a guest.

They have texts that may never be stored: names and telephones.
"""

from collections import Counter
from collections.abc import Iterable, Iterator
from datetime import date, timedelta

from fleetsync.demo.model import SourceRow, StaffMember
from fleetsync.demo.names import CANARY, STAFF_DOMAIN, object_id_of

ROOM_PREFIX = "rum-"
_KEPT_ENABLED = timedelta(days=14)  # after the last day of an employment
_ROOMS = 3


def entra_users(employees: Iterable[StaffMember], day: date) -> Iterator[SourceRow]:
    """All accounts on *day*. A log-in that two employees share is nobody's account."""
    known = [employee for employee in employees if employee.login]
    holders_by_login = Counter(employee.login for employee in known)
    for employee in known:
        if holders_by_login[employee.login] == 1 and _account_made_on(employee) <= day:
            yield _staff_account(employee, day)
    for number in range(_ROOMS):
        yield _account(f"{ROOM_PREFIX}{200 + number}@{STAFF_DOMAIN}")
    yield {**_account(f"{CANARY}_vard.example#EXT#@exempelby.onmicrosoft.com"), "userType": "Guest"}


def _account_made_on(employee: StaffMember) -> date:
    """The day on which the employment begins, or on which it was entered, if that is earlier."""
    return min(day for job in employee.contracts for day in (job.first, job.known))


def _staff_account(employee: StaffMember, day: date) -> SourceRow:
    last_days = [job.last for job in employee.contracts]
    has_left = all(last is not None and last + _KEPT_ENABLED < day for last in last_days)
    return {
        **_account(employee.login, *employee.further_logins, *employee.aliases),
        "employeeId": employee.number,
        "accountEnabled": not has_left,
    }


def _account(login: str, *aliases: str) -> SourceRow:
    return {
        "id": object_id_of(login),
        "userPrincipalName": login,
        "mail": login,
        "proxyAddresses": [f"SMTP:{login}", *(f"smtp:{alias}" for alias in aliases), f"sip:{login}"],
        "displayName": CANARY.title(),
        "surname": CANARY,
        "mobilePhone": CANARY,
    }
