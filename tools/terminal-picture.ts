/**
 * `npm run picture`: records docs/terminal.svg, the picture in README.md, from a real session: a terminal of tmux in
 * which `npm start` runs, typed to, and copied with its colours. Needs tmux and the prepared image `debian`.
 */
import { execFileSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { setTimeout as sleep } from "node:timers/promises";

const COLUMNS = 96;
const ROWS = 30;
const SESSION = "stratos-picture";
const TYPED = [
  "uname -srm; head -1 /etc/os-release; nproc",
  "python3 -c 'import sys, platform; print(sys.version.split()[0], platform.machine())'",
  "ls --color -C /usr | head; git --version",
  "for i in 3 2 1; do echo $((i ** 10)); done | sort -n | tee /tmp/powers | wc -l",
  "sleep 100 &",
  "jobs; kill %1; ps -e -o pid,ppid,stat,comm",
];
/** The sixteen colours of xterm, and the two of the page. */
const PALETTE = [
  "#2e3436",
  "#cc4c4c",
  "#5fa83a",
  "#c4a000",
  "#5b8dd9",
  "#a06fb0",
  "#3fa7a7",
  "#d3d7cf",
  "#6f7370",
  "#ef6b6b",
  "#8ae234",
  "#fce94f",
  "#84b0f0",
  "#c79fd0",
  "#5ee0e0",
  "#ffffff",
];
const FOREGROUND = "#d3d7cf";
const BACKGROUND = "#16191d";
const CELL_WIDTH = 8.4;
const CELL_HEIGHT = 18;

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const tmux = (...words: string[]): string => execFileSync("tmux", ["-L", SESSION, ...words], { encoding: "utf8" });

tmux("new-session", "-d", "-x", String(COLUMNS), "-y", String(ROWS), "-c", root, "npm", "start", "--silent");
try {
  await untilPrompt();
  tmux("send-keys", "clear", "Enter");
  for (const line of TYPED) {
    await untilPrompt();
    tmux("send-keys", "-l", line);
    tmux("send-keys", "Enter");
  }
  await untilPrompt();
  await sleep(500);
  writeFileSync(join(root, "docs/terminal.svg"), svg(tmux("capture-pane", "-e", "-p")));
} finally {
  tmux("kill-server");
}

/** Waits until the last line of the screen is a prompt with nothing typed. */
async function untilPrompt(): Promise<void> {
  for (let attempt = 0; attempt < 600; attempt++) {
    await sleep(200);
    const lines = tmux("capture-pane", "-p").trimEnd().split("\n");
    if (/[#$]$/.test(lines.at(-1)!.trimEnd())) return;
  }
  throw new Error(`no prompt within two minutes; on the screen:\n${tmux("capture-pane", "-p")}`);
}

/** @param screen  text with SGR sequences (ECMA-48 §8.3.117) */
function svg(screen: string): string {
  const width = Math.ceil(COLUMNS * CELL_WIDTH + 24);
  const lines = screen.trimEnd().split("\n");
  const height = lines.length * CELL_HEIGHT + 24;
  const rows = lines.map((line, row) => `<text x="12" y="${12 + (row + 1) * CELL_HEIGHT - 5}">${spans(line)}</text>`);
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ` +
      `${height}" font-family="ui-monospace, Menlo, Consolas, 'DejaVu Sans Mono', monospace" font-size="14" ` +
      'xml:space="preserve">',
    `<rect width="${width}" height="${height}" rx="8" fill="${BACKGROUND}"/>`,
    `<g fill="${FOREGROUND}">`,
    ...rows,
    "</g>",
    "</svg>",
    "",
  ].join("\n");
}

function spans(line: string): string {
  let color = FOREGROUND;
  let isBold = false;
  let text = "";
  for (const part of line.split(/(\x1b\[[0-9;]*m)/)) {
    const codes = /^\x1b\[([0-9;]*)m$/.exec(part);
    if (codes === null) {
      if (part !== "")
        text += `<tspan fill="${color}"${isBold ? ' font-weight="bold"' : ""}>${escapeXml(part)}</tspan>`;
      continue;
    }
    for (const code of codes[1]!.split(";").map(Number)) {
      if (code === 0) [color, isBold] = [FOREGROUND, false];
      else if (code === 1) isBold = true;
      else if (code >= 30 && code <= 37) color = PALETTE[code - 30 + (isBold ? 8 : 0)]!;
      else if (code >= 90 && code <= 97) color = PALETTE[code - 82]!;
      else if (code === 39) color = FOREGROUND;
    }
  }
  return text;
}

function escapeXml(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
}
