"""What several modules of these tests use; conftest.py makes it importable."""

import pytest

pytest.register_assert_rewrite("shared.cli", "shared.cli_switch", "shared.server")
