"""What is wrong at the moment. Pure."""

from collections.abc import Collection


class Troubles:
    """Each is told once, however long it lasts, and once more when it is over."""

    def __init__(self) -> None:
        self._lasting: dict[tuple[str, str], str] = {}
        self._begun: list[str] = []
        self._over: list[str] = []

    def kinds(self) -> set[str]:
        """Name the kinds of subjects that something is wrong with."""
        return {kind for kind, _ in self._lasting}

    def begin(self, kind: str, name: str, message: str) -> None:
        """Note that something is wrong with the subject, or still is."""
        if (kind, name) not in self._lasting:
            self._lasting[kind, name] = message
            self._begun.append(message)

    def end(self, kind: str, name: str, message: str) -> None:
        """Note that all is well with the subject; the message is told where it was not."""
        if self._lasting.pop((kind, name), None) is not None:
            self._over.append(message)

    def keep(self, kind: str, names: Collection[str]) -> None:
        """Forget, without a word, the subjects of this kind that are no more."""
        for subject in [each for each in self._lasting if each[0] == kind and each[1] not in names]:
            del self._lasting[subject]

    def news(self) -> tuple[list[str], list[str]]:
        """Give what has begun, and what is over, since this was last asked."""
        news = self._begun, self._over
        self._begun, self._over = [], []
        return news
