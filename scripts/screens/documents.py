"""Documents that show much at once."""

from typing import Final

SHOWCASE: Final = """\
steploom: 1
name: Showcase
description: One of everything that can be drawn.
tags: [customers, nightly]
inputs:
  names: {type: array, items: {type: string}, default: [Ann, Bo, Cy]}
  language: {type: string, enum: [english, german], default: english}
variables:
  greeting: {type: string, default: Hello, description: How everybody is greeted.}
steps:
  start:
    type: template
    title: Prepare the letter
    config: {text: "{{ vars.greeting }} {{ input.names | join(', ') }}"}
    then: [everybody, ask_mood, look_up]
  everybody:
    type: for_each
    title: Write to everybody
    config: {items: "{{ input.names }}", collect: "{{ line.text }}"}
    body:
      line:
        type: template
        title: One line
        config: {text: "{{ vars.greeting }} {{ item }}"}
        then: polish
      polish:
        type: chat
        title: Polish it
        config: {prompt: "Make it friendly: {{ line.text }}"}
    then: keep
  ask_mood:
    type: chat
    title: Rate the mood of a letter that has a very long title
    config:
      model: openai/gpt-5-mini
      prompt: |
        How does this sound, from 1 to 5?
        {{ start.text }}
    then: is_kind
  is_kind:
    type: condition
    title: Kind enough?
    config: {value: "{{ ask_mood.text | length }}", operator: greater_than, operand: "0"}
    then: {true: keep, false: rewrite}
  rewrite:
    type: set
    title: Write it again
    config: {values: {again: yes}}
  look_up:
    type: code
    title: Look up the customer
    config: {source: "def run(inputs):\\n    raise ValueError('There is no customer 17')\\n"}
    on_error: branch
    then: {error: fallback}
  fallback:
    type: template
    title: Say so
    config: {text: "{{ look_up.error.message }}"}
  off:
    type: wait
    title: Wait a day
    disabled: true
    config: {duration: 1d}
  keep:
    type: set
    title: Keep the result
    config:
      values:
        lines: "{{ everybody.results }}"
        table: "{{ [{'name': 'Ann', 'age': 31}, {'name': 'Bo', 'age': 47}] }}"
  foreign:
    type: acme.sentiment
    title: Sentiment of a plug-in
    config: {depth: 3}
  remark:
    type: note
    config:
      colour: yellow
      text: "# Why a loop?\\nEvery name gets **its own** line.\\n\\n- one pass each\\n- three at a time"
outputs:
  text: "{{ start.text }}"
layout:
  start: [0, 120]
  everybody: [360, -120]
  line: [384, -56]
  polish: [664, -56]
  ask_mood: [360, 160]
  is_kind: [680, 160]
  rewrite: [1000, 240]
  look_up: [360, 360]
  fallback: [680, 380]
  off: [1000, 380]
  keep: [1080, -40]
  foreign: [0, 380]
  remark: [0, -140]
collapsed: [rewrite]
groups:
  mood:
    title: The mood
    colour: blue
    steps: [ask_mood, is_kind]
"""

_FOREIGN: Final = "  foreign:\n    type: acme.sentiment\n    title: Sentiment of a plug-in\n    config: {depth: 3}\n"

RUNNABLE: Final = SHOWCASE.replace(_FOREIGN, "").replace("  foreign: [0, 380]\n", "")
"""The showcase without the step whose type is not installed."""

FAILING: Final = """\
steploom: 1
name: Payments
steps:
  read:
    type: template
    title: Read the bill
    config: {text: "Bill 4711, 120.50 EUR"}
    then: pay
  pay:
    type: code
    title: Pay it
    config:
      source: |
        def run(inputs):
            raise ValueError('The account 4711 has too little money: 12.30 EUR of 120.50 EUR')
    then: tell
  tell:
    type: template
    title: Tell the customer
    config: {text: "Paid: {{ pay.result }}"}
outputs:
  text: "{{ tell.text }}"
layout:
  read: [0, 0]
  pay: [320, 0]
  tell: [640, 0]
"""

ASKING: Final = """\
steploom: 1
name: Publish
inputs:
  title: {type: string, default: Spring letter}
steps:
  draft:
    type: template
    title: Draft the post
    config: {text: "# {{ input.title }}\\n\\nThe **looms** are ready."}
    then: [release, address]
  release:
    type: approval
    title: Release the post
    config:
      message: |
        Shall **{{ input.title }}** go out today?

        {{ draft.text }}
      choices: [publish, redo, drop]
      timeout: 2d
    then: {publish: done}
  address:
    type: approval
    title: Where to
    config:
      message: Where shall it go?
      form:
        type: object
        required: [channel]
        properties:
          channel: {type: string, enum: [news, blog], title: Channel}
          copies: {type: integer, minimum: 1, default: 1, title: Copies}
          urgent: {type: boolean, title: Urgent}
    then: done
  done:
    type: template
    title: Done
    config: {text: "{{ release.choice }}"}
layout:
  draft: [0, 60]
  release: [320, 0]
  address: [320, 200]
  done: [720, 60]
"""

BROKEN_STEPS: Final = """\
steploom: 1
name: Mistakes
inputs:
  question: {type: string}
steps:
  ask:
    type: chat
    title: Ask
    config: {prompt: "{{ input.qestion }} {{ later.text }}", temperature: 9}
  later:
    type: template
    title: Later
    config: {text: ""}
  call:
    type: api
    title: Call it
    config: {url: "not an address", method: GET}
layout:
  ask: [0, 0]
  later: [320, 0]
  call: [640, 0]
"""

VALUES: Final = """\
steploom: 1
name: Values
steps:
  make:
    type: code
    title: Make many values
    config:
      source: |
        def run(inputs):
            return {
                "text": "One line.\\nAnother line that is a good deal longer than the others. " * 4,
                "markdown": "# Title\\n\\nSome **bold** words, `code`, and a list:\\n\\n- one\\n- two\\n",
                "table": [{"name": f"Customer {n}", "spent": n * 12.5, "since": 2000 + n} for n in range(40)],
                "deep": {"a": {"b": {"c": [1, 2, {"d": None, "e": True}]}}},
                "long": "word " * 40000,
                "many": list(range(500)),
                "nothing": None,
            }
layout:
  make: [0, 0]
"""


def many_steps(count: int) -> str:
    """A grid of that many steps in rows of ten, each wired to the next."""
    lines = ["steploom: 1", "name: Many steps", "steps:"]
    for n in range(count):
        lines.append(f"  s{n}:")
        lines.append("    type: template")
        lines.append(f"    title: Step {n}")
        lines.append(f"    config: {{text: 'Number {n}'}}")
        if n % 10 != 9 and n + 1 < count:
            lines.append(f"    then: s{n + 1}")
    lines.append("layout:")
    lines.extend(f"  s{n}: [{n % 10 * 300}, {n // 10 * 140}]" for n in range(count))
    return "\n".join(lines) + "\n"


POSTER: Final = """\
steploom: 1
name: Spring poster
inputs:
  event: {type: string, default: Open day at the weaving mill}
steps:
  draw:
    type: image
    title: Draw the poster
    config: {prompt: "A poster: {{ input.event }}", aspect_ratio: "1:1"}
    then: ask
  ask:
    type: approval
    title: Print this poster?
    config:
      message: |
        The poster for **{{ input.event }}** is ready.

        Shall it go to the printer?
      choices: [print, draw_again, discard]
    then: {print: order}
  order:
    type: template
    title: Order the print
    config: {text: "Please print {{ draw.image.name }}."}
layout:
  draw: [0, 40]
  ask: [320, 0]
  order: [1220, 60]
"""
