/**
 * Goal: who opens the page of `stratos desktop` works with a machine as with a desktop, by keys and pointer, finds it
 * as it was after a reload, and nobody else gets at it. Method: the command as users have it, and a headless
 * Chromium; foot of Debian is the program with a window.
 */
import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync, symlinkSync } from "node:fs";
import { request as httpRequest } from "node:http";
import { type AddressInfo, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { before, test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { gzipSync } from "node:zlib";
import { extendedTest } from "@stratos/base/testing";
import { joinFolder } from "../packages/console/src/join-page.ts";
import { accessibilityViolations } from "./support/accessibility.ts";
import type { Page } from "./support/browser.ts";
import { CTRL_ALT, launch, opened, PATIENCE_MS, press, Served, SHIFT } from "./support/served-desktop.ts";
import { repository, stratos } from "./support/stratos.ts";
import { GREEN_INLINE, PICTURE_PIXELS, RED_SIXEL } from "./support/terminal-pictures.ts";
import { ensureScreenImage, SCREEN_IMAGE, shareTranslations, TEST_HOME } from "./support/test-image.ts";
import { until } from "./support/until.ts";

before(ensureScreenImage);

/** Of the window on top: place, size, and how it lies. */
const TOP = `(() => {
  const { x, y, width, height } = document.querySelector(".window.active").getBoundingClientRect();
  return [x, y, width, height, document.querySelector(".window.active").dataset.placement].map((each) =>
    typeof each === "number" ? Math.round(each) : each).join(" ");
})()`;
const TITLES =
  "[...document.querySelectorAll('section.window:not([hidden]) h2')].map((each) => each.textContent).sort().join()";

async function drag(page: Page, from: readonly [number, number], to: readonly [number, number]): Promise<void> {
  const mouse = (type: string, [x, y]: readonly [number, number], buttons: number): Promise<unknown> =>
    page.call("Input.dispatchMouseEvent", { type, x, y, buttons, button: "left", clickCount: 1 });
  await mouse("mousePressed", from, 1);
  await mouse("mouseMoved", [(from[0] + to[0]) / 2, (from[1] + to[1]) / 2], 1);
  await mouse("mouseMoved", to, 1);
  await mouse("mouseReleased", to, 0);
}

test("terminals, files and windows are there again after a reload, and anybody can use them", async (t) => {
  const served = await Served.start(t);
  const page = await opened(t, served);

  await press(page, "Enter", CTRL_ALT);
  await page.waitFor("document.querySelector('.xterm-rows')?.textContent", /[#$] /, PATIENCE_MS);
  await page.type("echo $((6*7))x\n");
  await page.waitFor("document.querySelector('.xterm-rows').textContent", /42x/, PATIENCE_MS);
  // A picture is there again with the terminal; who asked what this can do was told so once.
  await page.type(`read -rsd c -p $'\\033[c' has; printf '${RED_SIXEL}\\n${GREEN_INLINE}\\n'; echo "\${has#*[}"\n`);
  await page.waitFor("document.querySelector('.xterm-rows').textContent", /\?62;4;9;22/, PATIENCE_MS);
  const pictures = await page.waitFor(PICTURE_PIXELS, /^480 red, [1-9]\d* green$/, PATIENCE_MS);
  await press(page, "ArrowLeft", CTRL_ALT);
  await page.waitFor(TOP, /^0 0 640 760 left$/, PATIENCE_MS);

  assert.equal((await served.ask("PUT", "/content?path=/root/note.txt", "kept")).status, 200);
  await launch(page, "Files");
  await page.waitFor("document.querySelector('.files tbody')?.textContent", /note\.txt/, PATIENCE_MS);
  await drag(page, [700, Number(/^\d+ (\d+)/.exec(await page.waitFor(TOP, /free/, PATIENCE_MS))![1]) + 10], [1279, 20]);
  await page.waitFor(TOP, /^640 0 640 380 top-right$/, PATIENCE_MS);
  // What goes past the trash is asked for first.
  await page.evaluate(
    "[...document.querySelectorAll('.files tbody tr')].find((row) => /note/.test(row.textContent)).click()",
  );
  await press(page, "Delete", SHIFT, "Delete");
  await page.waitFor("document.querySelector('dialog h2')?.textContent", /note\.txt/, PATIENCE_MS);
  assert.equal((await served.ask("GET", "/content?path=/root/note.txt")).text, "kept");
  await page.evaluate("document.querySelector('dialog .danger').click()");
  await until("the file is gone", async () => (await served.ask("GET", "/content?path=/root/note.txt")).status === 409);
  // It stays until it is done, and keys are its own as long.
  await page.waitFor("String(document.querySelector('dialog'))", /^null$/, PATIENCE_MS);

  await launch(page, "System monitor");
  await page.waitFor("document.querySelector('.of-monitor tbody')?.textContent", /bash/, PATIENCE_MS);
  await press(page, "ArrowRight", CTRL_ALT);
  await press(page, "ArrowDown", CTRL_ALT);
  await page.waitFor(TOP, /bottom-right$/, PATIENCE_MS);
  assert.deepEqual(await accessibilityViolations(page), []);
  // What lies over others hides parts of their buttons: those are looked at alone.
  const maximized = async (): Promise<void> => {
    await press(page, "KeyF", CTRL_ALT);
    await page.waitFor(TOP, /^0 0 1280 760 maximized$/, PATIENCE_MS);
    assert.deepEqual(await accessibilityViolations(page), []);
  };
  await launch(page, "Widgets");
  await page.waitFor(
    "[...document.querySelectorAll('.gallery button')].map((each) => each.textContent).join()",
    /Counter: 0/,
    PATIENCE_MS,
  );
  await page.evaluate(
    "[...document.querySelectorAll('.gallery button')].find((each) => /Counter/.test(each.textContent)).click()",
  );
  await page.waitFor("document.querySelector('.gallery [role=status]').textContent", /change 1/, PATIENCE_MS);
  await maximized();
  await launch(page, "Settings");
  await page.waitFor(TITLES, /Settings/, PATIENCE_MS);
  await maximized();

  // Who does not see the terminal hears it, and who sees little sees more.
  const turnOn = (index: number): Promise<unknown> =>
    page.evaluate(`document.querySelectorAll(".settings input[role=switch]")[${index}].click()`);
  await turnOn(0);
  await page.waitFor("document.querySelector('.xterm-accessibility-tree')?.textContent", /42x/, PATIENCE_MS);
  await turnOn(1);
  await turnOn(2);
  await page.waitFor("document.documentElement.className", /^contrast still$/, PATIENCE_MS);
  assert.deepEqual(await accessibilityViolations(page), []);
  assert.deepEqual(
    await page.evaluate("[...document.querySelectorAll('.settings h3')].map((each) => each.textContent)"),
    ["Keyboard", "Display", "Accessibility", "Power", "Session", "Sound", "Passphrase"],
  );

  // Another language is everywhere once the page is loaded again, and windows are where they were.
  await page.evaluate(`(() => {
    const choice = [...document.querySelectorAll(".settings select")][1];
    choice.value = "de";
    choice.dispatchEvent(new Event("change"));
  })()`);
  await page.waitFor("document.querySelector('.launcher-button').textContent", /Anwendungen/, PATIENCE_MS);
  await press(page, "Digit2", CTRL_ALT | SHIFT);
  await page.waitFor(TITLES, /^Settings$/, PATIENCE_MS);
  // At once: what was done last is kept as the page goes.
  await page.reload();
  await page.waitFor(TITLES, /^Einstellungen$/, PATIENCE_MS);
  assert.equal(await page.evaluate("document.documentElement.className"), "contrast still");
  // Who goes to a workspace before all are back has the keyboard in what is there.
  await page.waitFor("document.querySelectorAll('section.window').length", /^5$/, PATIENCE_MS);
  await press(page, "Digit1", CTRL_ALT);
  await page.waitFor(TITLES, /^Bedienelemente,Dateien,Systemmonitor,Terminal$/, PATIENCE_MS);
  await page.waitFor("document.querySelector('.xterm-rows')?.textContent", /42x/, PATIENCE_MS);
  await page.waitFor(PICTURE_PIXELS, new RegExp(`^${pictures}$`), PATIENCE_MS);
  assert.equal(
    /\$ .*62;4/.test(String(await page.evaluate("document.querySelector('.xterm-rows').textContent"))),
    false,
  );
  const places =
    "[...document.querySelectorAll('.window:not([hidden])')].map((each) => each.dataset.placement).sort().join()";
  assert.equal(await page.evaluate(places), "bottom-right,left,maximized,top-right");
  // What was opened last lies over the others still, in whatever order they came.
  await page.waitFor(TOP, /maximized$/, PATIENCE_MS);
  await press(page, "KeyM", CTRL_ALT);
  await page.waitFor("document.querySelectorAll('section.window:not([hidden])').length", /^3$/, PATIENCE_MS);

  assert.equal((await served.ask("POST", "/end", {})).status, 200);
  assert.equal(await served.ended, 0);
});

test("a program's window is drawn, typed into, maximised and closed", async (t) => {
  const served = await Served.start(t);
  const page = await opened(t, served);
  const script = "read word; echo $word > /tmp/word; printf '\\033[?25l\\033[48;2;255;0;0m%40s\\033[0m\\n'; sleep 1000";
  const command = `foot -o colors.background=102030 sh -c "${script.replace(/[\\$"]/g, "\\$&")}"`;
  assert.equal((await served.ask("POST", "/run", { command })).status, 201);
  await page.waitFor(countOf("16,32,48"), /^\d{5,}$/, PATIENCE_MS);
  const before = await page.waitFor(TOP, /free$/, PATIENCE_MS);
  assert.ok(Number(before.split(" ")[2]) > 300, before);
  for (const code of ["KeyH", "KeyI", "Enter"]) await press(page, code);
  await page.waitFor(countOf("255,0,0"), /^\d{4,}$/, PATIENCE_MS);
  assert.equal((await served.ask("GET", "/content?path=/tmp/word")).text, "hi\n");

  await press(page, "ArrowUp", CTRL_ALT);
  await page.waitFor(TOP, /^0 0 1280 760 maximized$/, PATIENCE_MS);
  await page.waitFor("document.querySelector('canvas.picture').width", /^12[67]\d|1280$/, PATIENCE_MS);
  // Another page takes this one's place; a reload is that, too.
  await page.reload();
  await page.waitFor(countOf("255,0,0"), /^\d{4,}$/, PATIENCE_MS);
  await page.waitFor(TOP, /maximized$/, PATIENCE_MS);
  // A window that is minimised has no picture; the panel brings it back.
  await press(page, "KeyM", CTRL_ALT);
  await page.waitFor("document.querySelectorAll('canvas.picture').length", /^0$/, PATIENCE_MS);
  await page.evaluate("document.querySelector('.window-list button').click()");
  await page.waitFor(countOf("255,0,0"), /^\d{4,}$/, PATIENCE_MS);
  await press(page, "KeyX", CTRL_ALT);
  await page.waitFor("document.querySelectorAll('section.window').length", /^0$/, PATIENCE_MS);
});

/** A page whose connections are lost, and come to nothing, while `isCutOff`. */
const CUTTABLE = `
  var isCutOff = false;
  const sockets = [];
  WebSocket = class extends WebSocket {
    constructor(url) {
      super(isCutOff ? "/v1/none" : url);
      sockets.push(this);
    }
  };`;

/** How many pixels of the first program's canvas have the colour. */
function countOf(colour: string): string {
  return `(() => {
    const canvas = document.querySelector("canvas.picture");
    if (canvas === null) return 0;
    const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
    let count = 0;
    for (let at = 0; at < data.length; at += 4)
      if (data[at] + "," + data[at + 1] + "," + data[at + 2] === "${colour}") count++;
    return count;
  })()`;
}

test("a desktop is for who has its address, and locked for nobody but who knows the passphrase", async (t) => {
  const served = await Served.start(t);
  const at = (path: string, headers: Record<string, string>): Promise<number> =>
    new Promise((resolve, reject) => {
      const { hostname, port } = served.address;
      const request = httpRequest({ hostname, port, path, headers }, (response) => {
        response.resume();
        resolve(response.statusCode!);
      });
      request.on("error", reject).end();
    });
  const authorization = `Bearer ${served.address.hash.slice(1)}`;
  assert.equal(await at("/v1/session", {}), 401);
  assert.equal(await at("/v1/session", { authorization: "Bearer x" }), 401);
  assert.equal(await at("/v1/session", { authorization, host: "example.org" }), 421);
  assert.equal(await at("/v1/session", { authorization, origin: "http://example.org" }), 403);
  assert.equal(await at("/v1/session", { authorization }), 200);
  for (const [method, path, body, status] of [
    ["GET", "/files?path=/absent", undefined, 409],
    ["GET", "/content?path=/etc", undefined, 409],
    ["DELETE", "/files?path=/", undefined, 409],
    ["POST", "/rename", { from: "/etc/passwd", to: "/etc/group" }, 409],
    ["GET", "/log?id=/var/log/../../etc/shadow", undefined, 400],
    ["POST", "/processes/1/signal", { signal: "KILL" }, 400],
    ["POST", "/run", { command: "" }, 400],
    ["PUT", "/settings", { language: "xx" }, 400],
    ["POST", "/terminals", { title: "x", columns: 1e9, rows: 1 }, 400],
    ["POST", "/lock", {}, 409],
  ] as const)
    assert.equal((await served.ask(method, path, body)).status, status, `${method} ${path}`);

  assert.equal((await served.ask("PUT", "/passphrase", { passphrase: "open sesame" })).status, 200);
  assert.doesNotMatch(readFileSync(join(served.home, "desktop.json"), "utf8"), /sesame/);
  const page = await opened(t, served);
  await press(page, "KeyL", CTRL_ALT);
  await page.waitFor("document.querySelector('dialog.lock')?.open", /true/, PATIENCE_MS);
  assert.equal((await served.ask("GET", "/files?path=/")).status, 423);
  assert.deepEqual(await accessibilityViolations(page), []);
  await page.type("wrong\n");
  await page.waitFor(
    "document.querySelector('dialog.lock [role=alert]').textContent",
    /not the passphrase/,
    PATIENCE_MS,
  );
  await page.type("open sesame\n");
  await page.waitFor("document.querySelectorAll('.panel').length", /^1$/, PATIENCE_MS);
  assert.equal((await served.ask("GET", "/files?path=/")).status, 200);

  // Nobody has been there for six minutes.
  assert.equal((await served.ask("PUT", "/settings", { idleMinutes: 7 })).status, 400);
  assert.equal((await served.ask("PUT", "/settings", { idleMinutes: 5 })).status, 200);
  await page.reload();
  await page.waitFor("document.querySelectorAll('.panel').length", /^1$/, PATIENCE_MS);
  const later = (minutes: number): Promise<unknown> =>
    page.evaluate(`{ const now = Date.now; Date.now = () => now() + ${minutes} * 60000; }`);
  await later(4);
  await delay(5_000);
  assert.equal((await served.ask("GET", "/files?path=/")).status, 200);
  await later(2);
  await page.waitFor("document.querySelector('dialog.lock')?.open", /true/, PATIENCE_MS);
  assert.equal((await served.ask("GET", "/files?path=/")).status, 423);
});

extendedTest("programs tell the person things, who answers by a button, and find each other on a bus", async (t) => {
  const served = await Served.start(t);
  const page = await opened(t, served);
  const run = async (command: string): Promise<void> =>
    assert.equal((await served.ask("POST", "/run", { command })).status, 201);
  const textIn = async (path: string): Promise<string> => {
    const { status, text } = await served.ask("GET", `/content?path=${path}`);
    return status === 200 ? text : "";
  };
  const shown = "[...document.querySelectorAll('section.notification')].map((each) => each.innerText).join()";
  await run("notify-send -u critical -A no=Nein -A yes=Ja -w 'Disk <b>full</b>' 'Clean up now?' > /root/answer");
  await page.waitFor(shown, /Disk <b>full<\/b>[^]*Clean up now\?[^]*Nein[^]*Ja/, PATIENCE_MS);
  assert.deepEqual(await accessibilityViolations(page), []);
  // It is the machine's, not the page's.
  await page.call("Page.enable", {});
  await page.call("Page.addScriptToEvaluateOnNewDocument", { source: CUTTABLE });
  await page.navigate("about:blank");
  await page.navigate(served.address.href);
  await page.waitFor(shown, /Clean up now/, PATIENCE_MS);
  await page.evaluate(
    "[...document.querySelectorAll('.notification-actions button')].find((each) => each.innerText === 'Ja').click()",
  );
  await until("the program has its answer", async () => (await textIn("/root/answer")) === "yes\n");
  await page.waitFor(`${shown} + '.'`, /^\.$/, PATIENCE_MS);

  // What ends while the page has no connection is not there afterwards, and what stays is there once.
  await run("notify-send -u critical -w Gone; echo over > /root/gone");
  await page.waitFor(shown, /Gone/, PATIENCE_MS);
  await run("notify-send -u critical -w Stays");
  await run("sh -c 'echo $$ > /root/pid; exec foot sleep 1000'");
  await page.waitFor(shown, /Stays/, PATIENCE_MS);
  await page.waitFor("document.querySelectorAll('section.window').length", /^1$/, PATIENCE_MS);
  await page.evaluate("isCutOff = true; sockets.forEach((socket) => socket.close(4000))");
  const close = "/org/freedesktop/Notifications org.freedesktop.Notifications.CloseNotification uint32:2";
  await run(`dbus-send --session --print-reply --dest=org.freedesktop.Notifications ${close} > /root/closed`);
  await until("it is withdrawn", async () => (await textIn("/root/gone")) === "over\n");
  const pid = (await textIn("/root/pid")).trim();
  await run(`kill ${pid}`);
  await until("its process is gone", async () => (await textIn(`/proc/${pid}/comm`)) === "");
  assert.match(
    String(await page.evaluate(`${shown} + document.querySelectorAll("section.window").length`)),
    /Gone.*1$/s,
  );
  await page.evaluate("isCutOff = false");
  await page.waitFor(
    `${shown} + document.querySelectorAll("section.window").length`,
    /^(?!.*Gone).*Stays.*0$/s,
    PATIENCE_MS,
  );
  assert.equal(String(await page.evaluate(shown)).split("Stays").length, 2);

  await run("notify-send -w -t 100 brief; echo over > /root/brief");
  await until("it is over by itself, and its program is told", async () => (await textIn("/root/brief")) === "over\n");
  const service = '[D-BUS Service]\nName=org.example.Late\nExec=/bin/sh -c "exec >/root/started; env; exit 3"\n';
  await served.ask("POST", "/folders", { path: "/usr/local/share/dbus-1" });
  await served.ask("POST", "/folders", { path: "/usr/local/share/dbus-1/services" });
  assert.equal(
    (await served.ask("PUT", "/content?path=/usr/local/share/dbus-1/services/late.service", service)).status,
    200,
  );
  const call = "dbus-send --session --print-reply --dest=org.example.Late / a.b.C 2> /root/said";
  await run(call);
  await until("the caller is told", async () => /\n/.test(await textIn("/root/said")));
  assert.match(await textIn("/root/said"), /ended \(3\) without taking its name/);
  assert.match(await textIn("/root/started"), /DBUS_STARTER_BUS_TYPE=session/);
});

/** Writes what came of each attempt below /root/notes, which it may write. */
const GOOD_AND_BAD = `<!doctype html><title>x</title><body><script>
  const said = {};
  const attempt = async (name, work) => {
    try { said[name] = await work(); } catch (error) { said[name] = "refused: " + error.message; }
  };
  stratos.ready.then(async () => {
    await attempt("read", () => stratos.read("/root/notes/a.txt"));
    await attempt("unnamed", () => stratos.read("/etc/shadow"));
    await attempt("up", () => stratos.read("/root/notes/../.bashrc"));
    await attempt("link", () => stratos.read("/root/notes/link/shadow"));
    await attempt("run", () => stratos.run(["/bin/echo", "hello"]));
    await attempt("other", () => stratos.run(["/bin/sh", "-c", "id"]));
    await attempt("window", () => stratos.call({ call: "start", kind: "terminal" }));
    await attempt("network", () => fetch("/v1/session"));
    await attempt("storage", () => localStorage.length);
    await attempt("above", () => parent.document.title);
    await attempt("key", () => parent.location.hash);
    await attempt("opened", () => String(open("/")));
    await attempt("calls", () => Object.getOwnPropertyNames(self).filter((name) => name.includes("RTC")).join());
    await attempt("text", () => void (document.body.innerHTML = "<b>bold</b>"));
    await attempt("inner", () => {
      const inner = document.body.appendChild(document.createElement("iframe"));
      return typeof inner.contentWindow.RTCPeerConnection;
    });
    await attempt("origin", () => self.origin);
    await attempt("notify", () => stratos.notify("it is done"));
    await stratos.write("/root/notes/said.json", JSON.stringify(said));
    document.body.append("finished");
    addEventListener("message", () => {});
  });
  addEventListener("suspend", () => void stratos.write("/root/notes/suspended", "yes"));
  // Where it goes is not above the frame.
  addEventListener("resume", () => { for (;;); });
</script>`;

extendedTest(
  "a sandboxed application gets what its manifest names and the person grants, and nothing else",
  async (t) => {
    const served = await Served.start(t);
    const put = async (path: string, content: string): Promise<void> =>
      assert.equal((await served.ask("PUT", `/content?path=${path}`, content)).status, 200, path);
    const place = "/usr/local/share/stratos/applications";
    for (const path of ["/usr/local/share/stratos", place, `${place}/notes`, `${place}/wrong`, "/root/notes"])
      await served.ask("POST", "/folders", { path });
    const permissions = ["read:~/notes", "write:~/notes", "run:/bin/echo", "notify"];
    await put(`${place}/notes/manifest.json`, JSON.stringify({ name: "Notebook", permissions }));
    await put(`${place}/notes/index.html`, GOOD_AND_BAD);
    await put(`${place}/wrong/manifest.json`, JSON.stringify({ name: "Wrong", permissions: ["all"] }));
    await put("/root/notes/a.txt", "kept");
    assert.equal((await served.ask("POST", "/run", { command: "ln -s /etc /root/notes/link" })).status, 201);
    await until("the link is there", async () =>
      (await served.ask("GET", "/files?path=/root/notes")).text.includes("link"),
    );
    const page = await opened(t, served);
    await launch(page, "Notebook");
    const notices = "[...document.querySelectorAll('p.notification')].map((each) => each.innerText).join()";
    await page.waitFor(notices, /wrong\/manifest\.json: permissions: "all"/, PATIENCE_MS);
    const question = "document.querySelector('dialog[open] p')?.textContent";
    for (const [words, answer] of [
      ["Read /root/notes", 1],
      ["Run /bin/echo", 0],
      ["Show notifications", 1],
      ["Write /root/notes", 1],
    ] as const) {
      await page.waitFor(question, new RegExp(`^${words}$`), PATIENCE_MS);
      if (answer === 0) assert.deepEqual(await accessibilityViolations(page), []);
      await page.evaluate(`document.querySelectorAll("dialog[open] button")[${answer}].click()`);
      if (words === "Show notifications") await page.waitFor(notices, /Notebook: it is done/, PATIENCE_MS);
    }
    const said = async (): Promise<string> => (await served.ask("GET", "/content?path=/root/notes/said.json")).text;
    await until("it has said what it found", async () => (await said()).startsWith("{") && /origin/.test(await said()));
    const { network, storage, above, key, text, inner, ...rest } = JSON.parse(await said()) as Record<string, string>;
    for (const each of [network, storage, above, key, text, inner]) assert.match(String(each), /^refused: /);
    assert.deepEqual(rest, {
      read: "kept",
      unnamed: "refused: Notebook: the manifest does not name it",
      up: "refused: Notebook: there is no such call, or its arguments are none of it",
      link: "refused: Notebook: a symbolic link leads elsewhere",
      run: "refused: Notebook: the person has refused it",
      other: "refused: Notebook: the manifest does not name it",
      window: "refused: Notebook: there is no such call, or its arguments are none of it",
      opened: "null",
      calls: "",
      origin: "null",
      notify: null,
    });
    const audit = (await served.ask("GET", "/sandboxed/audit")).text;
    for (const line of [
      /notes {2}read:\/root\/notes {2}granted$/m,
      /notes {2}read:\/root\/notes\/a\.txt {2}done$/m,
      /notes {2}read:\/etc\/shadow {2}refused: the manifest does not name it$/m,
      /notes {2}run:\/bin\/echo {2}refused by the person$/m,
      /notes {2}start {2}refused: there is no such call/m,
    ])
      assert.match(audit, line);

    // What was granted can be taken back in the settings, and holds at once.
    await launch(page, "Settings");
    await page.waitFor("document.querySelectorAll('.permissions select').length", /^4$/, PATIENCE_MS);
    await page.evaluate(`(() => {
    const choice = document.querySelector(".permissions select");
    choice.value = "false";
    choice.dispatchEvent(new Event("change"));
  })()`);
    await until("it may no longer read", async () => {
      const { status } = await served.ask("POST", "/sandboxed/notes/call", { call: "read", path: "/root/notes/a.txt" });
      return status === 403;
    });
    await press(page, "KeyX", CTRL_ALT);
    // Nobody sees it: it is told. When it is seen again it hangs, which the page does not.
    await press(page, "KeyM", CTRL_ALT);
    await until("it is suspended", async () =>
      (await served.ask("GET", "/content?path=/root/notes/suspended")).text.includes("yes"),
    );
    await page.evaluate("document.querySelector('.window-list button').click()");
    await page.waitFor(
      "document.querySelector('.sandboxed-trouble [role=alert]').innerText",
      /does not answer/,
      PATIENCE_MS,
    );
    await page.evaluate("document.querySelector('.sandboxed-trouble button').click()");
    await page.waitFor("document.querySelector('.sandboxed-trouble').hidden", /true/, PATIENCE_MS);
  },
);

extendedTest("a sandboxed application's page is had by its address once, and by nobody else's name", async (t) => {
  const served = await Served.start(t);
  const place = "/root/.local/share/stratos/applications/one";
  await served.ask("POST", "/run", { command: `mkdir -p ${place}` });
  await until("its folder is there", async () => (await served.ask("GET", `/files?path=${place}`)).status === 200);
  assert.equal((await served.ask("PUT", `/content?path=${place}/manifest.json`, '{"name": "One"}')).status, 200);
  assert.equal((await served.ask("POST", "/sandboxed/one/open", {})).status, 409);
  for (const framed of ["<iframe></iframe>", "<p id=a>one</p><script>a.innerHTML = '<svg srcdoc=1>'</script>"]) {
    assert.equal((await served.ask("PUT", `/content?path=${place}/index.html`, framed)).status, 200);
    assert.match((await served.ask("POST", "/sandboxed/one/open", {})).text, /page has no frames/);
  }
  assert.equal((await served.ask("PUT", `/content?path=${place}/index.html`, "<p>one</p>")).status, 200);
  const { status, text } = await served.ask("POST", "/sandboxed/one/open", {});
  assert.equal(status, 201);
  const url = new URL((JSON.parse(text) as { path: string }).path, served.address);
  const first = await fetch(url);
  assert.equal(first.status, 200);
  assert.match(first.headers.get("content-security-policy")!, /^sandbox allow-scripts; default-src 'none';/);
  assert.match(await first.text(), /^<script>[^]*<p>one<\/p>$/);
  assert.equal((await fetch(url)).status, 404);
  for (const [method, path, body, refused] of [
    ["POST", "/sandboxed/two/open", {}, 404],
    ["POST", "/sandboxed/one/call", { call: "notify", text: "x" }, 403],
    ["POST", "/sandboxed/one/call", [], 403],
    ["PUT", "/sandboxed/one/permissions", { permission: "notify", isGranted: true }, 409],
    ["PUT", "/sandboxed/one/permissions", { permission: "notify", isGranted: null }, 200],
  ] as const)
    assert.equal((await served.ask(method, path, body)).status, refused, `${method} ${path} ${JSON.stringify(body)}`);
  assert.equal((await fetch(new URL("/v1/sandboxed", served.address))).status, 401);

  // In the panel stands what the person has let in, no longer than that.
  assert.equal((await served.ask("POST", "/sandboxed/one/open", { part: "panel" })).status, 403);
  const manifest = '{"name": "One", "panel": "panel.html"}';
  assert.equal((await served.ask("PUT", `/content?path=${place}/manifest.json`, manifest)).status, 200);
  assert.equal((await served.ask("PUT", `/content?path=${place}/panel.html`, "<title>p</title>42")).status, 200);
  assert.equal((await served.ask("POST", "/sandboxed/one/open", { part: "panel" })).status, 403);
  const page = await opened(t, served);
  const frames = "document.querySelectorAll('.panel iframe[sandbox=allow-scripts]').length";
  assert.equal(await page.evaluate(frames), 0);
  await launch(page, "Settings");
  await page.waitFor("document.querySelectorAll('.permissions select').length", /^1$/, PATIENCE_MS);
  for (const [value, count] of [
    ["true", /^1$/],
    ["false", /^0$/],
  ] as const) {
    await page.evaluate(`(() => {
      const choice = document.querySelector(".permissions select");
      choice.value = "${value}";
      choice.dispatchEvent(new Event("change"));
    })()`);
    await page.waitFor(frames, count, PATIENCE_MS);
    if (value === "true") assert.deepEqual(await accessibilityViolations(page), []);
  }
});

extendedTest("what makes no sense is refused before a machine is made", async (t) => {
  const home = mkdtempSync(join(tmpdir(), "stratos-desktop-"));
  t.after(() => rmSync(home, { recursive: true, force: true }));
  symlinkSync(join(TEST_HOME, "images"), join(home, "images"));
  shareTranslations(home);
  for (const [args, words] of [
    [["desktop", "name", "-i", SCREEN_IMAGE], /--image: name is a system that runs/],
    [["desktop", "--port", "65536"], /--port: .* 0 to 65535/],
    [["desktop", "-i", SCREEN_IMAGE, "-u", "nobody-known"], /nobody-known/],
    [["desktop", "absent-system"], /^stratos: absent-system: no such system\n$/],
    [["desktop", "-i", "absent"], /^stratos: absent: no such image; `stratos image ls` lists them/],
  ] as const) {
    const { status, stderr } = await stratos(args, { env: { STRATOS_HOME: home } });
    assert.notEqual(status, 0, args.join(" "));
    assert.match(stderr, words);
  }
  const taken = createServer().listen(0, "127.0.0.1");
  await new Promise((resolve) => taken.once("listening", resolve));
  const port = String((taken.address() as AddressInfo).port);
  const { status, stderr } = await stratos(["desktop", "-i", SCREEN_IMAGE, "--port", port], {
    env: { STRATOS_HOME: home },
  });
  taken.close();
  assert.notEqual(status, 0);
  assert.match(stderr, new RegExp(`stratos: 127.0.0.1:${port}: address already in use\n`));
});

test("the page is small before a terminal is opened, and all of it is not large", async () => {
  const files = await joinFolder(join(repository, "packages/desktop/src/page"));
  const sizes = [...files].map(([name, content]) => [name, gzipSync(content).length] as const);
  const first = sizes.filter(([name]) => /^(index\.html|page-)/.test(name));
  const sum = (some: typeof sizes): number => some.reduce((total, [, size]) => total + size, 0);
  assert.ok(first.length === 3 && sum(first) <= 150 * 1024, JSON.stringify(first));
  assert.ok(sum(sizes) <= 700 * 1024, JSON.stringify(sizes));
});
