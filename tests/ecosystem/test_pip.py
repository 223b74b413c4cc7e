"""`pip install .` into a fresh virtual environment."""

import subprocess
import sys

from conftest import ROOT, run


def test_pip_puts_both_programs_on_the_path(tmp_path):
    subprocess.run([sys.executable, "-m", "venv", tmp_path], check=True)
    run(
        tmp_path / "bin" / "pip",
        "install",
        "--quiet",
        "--disable-pip-version-check",
        str(ROOT),
        # As it is built for the other tests: an optimised build takes minutes.
        MATURIN_PEP517_ARGS="--profile dev",
    )
    version = run("tap-intercom", "--version").stdout.split()[1]
    for program in ("tap-intercom", "target-gcs"):
        installed = run(tmp_path / "bin" / program, "--version").stdout.split()
        assert installed == [program.encode(), version]
