"""In: nothing. Out: the chain's part of RESULTS.md: stories, serving, demo; the rest stays.

    python -m benchmarks.chain [stories] [serving] [demo] [--seeds 10]

Each section stands between markers of its own, so that one can be measured again without the
others, and all of them without the whole bench.
"""

from __future__ import annotations

import argparse
import os
import re
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path

from benchmarks import demo, serving, stories

RESULTS = Path(__file__).parent / "RESULTS.md"
PARTS = ("stories", "serving", "demo")
SEEDS = 10
PATIENTS = 1000


def told_stories(seeds: int) -> str:
    """What the product says of hospitals whose stories are known."""
    lived = stories.run(seeds, PATIENTS)
    missed = stories.misses(lived)
    lines = "\n".join(f"- {line}" for line in missed)
    verdict = "What was not as it should be:" if missed else "All was found as it was planted."
    return f"""## The chain: stalls that were planted

{when()} {len(lived)} hospitals of {PATIENTS:,} patients (seeds 1 to {len(lived)}), each half \
year lived by `uptake demo`; what was planted stands in `truth.ndjson`, which the product does not \
read. *Lowest share is that stage* is a peer without targets or order: the stage with the lowest \
share, which cannot say *nowhere*. The generator's proportions are tuned to these seeds; \
`python -m benchmarks.stories --first 101` asks others.

{stories.table(lived)}

{stories.nurse_sentence(lived)}

Care gaps, after every suggested mapping was approved and the feeds were assessed again:

{stories.mapped_table(lived)}

{verdict}

{lines}""".rstrip()


def told_serving(project: Path) -> str:
    """What cards and pages take."""
    served = serving.run(project)
    return f"""## The chain: serving

{when()} `uptake serve` on the demo of {PATIENTS:,} patients, called from another process of the \
same machine; each call has a connection of its own and counts from when it was due. The *bare \
server* answers a constant on the same uvicorn and Starlette under the same calls, afterwards. \
Cards alone take {serving.SECONDS} s a rate; then pages are asked for in turn at \
{serving.PAGES_A_SECOND}/s for {serving.PAGE_SECONDS} s, while cards are called at \
{serving.BESIDE}/s. *First* is the first call after the start. Events of the cards make pages of \
the chain old every 15 s, so *warm* holds the calls that make them anew.

{serving.card_table(served)}

{serving.page_table(served)}

It answers {served.ready:.1f} s after its start. Peak memory {served.peak:.0f} MB, bare server \
{served.peak_peer:.0f} MB."""


def told_demo(lived: demo.Lived) -> str:
    """What the demo takes."""
    return f"""## The chain: the demo

{when()} `uptake demo` with {PATIENTS:,} patients, in fresh processes and an empty folder.

{demo.table(lived)}

{demo.sentences(lived)}"""


def when() -> str:
    """The day and the load of the machine: shared cores make seconds longer, ratios less so."""
    load = ", ".join(f"{value:.1f}" for value in os.getloadavg())
    return f"{datetime.now(UTC):%Y-%m-%d}, load average {load} at the end, {os.cpu_count()} cores."


def put(page: str, part: str, text: str) -> str:
    """The page with a section in place of the one it has, or at its end."""
    begin, end = marks(part)
    whole = f"{begin}\n{text}\n{end}"
    if begin in page and end in page:
        before, rest = page.split(begin, 1)
        return before + whole + rest.split(end, 1)[1]
    return f"{page.rstrip()}\n\n{whole}\n"


def held(page: str) -> str:
    """The sections that a page has."""
    found = re.finditer(r"<!-- (\w+): begin -->.*?<!-- \1: end -->", page, re.DOTALL)
    return "\n\n".join(match[0] for match in found)


def marks(part: str) -> tuple[str, str]:
    """What stands before and after a section."""
    return f"<!-- {part}: begin -->", f"<!-- {part}: end -->"


def keep(part: str, text: str) -> None:
    """Write one section at once: the next may take minutes, or fail."""
    page = RESULTS.read_text("utf-8") if RESULTS.exists() else ""
    RESULTS.write_text(put(page, part, text), encoding="utf-8")
    print(text, file=sys.stderr, flush=True)


def run(parts: tuple[str, ...] = PARTS, seeds: int = SEEDS) -> None:
    """Measure the parts and write each. The demo that is timed is the one that is served."""
    if "demo" in parts or "serving" in parts:
        with tempfile.TemporaryDirectory() as scratch:
            project = Path(scratch) / "demo"
            lived = demo.run(project, PATIENTS)
            if "demo" in parts:
                keep("demo", told_demo(lived))
            if "serving" in parts:
                keep("serving", told_serving(project))
    if "stories" in parts:
        keep("stories", told_stories(seeds))


def main() -> int:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("parts", nargs="*", help=f"of {', '.join(PARTS)}; default: all")
    parser.add_argument("--seeds", type=int, default=SEEDS)
    asked = parser.parse_args()
    if unknown := set(asked.parts) - set(PARTS):
        parser.error(f"no such part: {', '.join(sorted(unknown))}")
    run(tuple(asked.parts) or PARTS, asked.seeds)
    print(RESULTS)
    return 0


if __name__ == "__main__":
    sys.exit(main())
