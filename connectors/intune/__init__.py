"""Microsoft Intune: the managed devices of one tenant, those that it knows before they are enrolled, and its tokens with Apple.

API: GET {graph_root}/v1.0/deviceManagement/managedDevices, windowsAutopilotDeviceIdentities and
applePushNotificationCertificate, /v1.0/deviceAppManagement/vppTokens, /beta/deviceManagement/importedDeviceIdentities and
depOnboardingSettings with importedAppleDeviceIdentities (Microsoft Graph, documentation read 2026-11-24 and 2026-11-30), a
whole read each time: there is no delta. Sign-in: OAuth 2 client credentials at {authority}/{tenant}/oauth2/v2.0/token.
Permission: DeviceManagementManagedDevices.Read.All (application), with admin consent and an Intune licence; for autopilot,
corporate_identifiers, apple_enrolment and app_tokens also DeviceManagementServiceConfig.Read.All.

Quirks:
* `@odata.count` counts the page, so there is no total to check against; an empty page with a next link is not the end.
* 0001-01-01 means "never", 9999-12-31 "no limit"; the null guid, "" and "Unknown" mean that nothing is known.
* An iPad reports iOS or iPadOS, by the age of its record: the model decides.
* `eas` rows are mailboxes and `msSense` rows are Defender alone: neither is a device. `jamf` rows mirror what Jamf manages.
* `userPrincipalName` is a copy that lags behind a change of name; `userId` does not. Either may be whom a device was
  enrolled by, and not its primary user: see `enrollers`.
* enrollmentProfileName, notes and addresses of network cards come empty in a list; none is asked for.
* The list of Autopilot fails as a whole with `$select`, and with a filter on serials with hyphens: neither is sent.
* Autopilot v2 (device preparation) keeps no list of computers: what was bought then stands among the corporate
  identifiers, as manufacturer, model and serial in one text with commas.
* Enrolment tokens of Apple and corporate identifiers exist in the beta version alone.

Refuses to count a privately owned phone, to call a device shared because it has no user, and to take for a contact what a
device is said to have had before it was enrolled.

```toml
[[source]]
kind = "intune"
name = "intune"
tenant = "11111111-2222-4333-8444-555555555555"      # directory (tenant) id; the namespace of object ids
client_id = "99999999-2222-4333-8444-555555555555"
client_secret_file = "/run/secrets/intune"           # or certificate_file and key_file (key_password_file)
credential_expires = 2027-11-01                      # as the portal shows it; `fleetsync check` warns thirty days ahead
# signature = "RS256"                                # for certificates of older registrations; default PS256
# beta = true                                        # knows lost mode; not supported by Microsoft for production
# enrollers = ["tekniker*@exempelby.se"]             # log-ins that enrol for others: their devices' primary user is asked for
# without = ["app_tokens"]                           # parts that are not wanted
```

* **Kept**: record id, serial, system and version, maker, model, the primary user's object id, UPN and mail, enrolment
  and last contact, compliance, state and way of management, ownership, category (`location`), encryption; with `beta`
  lost mode. Of Autopilot serial, maker, model, group tag (`tag`), purchase order (`order`) and state; of corporate
  identifiers serial, maker, model, system and state; of Apple's devices serial, system and state. When the push
  certificate, the enrolment tokens and the tokens of apps run out, and what they are called.
* **Read and dropped**: the device's name (rules see it); rows of privately owned phones, of mailboxes on phones
  (`eas`) and of Defender alone (`msSense`); corporate identifiers that are the number of a telephone; devices that Apple
  no longer assigns to the organisation.
* **Never asked for, or never decoded**: display name, phone number, IMEI, MEID, ICCID, network addresses, UDID, notes,
  descriptions, activation lock code, who logged on last, Apple ids, the tokens themselves, and whom a computer is meant
  for in Autopilot: that is not who has it.
* **Quirks that decide something**
  * Only `devices` must be there. Another part that the tenant lacks, or whose permission was not granted, is "not there"
    and says what to grant; it is no failure as long as it never gave a record, and none of `fleetsync check`, which names
    it. One that gave records and is refused now has failed, alone.
  * A list of purchases that is empty from the start is believed: many tenants have no Autopilot.
  * A device is *reported shared* only when it has no user **and** was enrolled in a way that knows none.
  * A wipe or retirement on its way already makes a device `wiped` or `retired`: nobody should count on it. When it
    has been carried out the row is gone.
  * `jamf` rows mirror Macs that Jamf manages. They are kept for the user's object id and the compliance, without
    contact, enrolment and management: those come from Jamf itself, because a mirror that looks alive would hide a
    silent Mac. Without a Jamf source such a Mac does not work, and says why. While Intune mirrors it, it is not "gone
    from every MDM"; it is silent by its last contact all the same.
  * An Android device owned privately is a phone unless its model says tablet (tab, pad, SM-T, SM-X, SM-P).
  * Of a device that the list gives to one of `enrollers` the primary user is asked for, with one request each. Where that
    is one of them too, or nobody, the device has no user.
  * What is known before it is enrolled is a purchase: it expects an MDM, so that a device that was never enrolled is found.
    `ios` among corporate identifiers may be an iPad or a phone, and stays open.
  * The count in an answer is of its page, and `managedDeviceOverview` lags: a short listing is caught by the guard.
* **Not tried here**: a live tenant; sovereign clouds (set `authority` and `graph_root`); conditional access for
  workloads; how the permission behaves with scope tags; whether `syncedDeviceCount` counts deleted devices (it is not
  compared); `lastSyncErrorCode` of an enrolment token (it is not read).
"""

from connectors.intune.normalising import normalise, split_contact
from connectors.intune.reading import PARTS, probe, pull
from connectors.intune.settings import Settings

__all__ = ["PARTS", "Settings", "normalise", "probe", "pull", "split_contact"]
