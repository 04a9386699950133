"""Markdown as blocks: what models write is read as it was meant, and nothing in it can fetch or run anything."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from desktop.chat.blocks import LONGEST, Code, Growing, Line, Prose, plain_blocks, plain_line, read_blocks

WHOLE = """# Title

Some *text* with `code` and [a link](https://example.com/a?b=1&c=2).

- one
- [x] two
  1. deep

```python
print("<b>")
```

| a | b |
|---|:-:|
| 1 | 2 |

> said

---
The end"""

PIECES = [
    "# t\n", "text ", "\n\n", "- item\n", "  more\n", "```\n", "> q\n", "1. x\n", "---\n", "===\n", "|a|b|\n|-|-|\n",
    "    code\n", "<div>\n", "*", "`", "\\",
]  # fmt: skip


def test_each_kind_of_block_is_told_apart() -> None:
    kinds = [block.kind if isinstance(block, Prose) else type(block).__name__ for block in read_blocks(WHOLE)]
    assert kinds == ["heading", "text", "list", "Code", "table", "quote", "Line", "text"]


def test_code_keeps_every_character_and_its_language() -> None:
    assert read_blocks("```py title=x\n  a < b\n\n\tc\n```") == (Code("  a < b\n\n\tc", "py"),)


def test_code_whose_end_is_still_to_come_is_code() -> None:
    assert read_blocks("```\nhalf") == (Code("half"),)


@pytest.mark.parametrize(
    "text",
    [
        '<script>alert("x")</script>',
        '<img src="https://evil.example/x.png">',
        'a <b onclick="x">b</b>',
        "<!-- hidden -->",
        "<style>p{background:url(https://evil.example)}</style>",
    ],
)
def test_html_is_shown_as_text(text: str) -> None:
    html = "".join(block.html for block in read_blocks(text) if isinstance(block, Prose))
    assert set(re.findall(r"<(\w+)", html)) <= {"p", "br"}
    assert "&lt;" in html


def test_a_picture_becomes_an_anchor_that_nothing_loads() -> None:
    (block,) = read_blocks("![chart](https://evil.example/x.png?data=secret)")
    assert isinstance(block, Prose)
    assert "<img" not in block.html
    assert 'href="picture:https://evil.example/x.png?data=secret"' in block.html


def test_a_picture_inside_a_link_does_not_hide_where_it_leads() -> None:
    (block,) = read_blocks("[![x](https://a.example/p.png)](https://b.example)")
    assert isinstance(block, Prose)
    assert "https://a.example/p.png" in block.html
    assert "https://b.example" in block.html


@pytest.mark.parametrize("address", ["javascript:alert(1)", "file:///etc/passwd", "data:text/html;base64,AAAA"])
def test_addresses_that_run_something_are_no_links(address: str) -> None:
    html = "".join(block.html for block in read_blocks(f"[x]({address})") if isinstance(block, Prose))
    assert "<a " not in html


def test_a_text_that_grows_gives_the_same_blocks_as_the_whole() -> None:
    growing = Growing()
    for end in range(len(WHOLE) + 1):
        growing.show(WHOLE[:end])
        assert tuple(growing.blocks) == read_blocks(WHOLE[:end])


@settings(max_examples=150, deadline=None)
@given(st.lists(st.sampled_from(PIECES), max_size=25))
def test_whatever_grows_ends_as_the_whole_is_read(pieces: list[str]) -> None:
    growing, text = Growing(), ""
    for piece in pieces:
        text += piece
        growing.show(text)
    assert tuple(growing.blocks) == read_blocks(text)


def test_only_the_last_blocks_are_read_again_while_a_text_grows() -> None:
    growing = Growing()
    growing.show("One.\n\nTwo.\n\nThree.\n\nFour")
    assert growing.show("One.\n\nTwo.\n\nThree.\n\nFour more") == 2


def test_a_text_that_is_another_one_is_read_from_its_beginning() -> None:
    growing = Growing()
    growing.show("One.\n\nTwo.")
    assert growing.show("Other") == 0
    assert growing.blocks == [Prose("<p>Other</p>")]


def test_what_is_too_long_for_markdown_is_shown_plain() -> None:
    blocks = read_blocks("word " * (LONGEST // 5) + "*tail*")
    assert blocks[-1] == Code("*tail*")


def test_what_a_person_wrote_keeps_its_lines_and_its_signs() -> None:
    assert plain_blocks("a < b\n*c*") == (Prose("<p>a &lt; b<br>*c*</p>"),)
    assert plain_blocks("") == ()
    assert Line() == Line()


@pytest.mark.parametrize(
    ("text", "line"),
    [
        (WHOLE, 'Title Some text with code and a link. one [x] two deep print("<b>") a b 1 2 said The end'),
        ("There are **3** words.", "There are 3 words."),
        ("```python\nprint(1)", "print(1)"),
        ("a *half", "a *half"),
        ("one\ntwo  \nthree", "one two three"),
        ("![a picture](https://evil.example/x.png)", "a picture"),
        ("", ""),
    ],
)
def test_a_list_shows_what_a_text_says_and_not_its_markup(text: str, line: str) -> None:
    assert plain_line(text) == line
