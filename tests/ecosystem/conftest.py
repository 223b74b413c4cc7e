"""What the tests share: the programs, a simulated Intercom workspace, and where things are."""

import json
import os
import pathlib
import signal
import subprocess

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
BINARIES = ROOT / "target" / "debug"

# What the programs read from the environment must come from the test, not from the shell.
for name in list(os.environ):
    if name.startswith(("TAP_INTERCOM_", "TARGET_GCS_", "MELTANO_", "AIRFLOW_")):
        del os.environ[name]
os.environ["PATH"] = f"{BINARIES}{os.pathsep}{os.environ['PATH']}"
os.environ["NO_PROXY"] = os.environ["no_proxy"] = "127.0.0.1,localhost"


@pytest.fixture(scope="session")
def start_workspace(tmp_path_factory):
    """Starts simulated workspaces and gives the settings that lead to them."""
    processes = []

    def start(**options):
        # The same rows on every day, none of them younger than the tap's look-back.
        options = {"base_time": 1_763_800_000, "contacts": 300, "conversations": 40} | options
        arguments = [f"--{key.replace('_', '-')}={value}" for key, value in options.items()]
        process = subprocess.Popen(
            [BINARIES / "examples" / "workspace", *arguments], stdout=subprocess.PIPE, text=True
        )
        processes.append(process)
        process.stdout.readline()
        return json.loads(process.stdout.readline())

    yield start
    for process in processes:
        process.send_signal(signal.SIGTERM)
        process.wait()
        process.stdout.close()


@pytest.fixture(scope="session")
def workspace(start_workspace):
    """The tap's settings for a workspace that all tests share."""
    return start_workspace()


@pytest.fixture(scope="session")
def messages(workspace):
    """All that the tap reads from the workspace, as the bytes of its output."""
    return tap(workspace).stdout


def tap(settings, *arguments):
    """Runs tap-intercom to success."""
    return run("tap-intercom", *arguments, **environment("TAP_INTERCOM", settings))


def environment(prefix, settings):
    """Settings as environment variables."""
    return {f"{prefix}_{key.upper()}": str(value) for key, value in settings.items()}


def run(*command, stdin=b"", code=0, cwd=None, **variables):
    """Runs a command to its end and expects an exit code, or one of several; `variables` join the
    environment."""
    done = subprocess.run(
        command,
        input=stdin,
        capture_output=True,
        cwd=cwd,
        env=os.environ | variables,
        timeout=300,
    )
    assert done.returncode in (code if isinstance(code, tuple) else (code,)), (
        f"{command} ended with {done.returncode}:\n"
        f"{done.stdout.decode()[-3000:]}\n{done.stderr.decode()[-6000:]}"
    )
    return done


def in_environment(environment, command):
    """The path of a command in one of the virtual environments."""
    return ROOT / ".venv" / environment / "bin" / command


def records(output):
    """The records of a tap's output by stream."""
    by_stream = {}
    for line in output.splitlines():
        message = json.loads(line)
        if message["type"] == "RECORD":
            by_stream.setdefault(message["stream"], []).append(message["record"])
    return by_stream


def lake(directory):
    """The records in a directory that target-gcs wrote to, by stream, in order; states apart."""
    by_stream = {}
    for file in sorted(pathlib.Path(directory).rglob("*.json")):
        stream = file.relative_to(directory).parts[0]
        if not stream.startswith("_"):
            lines = file.read_text(encoding="utf-8").splitlines()
            by_stream.setdefault(stream, []).extend(json.loads(line) for line in lines)
    return by_stream


def commands(document):
    """The blocks of a document that are for a shell."""
    parts = document.read_text(encoding="utf-8").split("```sh\n")[1:]
    return [part.split("```")[0].rstrip() for part in parts]


def last_state(output):
    """The last state that a target printed."""
    return json.loads(output.splitlines()[-1])
