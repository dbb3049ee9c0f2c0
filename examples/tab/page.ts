/**
 * The page: a terminal of xterm.js, and a worker that is the machine. Query parameters:
 *
 *     image=URL      folder of the image; default: the one that serve.ts was given
 *     memory=SIZE    512M, 1.5G; a number alone is MiB; default 512M
 *     net=host       is refused: a page has no sockets
 */
import { FitAddon } from "@xterm/addon-fit";
import { Terminal } from "@xterm/xterm";
import { bytesOfSize } from "@stratos/base/bytes-of-size";
import { connectTerminal } from "@stratos/host-browser/terminal";
import type { StartMessage, WorkerMessage } from "./messages.ts";

const MIB = 2 ** 20;
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
  memoryBytes: memoryBytes(),
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

function memoryBytes(): number {
  const size = parameters.get("memory") ?? "512M";
  const bytes = bytesOfSize(/^[0-9]+$/.test(size) ? `${size}M` : size) ?? 0;
  return bytes >= 64 * MIB && bytes <= 2048 * MIB ? bytes : 512 * MIB;
}
