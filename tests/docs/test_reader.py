"""The reader of the documents itself: what counts as a command, and what it should exit with."""

from __future__ import annotations

from .documents import Command, commands

DOCUMENT = """\
# A page

```console
$ uptake assess feed \\
    --out results
error: something
# exit 3
$ cd results
```

  ```console no-run
  $ make test
  ```

```sh
$ not this one
```
"""


def test_commands_are_read_with_their_line_their_code_and_whether_they_run() -> None:
    assert commands(DOCUMENT) == [
        Command(4, "uptake assess feed --out results", run=True, code=3),
        Command(8, "cd results", run=True),
        Command(12, "make test", run=False),
    ]


def test_a_command_is_split_as_a_shell_would() -> None:
    command = Command(1, "uptake gate x --waive 'a reason' # later", run=False)
    assert command.words == ["uptake", "gate", "x", "--waive", "a reason"]
