"""All stub servers of Exempelby and their addresses."""

from collections.abc import Callable, Iterator
from datetime import date

from fleetsync.demo.apple import AppleStub
from fleetsync.demo.configuration import StubAddresses
from fleetsync.demo.google_admin import GoogleAdminStub
from fleetsync.demo.graph import GraphStub
from fleetsync.demo.intune_rows import APP_TOKENS, ENROLMENT_TOKENS, PUSH_CERTIFICATE
from fleetsync.demo.jamf_pro import JamfProStub
from fleetsync.demo.jamf_school import JamfSchoolStub
from fleetsync.demo.oneroster import OneRosterStub
from fleetsync.demo.oneroster_rows import LARGEST_PAGE
from fleetsync.demo.ss12000 import Ss12000Stub
from fleetsync.demo.stub_server import StubServer
from fleetsync.demo.world import DemoWorld


class StubSystems:
    """The stub servers of one world. They answer as of the day that *today* returns.

    The registers of schools, Jamf School, Google and Apple are there only in a world with schools.
    """

    def __init__(self, world: DemoWorld, today: Callable[[], date]) -> None:
        self.graph = GraphStub(
            lambda: world.contents_on(today()).managed_devices,
            listings={
                "autopilot": lambda: world.contents_on(today()).autopilot,
                "users": lambda: world.contents_on(today()).accounts,
                "corporate_identifiers": lambda: world.contents_on(today()).corporate_identifiers,
                "enrolment_tokens": lambda: ENROLMENT_TOKENS,
                "apple_devices": lambda: world.contents_on(today()).apple_enrolments,
                "app_tokens": lambda: APP_TOKENS,
                "push_certificate": lambda: (PUSH_CERTIFICATE,),
            },
        )
        self.jamf_pro = JamfProStub(lambda: world.contents_on(today()).jamf_pro)
        self.register: Ss12000Stub | None = None
        self.oneroster: OneRosterStub | None = None
        self.jamf_school: JamfSchoolStub | None = None
        self.google: GoogleAdminStub | None = None
        self.apple: AppleStub | None = None
        if world.with_schools:
            self.register = Ss12000Stub(lambda: world.contents_on(today()).school_register)
            self.oneroster = OneRosterStub(lambda: world.contents_on(today()).oneroster, largest_page=LARGEST_PAGE)
            self.jamf_school = JamfSchoolStub(lambda: world.contents_on(today()).jamf_school)
            self.google = GoogleAdminStub(lambda: world.contents_on(today()).google)
            self.apple = AppleStub(lambda: world.contents_on(today()).apple, requests_per_minute=None)

    def all(self) -> Iterator[StubServer]:
        """All servers. They are not started yet."""
        stubs = (
            self.graph,
            self.jamf_pro,
            self.register,
            self.oneroster,
            self.jamf_school,
            self.google,
            self.apple,
        )
        return (stub.stub_server for stub in stubs if stub is not None)

    def addresses(self) -> StubAddresses:
        """The addresses for the configuration, with the secrets that a stub makes itself."""
        register, oneroster = self.register, self.oneroster
        jamf_school, google, apple = self.jamf_school, self.google, self.apple
        return StubAddresses(
            self.graph.stub_server.address,
            register=None if register is None else (register.base_url, register.token_url),
            oneroster=None if oneroster is None else (oneroster.base_url, oneroster.token_url),
            entra=self.graph.stub_server.address,
            jamf_pro=self.jamf_pro.base_url,
            jamf_school=None if jamf_school is None else jamf_school.base_url,
            apple=None if apple is None else (apple.base_url, apple.token_url, apple.private_key_pem),
            google=None if google is None else (google.base_url, google.key_file()),
        )
