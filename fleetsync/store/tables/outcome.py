"""The outcome in real columns, for people who query it. Each reconciliation writes what differs."""

from sqlalchemy import Boolean, Float, Integer, Table

from fleetsync.store.tables.columns import (
    TextTuple,
    boolean_column,
    date_column,
    datetime_column,
    key_column,
    metadata,
    plain_column,
    text_column,
)

# No last contact here: a join over record.thing_id gives it, and these rows stay unwritten while devices check in.
device = Table(  # of `DeviceCase`
    "device",
    metadata,
    key_column("id", reads="device.id"),
    text_column("serial", null=True, reads="device.serial"),
    text_column("manufacturer", null=True, reads="device.manufacturer"),
    text_column("model", null=True, reads="device.model"),
    text_column("platform", reads="device.platform"),
    text_column("form_factor", reads="device.form_factor"),
    text_column("os_version", null=True, reads="device.os_version"),
    text_column("os_edition", null=True, reads="device.os_edition"),
    text_column("asset_tag", null=True, reads="device.asset_tag"),
    text_column("ownership", null=True, reads="device.ownership"),
    plain_column("managed", Boolean, null=True, reads="device.managed"),
    text_column("compliance", null=True, reads="device.compliance"),
    plain_column("encrypted", Boolean, null=True, reads="device.encrypted"),
    datetime_column("enrolled_at", null=True, reads="device.enrolled_at"),
    date_column("purchased_on", reads="device.purchased_on"),
    date_column("warranty_until", reads="device.warranty_until"),
    date_column("support_until", reads="device.support_until"),
    text_column("holder", null=True, reads="placement.holder"),
    text_column("purpose", reads="placement.purpose"),
    text_column("unit", reads="placement.unit"),
    plain_column("serves", TextTuple, reads="placement.serves"),
    text_column("stage", null=True, reads="device_state.stage"),
    datetime_column("stage_since", reads="device_state.since"),
    plain_column("works", Boolean, null=True, reads="device_state.works"),
    boolean_column("ours", reads="device_state.ours"),
    plain_column("secure", Boolean, null=True, reads="device_state.secure"),
    boolean_column("masked", reads="device.masked"),
)

person = Table(  # of `PersonCase`
    "person",
    metadata,
    key_column("id", reads="person.id"),
    text_column("name", null=True, reads="person.name"),
    text_column("unit", reads="person_state.unit"),
    plain_column("groups", TextTuple, reads="person_state.groups"),
    text_column("school_form", null=True, reads="person_state.school_form"),
    plain_column("grade_index", Integer, null=True, reads="person_state.grade_index"),
    date_column("began_on", reads="person_state.began_on"),
    date_column("ends_on", reads="person_state.ends_on"),
    date_column("ended_on", reads="person_state.ended_on"),
    date_column("starts_on", reads="person_state.starts_on"),
    boolean_column("counted", reads="person_state.counted"),
    boolean_column("has_login", reads="person_state.has_login"),
    boolean_column("is_child", reads="person_state.is_child"),
    boolean_column("masked", reads="person.masked"),
)

unit = Table(  # of `Unit`
    "unit",
    metadata,
    key_column("slug"),
    text_column("name"),
    plain_column("codes", TextTuple),
    plain_column("school_forms", TextTuple),
    boolean_column("published"),
)

membership = Table(  # of `PersonMembership`
    "membership",
    metadata,
    key_column("source", reads="believed.source"),
    key_column("part", reads="believed.part"),
    key_column("source_id", reads="believed.record.source_id"),
    text_column("person"),
    text_column("membership", reads="believed.record.membership"),
    plain_column("codes", TextTuple, reads="believed.record.codes"),
    text_column("group_id", null=True, reads="believed.record.group"),
    text_column("school_form", null=True, reads="believed.record.school_form"),
    plain_column("year", Integer, null=True, reads="believed.record.year"),
    text_column("employment_form", null=True, reads="believed.record.employment_form"),
    plain_column("share", Float, null=True, reads="believed.record.share"),
    date_column("start_on", reads="believed.record.start"),
    date_column("end_on", reads="believed.record.end"),
    date_column("leave_from", reads="believed.record.leave_from"),
    date_column("leave_to", reads="believed.record.leave_to"),
)

login = Table(  # of `Login`
    "login",
    metadata,
    key_column("scheme", reads="key.scheme"),
    key_column("namespace", reads="key.namespace"),
    key_column("value", reads="key.value"),
    key_column("person"),
    datetime_column("first_seen"),
    datetime_column("last_seen", null=True),  # None while it is the person's
)
