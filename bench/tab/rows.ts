/**
 * `npm run bench -- --only tab`, or a part of it (`tab-prompt`, `tab-processor`, `tab-windows`, `tab-reload`,
 * `tab-composing`): Debian in a tab of headless Chromium: how soon its prompt is there, its processor beside the same
 * machine in Node, its terminals and windows, and how soon they are there again. A line for each; nothing is stored.
 */
import { spawnSync } from "node:child_process";
import type { AddressInfo } from "node:net";
import { keepWebFolder, tabFiles, webFolderServer } from "@stratos/console";
import { TAB_DESKTOP } from "@stratos/desktop/tab";
import { stratosHome } from "@stratos/host-node";
import { Browser } from "../../tests/support/browser.ts";
import { pressKey } from "../../tests/support/page-keys.ts";
import { ensureImage } from "../prepare.ts";
import { median } from "../statistics.ts";
import { measureComposing } from "./composing.ts";
import { measureReloads } from "./reloads.ts";
import { SlowLine } from "./slow-line.ts";

const IMAGE = "tab-1";
const PACKAGES = [
  ...["foot", "gtk-4-examples", "adwaita-icon-theme", "fonts-dejavu-core", "python3-minimal", "gzip", "gawk"],
];
const PATIENCE_MS = 300_000;
const CTRL_ALT = 3;
const LINE = { bytesPerSecond: 1.25e6, roundTripMs: 100 };

/** Each runs twice: the second time what it runs is translated. */
const PROGRAMS: Readonly<Record<string, string>> = {
  bash: "for ((i = 0; i < 100000; i++)); do :; done",
  python3: "python3 -c 'print(sum(i * i for i in range(500000)))'",
  awk: `gawk 'BEGIN { for (i = 0; i < 500000; i++) a[i % 1000] += i; print a[7] }'`,
  sha256sum: "head -c 20000000 /dev/zero | sha256sum",
  gzip: "head -c 20000000 /dev/zero | gzip -9 | wc -c",
};

const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** Text of the terminal's page, without what has scrolled away. */
const SCREEN = `(() => {
  const { active } = stratos.terminal.buffer;
  return Array.from({ length: active.length }, (_, row) => active.getLine(row).translateToString(true)).join("\\n");
})()`;
const ROWS = "[...document.querySelectorAll('.xterm-rows > div')].map((row) => row.textContent).join('\\n')";

export async function measureTab(
  launcher: readonly string[],
  only: string,
  rounds: number,
  print: (line: string) => void,
): Promise<void> {
  const isAsked = (part: string): boolean => only === "tab" || only === `tab-${part}`;
  ensureImage(launcher, IMAGE, PACKAGES);
  const folder = await keepWebFolder({
    home: stratosHome(),
    image: IMAGE,
    lines: [],
    page: () => tabFiles(TAB_DESKTOP),
  });
  const server = webFolderServer(folder);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  try {
    if (isAsked("prompt")) await measurePrompt(port, rounds, print);
    if (isAsked("processor")) await measureProcessor(port, launcher, print);
    if (isAsked("windows")) await measureWindows(port, print);
    if (isAsked("reload")) await measureReloads(launcher, IMAGE, port, print);
    if (isAsked("composing")) for (const line of await measureComposing()) print(line);
  } finally {
    server.close();
    server.closeAllConnections();
  }
}

async function measurePrompt(port: number, rounds: number, print: (line: string) => void): Promise<void> {
  const took = "stratos.times.prompt - stratos.times.worker";
  for (const line of [null, LINE]) {
    const cold: number[] = [],
      fetched: number[] = [],
      cached: number[] = [];
    for (let round = 0; round < rounds; round++) {
      const slow = new SlowLine(port, line);
      const url = await slow.listen();
      const browser = await Browser.launch();
      const page = await browser.open(url);
      await page.waitFor(took, /^\d/, PATIENCE_MS);
      cold.push(Number(await page.evaluate(took)));
      fetched.push(slow.bytes);
      for (let again = 0; line === null && again < 3; again++) {
        const before = Number(await page.evaluate("stratos.times.prompt"));
        await page.evaluate("document.querySelector('#restart').click()");
        await page.waitFor(`stratos.times.prompt > ${before} && ${took} > 0`, /^true$/, PATIENCE_MS);
        cached.push(Number(await page.evaluate(took)));
      }
      await browser.close();
      slow.close();
    }
    const name = line === null ? "from a server here" : "10 Mbit/s, 100 ms";
    const megabytes = (median(fetched) / 1e6).toFixed(2);
    print(
      `worker's start to the prompt, ${name}: ${seconds(cold)} (${megabytes} MB fetched until then, page included)`,
    );
    if (cached.length > 0) print(`worker's start to the prompt, all of it cached: ${seconds(cached)}`);
  }
}

async function measureProcessor(
  port: number,
  launcher: readonly string[],
  print: (line: string) => void,
): Promise<void> {
  const script = (program: string): string =>
    `TIMEFORMAT='took %R'; for each in 1 2 3 4; do time { ${program}; } > /dev/null 2> /dev/null; done`;
  const timesOf = (text: string): number[] => [...text.matchAll(/^took ([\d.]+)/gm)].map(([, time]) => Number(time));
  const browser = await Browser.launch();
  const page = await browser.open(`http://127.0.0.1:${port}/`);
  await page.waitFor(SCREEN, /# $/m, PATIENCE_MS);
  const ratios: number[] = [];
  for (const [name, program] of Object.entries(PROGRAMS)) {
    await page.evaluate("stratos.terminal.clear()");
    const line = `clear; ${script(program)}; echo all over\n`;
    await page.evaluate(`stratos.terminal.input(${JSON.stringify(line)})`);
    await page.waitFor(SCREEN, /^all over$/m, PATIENCE_MS);
    const inTab = timesOf(String(await page.evaluate(SCREEN)));
    const { stderr } = spawnSync(
      launcher[0]!,
      [...launcher.slice(1), "run", "-i", IMAGE, "--", "bash", "-c", script(program)],
      {
        encoding: "utf8",
      },
    );
    const inNode = timesOf(stderr);
    const [tab, node] = [Math.min(...inTab.slice(1)), Math.min(...inNode.slice(1))];
    ratios.push(node / tab);
    print(`${name} in the tab: ${tab} s, in Node ${node} s: ${(node / tab).toFixed(2)} ×`);
  }
  const mean = Math.exp(ratios.reduce((sum, ratio) => sum + Math.log(ratio), 0) / ratios.length);
  print(`the processor in the tab, beside Node: ${mean.toFixed(2)} ×`);
  const took = Number(await page.evaluate(WRITE_TO_XTERM));
  print(`10 MB written to xterm.js, without a machine: ${(took / 1000).toFixed(3)} s`);
  await browser.close();
}

/** Lines as those that `cat` gives foot; how long xterm.js takes for them, in milliseconds. */
const WRITE_TO_XTERM = `new Promise((resolve) => {
  const line = "0123456789ABCDEFabcdefghijklmnopqrstuvwxyz+/0123456789ABCDEFabcdefghijklmnopqrs\\r\\n";
  const start = performance.now();
  stratos.terminal.write(line.repeat(125_000), () => resolve(performance.now() - start));
})`;

/** Notes when pictures of programs change: `drawn` has times, sizes, and what it took. */
const NOTE = `{
  const { putImageData } = CanvasRenderingContext2D.prototype;
  Object.assign(globalThis, { drawn: [], pressed: [] });
  CanvasRenderingContext2D.prototype.putImageData = function (data, ...rest) {
    const start = performance.now();
    putImageData.call(this, data, ...rest);
    const now = performance.now();
    if (this.canvas.matches(".picture")) drawn.push([now, this.canvas.width, data.width * data.height, now - start]);
  };
  addEventListener("keydown", () => pressed.push(performance.now()), { capture: true });
}`;

async function measureWindows(port: number, print: (line: string) => void): Promise<void> {
  const browser = await Browser.launch();
  const page = await browser.open(`http://127.0.0.1:${port}/desktop/`);
  await page.call("Emulation.setDeviceMetricsOverride", {
    width: 1400,
    height: 900,
    deviceScaleFactor: 1,
    mobile: false,
  });
  await page.waitFor("document.querySelectorAll('.panel button').length", /^[6-9]|\d\d$/, PATIENCE_MS);
  await page.evaluate(NOTE);
  await pressKey(page, "Enter", CTRL_ALT);
  await page.waitFor(ROWS, /[#$] /, PATIENCE_MS);
  const ask = async (line: string, answer: RegExp): Promise<string> => {
    await page.type(`clear; ${line}\n`);
    return answer.exec(await page.waitFor(ROWS, answer, PATIENCE_MS))![1]!;
  };
  await ask(
    "base64 -w 79 /bin/bash /bin/bash /bin/bash /bin/bash /bin/bash /bin/bash | head -c 10000000 > /tmp/big; " +
      "echo ready=$(stat -c %s /tmp/big)",
    /ready=(\d+)/,
  );
  // The desktop's own terminal leaves out what has scrolled away before it could be drawn, xterm.js by itself nothing.
  const cat = (name: string): string => `TIMEFORMAT=${name}=%R; { time cat /tmp/big; } 2> /tmp/took`;
  const inTerminal = await ask(`${cat("terminal")}; clear; cat /tmp/took`, /terminal=([\d.]+)/);
  const inFoot = await ask(`foot bash -c "${cat("foot")}"; clear; cat /tmp/took`, /foot=([\d.]+)/);
  print(`cat of 10 MB: foot ${inFoot} s, the desktop's terminal ${inTerminal} s`);

  await page.evaluate("drawn.length = 0");
  await page.type("clear; foot sh &\n");
  await page.waitFor("drawn.length", /^[1-9]/, PATIENCE_MS);
  await sleep(4000);
  const delays: number[] = [];
  const costs: number[] = [];
  for (let count = 0; count < 30; count++) {
    await page.evaluate("drawn.length = pressed.length = 0");
    await pressKey(page, "KeyX");
    await page.waitFor("drawn.length > 0 && pressed.length > 0", /^true$/, PATIENCE_MS);
    await sleep(60);
    const [at, cost] = String(
      await page.evaluate("[drawn[0][0] - pressed[0], drawn.reduce((sum, each) => sum + each[3], 0)]"),
    ).split(",");
    delays.push(Number(at));
    costs.push(Number(cost));
  }
  const p95 = percentile(delays, 0.95);
  print(`key to the page's canvas, foot: median ${median(delays).toFixed(1)} ms, p95 ${p95.toFixed(1)} ms`);
  print(`the page draws what a key has changed in foot: ${median(costs).toFixed(2)} ms`);
  await page.evaluate("document.querySelector('.xterm textarea').focus()");
  await page.type("kill %1; wait\n");
  await sleep(1500);
  const script = ROUND_TRIPS.replaceAll("\n", "\\n").replaceAll("'", "\\'");
  const trips = await ask(`python3 -c $'${script}'`, /trip=([\d.]+)/);
  print(`Wayland's round trip, by python3 in the tab: ${trips} ms`);

  for (const which of ["cold", "again"]) {
    await page.evaluate("document.querySelector('.xterm textarea').focus()");
    await page.evaluate("drawn.length = 0");
    await page.type("clear; gtk4-widget-factory &\n");
    const began = Number(await page.evaluate("performance.now()"));
    const first = "drawn.find((each) => each[1] > 500)?.[0] ?? ''";
    await page.waitFor(first, /^\d/, PATIENCE_MS);
    const tookMs = Number(await page.evaluate(first)) - began;
    print(`gtk4-widget-factory, ${which}: first frame after ${(tookMs / 1000).toFixed(2)} s`);
    await sleep(which === "again" ? 15_000 : 4000);
    await page.evaluate("drawn.length = 0");
    await sleep(5000);
    const frames = "new Set(drawn.map((each) => Math.round(each[0]))).size / 5";
    if (which === "again") print(`gtk4-widget-factory at rest moves ${String(await page.evaluate(frames))} frames/s`);
    await page.evaluate("document.querySelector('.xterm textarea').focus()");
    await page.type("kill %1; wait\n");
    await sleep(2000);
  }
  await browser.close();
}

/** wl_display.sync and its answer, a thousand times. */
const ROUND_TRIPS = `import os, socket, struct, time
s = socket.socket(socket.AF_UNIX)
s.connect(os.environ["XDG_RUNTIME_DIR"] + "/" + os.environ["WAYLAND_DISPLAY"])
def trip(n):
    s.sendall(struct.pack("<IIII", 1, 12 << 16, n, 0)[:12])
    got = b""
    while len(got) < 24: got += s.recv(4096)
for n in range(200): trip(2)
t = time.monotonic()
for n in range(1000): trip(2)
print("trip=%.3f" % (time.monotonic() - t))`;

function percentile(values: readonly number[], part: number): number {
  return values.toSorted((one, other) => one - other)[Math.ceil(part * values.length) - 1]!;
}

function seconds(ms: readonly number[]): string {
  const words = (each: number): string => (each / 1000).toFixed(2);
  return `${words(median(ms))} s (${words(Math.min(...ms))} to ${words(Math.max(...ms))}, ${ms.length} times)`;
}
