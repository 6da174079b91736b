# shellcheck shell=bash
# What every script here starts from: the repository's root as directory, and nothing of the caller's virtual environment.
unset CDPATH
root=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")/../.." && pwd -P)
cd -- "$root" || exit

# Open vSwitch's and the network's tools are often out of a user's PATH.
export PATH="${PATH:-/usr/bin:/bin}:/usr/local/sbin:/usr/sbin:/sbin"
export UV_PYTHON_DOWNLOADS=never
# A host may have certificates of its own.
if [[ -e /etc/ssl/certs/ca-certificates.crt ]]; then
    export UV_SYSTEM_CERTS="${UV_SYSTEM_CERTS:-true}"
fi
unset VIRTUAL_ENV UV_PYTHON UV_PROJECT_ENVIRONMENT PYTHONHOME PYTHONPATH PYTEST_ADDOPTS

# In a user namespace everybody is root by number, and pytest names its directory in /tmp by this.
export USER="${USER:-$(id -un)}"
