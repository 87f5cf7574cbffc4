"""Time and memory of each step at several shares of H&M's size: `python -m benchmarks.scale`.

Each step runs in its own process; its peak memory is the operating system's figure for it. Neo4j's own memory is set by
HMREC_HEAP and HMREC_PAGE_CACHE and not included. Results are stored as JSON in the benchmark's home, so that scales measured
at different times appear in one table. The table and the plots go into docs/performance.md.
"""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import time
from collections.abc import Callable, Container, Iterator
from pathlib import Path
from typing import Annotated, Any

import typer
from hmrec.cypher.recommenders import list_evaluated

from .report import Plot, describe_machine, write_section

METHODS = ",".join(list_evaluated())
COMMAND = "from hmrec.cli.main import main; main()"
RESULTS = "scale.json"

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


def run_step(command: list[str], limit: float) -> dict[str, Any]:
    """Run a process; return its seconds, CPU seconds, peak memory in GiB, and the JSON on its last line."""
    begun = time.monotonic()
    process = subprocess.Popen([sys.executable, *command], stdout=subprocess.PIPE, text=True)
    try:
        printed, _ = process.communicate(timeout=limit)
    except subprocess.TimeoutExpired:
        process.kill()
        process.communicate()
        return {"cut_after": limit}
    if process.returncode:
        raise SystemExit(f"{' '.join(command)} failed")
    last = printed.strip().splitlines()[-1:] or [""]
    known = json.loads(last[0]) if last[0].startswith("{") else {}
    return {"seconds": time.monotonic() - begun} | known  # a job's own seconds exclude start-up and reading


def hmrec(*arguments: object) -> list[str]:
    """Return the command line of an hmrec command that reports its peak memory at the end."""
    ends = "import atexit, resource, json; atexit.register(lambda: print(json.dumps({'peak_gib': "
    ends += (
        "resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1 << 20), 'cpu': sum(__import__('os').times()[:2])})))"
    )
    return ["-c", f"{ends}; {COMMAND}", *map(str, arguments)]


def job(name: str, *arguments: object) -> list[str]:
    """Return the command line of one of the jobs below."""
    return ["-m", "benchmarks.scale", name, *map(str, arguments)]


def pass_result(**found: object) -> None:
    """Pass a job's result to the process that started it."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1 << 20)
    print(json.dumps(found | {"peak_gib": peak, "cpu": sum(os.times()[:2])}))


def timed(work: Callable[[], Any]) -> tuple[Any, float]:
    """Return the result of `work` and the seconds it took."""
    begun = time.monotonic()
    return work(), time.monotonic() - begun


# -- the jobs -----------------------------------------------------------------------------------------------


@app.command()
def draw(data: Path, scale: float) -> None:
    """Write the synthetic shop if it is missing."""
    from .load import get_data

    print(json.dumps({"folder": str(get_data(data, scale).resolve())}))


@app.command("await-indexes")
def await_indexes() -> None:
    """Wait until the indexes created by a load are online, and count the graph's content."""
    from hmrec.cypher.graph import Graph
    from hmrec.cypher.state import read_counts

    with Graph.connect() as graph:
        graph.write("await_indexes", seconds=7200)
        counts = read_counts(graph)
    pass_result(**vars(counts))


@app.command()
def export(fresh: bool) -> None:
    """Read the graph into arrays and cache them, or read the cached ones."""
    from hmrec.cypher.graph import Graph
    from hmrec.graph_ml.export.kept import export_kept
    from hmrec.graph_ml.export.subgraph import SubgraphSpec

    with Graph.connect() as graph:
        subgraph, seconds = timed(lambda: export_kept(graph, SubgraphSpec(isolated=True), fresh=fresh))
    pass_result(seconds=seconds, purchases=subgraph.num_edges)


# -- the run ------------------------------------------------------------------------------------------------


def measure_scale(
    home: Path, folder: str, methods: list[str], limit: float, done: Container[str]
) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield the name and figures of each step that is not in `done`, as it finishes."""
    out, report = home / "scale-submission.csv", home / "scale-report"
    steps = {
        "load": hmrec("load", folder, "--mode", "bulk", "--replace", "--report", report),
        "indexes": job("await-indexes"),
        "export": job("export", "True"),
        "export, kept": job("export", "False"),
        "train": hmrec("train"),
    } | {f"all: {method}": hmrec("recommend", "--all", "--out", out, "--method", method) for method in methods}
    for name, command in steps.items():
        if name not in done:
            found = run_step(command, limit)
            if "cut_after" in found and name.startswith("all: "):
                found["done"] = sum(part.read_bytes().count(b"\n") for part in home.glob(f"{out.name}.*.partial"))
            yield name, found
    out.unlink(missing_ok=True)


@app.callback(invoke_without_command=True)
def main(
    context: typer.Context,
    data: Annotated[Path, typer.Option(help="Folder for the data sets.")] = Path("bench-data"),
    home: Annotated[Path, typer.Option(help="Folder for the benchmark's own Neo4j and the results.")] = Path(
        "bench-home"
    ),
    scales: Annotated[str, typer.Option(help="Shares of H&M's size.")] = "0.01,0.1,1",
    methods: Annotated[str, typer.Option(help="Methods of `recommend --all` to measure.")] = METHODS,
    limit: Annotated[float, typer.Option(help="Seconds after which a step is stopped.")] = 7200.0,
    go_on: Annotated[
        bool, typer.Option("--go-on", help="Skip the steps that have results, and keep the graph.")
    ] = False,
) -> None:
    """Run all steps and write docs/performance.md."""
    if context.invoked_subcommand:
        return
    home.mkdir(parents=True, exist_ok=True)
    os.environ["HMREC_HOME"] = str(home.resolve())
    for share in [float(share) for share in scales.split(",")]:
        folder = run_step(job("draw", data, share), limit)["folder"]
        run_step(hmrec("db", "start"), limit)
        begun = {"share": share, "machine": describe_machine(), "load": os.getloadavg()[0]}
        earlier = _read(home / RESULTS).get(f"{share:g}", {}) if go_on else {}
        begun, steps = earlier or begun, earlier.get("steps", {})
        for name, found in measure_scale(home.resolve(), folder, methods.split(","), limit, set(steps)):
            steps[name] = found
            print(f"{share:g} {name}: {json.dumps(found)}", flush=True)
            _save(home / RESULTS, begun | {"steps": steps})
    run_step(hmrec("db", "stop"), limit)
    report(home / RESULTS)


def _read(file: Path) -> dict[str, Any]:
    results: dict[str, Any] = json.loads(file.read_text()) if file.is_file() else {}
    return results


def _save(file: Path, scale: dict[str, Any]) -> None:
    file.write_text(json.dumps(_read(file) | {f"{scale['share']:g}": scale}, indent=2))


@app.command()
def report(results: Path) -> None:
    """Write the section of docs/performance.md from the results of a run."""
    found = sorted(json.loads(results.read_text()).values(), key=lambda scale: scale["share"])
    names = list(dict.fromkeys(name for scale in found for name in scale["steps"]))
    head = [f"{100 * scale['share']:g} %" for scale in found]
    loads = ", ".join(f"{scale['load']:.1f}" for scale in found)
    counts = [scale["steps"]["indexes"] for scale in found]
    lines = [
        f"Measured by `python -m benchmarks.scale` on {found[-1]['machine']}; load average at the start {loads}.",
        "Each step runs in its own process. A cell has its seconds, its processor time in parentheses (including the start of Python, without",
        "Neo4j's), and its peak memory.",
        "",
        f"| step | {' | '.join(head)} |",
        f"| --- |{' --- |' * len(head)}",
        f"| purchases | {' | '.join(format(count['bought'], ',') for count in counts)} |",
        f"| customers | {' | '.join(format(count['customers'], ',') for count in counts)} |",
    ]
    lines += [f"| {name} | {' | '.join(_show(scale['steps'].get(name)) for scale in found)} |" for name in names]
    lines += ["", "![Seconds against scale](scale-seconds.svg)", "", "![Memory against scale](scale-memory.svg)"]
    write_section("scale", lines)
    rows = [count["bought"] for count in counts]
    for key, label in (("seconds", "seconds"), ("peak_gib", "GiB")):
        series = {
            name: [scale["steps"].get(name, {}).get(key, float("nan")) for scale in found]
            for name in names
            if name != "indexes"
        }
        file = f"scale-{'seconds' if key == 'seconds' else 'memory'}.svg"
        Plot("Purchases", label, file, growth=True).draw(rows, series)


def _show(step: dict[str, Any] | None) -> str:
    if not step:
        return "not run"
    if step.get("done"):
        return f"{step['done']:,} customers in {step['cut_after']:,.0f} s"
    if "cut_after" in step:
        return f"cut after {step['cut_after']:,.0f} s"
    return f"{step['seconds']:,.1f} s ({step['cpu']:,.1f}), {step['peak_gib']:.2f} GiB"


if __name__ == "__main__":
    app()
