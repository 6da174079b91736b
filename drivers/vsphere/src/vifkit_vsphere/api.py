"""pyVmomi, of which nobody but the annotations here knows a type: its own are half there, and untyped to call."""

from typing import Any

import pyVmomi
import pyVmomi.SoapAdapter

vim: Any = pyVmomi.vim  # type: ignore[attr-defined]
vmodl: Any = pyVmomi.vmodl  # type: ignore[attr-defined]
SoapStubAdapter: Any = pyVmomi.SoapAdapter.SoapStubAdapter
SoapResponseDeserializer: Any = pyVmomi.SoapAdapter.SoapResponseDeserializer
