"""A button is a value: one short text of an action and its arguments, at most 64 bytes."""

from dataclasses import dataclass

MAX_BYTES = 64


@dataclass(frozen=True, slots=True)
class Press:
    """What a button carries: `action` picks the handler, `args` are plain words without a colon."""

    action: str
    args: tuple[str, ...] = ()

    def pack(self) -> str:
        text = ":".join(("v1", self.action, *self.args))
        if len(text.encode()) > MAX_BYTES:
            raise ValueError(f"a button's text is over {MAX_BYTES} bytes: {text}")
        return text

    @classmethod
    def unpack(cls, text: str) -> "Press | None":
        """None for what is not a button of ours."""
        version, _, rest = text.partition(":")
        if version != "v1" or not rest:
            return None
        action, *args = rest.split(":")
        return cls(action, tuple(args))


def pattern(action: str) -> str:
    """The regular expression that CallbackQueryHandler takes for one action."""
    return rf"^v1:{action}(:|$)"
