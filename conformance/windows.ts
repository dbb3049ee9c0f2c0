/**
 * Draws programs of Debian with windows, each by `stratos run --screenshot`, for a person to look at: what a machine
 * can say of a picture is that there was a window and that it has something in it. Not part of `npm test`: the image
 * takes some minutes, and GTK's programs start cold.
 *
 *     npm run conformance:windows -- [--dir FOLDER] [--record] [NAME…]
 */
import { spawnSync } from "node:child_process";
import { mkdirSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { ensureImage } from "../bench/prepare.ts";
import { type BootRow, recordBoots } from "./results.ts";
import { type Picture, readPicture } from "../tests/support/picture.ts";
import { isWhole, refuseUnknown } from "../tests/support/known-names.ts";

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const IMAGE = "windows-programs-3";
const PACKAGES = [
  ...["weston", "foot", "gtk-4-examples", "adwaita-icon-theme", "fonts-dejavu-core"],
  // By X11.
  ...["xwayland", "xterm", "x11-apps"],
  // By GTK 3 and 4, Qt 6 and SDL 2.
  ...["mousepad", "gedit", "netsurf-gtk", "featherpad", "qt6-wayland", "libsdl2-tests"],
];

/** By name: what is run, and after how many seconds a program that always moves is pictured. */
const PROGRAMS: Readonly<Record<string, { readonly command: readonly string[]; readonly seconds: number }>> = {
  "simple-shm": { command: ["weston-simple-shm"], seconds: 20 },
  "flower": { command: ["weston-flower"], seconds: 30 },
  "foot": { command: ["foot", "sh", "-c", "ls --color=always -l /; sleep 1000"], seconds: 120 },
  "xterm": { command: ["xterm", "-e", "sh", "-c", "ls --color=always -l /; sleep 1000"], seconds: 120 },
  "xclock": { command: ["xclock"], seconds: 60 },
  "xeyes": { command: ["xeyes"], seconds: 60 },
  "xcalc": { command: ["xcalc"], seconds: 60 },
  "weston-terminal": { command: ["weston-terminal"], seconds: 60 },
  "mousepad": { command: ["mousepad", "/etc/passwd"], seconds: 120 },
  "gedit": { command: ["gedit", "/etc/passwd"], seconds: 180 },
  "netsurf": { command: ["netsurf-gtk", "about:licence"], seconds: 180 },
  "featherpad": { command: ["featherpad", "/etc/passwd"], seconds: 60 },
  "sdl": { command: ["/usr/libexec/installed-tests/SDL2/testsprite2"], seconds: 60 },
  "widget-factory": { command: ["gtk4-widget-factory"], seconds: 120 },
};

const launcher = [process.execPath, join(root, "stratos.mjs")];

function stratos(args: readonly string[]): number {
  const { status } = spawnSync(launcher[0]!, [...launcher.slice(1), ...args], { stdio: "inherit" });
  return status ?? 1;
}

/** Colours beside that of the empty screen. */
function coloursOf({ width, height, pixel }: Picture): number {
  const colours = new Set<string>();
  for (let y = 0; y < height; y++) for (let x = 0; x < width; x++) colours.add(pixel(x, y));
  return colours.size - 1;
}

const { values, positionals } = parseArgs({
  options: { dir: { type: "string", default: "windows" }, record: { type: "boolean", default: false } },
  allowPositionals: true,
});
refuseUnknown(positionals, Object.keys(PROGRAMS), isWhole);
mkdirSync(values.dir, { recursive: true });
ensureImage(launcher, IMAGE, PACKAGES);
const rows: BootRow[] = [];
for (const [name, { command, seconds }] of Object.entries(PROGRAMS)) {
  if (positionals.length > 0 && !positionals.includes(name)) continue;
  const file = join(values.dir, `${name}.png`);
  const options = ["-i", IMAGE, "--timeout", String(seconds), "--screenshot", file];
  const startMs = performance.now();
  const status = stratos(["run", ...options, "--", ...command]);
  const colours = status === 0 ? coloursOf(readPicture(file)) : 0;
  console.log(`${name}: status ${status}, ${colours} colours, ${file}`);
  rows.push({ name, isRight: colours > 1, seconds: Math.round((performance.now() - startMs) / 1000) });
}
if (values.record)
  recordBoots(
    "windows",
    {
      title: "Programs of Debian with windows, each by its picture",
      command: "npm run conformance:windows -- --record",
    },
    rows,
  );
const failed = rows.filter(({ isRight }) => !isRight).length;
console.log(`${rows.length - failed} passed, ${failed} failed`);
process.exitCode = failed === 0 ? 0 : 1;
