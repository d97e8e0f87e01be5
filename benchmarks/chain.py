"""In: nothing. Out: the chain's section of RESULTS.md: demo, stories, serving; the rest stays.

    python -m benchmarks.chain [--seeds 10]

The section stands between two markers, so that it can be measured again without the whole bench.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from benchmarks import demo, serving, stories

RESULTS = Path(__file__).parent / "RESULTS.md"
BEGIN, END = "<!-- chain: begin -->", "<!-- chain: end -->"
SEEDS = 10
PATIENTS = 1000


@dataclass(frozen=True)
class Measured:
    """The three benchmarks of the chain."""

    demo: demo.Lived
    served: serving.Served
    lived: list[stories.Lived]


def run(seeds: int = SEEDS) -> Measured:
    """Live the demo, serve it, then live the other seeds."""
    with tempfile.TemporaryDirectory() as scratch:
        project = Path(scratch) / "demo"
        first = demo.run(project, PATIENTS)
        print(demo.table(first), file=sys.stderr)
        served = serving.run(project)
        print(serving.card_table(served), serving.page_table(served), sep="\n\n", file=sys.stderr)
    return Measured(first, served, stories.run(seeds, PATIENTS))


def section(told: Measured, where: str) -> str:
    """The section, with its markers."""
    lived, served = told.lived, told.served
    missed = stories.misses(lived)
    lines = "".join(f"{chr(10)}- {line}" for line in missed)
    return f"""{BEGIN}
## The chain

{where}

### What the demo was made of, and what is said of it

{len(lived)} hospitals of {PATIENTS:,} patients (seeds 1 to {len(lived)}), each half year lived by \
`uptake demo`; what was planted stands in `truth.ndjson`, which the product does not read. *Lowest \
share is that stage* is a peer without targets or order: the stage with the lowest share.

{stories.table(lived)}

{stories.nurse_sentence(lived)}

Care gaps, after every suggested mapping was approved and the feeds were assessed again:

{stories.mapped_table(lived)}

{"Everything was found as it was planted." if not missed else "What was not as it should be:"}
{lines}

### Serving

`uptake serve` on the demo, from another process on the same machine; each call has a connection \
of its own and counts from when it was due. The *bare server* answers a constant on the same \
uvicorn and Starlette, under the same calls, afterwards. Cards run alone {serving.SECONDS} s a \
rate, then {serving.PAGE_SECONDS} s at {serving.BESIDE}/s while pages are asked for at \
{serving.PAGES_A_SECOND}/s, one after the other; *first* is the first call after the start.

{serving.card_table(served)}

{serving.page_table(served)}

It answers {served.ready:.1f} s after its start. Peak memory {served.peak:.0f} MB, bare server \
{served.peak_peer:.0f} MB. Load average {served.load[0]:.1f} before.

### The demo

`uptake demo` with {PATIENTS:,} patients, cold, in an empty folder.

{demo.table(told.demo)}

{demo.sentences(told.demo)}
{END}"""


def put(page: str, text: str) -> str:
    """The page with the section in place of the one it has, or at its end."""
    if BEGIN in page and END in page:
        before, rest = page.split(BEGIN, 1)
        return before + text + rest.split(END, 1)[1]
    return f"{page.rstrip()}\n\n{text}\n"


def held(page: str) -> str:
    """The section that a page has; empty where it has none."""
    if BEGIN not in page or END not in page:
        return ""
    return BEGIN + page.split(BEGIN, 1)[1].split(END, 1)[0] + END


def main() -> int:
    """The command line."""
    from benchmarks.run import machine

    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=SEEDS)
    asked = parser.parse_args()
    text = section(run(asked.seeds), machine())
    RESULTS.write_text(put(RESULTS.read_text("utf-8"), text), encoding="utf-8")
    print(RESULTS)
    return 0


if __name__ == "__main__":
    sys.exit(main())
