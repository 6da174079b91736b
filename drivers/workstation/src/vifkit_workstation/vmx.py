"""The text of a .vmx file: what is asked for is changed, and all else stays as it is written.

`key = "value"`, one a line, keys in upper or lower case; `#` begins a comment. `.encoding` names the encoding, UTF-8
where there is none (virVMXParseConfig in libvirt's src/vmx/vmx.c). What a quoted value cannot hold is written as `|`
and two hexadecimal digits (virVMXEscapeHex there). VMware takes no file that has a key twice, and neither do we.
"""

import re
from dataclasses import dataclass

from vifkit import BackendError

MAX_BYTES = 1 << 20
"""The largest file that is read, in bytes; VMware's own are of some thousand."""

_PAIR = re.compile(r'(\ufeff?\s*([^\s=#"\ufeff]+)\s*=\s*)("[^"]*"|[^\s"#]*)(\s*(?:#.*)?\r?)')
_IDLE = re.compile(r"\ufeff?\s*(?:#.*)?\r?")
_ENCODING = re.compile(rb'^[ \t]*\.encoding[ \t]*=[ \t]*"?([^"\s]*)', re.IGNORECASE | re.MULTILINE)
_UNSAFE = re.compile(r'["|\x00-\x1f\x7f]')
_ESCAPED = re.compile(r"\|([0-7][0-9A-Fa-f])")


class VmxError(BackendError):
    """A .vmx file is not what one can be, or not what it was a moment ago; it was left alone."""


@dataclass(slots=True, eq=False)
class _Line:
    before: str
    value: str = ""
    after: str = ""


class Vmx:
    """A file's text. Raises VmxError for what is not understood."""

    def __init__(self, data: bytes) -> None:
        if len(data) > MAX_BYTES:
            raise VmxError(f"it has more than {MAX_BYTES} bytes: no .vmx file is that large")
        named = _ENCODING.search(data)
        self.encoding = named[1].decode("ascii", "replace") if named else "UTF-8"
        try:
            text = data.decode(_codec(self.encoding))
        except UnicodeDecodeError as error:
            raise VmxError(f"it is not written in {self.encoding}, as it says: {error.reason}") from error
        self._end = "\r" if "\r\n" in text else ""
        self._lines: list[_Line] = []
        self._pairs: dict[str, _Line] = {}
        for number, line in enumerate(text.split("\n"), 1):
            pair = _PAIR.fullmatch(line)
            if "\0" in line or (pair is None and not _IDLE.fullmatch(line)):
                raise VmxError(f'line {number} is neither a comment nor key = "value"')
            self._lines.append(_Line(pair[1], pair[3], pair[4]) if pair else _Line(line))
            if pair and self._pairs.setdefault(pair[2].lower(), self._lines[-1]) is not self._lines[-1]:
                raise VmxError(f"line {number}: {pair[2]} is there already")

    def keys(self) -> list[str]:
        """List the keys, in lower case."""
        return list(self._pairs)

    def get(self, key: str, default: str = "") -> str:
        """Give a value, unescaped."""
        line = self._pairs.get(key.lower())
        return _ESCAPED.sub(lambda found: chr(int(found[1], 16)), line.value.strip('"')) if line else default

    def is_true(self, key: str) -> bool:
        """Tell whether a switch is on."""
        return self.get(key).lower() == "true"

    def set(self, key: str, value: str) -> None:
        """Give a key a value, in its place, or at the end."""
        line = self._pairs.get(key.lower())
        if line is None:
            last = self._lines[-1]
            if last.before or last.value:  # it has no end
                last.after += self._end
                self._lines.append(_Line(""))
            line = self._pairs[key.lower()] = _Line(f"{key} = ", after=self._end)
            self._lines.insert(-1, line)
        line.value = '"' + _UNSAFE.sub(lambda found: f"|{ord(found[0]):02X}", value) + '"'

    def remove(self, key: str) -> None:
        """Take a key out with its line, if it is there."""
        line = self._pairs.pop(key.lower(), None)
        if line is not None:
            self._lines.remove(line)

    def to_bytes(self) -> bytes:
        """Write the file. Raises VmxError for what its encoding does not have."""
        text = "\n".join(f"{line.before}{line.value}{line.after}" for line in self._lines)
        try:
            data = text.encode(_codec(self.encoding))
        except UnicodeEncodeError as error:
            raise VmxError(f"{self.encoding}, in which it is written, has no {text[error.start]!r}") from error
        if len(data) > MAX_BYTES:
            raise VmxError(f"it would have more than {MAX_BYTES} bytes")
        return data


def _codec(encoding: str) -> str:
    """Find the codec of an encoding as VMware names it: that of Windows' code page 932 is windows-932."""
    name = re.sub(r"(?i)^windows-(?=\d)", "cp", encoding)
    try:
        if b"a".decode(name) == "a" and "a".encode(name) == b"a":  # what could not be read, as UTF-16, is not meant
            return name
    except (LookupError, ValueError):
        pass
    raise VmxError(f"nobody knows its encoding {encoding!r}")
