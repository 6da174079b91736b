"""The JSON objects of `netqos explain --json` and `netqos show --json`."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from netqos.render import View
from vifkit import Bandwidth

Document = dict[str, Any]


def document(view: View) -> Document:
    """Give the object of one interface; in `tc` rates are bytes/s and buffers ticks, as in `netqos.htb`."""
    bandwidth = view.bandwidth or Bandwidth()
    queue = view.qos.queues.get(0) if view.qos else None
    return {
        "bandwidth": {
            "inbound": bandwidth.inbound and asdict(bandwidth.inbound),
            "outbound": bandwidth.outbound and asdict(bandwidth.outbound),
        },
        "rows": {
            "QoS": view.qos
            and {
                "type": view.qos.type,
                "other_config": _sorted(view.qos.other_config),
                "external_ids": _sorted(view.qos.external_ids),
            },
            "Queue": queue
            and {"other_config": _sorted(queue.other_config), "external_ids": _sorted(queue.external_ids)},
            "Interface": view.interface.policing.columns() | {"external_ids": _sorted(view.interface.external_ids)},
        },
        "tc": {
            "qdisc": view.tree.qdisc and asdict(view.tree.qdisc),
            "classes": [asdict(each) for each in view.tree.classes.values()],
            "filter": view.policer and asdict(view.policer),
        }
        if view.tree
        else None,
        "guaranteed_bps": view.guaranteed_bps,
        "limit_bps": view.limit_bps,
        "findings": [asdict(finding) for finding in view.findings],
    }


def _sorted(config: Mapping[str, str]) -> dict[str, str]:
    return dict(sorted(config.items()))
