/**
 * Servers, compilers, interpreters and tools of Debian, each at a small task that ends in what must be seen
 * (`guest/programs/*.sh`, with the packages that it takes in its first line, and in the second the image that it has
 * with others, unless that is the common one). Not part of `npm test`: the image takes ten minutes, and most programs
 * start cold.
 *
 *     npm run conformance:programs -- [--record] [NAME…]
 */
import { spawnSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { ensureImage } from "../bench/prepare.ts";
import { type BootRow, recordBoots } from "./results.ts";
import { isWhole, refuseUnknown } from "../tests/support/known-names.ts";

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const GUEST = join(root, "conformance/guest");
const FOLDER = join(GUEST, "programs");
/** By the name in a script's second line. A change of the packages is a new image. */
const IMAGES = new Map([
  ["programs", "debian-programs-1"],
  ["containers", "debian-containers-2"],
  ["servers", "debian-servers-1"],
  ["large", "debian-large-1"],
  ["pictures", "debian-pictures-1"],
  ["network", "debian-network-1"],
  ["served", "debian-served-1"],
]);
const SECONDS = 600;

const known = readdirSync(FOLDER).map((file) => file.replace(/\.sh$/, ""));
const { values, positionals } = parseArgs({
  options: { record: { type: "boolean", default: false } },
  allowPositionals: true,
});
refuseUnknown(positionals, known, isWhole);

const launcher = [process.execPath, join(root, "stratos.mjs")];
const chosen = positionals.length > 0 ? positionals : known;
for (const image of new Set(chosen.map(imageOf))) {
  const packages = known
    .filter((name) => imageOf(name) === image)
    .flatMap((name) => /^# Debian: (.*)$/m.exec(textOf(name))![1]!.split(" "));
  ensureImage(launcher, image, [...new Set(packages)]);
}
const rows: BootRow[] = [];
for (const name of chosen) {
  const startMs = performance.now();
  const options = ["-i", imageOf(name), "--memory", "3G", "--timeout", String(SECONDS), "-v", `${GUEST}:/guest:ro`];
  const [node, ...words] = [...launcher, "run", ...options, "--", "bash", `/guest/programs/${name}.sh`];
  const { status, stdout, stderr } = spawnSync(node!, words, { encoding: "latin1" });
  const seconds = Math.round((performance.now() - startMs) / 1000);
  console.log(`${status === 0 ? "ok    " : "FAILED"} ${name} (${seconds} s)`);
  if (status !== 0) console.log(`status ${status}\n${(stdout + stderr).split("\n").slice(-12).join("\n")}`);
  rows.push({ name, isRight: status === 0, seconds });
}
if (values.record)
  recordBoots(
    "programs",
    { title: "Programs of Debian at a task each", command: "npm run conformance:programs -- --record" },
    rows,
  );
const failed = rows.filter(({ isRight }) => !isRight).length;
console.log(`${rows.length - failed} passed, ${failed} failed`);
process.exitCode = failed === 0 ? 0 : 1;

function textOf(name: string): string {
  return readFileSync(join(FOLDER, `${name}.sh`), "utf8");
}

function imageOf(name: string): string {
  const [, image = "programs"] = /^# Image: (.*)$/m.exec(textOf(name)) ?? [];
  const found = IMAGES.get(image);
  if (found === undefined) throw new Error(`${name}.sh: there is no image "${image}"`);
  return found;
}
