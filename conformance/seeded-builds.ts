/**
 * `npm run conformance:seeded-builds -- [--only a,b] [--suite trixie] [--user NAME] [--record]`: five packages that
 * embed what no two builds share. Each is built twice by sbuild, to show that it differs there, and twice by `stratos
 * builder build --in stratos --seed`, where all that is made must be the same byte for byte: packages, `.changes` and
 * `.buildinfo`.
 *
 * Needs what `conformance/sbuild-peer.ts` needs. The last line is `N passed, N failed`.
 */
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import type { BuildResult } from "@stratos/builder";
import { packSource, writeSource } from "../tests/builder/sample-source.ts";
import { recordBoots, type BootRow } from "./results.ts";
import { SbuildPeer } from "./sbuild-peer.ts";
import { isWhole, refuseUnknown } from "../tests/support/known-names.ts";

const OUT = "$D/usr/share/sample";
/** Lines of sh(1), with what every base has: a compiler, make and perl. */
const EMBEDDING: Readonly<Record<string, string>> = {
  // A build's date in a program: not by __DATE__, which SOURCE_DATE_EPOCH rules.
  "embeds-time":
    `printf 'const char built[] = "%s"; int main(void) { return built[0]; }' "$(date +%s.%N)" >clock.c\n` +
    `gcc -O1 clock.c -o ${OUT}/clock`,
  "embeds-chance": `cat /proc/sys/kernel/random/uuid >${OUT}/uuid\nmktemp -u XXXXXXXXXX >${OUT}/name`,
  // Order of a hash's keys, and numbers of files.
  "embeds-order":
    `perl -e 'my %h = map { $_ => 1 } 1 .. 99; print join " ", keys %h' >${OUT}/keys\n` +
    `ls -U -i debian >${OUT}/files`,
  "embeds-addresses":
    "printf '#include <stdio.h>\\n#include <stdlib.h>\\n" +
    `int main(int c, char **v) { printf("%%p %%p %%p", v, (void *)main, malloc(9)); }' >where.c\n` +
    `gcc -fPIE -pie where.c -o where\n./where >${OUT}/table`,
  // Times and owners of files, and who of several jobs was done first.
  "embeds-archive":
    'printf \'all: a b c d e f g h\\n%%:\\n\\t@perl -e "select undef, undef, undef, rand 0.2"; ' +
    "echo $@ $$$$ >>race\\n' >jobs.mk\n" +
    `make -s -f jobs.mk -j8 all\ntar -czf ${OUT}/tree.tar.gz race jobs.mk`,
};
const { values } = parseArgs({
  options: {
    only: { type: "string" },
    suite: { type: "string", default: "trixie" },
    user: { type: "string", default: "sbuilder" },
    record: { type: "boolean", default: false },
  },
});
const root = dirname(dirname(fileURLToPath(import.meta.url)));
const folder = mkdtempSync(join(tmpdir(), "stratos-conformance-seeded-"));
const rows: BootRow[] = [];
refuseUnknown(values.only?.split(",") ?? [], Object.keys(EMBEDDING), isWhole);
try {
  // The peer's user goes through it.
  chmodSync(folder, 0o711);
  const peer = new SbuildPeer(values.user, values.suite);
  for (const name of values.only?.split(",") ?? Object.keys(EMBEDDING)) {
    const started = performance.now();
    const told = compare(name, peer);
    rows.push({ name, isRight: told === "", seconds: Math.round((performance.now() - started) / 1000) });
    process.stdout.write(`${name}: ${told === "" ? "differs by sbuild, the same by its seed" : told}\n`);
  }
} finally {
  rmSync(folder, { recursive: true, force: true });
}
if (values.record)
  recordBoots(
    "seeded-builds",
    {
      title: "Reproducible where sbuild's builds are not",
      command: "npm run conformance:seeded-builds -- --record",
    },
    rows,
  );
const failed = rows.filter(({ isRight }) => !isRight).length;
process.stdout.write(`${rows.length - failed} passed, ${failed} failed\n`);
process.exitCode = failed === 0 && rows.length > 0 ? 0 : 1;

/** @returns what is wrong, or "" */
function compare(name: string, peer: SbuildPeer): string {
  const place = join(folder, name);
  mkdirSync(place);
  chmodSync(place, 0o711);
  const dsc = packSource(place, writeSource(place, { name, script: EMBEDDING[name]! }), name);
  const theirs = ["first", "second"].map((one) => {
    const output = join(place, one);
    mkdirSync(output);
    peer.give(output);
    for (const file of [dsc, join(place, `${name}_1.0.tar.gz`)]) peer.copy(file, output);
    const built = peer.build(output, `${name}_1.0.dsc`);
    if (built.status !== 0) throw new Error(`sbuild of ${name} failed: ${built.output.slice(-2000)}`);
    return hashes(output, /\.deb$/);
  });
  if (theirs[0] === theirs[1]) return "sbuild's two builds are the same: nothing is shown";
  const ours = ["once", "twice"].map((one) => {
    const output = join(place, one);
    build(dsc, output);
    return hashes(output, /\.(deb|changes|buildinfo)$/);
  });
  return ours[0] === ours[1] ? "" : `differs by its seed: ${ours.join(" / ")}`;
}

function build(dsc: string, output: string): void {
  const bundle = join(root, "dist/main.cjs"),
    program = existsSync(bundle) ? bundle : join(root, "packages/cli/src/main.ts");
  const carrier = ["--in", "stratos", "--seed", "7", "--suite", values.suite];
  const { stdout, stderr } = spawnSync(
    process.execPath,
    [program, "builder", "build", dsc, ...carrier, "-o", output, "--json"],
    { encoding: "utf8", maxBuffer: 1 << 28, stdio: ["ignore", "pipe", "pipe"] },
  );
  const { status } = JSON.parse(stdout || "{}") as Partial<BuildResult>;
  if (status !== "built") throw new Error(`${dsc}: ${stderr}${stdout}`);
}

/** Of each file by name, in words. */
function hashes(path: string, pattern: RegExp): string {
  return readdirSync(path)
    .filter((name) => pattern.test(name))
    .sort()
    .map(
      (name) =>
        `${name} ${createHash("sha256")
          .update(readFileSync(join(path, name)))
          .digest("hex")}`,
    )
    .join(", ");
}
