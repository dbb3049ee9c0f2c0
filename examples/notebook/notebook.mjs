/**
 * A notebook whose cells can be run again in any order without what later ones have done: each cell runs in a fork of
 * the whole system (memory, files, python in the midst of its work) that the cell before it left behind.
 */
import { Sandbox } from "stratos";

/** Python that takes cells, as JSON in a line each, and says 4 (EOT) and how each ended. */
const INTERPRETER = `
import json, traceback
names = {"__name__": "__main__"}
for line in open(0, closefd=False):  # exit() closes sys.stdin
  ok = True
  try: exec(compile(json.loads(line), "<cell>", "exec"), names)
  except SystemExit: pass
  except BaseException:
    ok = False
    print(traceback.format_exc(limit=-1), end="")
  print("\\x04" + str(int(ok)), flush=True)
`;
const FIRST = [
  "import os\nx = 20",
  "open('/tmp/note', 'w').write(f'{x + 22}\\n')",
  "os.system('cat /tmp/note; uname -m')",
];

/** @typedef {{ box: Sandbox, python: import("stratos").Program }} Place  a system, and the python that takes cells */

const cells = document.querySelector("#cells");
const status = document.querySelector("#status");
const query = new URLSearchParams(location.search);
const image = new URL(query.get("image") ?? "image/", location.href).href;
const options = { image, memoryBytes: Number(query.get("memory") ?? 512) * 2 ** 20 };

/** Before any cell. @type {Place} */
let beginning;
/** What each cell has left behind; absent: it has not run, or on something that is no longer so. @type {Place[]} */
let places = [];

async function begin(state) {
  const box = await Sandbox.create({ ...options, ...(state === undefined ? {} : { state, keepsPrograms: true }) });
  const python =
    state === undefined ? await box.spawn(["python3", "-uc", INTERPRETER]) : box.attach(await pidOfPython(box));
  return { box, python };
}

/** Of a saved system: the one that takes cells. */
async function pidOfPython(box) {
  const found = (await box.processes()).find(({ command }) => command[1] === "-uc");
  if (found === undefined) throw new Error("there is no notebook in this system");
  return found.pid;
}

/** @returns what the cell printed, and whether it came to its end */
async function runCell({ python }, code) {
  await python.stdin.write(`${JSON.stringify(code)}\n`);
  const decoder = new TextDecoder();
  let text = "";
  for await (const bytes of python.stdout) {
    text += decoder.decode(bytes, { stream: true });
    const end = /\x04([01])\n$/.exec(text);
    if (end !== null) return { text: text.slice(0, end.index), isRight: end[1] === "1" };
  }
  return { text: `${text}python has ended`, isRight: false };
}

async function run(index) {
  const cell = cells.children[index];
  const before = index === 0 ? beginning : places[index - 1];
  if (before === undefined) return say("the cells above have to run first");
  say("running …");
  forget(index);
  const start = performance.now();
  const [box] = await before.box.fork({ keepsPrograms: true });
  const place = { box, python: box.attach(before.python.pid) };
  const forked = performance.now() - start;
  const { text, isRight } = await runCell(place, cell.querySelector("textarea").value);
  cell.querySelector("output").textContent = text;
  cell.classList.toggle("failed", !isRight);
  cell.classList.remove("stale");
  places[index] = place;
  if (index === cells.children.length - 1) addCell("");
  say(`cell ${index + 1} ran in a fork that took ${forked.toFixed(1)} ms`);
}

/** What the cell and those below it have left behind is not so any more. */
function forget(from) {
  for (const place of places.splice(from)) void place?.box.close();
  [...cells.children].slice(from).forEach((cell) => cell.classList.add("stale"));
}

function addCell(code) {
  const cell = document.createElement("section");
  const index = cells.children.length;
  cell.className = "cell stale";
  cell.innerHTML = `<span>[${index + 1}]</span><textarea rows="3" aria-label="Cell ${index + 1}"></textarea>
    <button type="button">Run</button><output></output>`;
  const text = cell.querySelector("textarea");
  text.value = code;
  text.addEventListener("input", () => forget(index));
  text.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || !event.shiftKey) return;
    event.preventDefault();
    runInOrder(index);
  });
  cell.querySelector("button").addEventListener("click", () => runInOrder(index));
  cells.append(cell);
}

let last = Promise.resolve();
function runInOrder(index) {
  last = last.then(() => run(index)).catch((error) => say(String(error)));
}

function say(words) {
  status.textContent = words;
}

async function save() {
  const place = places.findLast((each) => each !== undefined) ?? beginning;
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([await place.box.save()]));
  link.download = "notebook.stratos";
  link.click();
  say("saved: python goes on where it stood, here or in `Sandbox.create({ state })` of Node");
}

async function open(file) {
  say("opening …");
  const next = await begin(new Uint8Array(await file.arrayBuffer()));
  forget(0);
  await beginning.box.close();
  beginning = next;
  say("the names of the saved cells are there");
}

for (const code of FIRST) addCell(code);
try {
  beginning = await begin();
  document.querySelector("#save").addEventListener("click", () => save().catch((error) => say(String(error))));
  const opened = document.querySelector("#open");
  opened.addEventListener("change", () => open(opened.files[0]).catch((error) => say(String(error))));
  for (const each of document.querySelectorAll("header [disabled]")) each.disabled = false;
  say("ready: Shift+Enter runs a cell");
} catch (error) {
  say(String(error));
}
