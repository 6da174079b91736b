"""The suite. `from vifkit_conformance.suite import *` brings all of it into an author's own test module."""

from .test_behaviour import *  # noqa: F403
from .test_behind import *  # noqa: F403
from .test_capabilities import *  # noqa: F403
from .test_cleanup import *  # noqa: F403
from .test_crowd import *  # noqa: F403
from .test_daemon import *  # noqa: F403
from .test_errors import *  # noqa: F403
from .test_events import *  # noqa: F403
from .test_hotplug import *  # noqa: F403
from .test_inbound import *  # noqa: F403
from .test_isolation import *  # noqa: F403
from .test_killed import *  # noqa: F403
from .test_lifecycle import *  # noqa: F403
from .test_migration import *  # noqa: F403
from .test_native import *  # noqa: F403
from .test_outbound import *  # noqa: F403
from .test_redefined import *  # noqa: F403
from .test_resilience import *  # noqa: F403
from .test_states import *  # noqa: F403
from .test_statistics import *  # noqa: F403
from .test_update import *  # noqa: F403
from .test_warnings import *  # noqa: F403
