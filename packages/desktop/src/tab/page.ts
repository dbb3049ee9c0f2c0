/** The page of a desktop in a tab: its machine runs in a worker, with the files of the page that has the terminal. */
import {
  folderNameOf,
  keepWhenLeft,
  hasFiles,
  keptRelay,
  type Keeping,
  MachineWorker,
  missingNeeds,
  TabLock,
  type Told,
  type Usage,
  wantedMemory,
} from "@stratos/console/tab-page";
import { showDesktop } from "../page/desktop-page.ts";
import { useLink } from "../page/service.ts";
import type { DesktopStart } from "./messages.ts";
import { PortLink } from "./port-link.ts";

/** Where the image lies, and the page with the terminal. */
const place = new URL("..", location.href);
const folder = folderNameOf(place);
const words = document.querySelector<HTMLElement>("#message")!;
const other = document.querySelector<HTMLDialogElement>("#other")!;

let machine: MachineWorker | null = null;
/** What runs began before this page; null: nothing has begun yet. */
let goesOn: boolean | null = null;

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
          endWith("Another tab has taken this machine over.");
        },
      });

begin().catch((error: unknown) => endWith((error as Error).message));

async function begin(): Promise<void> {
  const missing = missingNeeds(globalThis);
  if (missing !== null) throw new Error(missing);
  if (lock === null || !(await hasFiles())) return start("memory", "");
  if (await lock.take()) return start("files", "");
  say("This machine is open in another tab.");
  other.returnValue = "";
  other.showModal();
  const waiting = new AbortController();
  const free = lock.whenFree(waiting.signal).finally(() => other.close());
  await new Promise((resolve) => other.addEventListener("close", resolve, { once: true }));
  waiting.abort();
  if (await free) return start("files", "");
  if (other.returnValue === "take") {
    say("The other tab brings its files to rest …");
    await lock.takeOver();
    return start("files", "");
  }
  say("The other tab copies its files …");
  const copy = `copy-${crypto.randomUUID()}`;
  await lock.askCopy(copy);
  start("copy", copy);
}

function start(keeping: Keeping, copy: string): void {
  const { port1, port2 } = new MessageChannel();
  useLink(new PortLink(port1));
  machine = new MachineWorker(document.body.dataset["worker"]!, take);
  const message: DesktopStart = {
    kind: "start",
    image: new URL("image/", place).href,
    zstdUrl: new URL("zstd.wasm", place).href,
    folder,
    keeping,
    copy,
    memoryBytes: wantedMemory(location.search),
    relay: keptRelay(folder),
    link: port2,
  };
  machine.start(message, port2);
  if (keeping === "files") keepWhenLeft(async () => machine?.ask({ kind: "hidden" }));
}

function take(told: Told): void {
  switch (told.kind) {
    case "started":
      goesOn = told.goesOn;
      void showDesktop();
      navigator.serviceWorker?.register("../service-worker.js").catch(() => {});
      return;
    case "progress":
      return say(told.words);
    case "waiting":
    case "told":
      return say(told.words);
    case "relay":
      return told.state.kind === "lost" ? say(told.state.words) : undefined;
    case "failed":
      return endWith(told.words);
    case "ended":
      return endWith("The desktop has ended; its files are kept. Load the page again to start it.");
    default:
      return;
  }
}

// For who drives the page from outside: tests, the developer's console.
Object.assign(globalThis, {
  stratos: {
    goesOn: () => goesOn,
    usage: () => machine?.ask<Usage>({ kind: "usage" }),
    read: async (path: string) => new TextDecoder().decode(await machine?.ask<Uint8Array>({ kind: "read", path })),
  },
});

/** Null: nothing is to be said any more. */
function say(text: string | null): void {
  words.hidden = text === null;
  words.textContent = text;
}

/** Nothing answers any more: what was shown would only look as if. */
function endWith(text: string): void {
  document.body.replaceChildren(words);
  say(text);
}
