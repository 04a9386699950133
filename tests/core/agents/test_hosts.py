"""The list of hosts of an agent: what its entries mean, and that nothing it calls reaches beyond them."""

from __future__ import annotations

from typing import Any, ClassVar

import pytest

from core.agents.agent import Agent, Function
from core.agents.check import check_agent
from core.agents.hosts import NOWHERE, covers, flaw, within
from core.agents.mcp.exchange import McpResult
from core.agents.mcp.server_config import ServerConfig
from core.agents.mcp.tool import McpTool
from core.workflow.model import Step, Workflow
from tests.support.agent_rig import AgentRig, wants

HERE = "tests.core.agents.test_python_function"


def workflow(name: str, kind: str, **config: Any) -> Workflow:
    return Workflow(name, inputs={"x": {"type": "string", "default": ""}}, steps={"s": Step("s", kind, config=config)})


@pytest.mark.parametrize(
    "entry", ["example.com", "*.example.com", "localhost", "127.0.0.1", "::1", "programs", "bücher.example", "a_b.c"]
)
def test_names_of_hosts_addresses_and_the_word_for_programs_are_entries(entry: str) -> None:
    assert flaw(entry) == ""


@pytest.mark.parametrize(
    ("entry", "word"),
    [
        ("", "empty"), ("https://example.com", "web address"), ("example.com/x", "web address"), ("a.com:80", "port"),
        ("*", "leave the list empty"), ("a.*.com", "where none can be"), ("*example.com", "where none can be"),
        ("a b", "no name"), ("-a.com", "no name"), ("a..b", "no name"), ("x" * 64 + ".com", "no name"),
    ],
)  # fmt: skip
def test_an_entry_that_means_nothing_is_an_error_of_the_agent(entry: str, word: str) -> None:
    assert word in flaw(entry)
    (problem,) = check_agent(Agent("Ada", prompt="x", hosts=("ok.example", entry)))
    assert (problem.field, problem.severity, problem.code) == ("hosts", "error", "bad_host")


def test_an_entry_covers_itself_and_a_star_all_below() -> None:
    assert covers("example.com", "example.com")
    assert not covers("example.com", "www.example.com")
    assert covers("*.example.com", "a.b.example.com")
    assert not covers("*.example.com", "example.com")
    assert not covers("*.example.com", "badexample.com")


def test_who_works_for_another_reaches_what_both_lists_allow() -> None:
    assert within([], ["a.com"]) == ("a.com",)
    assert within(["a.com"], []) == ("a.com",)
    assert within(["*.x.com", "b.com"], ["a.x.com", "c.com"]) == ("a.x.com",)
    assert within(["*.a.x.com"], ["*.x.com", "programs"]) == ("*.a.x.com",)
    assert within(["a.com"], ["b.com"]) == NOWHERE


WORKFLOWS = [
    workflow("Code", "code", source="result = 1"),
    workflow("Repeatable", "code", source="result = 1", repeatable=True),
    workflow("Inner", "agent", agent="Other", task="x"),
    workflow("Sees", "chat", prompt="x", images=["{{ input.x }}"]),
    workflow("Shows", "chat", prompt="x", images=["https://evil.example/a.png"]),
    workflow("Keeps", "write_file", path="a.txt", content="{{ input.x }}"),
    workflow("Asks", "chat", prompt="{{ input.x }}"),
]


@pytest.mark.parametrize(
    ("name", "hosts", "word"),
    [
        ("Code", ("a.example",), "program on this machine"),
        ("Repeatable", ("a.example",), "program on this machine"),
        ("Code", ("a.example", "programs"), ""),
        ("Inner", ("a.example", "programs"), "decides while it runs"),
        ("Sees", ("a.example",), "decides while it runs"),
        ("Shows", ("a.example",), "evil.example"),
        ("Shows", ("*.example",), ""),
        ("Keeps", ("a.example",), ""),
        ("Asks", ("a.example",), ""),
        ("Code", (), ""),
        ("Inner", (), ""),
    ],
)
async def test_a_workflow_that_could_reach_another_host_is_not_offered(
    name: str, hosts: tuple[str, ...], word: str
) -> None:
    agent = Agent("Ada", functions=(Function("go", target=name, policy="auto"),), hosts=hosts)
    rig = AgentRig("No.", agents=[agent], workflows=WORKFLOWS)
    (function,) = await rig.kit.functions.functions_of(agent, 0)
    assert word in function.facts.trouble
    await rig.say("Go.")
    assert ("go" in rig.offered()) is (word == "")


async def test_python_functions_that_carry_nothing_out_are_offered_and_others_are_programs() -> None:
    functions = tuple(Function(name, kind="python", target=f"{HERE}:{name}") for name in ("stock", "area"))
    for hosts, offered in (((), {"stock", "area"}), (("a.example",), {"stock"}), (("programs",), {"stock", "area"})):
        agent = Agent("Ada", functions=functions, hosts=hosts)
        rig = AgentRig("Yes.", agents=[agent])
        await rig.say("Which?")
        assert set(rig.offered()) == offered


class Servers:
    """MCP servers at some places. asked: whose tools were listed."""

    places: ClassVar[dict[str, str | None]] = {"web": "api.example", "here": "", "unknown": None}

    def __init__(self) -> None:
        self.asked: list[str] = []

    async def host(self, server: str) -> str | None:
        return self.places[server]

    async def tools(self, server: str) -> list[McpTool]:
        self.asked.append(server)
        return [McpTool(server, "look", "Looks.", {"type": "object"}, "1", "approved")]

    async def call(self, server: str, tool: str, arguments: Any = None, **more: Any) -> McpResult:
        return McpResult("Seen.")


@pytest.mark.parametrize(
    ("hosts", "asked"),
    [
        ((), ["web", "here", "unknown"]),
        (("api.example",), ["web"]),
        (("other.example",), []),
        (("programs",), ["here"]),
        (("*.example", "programs"), ["web", "here"]),
    ],
)
async def test_servers_elsewhere_are_not_even_asked(hosts: tuple[str, ...], asked: list[str]) -> None:
    servers = Servers()
    agent = Agent("Ada", servers=("web", "here", "unknown"), hosts=hosts)
    rig = AgentRig("Yes.", agents=[agent], servers=lambda: servers)
    await rig.say("Look.")
    assert servers.asked == asked
    assert rig.offered() == [f"{server}__look" for server in asked]
    functions = (Function("look", kind="mcp", target="web/look", policy="auto"),)
    rig = AgentRig("Yes.", agents=[Agent("Ada", functions=functions, hosts=hosts)], servers=lambda: servers)
    await rig.say("Look.")
    assert (rig.offered() == ["look"]) is ("web" in asked)


def test_a_server_says_where_it_is() -> None:
    assert ServerConfig(command="run").host == ""
    assert ServerConfig(type="http", url="https://API.example:8443/mcp").host == "api.example"
    assert ServerConfig(type="http", url="https://${WHERE}/mcp").host is None
    assert ServerConfig(type="http", url="https://api.example/${PATH_PART}").host == "api.example"


FETCH = Workflow("Fetch", steps={"s": Step("s", "api", config={"url": "https://b.example/x"})})


async def test_an_agent_that_is_given_a_task_reaches_no_more_than_who_gave_it() -> None:
    helper = Agent("Helper", prompt="x", functions=(Function("fetch", target="Fetch"),), hosts=())
    boss = Agent(
        "Boss", functions=(Function("ask", kind="agent", target="Helper", policy="auto"),), hosts=("a.example",)
    )
    rig = AgentRig(
        wants(("ask", {"task": "Fetch it."})), "I cannot.", "It cannot.", agents=[boss, helper], workflows=[FETCH]
    )
    await rig.say("Go.")
    assert rig.offered(0) == ["ask"]
    assert "fetch" not in rig.offered(1)
    rig = AgentRig("Yes.", agents=[helper], workflows=[FETCH])
    await rig.say("Go.")
    assert "fetch" in rig.offered()


async def test_an_agent_that_takes_over_reaches_no_more_than_who_handed_over() -> None:
    helper = Agent("Helper", prompt="x", functions=(Function("fetch", target="Fetch"),))
    hand = Function("hand", kind="agent", target="Helper", handoff=True)
    for hosts, offered in ((("a.example",), False), (("*.example",), True), ((), True)):
        boss = Agent("Boss", functions=(hand,), hosts=hosts)
        rig = AgentRig(
            wants(("hand", {"reason": "r", "brief": "b"})), "Hello.", agents=[boss, helper], workflows=[FETCH]
        )
        await rig.say("Go.")
        assert ("fetch" in rig.offered()) is offered
