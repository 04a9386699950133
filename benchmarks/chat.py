"""How a long conversation behaves in the window: opening, scrolling, and an answer that streams in.

    python benchmarks/chat.py [--messages 10000] [--database]

Judged by CPU time, because the machine may be shared. Goals: opened within a second; 95 % of scroll frames within
16.7 ms; 100 tokens a second into a long answer cost at most 20 % of a core.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
import tempfile
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from uuid import UUID

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

FRAME_MS = 16.7
STREAM_SHARE = 0.20
OPEN_S = 1.0
TOKENS_PER_S = 100

ANSWER = """Here is **what I found** about case {n}, with `inline code` and a [link](https://example.com/{n}).

## Steps

1. Read the contract of number {n}
2. Look for *notice*
   - by letter
   - by mail
3. Answer, and say which clause it was, because somebody will ask for it later and nobody will remember it then

```python
def notice(days: int = {n}) -> str:
    \"\"\"How long the notice is.\"\"\"
    return f"{{days}} days"  # as in the contract
```

| Clause | Days | Who |
|---|--:|---|
| 4.2 | {n} | both |
| 7 | 90 | tenant |
"""
QUESTION = "And how is it with number {n}? Please look into it once more, and be exact about the days."
PIECES = ("The ", "**answer** ", "to ", "your ", "question ", "is ", "`long`, ", "and ", "goes ", "on.\n\n")


async def main() -> int:
    """Run all three; 0 if all goals are met."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--messages", type=int, default=10_000)
    parser.add_argument("--database", action="store_true", help="keep them in a real database, not in memory")
    parser.add_argument("--seconds", type=float, default=8.0, help="of streaming")
    arguments = parser.parse_args()
    from core.agents.agent import Agent
    from core.workspace import Workspace
    from desktop.bridge import Bridge
    from desktop.chat.source import ChatAround, of_workspace
    from desktop.chat.view import ChatView
    from desktop.icons import Icons
    from desktop.style import Style
    from desktop.theme import ThemeManager, add_fonts

    app = QApplication.instance()
    assert isinstance(app, QApplication)
    app.setQuitOnLastWindowClosed(False)
    add_fonts()
    themes, icons = ThemeManager(), Icons()
    style = Style(app, themes, icons)
    met = []
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as home:
        async with Workspace.open(home, memory_only=not arguments.database, demo=True) as workspace:
            bridge = Bridge(asyncio.get_running_loop())
            bridge.failed.connect(lambda text: print("FAILED:", text, file=sys.stderr))
            await workspace.agents.save(Agent("Reader", prompt="You read."), 0)
            source = of_workspace(workspace)
            held = await filled(source, arguments.messages)
            view = ChatView(source, ChatAround(themes, icons, bridge, lambda: datetime.now(UTC)))
            view.talk.trouble.connect(lambda text: print("TROUBLE:", text, file=sys.stderr))
            view.resize(820, 900)
            view.show()
            met.append(await opening(view, held, arguments.messages))
            met += await scrolling(view)
            met.append(await streaming(view, arguments.seconds))
            view.close()
            await bridge.close()
    del style
    return 0 if all(met) else 1


async def filled(source: ChatSource, count: int) -> UUID:
    """A conversation with that many messages."""
    from core.engine.events import Usage
    from core.store.conversation_records import MessageRole, StoredMessage

    conversation = await source.chat.start("Reader")
    log = await source.conversations.write(conversation.id)
    for number in range(count):
        text = (ANSWER if number % 2 else QUESTION).format(n=number)
        role: MessageRole = "assistant" if number % 2 else "user"
        body = {"role": role, "content": text}
        usage = Usage(900, 200, 0.001) if number % 2 else Usage()
        said = StoredMessage(0, None, role, text, body, agent="Reader", model="m", usage=usage, duration_s=1.0)
        await log.add(said)
    await log.close()
    return conversation.id


async def opening(view: ChatView, held: UUID, count: int) -> bool:
    """Open it and wait until its end stands on the screen."""
    begun, cpu = time.perf_counter(), time.process_time()
    view.open(held)
    while not view.transcript.visible_rows():  # noqa: ASYNC110 - the rows tell nobody that they are painted
        await asyncio.sleep(0.001)
    view.transcript.viewport().repaint()
    took, work = time.perf_counter() - begun, time.process_time() - cpu
    laid = view.transcript.laid_count
    print(f"open {count} messages: {took * 1000:.0f} ms, CPU {work * 1000:.0f} ms, rows laid out: {laid}")
    return work <= OPEN_S


async def scrolling(view: ChatView) -> list[bool]:
    """Scroll up by the wheel, then jump about by the bar."""
    bar = view.transcript.verticalScrollBar()
    met = []
    for name, step in (("wheel, up, new rows", -60), ("wheel, down, known rows", 60), ("fast, up, new rows", -400)):
        frames = []
        for _ in range(300):
            cpu = time.process_time()
            bar.setValue(bar.value() + step)
            view.transcript.viewport().repaint()
            frames.append((time.process_time() - cpu) * 1000)
            await asyncio.sleep(0)
        met.append(told(f"scroll {name}", frames))
    return met


def told(name: str, frames: Sequence[float]) -> bool:
    """Print the figures of some frames; whether the goal is met."""
    ordered = sorted(frames)
    at = [ordered[int(share * (len(ordered) - 1))] for share in (0.5, 0.95, 0.99, 1.0)]
    print(f"{name}: CPU ms a frame: median {at[0]:.1f}, 95th {at[1]:.1f}, 99th {at[2]:.1f}, most {at[3]:.1f}")
    return at[1] <= FRAME_MS


async def streaming(view: ChatView, seconds: float) -> bool:
    """Let an answer grow by 100 tokens a second that has 2,000 already."""
    from desktop.chat.thread import Live

    thread = view.talk
    view.transcript.scroll_to_end()
    thread.live = Live("Reader", text=ANSWER.format(n=1) * 8)
    thread.live_changed.emit()
    await asyncio.sleep(0.2)
    begun, cpu = time.perf_counter(), time.process_time()
    for number in range(int(seconds * TOKENS_PER_S)):
        thread.live.text += PIECES[number % len(PIECES)]
        if not thread._tick.isActive():
            thread._tick.start()
        await asyncio.sleep(max(0.0, begun + (number + 1) / TOKENS_PER_S - time.perf_counter()))
    share = (time.process_time() - cpu) / (time.perf_counter() - begun)
    print(f"stream {TOKENS_PER_S} tokens/s into {len(thread.live.text)} characters: {share * 100:.1f} % of a core")
    return share <= STREAM_SHARE


if __name__ == "__main__":
    import qasync
    from PySide6.QtWidgets import QApplication

    from desktop.chat.source import ChatSource
    from desktop.chat.view import ChatView

    loop = qasync.QEventLoop(QApplication([]))
    asyncio.set_event_loop(loop)
    with loop:
        sys.exit(loop.run_until_complete(main()))
