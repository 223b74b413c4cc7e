"""Both programs on a terminal: what they print there is for people."""

import os
import pty
import re
import select
import signal
import struct
import subprocess
import termios
import time
from fcntl import ioctl

import pytest

from conftest import environment

CONTROL = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


class Terminal:
    """A program with all of its streams on a terminal of so many columns."""

    def __init__(self, *command, columns=100, **variables):
        self.ours, theirs = pty.openpty()
        ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 40, columns, 0, 0))
        self.process = subprocess.Popen(
            command,
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            env=os.environ | variables,
            start_new_session=True,
        )
        os.close(theirs)
        self.text = ""

    def read_until(self, condition, seconds=60):
        """Reads until the text fulfils a condition, or to the end; gives the text so far."""
        deadline = time.monotonic() + seconds
        while not condition(self.text):
            left = deadline - time.monotonic()
            assert left > 0, self.text
            if select.select([self.ours], [], [], left)[0]:
                try:
                    block = os.read(self.ours, 65536)
                except OSError:
                    break
                self.text += block.decode()
        return self.text

    def finish(self):
        self.read_until(lambda _: False)
        return self.process.wait()


def test_a_test_on_a_terminal_is_a_table(start_workspace):
    settings = start_workspace(contacts=321, conversations=0)
    terminal = Terminal("tap-intercom", "--test", **environment("TAP_INTERCOM", settings))
    assert terminal.finish() == 0
    text = CONTROL.sub("", terminal.text).replace("\r", "")
    assert '"type"' not in text
    rows = {line.split()[0]: line.split()[1:] for line in text.splitlines() if line}
    assert rows["stream"] == ["readable", "records"]
    assert rows["admins"] == ["yes", "6"]
    assert rows["contacts"] == ["yes", "321"]
    assert rows["conversations"] == ["yes", "0"]
    assert rows["conversation_parts"][:2] == ["not", "tried,"]
    assert rows["call_transcriptions"] == ["yes", "with", "calls"]


def test_a_table_says_why_not_and_which_scope_is_missing(start_workspace):
    settings = start_workspace(forbid="/contacts", refuse="/calls")
    terminal = Terminal("tap-intercom", "--test", **environment("TAP_INTERCOM", settings))
    assert terminal.finish() == 1
    rows = {line.split()[0]: line for line in terminal.text.splitlines() if line.strip()}
    assert rows["contacts"].split()[1] == rows["calls"].split()[1] == "no"
    scope = 'needs the scope "Read and list users and companies": POST /contacts/search failed'
    assert scope in rows["contacts"]
    assert "status 403, api_plan_restricted" in rows["calls"]
    assert "scope" not in rows["calls"]
    assert "these streams can't be read: contacts, calls\r\nhint: " in terminal.text


def test_a_dry_run_on_a_terminal_is_a_table(start_workspace):
    settings = start_workspace(contacts=321, conversations=40, rate_limit=100)
    terminal = Terminal("tap-intercom", "--dry-run", **environment("TAP_INTERCOM", settings))
    assert terminal.finish() == 0
    text = CONTROL.sub("", terminal.text).replace("\r", "")
    assert '"stream"' not in text
    rows = {line.split()[0]: line.split()[1:] for line in text.splitlines() if line}
    assert rows["stream"] == ["records", "requests", "minutes"]
    assert rows["admins"] == ["6", "1", "0.0"]
    assert rows["contacts"][0] == "321"
    assert rows["conversation_parts"][-2:] == ["40", "0.1"]
    assert "the API and the settings allow 600 requests a minute" in text


def test_a_target_on_a_terminal_says_what_it_waits_for(tmp_path):
    terminal = Terminal("target-gcs", TARGET_GCS_DESTINATION=str(tmp_path / "lake"))
    terminal.read_until(lambda text: "pipe a tap into this program" in text)
    terminal.process.send_signal(signal.SIGINT)
    assert terminal.finish() == 130


@pytest.mark.parametrize("columns", [40, 100, 200])
def test_progress_goes_on_while_it_waits_and_fits(start_workspace, columns):
    settings = start_workspace(contacts=2000, rate_limit=4, rate_window_seconds=10)
    terminal = Terminal(
        "bash",
        "-c",
        "tap-intercom --stream contacts > /dev/null",
        columns=columns,
        **environment("TAP_INTERCOM", settings),
    )
    waits = re.compile(r"waiting (\d+) s")
    terminal.read_until(lambda text: len(set(waits.findall(text))) >= 3)
    os.killpg(os.getpgid(terminal.process.pid), signal.SIGTERM)
    terminal.finish()
    segments = re.split(r"[\r\n]+", CONTROL.sub("\r", terminal.text))
    drawn = [segment for segment in segments if " contacts: " in segment and "INFO" not in segment]
    assert drawn
    assert max(len(segment) for segment in drawn) <= columns
    if columns == 200:
        assert any("s to go, " in segment and " records of 2000" in segment for segment in drawn)
