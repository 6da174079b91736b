"""Reads a stream of JSON objects by the standard library's parser, for the ovs package.

The parser that ovs falls back to without its C extension, which its wheels lack, looks at one character at
a time: at a thousand ports it took half the time of an apply. `install` puts this one in its place, for the whole
process: it reads the same language and has the same methods.
"""

import json
import re
from typing import Any

import ovs.json

# All up to the next brace outside of strings, or to the quote of a string that this piece does not end.
_TO_BRACE = re.compile(r'[^{}"]*+(?:"(?:[^"\\]|\\.)*+"[^{}"]*+)*+([{}"]|\Z)', re.DOTALL)


class Parser:
    """Takes pieces of text until one object is whole; the interface of ovs.json.Parser."""

    def __init__(self, check_trailer: bool = False) -> None:
        self.check_trailer = check_trailer
        self._pieces: list[str] = []
        self._depth = 0
        self._tail = ""  # the start of a string that the last piece did not end
        self._done = False

    def feed(self, text: str) -> int:
        """Take text, up to the end of the object, and tell how many characters that were."""
        held = len(self._tail)
        text = self._tail + text
        self._tail = ""
        place = 0
        while match := _TO_BRACE.match(text, place):
            place, found = match.end(), match[1]
            if found == '"':
                place = match.start(1)
                self._tail = text[place:]
                break
            self._depth += {"{": 1, "}": -1, "": 0}[found]
            # What starts without a brace is no message: it is done, and `finish` tells what is wrong.
            if found and self._depth <= 0:
                self._done = True
                break
            if not found:
                break
        self._pieces.append(text[:place])
        return place - held if self._done else len(text) - held

    def is_done(self) -> bool:
        """Tell whether the object is whole."""
        return self._done

    def finish(self) -> Any:
        """Give the object, or a string that tells what is wrong with it."""
        try:
            found = json.loads("".join(self._pieces) + self._tail)
        except (ValueError, RecursionError) as error:
            return f"not JSON: {error}"
        return found if isinstance(found, dict | list) else "not a JSON object"


def install() -> None:
    """Have the ovs package read by this parser, unless it has its C extension."""
    if ovs.json.PARSER == ovs.json.PARSER_PY:
        ovs.json.Parser = Parser
