"""See answers.pxd."""

import json

from fairlead.shard.views cimport AgentView

from fairlead.shard.views import Presence


cdef bytes told_of(object answer):
    if isinstance(answer, AgentView):
        return json.dumps(agent_fields(answer), separators=(",", ":")).encode()
    return json.dumps({"names": answer}, separators=(",", ":")).encode() if isinstance(answer, list) else b""


cdef object answer_of(bytes told):
    found = json.loads(told)
    return found["names"] if isinstance(found, dict) else agent_of(found)


cdef list agent_fields(AgentView view):
    return [
        view.id, view.skills, view.tags, view.capacity, view.channel_limits, view.weight, view.rating, view.order,
        int(view.presence), view.presence_reason, view.load, view.job_count, view.given_count, view.last_given_time_us,
        view.last_freed_time_us, view.completed_count, view.wrap_up_us, view.lease_end_us, view.missed_offers, view.handle_time_ms,
        view.first_response_ms, view.satisfaction,
    ]


cdef AgentView agent_of(list fields):
    cdef AgentView view = AgentView.__new__(AgentView)
    (
        view.id, view.skills, view.tags, view.capacity, view.channel_limits, view.weight, view.rating, view.order,
        presence, view.presence_reason, view.load, view.job_count, view.given_count, view.last_given_time_us,
        view.last_freed_time_us, view.completed_count, view.wrap_up_us, view.lease_end_us, view.missed_offers, view.handle_time_ms,
        view.first_response_ms, view.satisfaction,
    ) = fields
    view.presence = Presence(presence)
    return view
