"""The pages that the target and the demo make, in a browser: Debian's Chromium without a screen."""

import base64
import itertools
import json
import os
import shutil
import subprocess
import urllib.request

import pytest
import websocket

from conftest import BINARIES, ROOT, environment, run

WIDTHS = [400, 1280]
SCHEMES = ["light", "dark"]

# Texts whose colour isn't told well enough from what is behind them (WCAG's 4.5 to 1).
FAINT = """
(() => {
  const parts = text => text.match(/[\\d.]+/g).map(Number);
  const light = text => {
    const [r, g, b] = parts(text).slice(0, 3).map(part => {
      const share = part / 255;
      return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
    });
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const behind = element => {
    for (let one = element; one; one = one.parentElement) {
      const color = getComputedStyle(one).backgroundColor;
      if ((parts(color)[3] ?? 1) > 0) return color;
    }
    return 'rgb(255, 255, 255)';
  };
  const faint = [];
  for (const element of document.querySelectorAll('main, main *')) {
    const has = [...element.childNodes].some(one => one.nodeType === 3 && one.data.trim());
    if (!has || element.tagName === 'title') continue;
    const style = getComputedStyle(element);
    const color = element.tagName === 'text' ? style.fill : style.color;
    const [one, other] = [light(color), light(behind(element))].sort((a, b) => b - a);
    if ((one + 0.05) / (other + 0.05) < 4.5) faint.push(element.outerHTML.slice(0, 200));
  }
  return faint;
})()
"""


class Browser:
    """A Chromium, spoken to by its own protocol."""

    def __init__(self, program, home):
        self.home = home
        self.process = subprocess.Popen(
            [
                program, "--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars",
                "--disable-background-networking", "--no-first-run", "--remote-allow-origins=*",
                "--remote-debugging-address=127.0.0.1", "--remote-debugging-port=0",
                f"--user-data-dir={home}", "about:blank",
            ],
            stderr=subprocess.PIPE,
            text=True,
        )  # fmt: skip
        for line in self.process.stderr:
            if "listening on ws://" in line:
                address = line.split("ws://")[1].split("/")[0]
                break
        else:
            raise AssertionError("Chromium ended without listening")
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with opener.open(f"http://{address}/json/list") as answer:
            targets = json.load(answer)
        target = next(one for one in targets if one["type"] == "page")
        self.socket = websocket.create_connection(
            target["webSocketDebuggerUrl"], timeout=60, http_no_proxy=["*"]
        )
        self.events = []
        self.numbers = itertools.count(1)
        for room in ["Page", "Network", "Log", "Runtime"]:
            self.ask(f"{room}.enable")

    def ask(self, method, **parameters):
        number = next(self.numbers)
        self.socket.send(json.dumps({"id": number, "method": method, "params": parameters}))
        while True:
            message = json.loads(self.socket.recv())
            if message.get("id") == number:
                assert "error" not in message, message
                return message["result"]
            self.events.append(message)

    def value(self, expression):
        answer = self.ask("Runtime.evaluate", expression=expression, returnByValue=True)
        assert "exceptionDetails" not in answer, answer
        return answer["result"]["value"]

    def open(self, url, width, scheme):
        """Opens a page, and gives its picture and what the browser had to say and asked for."""
        self.ask(
            "Emulation.setDeviceMetricsOverride",
            width=width, height=900, deviceScaleFactor=1, mobile=False,
        )  # fmt: skip
        features = [{"name": "prefers-color-scheme", "value": scheme}]
        self.ask("Emulation.setEmulatedMedia", features=features)
        self.events.clear()
        self.ask("Page.navigate", url=url)
        while not any(event["method"] == "Page.loadEventFired" for event in self.events):
            self.events.append(json.loads(self.socket.recv()))
        picture = self.ask("Page.captureScreenshot", captureBeyondViewport=True)["data"]
        return base64.b64decode(picture), list(self.events)

    def close(self):
        self.socket.close()
        self.process.terminate()
        self.process.wait()
        self.process.stderr.close()


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    if not shutil.which("chromium") and os.geteuid() == 0 and shutil.which("apt-get"):
        install = ["apt-get", "install", "--yes", "--no-install-recommends", "chromium"]
        subprocess.run(install, capture_output=True, check=False)
    program = shutil.which("chromium")
    if not program:
        assert os.environ.get("CI") != "true", "Chromium isn't there"
        pytest.skip("Chromium (Debian's package chromium) isn't there and can't be installed")
    browser = Browser(program, tmp_path_factory.mktemp("chromium"))
    yield browser
    browser.close()


@pytest.fixture(scope="module")
def status_page(tmp_path_factory, messages):
    """The page of a lake with a stream of a name that means no good."""
    directory = tmp_path_factory.mktemp("page")
    settings = environment("TARGET_GCS", {"destination": directory / "lake"})
    name = "<script>document.title='taken'</script>" + "long" * 20
    odd = [
        {"type": "SCHEMA", "stream": name, "schema": {"type": "object"}, "key_properties": []},
        {"type": "RECORD", "stream": name, "record": {"id": 1}},
    ]
    lines = "".join(json.dumps(message) + "\n" for message in odd)
    run("target-gcs", stdin=messages + lines.encode(), **settings)
    page = directory / "status.html"
    page.write_bytes(run("target-gcs", "--status", "--format", "html", **settings).stdout)
    return page


@pytest.fixture(scope="module")
def demo_page():
    run("cargo", "run", "--locked", "--quiet", "--example", "demo", cwd=ROOT)
    return ROOT / "demo-output" / "index.html"


@pytest.mark.parametrize("page", ["status_page", "demo_page"])
def test_a_page_is_good_to_look_at_and_asks_nobody(browser, page, request):
    url = request.getfixturevalue(page).as_uri()
    pictures = {}
    for width, scheme in itertools.product(WIDTHS, SCHEMES):
        empty, _ = browser.open("about:blank", width, scheme)
        picture, events = browser.open(url, width, scheme)
        if directory := os.environ.get("PICTURES"):
            with open(f"{directory}/{page}_{width}_{scheme}.png", "wb") as file:
                file.write(picture)
        pictures[width, scheme] = picture
        assert len(picture) > 3 * len(empty)
        asked = [
            event["params"]["request"]["url"]
            for event in events
            if event["method"] == "Network.requestWillBeSent"
        ]
        assert [one for one in asked if not one.startswith("data:")] == [url]
        told = ("Log.entryAdded", "Runtime.consoleAPICalled", "Runtime.exceptionThrown")
        assert [event for event in events if event["method"] in told] == []
        assert browser.value("document.title") == "How things stand"
        assert browser.value("document.documentElement.scrollWidth") <= width
        assert browser.value(FAINT) == []
    for width in WIDTHS:
        assert pictures[width, "light"] != pictures[width, "dark"]
