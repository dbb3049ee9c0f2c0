/**
 * Goal: files of a desktop are its user's, and nobody loses what he has written: what is not saved is asked for, and
 * there again after a reload; nothing comes in the place of another file unasked; of many windows none is lost. Method:
 * the command as users have it, its service asked, and a headless Chromium.
 */
import assert from "node:assert/strict";
import { before, test } from "node:test";
import { extendedTest } from "@stratos/base/testing";
import { accessibilityViolations } from "./support/accessibility.ts";
import { opened, PATIENCE_MS, press, Served } from "./support/served-desktop.ts";
import { ensureScreenImage } from "./support/test-image.ts";
import { until } from "./support/until.ts";

before(ensureScreenImage);

const CONTROL = 2;
const content = (path: string): string => `/content?path=${encodeURIComponent(path)}`;

test("files and folders of a desktop are as its user has them, and what is copied and moved stays whole", async (t) => {
  const served = await Served.start(t, ["-u", "games"]);
  const ask = async (method: string, path: string, body?: object | string): Promise<number> =>
    (await served.ask(method, path, body)).status;
  assert.equal(await ask("GET", content("/etc/shadow")), 409);
  assert.equal(await ask("GET", "/files?path=/root"), 409);
  assert.equal(await ask("PUT", content("/etc/passwd"), "games::0:0::/:/bin/sh"), 409);
  assert.equal(await ask("DELETE", "/files?path=/etc/hostname"), 409);
  assert.equal(await ask("PUT", content("/tmp/note"), "mine"), 200);
  const { text } = await served.ask("POST", "/run", { command: "stat -c %U:%a /tmp/note > /tmp/owner" });
  assert.match(text, /pid/);
  const owner = async (): Promise<string> => (await served.ask("GET", content("/tmp/owner"))).text;
  await until("the owner is told", async () => (await owner()) === "games:644\n");

  assert.equal(await ask("POST", "/copy", { from: "/tmp/note", to: "/tmp/other" }), 201);
  assert.equal(await ask("POST", "/copy", { from: "/tmp/note", to: "/tmp/other" }), 409);
  // From one file system to another.
  assert.equal(await ask("POST", "/rename", { from: "/tmp/other", to: "/dev/shm/there" }), 200);
  assert.equal((await served.ask("GET", content("/dev/shm/there"))).text, "mine");
  assert.equal(await ask("GET", content("/tmp/other")), 409);
});

test("what is thrown away lies in the trash that programs know, and comes back to where it was", async (t) => {
  const served = await Served.start(t);
  const ask = async (method: string, path: string, body?: object | string): Promise<number> =>
    (await served.ask(method, path, body)).status;
  const read = async (path: string): Promise<string> => (await served.ask("GET", content(path))).text;
  interface Thrown {
    readonly name: string;
    readonly path: string | null;
  }
  const listed = async (): Promise<Thrown[]> =>
    (JSON.parse((await served.ask("GET", "/trash")).text) as { readonly entries: Thrown[] }).entries;
  const { home } = JSON.parse((await served.ask("GET", "/session")).text) as { readonly home: string };
  const run = async (command: string, isDone: () => Promise<boolean>): Promise<void> => {
    await served.ask("POST", "/run", { command });
    await until(command, isDone);
  };
  const place = `${home}/a folder/ä %`;
  assert.equal(await ask("POST", "/folders", { path: `${home}/a folder` }), 201);
  for (const words of ["first", "second"]) {
    assert.equal(await ask("PUT", content(place), words), 200);
    assert.equal(await ask("POST", "/trash", { path: place }), 201);
  }
  const trash = `${home}/.local/share/Trash`;
  assert.deepEqual((await listed()).map(({ name, path }) => [name, path]).sort(), [
    ["ä %", place],
    ["ä %.2", place],
  ]);
  assert.match(await read(`${trash}/info/ä %.trashinfo`), /^\[Trash Info\]\nPath=\/.*\/a%20folder\/%C3%A4%20%25\nDel/);
  assert.equal(await read(`${trash}/files/ä %.2`), "second");
  // Its folder is made again, and what came there meanwhile stays.
  assert.equal(await ask("POST", "/trash", { path: `${home}/a folder` }), 201);
  assert.equal(await ask("POST", "/trash/restore", { name: "ä %" }), 200);
  assert.equal(await read(place), "first");
  assert.equal(await ask("POST", "/trash/restore", { name: "ä %.2" }), 409);
  assert.equal(await read(place), "first");
  // A link that leads nowhere is in the way, too, and can be thrown away itself.
  await run(
    `ln -s nowhere ${home}/link; touch ${home}/done`,
    async () => (await ask("GET", content(`${home}/done`))) === 200,
  );
  assert.equal(await ask("POST", "/trash", { path: `${home}/link` }), 201);
  assert.ok((await listed()).some(({ name }) => name === "link"));
  // What has no place there.
  assert.equal(await ask("PUT", content("/dev/shm/other"), "kept"), 200);
  const refused = await served.ask("POST", "/trash", { path: "/dev/shm/other" });
  assert.deepEqual([refused.status, /another file system/.test(refused.text)], [409, true]);
  for (const path of ["/", home, `${trash}/files/link`, "/absent"])
    assert.equal(await ask("POST", "/trash", { path }), 409, path);
  assert.equal(await read("/dev/shm/other"), "kept");
  for (const name of ["../info/link.trashinfo", "..", "absent"]) {
    assert.ok((await ask("POST", "/trash/restore", { name })) >= 400, name);
    assert.ok((await ask("DELETE", `/trash?name=${encodeURIComponent(name)}`)) >= 400, name);
  }
  assert.deepEqual((await listed()).map(({ name }) => name).sort(), ["a folder", "link", "ä %.2"]);
  assert.equal(await ask("DELETE", "/trash?name=link"), 200);
  assert.equal(await ask("DELETE", "/trash"), 200);
  assert.deepEqual(await listed(), []);
  const left = JSON.parse((await served.ask("GET", `/files?path=${trash}/info`)).text) as {
    readonly entries: unknown[];
  };
  assert.deepEqual(left.entries, []);
});

extendedTest("several files are chosen, thrown away, put back and dragged into a folder", async (t) => {
  const served = await Served.start(t);
  const page = await opened(t, served);
  for (const name of ["one.txt", "two.txt", "three.txt", "four.txt"])
    await served.ask("PUT", content(`/root/${name}`), name);
  await served.ask("POST", "/folders", { path: "/root/folder" });
  const names = `[...document.querySelectorAll(".files tbody tr")].map((row) => row.cells[0].textContent)
    .filter((name) => /^folder$|[.]txt$/.test(name)).join(" ").replaceAll(".txt", "")`;
  const row = (kind: string, name: string): string =>
    `[...document.querySelectorAll(".${kind} tbody tr")].find(
      (each) => each.textContent.startsWith(${JSON.stringify(name)}))`;
  const click = async (kind: string, name: string, held = ""): Promise<void> => {
    await page.waitFor(`String(${row(kind, name)} !== undefined)`, /^true$/, PATIENCE_MS);
    await page.evaluate(`${row(kind, name)}.dispatchEvent(new MouseEvent("click", { bubbles: true, ${held} }))`);
  };
  await press(page, "KeyE", 3);
  await page.waitFor(names, /^folder four one three two$/, PATIENCE_MS);
  await click("files", "four");
  await click("files", "three", "shiftKey: true");
  await click("files", "one", "ctrlKey: true");
  const chosen = `[...document.querySelectorAll(".files tr[aria-selected=true]")].length`;
  await page.waitFor(chosen, /^2$/, PATIENCE_MS);
  assert.deepEqual(await accessibilityViolations(page), []);
  await press(page, "Delete", 0, "Delete");
  await page.waitFor(names, /^folder one two$/, PATIENCE_MS);

  await page.evaluate(`document.querySelector(".files [aria-label^='Window menu']").click()`);
  await page.evaluate(
    `[...document.querySelectorAll("[role=menuitem]")].find((each) => each.textContent === "Trash").click()`,
  );
  await click("trash", "three");
  assert.match(String(await page.evaluate(`${row("trash", "three")}.textContent`)), /three\.txt\/root/);
  await page.evaluate(
    `[...document.querySelectorAll(".trash button")].find((each) => each.textContent === "Put back").click()`,
  );
  await page.waitFor(`document.querySelectorAll(".trash tbody tr").length`, /^1$/, PATIENCE_MS);
  assert.equal((await served.ask("GET", content("/root/three.txt"))).text, "three.txt");
  await page.waitFor(names, /^folder one three two$/, PATIENCE_MS);

  // Dragged as a browser tells of it.
  const drag = `(() => {
    const data = new DataTransfer();
    const tell = (type, target) => target.dispatchEvent(
      new DragEvent(type, { bubbles: true, cancelable: true, dataTransfer: data }));
    tell("dragstart", ${row("files", "one")});
    tell("dragover", ${row("files", "folder")});
    tell("drop", ${row("files", "folder")});
  })()`;
  await click("files", "one");
  await click("files", "two", "ctrlKey: true");
  await page.evaluate(drag);
  await until(
    "both are there",
    async () => (await served.ask("GET", content("/root/folder/two.txt"))).text === "two.txt",
  );
  assert.equal((await served.ask("GET", content("/root/folder/one.txt"))).text, "one.txt");
  assert.equal((await served.ask("GET", content("/root/one.txt"))).status, 409);
});

test("a text that is not saved is there after a reload, and asked for when its window is closed", async (t) => {
  const served = await Served.start(t);
  const page = await opened(t, served);
  const read = async (path: string): Promise<string> => (await served.ask("GET", content(path))).text;
  await served.ask("PUT", content("/root/note.txt"), "before\n");
  await served.ask("PUT", content("/root/other.txt"), "other\n");
  const shown = (selector: string): string => `document.querySelector(${JSON.stringify(selector)})?.textContent ?? ""`;
  const click = async (words: string): Promise<void> => {
    const found = `[...document.querySelectorAll("button, [role=menuitem]")].findLast((each) => !each.disabled &&
      (each.ariaLabel || each.textContent.trim()) === ${JSON.stringify(words)} && each.checkVisibility())`;
    await page.waitFor(`String(${found} !== undefined)`, /^true$/, PATIENCE_MS);
    await page.evaluate(`${found}.click()`);
  };
  const choose = async (name: string): Promise<void> => {
    const row = `[...document.querySelectorAll(".files tbody tr")].find((each) =>
      each.textContent.startsWith(${JSON.stringify(name)}))`;
    await page.waitFor(`String(${row} !== undefined)`, /^true$/, PATIENCE_MS);
    await page.evaluate(`${row}.click()`);
  };
  await press(page, "KeyE", 3);
  await choose("note.txt");
  await press(page, "Enter", 0, "Enter");
  const text = "document.querySelector('textarea.text')?.value";
  await page.waitFor(text, /^before/, PATIENCE_MS);
  await page.evaluate("document.querySelector('textarea.text').focus()");
  await page.type("日本 ");
  await page.waitFor(shown(".of-text h2"), /note\.txt •/, PATIENCE_MS);
  await until("it is kept", async () => /draft/.test((await served.ask("GET", "/layout")).text));
  await page.reload();
  await page.waitFor(text, /日本/, PATIENCE_MS);
  await page.waitFor(shown(".of-text h2"), /note\.txt •/, PATIENCE_MS);
  assert.equal(await read("/root/note.txt"), "before\n");

  // Closed: asked, kept, then saved.
  const close = "document.querySelector('.of-text [aria-label=Close]').click()";
  await page.evaluate(close);
  await page.waitFor(shown("dialog[open] h2"), /^Save note\.txt\?$/, PATIENCE_MS);
  assert.deepEqual(await accessibilityViolations(page), []);
  await click("Cancel");
  await page.waitFor(text, /日本/, PATIENCE_MS);
  await page.evaluate(close);
  await page.evaluate("document.querySelector('dialog[open] button.primary').click()");
  await page.waitFor("String(document.querySelector('.of-text'))", /^null$/, PATIENCE_MS);
  assert.match(await read("/root/note.txt"), /日本/);

  // As another file that is there: asked once more.
  await choose("note.txt");
  await press(page, "Enter", 0, "Enter");
  await page.waitFor(text, /日本/, PATIENCE_MS);
  await click("Save as …");
  await page.waitFor(shown("dialog[open] h2"), /^Save as/, PATIENCE_MS);
  // Where nothing can be written: the text stays that of its file.
  await page.evaluate("document.querySelector('dialog[open] input').value = '/proc/refused'");
  await click("OK");
  await page.waitFor(shown("dialog[open] [role=alert]"), /\S/, PATIENCE_MS);
  assert.equal(await page.evaluate(shown(".of-text .status-text")), "/root/note.txt");
  await page.evaluate("document.querySelector('dialog[open] input').value = '/root/other.txt'");
  await click("OK");
  await page.waitFor(shown("dialog[open] h2"), /^Replace other\.txt\?$/, PATIENCE_MS);
  assert.equal(await read("/root/other.txt"), "other\n");
  await click("Replace");
  await page.waitFor(shown(".of-text h2"), /^other\.txt$/, PATIENCE_MS);
  assert.match(await read("/root/other.txt"), /日本/);

  // Copied by keys: beside itself under another name.
  await page.evaluate(close);
  await choose("note.txt");
  for (const [code, key] of [
    ["KeyC", "c"],
    ["KeyV", "v"],
  ] as const)
    await press(page, code, CONTROL, key);
  await page.waitFor(shown(".files tbody"), /note \(2\)\.txt/, PATIENCE_MS);
  assert.equal(await read("/root/note (2).txt"), await read("/root/note.txt"));
});

extendedTest(
  "of many windows the one that is used is in sight in the panel, and the wheel brings the others",
  async (t) => {
    const page = await opened(t, await Served.start(t));
    const inSight = (which: string): string => `(() => {
    const list = document.querySelector(".window-list").getBoundingClientRect();
    const buttons = [...document.querySelectorAll(".window-list button")];
    const { left, right } = buttons.${which}.getBoundingClientRect();
    return buttons.length + " " + (left >= list.left - 1 && right <= list.right + 1);
  })()`;
    for (let count = 1; count <= 16; count++) {
      await press(page, "KeyE", 3);
      await page.waitFor(inSight("at(-1)"), new RegExp(`^${count} true$`), PATIENCE_MS);
    }
    assert.equal(await page.evaluate(inSight("at(0)")), "16 false");
    const wheel = { type: "mouseWheel", x: 400, y: 780, deltaX: 0, deltaY: -3000 };
    await page.call("Input.dispatchMouseEvent", wheel);
    await page.waitFor(inSight("at(0)"), /^16 true$/, PATIENCE_MS);
  },
);
