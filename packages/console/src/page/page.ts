/**
 * The page: a terminal of xterm.js, a worker that is the machine, and what a person does with its files. The query
 * parameter `memory=SIZE` says how much memory the machine has (default 512M).
 */
import { FitAddon } from "@xterm/addon-fit";
import { SerializeAddon } from "@xterm/addon-serialize";
import { Terminal } from "@xterm/xterm";
import { connectTerminal } from "@stratos/host-browser/terminal";
import { missingNeeds } from "./browser-needs.ts";
import { bringFiles, FilesDialog } from "./files-dialog.ts";
import { keepRelay, keptRelay } from "./kept-relay.ts";
import { MachineWorker } from "./machine.ts";
import type { Keeping, StartMessage, Told, Usage } from "./messages.ts";
import { NetworkDialog } from "./network-dialog.ts";
import { keepWhenLeft } from "./page-leave.ts";
import { folderNameOf, hasFiles, removeFiles, RUNNING_NAMES, wantedMemory } from "./origin-folder.ts";
import { SnapshotsDialog } from "./snapshots-dialog.ts";
import { TabLock } from "./tab-lock.ts";
import { followColours } from "./terminal-colours.ts";
import { offerImages } from "./terminal-images.ts";
import { offerLinks, offerSearch } from "./terminal-search.ts";
import { offerTouchKeys } from "./touch-keys.ts";
import { followScreenReader, offerScreenReader } from "./screen-reader.ts";

const byId = <E extends HTMLElement = HTMLElement>(id: string): E => document.querySelector<E>(`#${id}`)!;

const folder = folderNameOf(new URL(".", location.href));
const terminal = new Terminal({ cursorBlink: true, scrollback: 5000, fontFamily: "monospace" });
const fit = new FitAddon();
const serializer = new SerializeAddon();
terminal.loadAddon(fit);
terminal.loadAddon(serializer);
terminal.open(byId("terminal"));
fit.fit();
new ResizeObserver(() => fit.fit()).observe(byId("terminal"));
followColours(terminal);
followScreenReader(terminal);
offerLinks(terminal);
const images = offerImages(terminal);
offerSearch(terminal, byId("terminal"), { search: "Search", count: (at, all) => `${at} of ${all}` });
offerScreenReader(byId<HTMLButtonElement>("reader"));
const touchKeys = offerTouchKeys(terminal, byId("terminal"), "Keys");

/** Of what has scrolled away, as many lines are there again after a reload. */
const KEPT_LINES = 1000;

let machine: MachineWorker | null = null;
let keeping: Keeping = "memory";
let leaveTerminal: () => void = () => {};
/** What was said last of a relay that went. */
let lostRelay = "";
/** Of the page's start, for who measures. */
const times: Record<string, number> = {};

const lock =
  typeof navigator.locks === "undefined"
    ? null
    : new TabLock(`stratos ${folder}`, {
        async release() {
          await machine?.ask({ kind: "stop", goesOn: true });
        },
        async copy(name) {
          if (machine === null) throw new Error("the other tab's machine does not run");
          await machine.ask({ kind: "copy", name });
        },
        onLost() {
          machine?.end();
          machine = null;
          show("ended", "another tab has taken this machine over");
        },
      });

const snapshots = new SnapshotsDialog({
  ask: (request) => running().ask(request),
  restart: (words) => restart(words),
  notice,
});
const network = new NetworkDialog({
  get relay() {
    return keptRelay(folder);
  },
  async use(relay) {
    keepRelay(folder, relay);
    await machine?.ask({ kind: "relay", relay });
  },
});
byId("network-origin").textContent = location.origin;
const files = new FilesDialog({ ask: (request) => running().ask(request), notice });

begin().catch((error: unknown) => show("failed", (error as Error).message));

async function begin(): Promise<void> {
  const missing = missingNeeds(globalThis);
  if (missing !== null) throw new Error(missing);
  if (lock === null || !(await hasFiles())) return boot("memory", "");
  if (await lock.take()) return boot("files", "");
  show("starting", "this machine is open in another tab");
  const other = byId<HTMLDialogElement>("other");
  other.returnValue = "";
  other.showModal();
  const waiting = new AbortController();
  const free = lock.whenFree(waiting.signal).finally(() => other.close());
  await new Promise((resolve) => other.addEventListener("close", resolve, { once: true }));
  waiting.abort();
  if (await free) return boot("files", "");
  if (other.returnValue === "take") {
    show("starting", "the other tab brings its files to rest …");
    await lock.takeOver();
    return boot("files", "");
  }
  show("starting", "the other tab copies its files …");
  const copy = `copy-${crypto.randomUUID()}`;
  await lock.askCopy(copy);
  boot("copy", copy);
}

function boot(how: Keeping, copy: string): void {
  keeping = how;
  const { port1, port2 } = new MessageChannel();
  terminal.reset();
  leaveTerminal = connectTerminal(forOneMachine(terminal), port1);
  times["worker"] = performance.now();
  const { worker } = document.body.dataset;
  machine = new MachineWorker(worker!, take);
  const message: StartMessage = {
    kind: "start",
    image: new URL("image/", location.href).href,
    zstdUrl: new URL("zstd.wasm", location.href).href,
    folder,
    keeping: how,
    copy,
    memoryBytes: wantedMemory(location.search),
    relay: keptRelay(folder),
    rows: terminal.rows,
    columns: terminal.cols,
    console: port2,
  };
  machine.start(message, port2);
  terminal.focus();
}

/** Listeners of a machine that has ended are let go of. */
let letGo: (() => void)[] = [];
function forOneMachine(window: Terminal): Parameters<typeof connectTerminal>[0] {
  for (const dispose of letGo.splice(0)) dispose();
  const note = ({ dispose }: { dispose(): void }): void => void letGo.push(dispose);
  return {
    get rows() {
      return window.rows;
    },
    get cols() {
      return window.cols;
    },
    write: (bytes, onShown) => window.write(bytes, onShown),
    onData: (listener) => note(window.onData((text) => listener(touchKeys.typed(text)))),
    onBinary: (listener) => note(window.onBinary(listener)),
    onResize: (listener) => note(window.onResize(listener)),
    screen: () =>
      images.screen(
        (range, isLast) => serializer.serialize({ range, excludeModes: !isLast, excludeAltBuffer: !isLast }),
        KEPT_LINES,
      ) ?? serializer.serialize({ scrollback: KEPT_LINES }),
  };
}

function take(message: Told): void {
  switch (message.kind) {
    case "progress":
      return show("starting", message.words);
    case "started":
      show("running", RUNNING[keeping]);
      times["goesOn"] = Number(message.goesOn);
      void offerOffline();
      return;
    case "prompted":
      times["prompt"] = performance.now();
      // What keeps the page itself may take its time now.
      navigator.serviceWorker?.register("service-worker.js").catch(() => {});
      return;
    case "waiting":
      return notice(message.words);
    case "told":
      return notice(message.words);
    case "relay":
      network.show(message.state);
      if (message.state.kind === "lost") notice((lostRelay = message.state.words));
      else if (byId("notice").textContent === lostRelay) notice(null);
      return;
    case "left":
      byId("offline").textContent = `Keep offline: ${megabytes(message.bytes)} left`;
      return;
    default:
      return show(message.kind, message.words);
  }
}

const RUNNING: Readonly<Record<Keeping, string>> = {
  files: "running; files are kept in this browser",
  copy: "running on a copy: what you change here is forgotten",
  memory: "running; this browser keeps no files for this page (it needs https): what you change goes with the tab",
};

type State = "starting" | "running" | "ended" | "failed";

function show(state: State, words: string): void {
  const status = byId("status");
  document.body.dataset["state"] = state;
  status.textContent = words;
  status.classList.toggle("failed", state === "failed");
  byId("again").hidden = state === "running" || state === "starting";
  for (const id of ["files", "snapshots", "restart"]) byId<HTMLButtonElement>(id).disabled = state !== "running";
  if (state !== "running") byId<HTMLButtonElement>("offline").disabled = true;
  if (keeping !== "files") byId<HTMLButtonElement>("snapshots").disabled = true;
}

/** Null: nothing is to be said any more. */
function notice(words: string | null): void {
  byId("notice").textContent = words ?? "";
  byId("notice").hidden = words === null;
}

function running(): MachineWorker {
  if (machine === null) throw new Error("no machine runs in this tab");
  return machine;
}

/** The machine has ended, and begins anew with the files as they are. */
function restart(words: string, how: Keeping = "files"): void {
  machine?.end();
  machine = null;
  show("starting", words);
  notice(null);
  boot(how, "");
}

// ---- Offline --------------------------------------------------------------------------------------------------------

async function offerOffline(): Promise<void> {
  const button = byId<HTMLButtonElement>("offline");
  if (keeping !== "files") {
    button.title = "this tab keeps nothing";
    return;
  }
  const bytes = await running().ask<number>({ kind: "missing" });
  button.disabled = bytes === 0;
  button.textContent = bytes === 0 ? "All of it is offline" : `Keep offline (${megabytes(bytes)})`;
}

byId("offline").addEventListener("click", () => {
  byId<HTMLButtonElement>("offline").disabled = true;
  void navigator.storage.persist();
  running()
    .ask({ kind: "fetch missing" })
    .catch((error: unknown) => notice(`not all of the image is here: ${(error as Error).message}`))
    .then(() => offerOffline())
    .catch(() => {});
});

function megabytes(bytes: number): string {
  return `${(bytes / 1e6).toFixed(bytes < 1e7 ? 1 : 0)} MB`;
}

// ---- Files, snapshots, reset ----------------------------------------------------------------------------------------

byId("again").addEventListener("click", () => location.reload());
byId("restart").addEventListener("click", () => {
  const how = keeping;
  running()
    .ask({ kind: "stop", goesOn: false })
    .then(
      // A copy of another tab's files is gone with its machine.
      () => (how === "copy" ? location.reload() : restart("all programs are ended …", how)),
      (error: unknown) => notice((error as Error).message),
    );
});
byId("snapshots").addEventListener("click", () => void snapshots.open());
byId("network").addEventListener("click", () => network.open());
byId("files").addEventListener("click", () => files.open());
byId("reset").addEventListener("click", () => {
  const dialog = byId<HTMLDialogElement>("reset-dialog");
  dialog.returnValue = "";
  dialog.showModal();
  dialog.addEventListener("close", () => void (dialog.returnValue === "reset" && reset()), { once: true });
});

function reset(): void {
  machine?.end();
  machine = null;
  show("starting", "giving up the files …");
  removeFiles(folder, [...RUNNING_NAMES, "changes", "base.json"])
    .then(() => location.reload())
    .catch((error: unknown) => show("failed", `the files cannot be given up: ${(error as Error).message}`));
}

for (const kind of ["dragover", "dragleave", "drop"] as const)
  document.addEventListener(kind, (event) => {
    event.preventDefault();
    document.body.classList.toggle("over", kind === "dragover");
  });
document.addEventListener("drop", (event) => {
  const { dataTransfer } = event;
  if (dataTransfer === null || machine === null) return;
  bringFiles(dataTransfer, files.folder, (request) => running().ask(request)).then(
    (count) => {
      notice(`${count === 1 ? "a file is" : `${count} files are`} in ${files.folder} now`);
      files.refresh();
    },
    (error: unknown) => notice((error as Error).message),
  );
});

// What was written within the last second goes into the file as well, and what runs.
keepWhenLeft(async () => {
  if (keeping !== "files") return;
  leaveTerminal();
  await machine?.ask({ kind: "hidden" });
});

// For who drives the page from outside: tests, the developer's console.
Object.assign(globalThis, {
  stratos: {
    terminal,
    times,
    ask: (request: Parameters<MachineWorker["ask"]>[0]) => running().ask(request),
    usage: () => running().ask<Usage>({ kind: "usage" }),
  },
});
