"""The grouped settings of an API call: who it is from, what it carries, how its list is spread over pages."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import model_validator

from core.engine.step_type import Config, setting
from core.steps.parts.text import Text


class Auth(Config):
    """How a call shows who it is from."""

    kind: Literal["none", "bearer", "basic", "header"] = setting(
        "none", title="Kind", template=False,
        labels={"bearer": "Bearer token", "basic": "User name and password", "header": "A header"},
    )  # fmt: skip
    token: Text = setting("", title="Token", help="For bearer.", widget="secret")
    username: Text = setting("", title="User name", help="For basic.")
    password: Text = setting("", title="Password", help="For basic.", widget="secret")
    name: Text = setting("", title="Header", help="For header: its name, such as X-Api-Key.")
    value: Text = setting("", title="Value", help="For header.", widget="secret")

    @model_validator(mode="after")
    def _complete(self) -> Auth:
        needed = {"none": [], "bearer": ["token"], "basic": ["username"], "header": ["name", "value"]}[self.kind]
        missing = [field for field in needed if not getattr(self, field)]
        if missing:
            raise ValueError(f"Auth of the kind {self.kind!r} needs {' and '.join(missing)}.")
        return self

    def headers(self) -> dict[str, str]:
        """The headers that carry it."""
        from core.steps.parts.requests import basic

        match self.kind:
            case "bearer":
                return {"Authorization": f"Bearer {self.token}"}
            case "basic":
                return {"Authorization": basic(self.username, self.password)}
            case "header":
                return {self.name: self.value}
            case _:
                return {}


class Upload(Config):
    """A file to be sent."""

    field: Text = setting("file", title="Field", help="The form field; empty sends the file alone as the body.")
    source: str | dict[str, Any] = setting(title="File", help="A path or a blob.", widget="file")


class Body(Config):
    """What a call carries."""

    kind: Literal["none", "json", "form", "text", "file"] = setting(
        "none", title="Kind", template=False, labels={"none": "Nothing", "json": "JSON", "file": "Files"}
    )
    value: Any = setting(None, title="Value", help="JSON value, form fields, or text.", widget="multiline")
    content_type: Text = setting("", title="Content type", help="Empty for the usual one.")
    files: list[Upload] = setting(title="Files", help="For file.", default_factory=list)

    @model_validator(mode="after")
    def _complete(self) -> Body:
        if self.kind == "file" and not self.files:
            raise ValueError("A body of the kind 'file' needs files.")
        if self.kind in ("form", "file") and not isinstance(self.value, dict | None):
            raise ValueError(f"A body of the kind {self.kind!r} needs a mapping of fields as its value.")
        if any(not file.field for file in self.files) and (len(self.files) > 1 or self.value):
            raise ValueError("A file that is the whole body has to be the only one, without a value beside it.")
        return self


class Pagination(Config):
    """How a list is spread over pages."""

    kind: Literal["none", "next_link", "page_number"] = setting(
        "none", title="Kind", template=False,
        labels={"none": "One page", "next_link": "Link to the next page", "page_number": "Number of the page"},
    )  # fmt: skip
    items: Text = setting("", title="Items", help="Dotted path to the list in each reply; empty if it is the list.")
    link: Text = setting("", title="Next link", help="Dotted path to the next address; empty for the Link header.")
    param: Text = setting("page", title="Page parameter", help="Its name in the query.", min_length=1)
    start: int = setting(1, title="First page", ge=0)
    max_pages: int = setting(10, title="Most pages", ge=1, le=10_000)
