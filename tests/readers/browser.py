"""A headless Chromium, driven through a pipe (Chrome DevTools Protocol)."""
import json
import os
import shutil
import subprocess
import tempfile
import time

PATIENCE_S = 60


def find():
    return next((path for name in ("chromium", "chromium-browser", "google-chrome") if (path := shutil.which(name))), None)


class Browser:
    def __init__(self, program):
        self.folder = tempfile.mkdtemp(prefix="aiotrace-browser-")
        read_in, self.write_fd = os.pipe()
        self.read_fd, write_out = os.pipe()

        # The browser reads commands from descriptor 3 and writes to 4.
        def descriptors():
            os.dup2(read_in, 3, inheritable=True)
            os.dup2(write_out, 4, inheritable=True)

        self.process = subprocess.Popen(
            [program, "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--hide-scrollbars",
             "--no-first-run", "--disable-background-networking", "--remote-debugging-pipe",
             f"--user-data-dir={self.folder}", "about:blank"],
            preexec_fn=descriptors, pass_fds=(3, 4), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        os.close(read_in)
        os.close(write_out)
        self.buffer = b""
        self.number = 0
        self.events = []
        self.session = None
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        self.session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.call(f"{domain}.enable")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()
        shutil.rmtree(self.folder, ignore_errors=True)

    def message(self):
        while b"\0" not in self.buffer:
            part = os.read(self.read_fd, 1 << 20)
            if not part:
                raise RuntimeError("the browser ended")
            self.buffer += part
        text, self.buffer = self.buffer.split(b"\0", 1)
        return json.loads(text)

    def call(self, method, **arguments):
        self.number += 1
        command = {"id": self.number, "method": method, "params": arguments}
        if self.session:
            command["sessionId"] = self.session
        os.write(self.write_fd, json.dumps(command).encode() + b"\0")
        while True:
            answer = self.message()
            if answer.get("id") != self.number:
                self.events.append(answer)
            elif "error" in answer:
                raise RuntimeError(f"{method}: {answer['error']}")
            else:
                return answer["result"]

    def js(self, expression):
        result = self.call("Runtime.evaluate", expression=expression, returnByValue=True)
        if "exceptionDetails" in result:
            raise RuntimeError(f"{expression}: {result['exceptionDetails']}")
        return result["result"].get("value")

    def open(self, path, ready):
        """Shows the file; returns when the expression `ready` is true. The browser has no event for that, so it is
        polled."""
        self.call("Page.navigate", url="file://" + os.path.abspath(path))
        deadline = time.monotonic() + PATIENCE_S
        while not self.js(ready):
            if time.monotonic() > deadline:
                raise RuntimeError(f"the page did not become ready: {self.complaints()}")
            time.sleep(0.05)

    def key(self, key, text=""):
        self.call("Input.dispatchKeyEvent", type="keyDown", key=key, text=text)
        self.call("Input.dispatchKeyEvent", type="keyUp", key=key)

    def click(self, x, y):
        for kind in ("mousePressed", "mouseReleased"):
            self.call("Input.dispatchMouseEvent", type=kind, x=x, y=y, button="left", clickCount=1)

    def complaints(self):
        """The console's messages, and every request except the one for the page itself."""
        self.js("1")
        found = []
        for event in self.events:
            method, params = event.get("method"), event.get("params", {})
            if method == "Runtime.exceptionThrown":
                found.append(params["exceptionDetails"].get("exception", {}).get("description", "exception"))
            elif method == "Runtime.consoleAPICalled":
                found.append(f"console.{params['type']}")
            elif method == "Log.entryAdded":
                found.append(params["entry"]["text"])
            elif method == "Page.javascriptDialogOpening":
                found.append("a dialog")
            elif method == "Network.requestWillBeSent" and not params["request"]["url"].startswith(("file://", "data:", "about:")):
                found.append(f"request {params['request']['url']}")
        return found
