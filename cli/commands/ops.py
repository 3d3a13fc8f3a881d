"""``posthub sandbox``, ``serve`` and ``db upgrade``: the parts of PostHub, each for itself."""

from __future__ import annotations

import json
import sys
from typing import Annotated
from urllib.parse import urlsplit

import typer

from cli.options import Port
from cli.screen.terminal import Screen, screen
from cli.screen.text import clean
from cli.session import opened_books, read_settings, run_async
from gateway.providers.registry import providers
from runtime.children import free_port, run_child
from runtime.installation import need_extra, server_config
from runtime.server.hosts import is_loopback
from runtime.server.origins import CORS_ORIGINS, PUBLIC_URL
from runtime.settings import Settings, environment_with
from store.folders import private_folder

STUDIO = "https://smith.langchain.com"


def upgrade() -> int:
    """Bring the database's schema to the newest version.

    The prompts that come with this release are brought in too; an editor's own are never overwritten. On
    PostHub's own PostgreSQL all this happens by itself.

    Example:
      DATABASE_URI=postgresql://posthub@db.internal/posthub posthub db upgrade
    """
    from runtime.library import upgrade as upgrade_schema

    shown, settings = screen(), read_settings()
    version, added = run_async(upgrade_schema(settings))
    shown.out.print(f"The schema is the newest one (PostgreSQL {version}).")
    if added:
        shown.out.print(f"{added} prompt versions came with this release.")
    return 0


def sandbox(
    port: Port = 8799,
    seed: Annotated[
        int | None, typer.Option(help="Same seed, same month; without it POSTHUB_SANDBOX_SEED.")
    ] = None,
) -> int:
    """Run the stand-in providers until Ctrl-C.

    In the foreground, with the sites of their fictional companies, and with a bill of all that they answered.
    A run without any provider key starts a sandbox by itself; this command is not needed for it.

    Examples:
      posthub sandbox
      posthub sandbox --port 0 --seed 7
    """
    shown, settings = screen(), read_settings()
    need_extra("sandbox", "The sandbox of stand-in providers")
    home = private_folder(settings.home / "sandbox-foreground")
    command = [sys.executable, "-P", "-m", "sandbox", "--port", str(port), "--home", str(home)]
    command += ["--seed", str(settings.sandbox_seed if seed is None else seed)]
    return run_child(command, said=lambda line: _print_sandbox(shown, line))


def serve(
    port: Port = 2024,
    host: Annotated[str, typer.Option(help="The interface to listen on.")] = "127.0.0.1",
    workers: Annotated[int, typer.Option(min=1, help="Months and answers worked on at the same time.")] = 10,
) -> int:
    """Serve the graph to LangGraph Studio and the API.

    Starts the LangGraph development server, until Ctrl-C. On 127.0.0.1 it needs no key until the first one is made, and
    Studio's pages may ask; on any other address it answers to keys alone (`posthub keys create`).

    Examples:
      posthub serve
      posthub serve --port 8123
      posthub serve --host 0.0.0.0
    """
    shown, settings = screen(), read_settings()
    need_extra("server", "The LangGraph development server")
    origins = settings.cors_origins
    if is_loopback(host):
        origins += (STUDIO,)
    else:
        run_async(_need_a_key(settings, host))
    # where the server keeps its own notes, and what it may import from
    home = private_folder(settings.home / "server")
    chosen = free_port(host, port)
    command = [sys.executable, "-P", "-m", "langgraph_cli", "dev", "--no-browser", "--no-reload"]
    command += ["--host", host, "--port", str(chosen), "--config", str(server_config())]
    command += ["--n-jobs-per-worker", str(workers)]
    address = f"http://{host}:{chosen}"
    shown.say(f"API     {address}  (its pages: {address}/docs)")
    if STUDIO in origins:
        shown.say(f"Studio  {STUDIO}/studio/?baseUrl={address}")
    shown_at = settings.public_url or (address if is_loopback(host) else "")
    found = {CORS_ORIGINS: ",".join(origins), PUBLIC_URL: shown_at}
    return run_child(command, cwd=home, environment=environment_with(found))


async def _need_a_key(settings: Settings, host: str) -> None:
    async with opened_books(settings) as books:
        await books.need_a_key(host)


def _print_sandbox(shown: Screen, line: str) -> None:
    try:
        ready = json.loads(line)
        base, sites = ready["base_url"], ready["sites"]
    except (ValueError, KeyError, TypeError):
        shown.say(line)
        return
    shown.out.print("SANDBOX: stand-in providers; nothing is real, nothing is charged.", style="bold yellow")
    shown.out.print(f"Listens on {base}; the bill is {clean(ready.get('bill', ''))}", soft_wrap=True)
    for site in sites:
        shown.out.print(f"  {clean(site['name'])}: {clean(site['url'])}", soft_wrap=True)
    shown.out.print("\nTo use it as your providers, in another terminal:")
    for each in providers().values():
        if each.stand_in is not None and not each.named_only:
            address = f"{each.address_settings[0]}={base}{each.stand_in}"
            shown.out.print(f"export {address} {each.key}=sandbox", soft_wrap=True)
    place = urlsplit(base)
    shown.out.print(f"export POSTHUB_ALLOW_PRIVATE_HOSTS={place.hostname}:{place.port}\n", soft_wrap=True)
    shown.out.print("Ctrl-C ends it.")
