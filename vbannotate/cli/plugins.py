"""``vbannotate plugins``: install the plug-ins for ELAN, Audacity and Praat, check them, remove them."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from vbannotate.errors import UsageError

app = typer.Typer(help="Plug-ins for ELAN, Audacity and Praat.", no_args_is_help=True)

Host = Annotated[str, typer.Argument(metavar="HOST", help="elan, audacity or praat.")]
Dir = Annotated[
    Path | None,
    typer.Option(
        "--dir",
        help="ELAN's extensions folder, Audacity's Plug-Ins folder, Praat's preferences folder.",
    ),
]
Json = Annotated[bool, typer.Option("--json", help="Print the result as JSON.")]

_NEXT = {
    "elan": "Restart ELAN: the tab 'Recognizers' offers 'Vocal bursts (vbannotate)'.",
    "audacity": "Restart Audacity (twice for its scripting pipe): Analyze > 'Vocal bursts: load labels'.",
    "praat": "Restart Praat: a Sound has the button 'Annotate vocal bursts...'.",
}


@app.command("list")
def list_(json: Json = False) -> None:
    """Show what is installed where, in which version, and whether it is whole.

    Example: vbannotate plugins list
    """
    from vbannotate.hosts import NAMES, install
    from vbannotate.hosts.places import Machine

    machine = Machine.here()
    found = [place for host in NAMES for place in install.status(host, machine)]
    if json:
        _print_places(found)
        return
    for host in NAMES:
        of_host = [place for place in found if place.host == host]
        for place in of_host:
            state = "not installed" if place.state == "none" else place.state
            version = f"{place.version}, " if place.version and place.state == "ok" else ""
            typer.echo(f"{host:9} {version}{state}: {place.folder}")
        if not of_host:
            typer.echo(f"{host:9} not found on this computer")


@app.command()
def install(host: Host, dir: Dir = None) -> None:
    """Install a plug-in into every folder the host program looks in. Again after an update: call it again.

    Example: vbannotate plugins install elan
    """
    from vbannotate.hosts import install as installer
    from vbannotate.hosts.places import Machine

    for path in installer.install(_known(host), Machine.here(), dir):
        typer.echo(f"installed {path}")
    typer.echo(_NEXT[host])


@app.command()
def uninstall(host: Host, dir: Dir = None) -> None:
    """Remove what `install` put there, and nothing else.

    Example: vbannotate plugins uninstall praat
    """
    from vbannotate.hosts import install as installer
    from vbannotate.hosts.places import Machine

    removed = installer.uninstall(_known(host), Machine.here(), dir)
    for path in removed:
        typer.echo(f"removed {path}")
    if not removed:
        typer.echo(f"nothing of ours is installed for {host}")


@app.command()
def check(host: Host, dir: Dir = None, json: Json = False) -> int:
    """Run an installed plug-in as its host would, and say what is wrong.

    Example: vbannotate plugins check elan
    """
    return report(_known(host), dir, json)


@app.command("run-elan", hidden=True)
def run_elan() -> int:
    """What the recognizer calls: ELAN's request on standard input, its lines on standard output."""
    from vbannotate.hosts import elan

    return elan.main()


@app.command("run-praat", hidden=True)
def run_praat(
    task: str,
    answer: Annotated[Path, typer.Option()],
    input: Annotated[Path, typer.Option()],
    result: Annotated[Path, typer.Option()],
    grid: Annotated[str, typer.Option()] = "",
    start: Annotated[str, typer.Option()] = "0",
    end: Annotated[str, typer.Option()] = "0",
    preset: Annotated[str, typer.Option()] = "default",
    threshold: Annotated[str, typer.Option()] = "",
    min_dur: Annotated[str, typer.Option()] = "",
    tiers: Annotated[str, typer.Option()] = "one",
    confidence: Annotated[str, typer.Option()] = "0",
    keep: Annotated[str, typer.Option()] = "",
) -> int:
    """What the commands in Praat's menus call; the answer goes to a file."""
    from vbannotate.hosts import praat

    def request() -> praat.Request:
        return praat.Request(
            task=task,
            input=input.expanduser(),
            result=result,
            grid=Path(grid) if grid else None,
            start=start,
            end=end,
            preset=None if preset == "default" else preset,
            threshold=praat.field_number(threshold, "the threshold"),
            min_dur=praat.field_number(min_dur, "the shortest event"),
            tiers=tiers,
            confidence=confidence == "1",
            keep=Path(keep).expanduser() if keep.strip() else None,
        )

    return praat.serve(request, answer)


def report(host: str, folder: Path | None, json: bool) -> int:
    """Print what a check of a plug-in found; 1 where something is wrong."""
    from vbannotate.cli.common import print_json
    from vbannotate.hosts.check import check as look
    from vbannotate.hosts.places import Machine

    findings = look(host, Machine.here(), folder)
    broken = [one for one in findings if one.ok is False]
    if json:
        rows = [{"ok": one.ok, "what": one.what, "mend": one.mend} for one in findings]
        print_json({"ok": not broken, "findings": rows})
        return 1 if broken else 0
    for one in findings:
        sign = {True: "ok      ", False: "BROKEN  ", None: "unknown "}[one.ok]
        typer.echo(f"{sign}{one.what}")
        if one.mend:
            typer.echo(f"        to mend: {one.mend}")
    return 1 if broken else 0


def _known(host: str) -> str:
    from vbannotate.hosts import NAMES

    if host not in NAMES:
        raise UsageError(f"unknown host {host!r}", f"known are {', '.join(NAMES)}")
    return host


def _print_places(found: list[Any]) -> None:
    from vbannotate.cli.common import print_json

    print_json(
        [
            {
                "host": p.host,
                "folder": str(p.folder),
                "state": p.state,
                "version": p.version,
                "python": p.python,
            }
            for p in found
        ]
    )
