"""A Hyper-V host that is none: WS-Management over TLS, PowerShell remoting on top, the Hyper-V module's cmdlets inside.

It knows the cmdlets and parameters that `vifkit_hyperv.double.catalogue` lists, each with its documentation page, and
refuses everything else with the errors that PowerShell has for it. Where a text or a refusal is not in a page, the
place says so. It is what the driver is tested against, and no proof of what a real host does.
"""
