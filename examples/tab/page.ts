/**
 * The page: a terminal of xterm.js, and a worker that is the machine. Query parameters:
 *
 *     image=URL      folder of the image; default: the one that serve.ts was given
 *     memory=MIB     default 512
 *     net=host       is refused: a page has no sockets
 */
import { FitAddon } from "@xterm/addon-fit";
import { Terminal } from "@xterm/xterm";
import { connectTerminal } from "@stratos/host-browser/terminal";
import type { StartMessage, WorkerMessage } from "./messages.ts";

const parameters = new URLSearchParams(location.search);
const status = document.querySelector<HTMLElement>("#status")!;
const again = document.querySelector<HTMLButtonElement>("#again")!;

const terminal = new Terminal({ cursorBlink: true, scrollback: 5000, fontFamily: "monospace" });
const fit = new FitAddon();
terminal.loadAddon(fit);
terminal.open(document.querySelector<HTMLElement>("#terminal")!);
fit.fit();
new ResizeObserver(() => fit.fit()).observe(terminal.element!.parentElement!);
again.addEventListener("click", () => location.reload());

const { port1, port2 } = new MessageChannel();
connectTerminal(terminal, port1);
const worker = new Worker("worker.js", { type: "module" });
worker.onmessage = ({ data }: MessageEvent<WorkerMessage>) => {
  if (data.kind === "started") show("running", "running; what you change is gone with the page");
  else show(data.kind, data.words);
};
worker.onerror = (event) => show("failed", `the machine's program does not run here: ${event.message}`);
const message: StartMessage = {
  image: new URL(parameters.get("image") ?? "image/", location.href).href,
  net: parameters.get("net") === "host" ? "host" : "none",
  memoryBytes: memoryMiB() * 2 ** 20,
  rows: terminal.rows,
  columns: terminal.cols,
  console: port2,
};
worker.postMessage(message, [port2]);
terminal.focus();
// For who drives the page from outside: tests, the developer's console.
Object.assign(globalThis, { stratos: { terminal } });

function show(state: "running" | "ended" | "failed", words: string): void {
  document.body.dataset["state"] = state;
  status.textContent = words;
  status.classList.toggle("failed", state === "failed");
  again.hidden = state === "running";
}

function memoryMiB(): number {
  const wanted = Number(parameters.get("memory") ?? 512);
  return Number.isInteger(wanted) && wanted >= 64 && wanted <= 2048 ? wanted : 512;
}
