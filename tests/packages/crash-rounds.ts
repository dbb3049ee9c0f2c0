/**
 * Kills changes of packages at random moments, again and again: each time the folder or the image is, to the last file,
 * what it was before or what it should become, and no process and no mount is left.
 *
 *     npm run crash:pkg -- [--rounds N] [--alpm-rounds N] [--image-rounds N] [--operations
 *     install,remove,upgrade,rollback,apply] [--seed S]
 *
 * The rounds are those of each operation: on a folder with Debian packages, on one with ALPM packages, on an image.
 *
 * Half of the moments are spread over the whole run; the others are within the milliseconds in which the change becomes
 * visible, which the plan in the folder's journal, or the description of the image's draft, gives away. After a round
 * that went through, the change is taken back.
 */
import { spawn } from "node:child_process";
import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { pathToFileURL } from "node:url";
import { parseArgs } from "node:util";
import { SeededRandom } from "@stratos/base";
import { makeAlpmPackage } from "../../packages/pkg/src/testing/alpm-repository.ts";
import { hostArchitecture, makeSmallRoot, SampleArchive, script } from "../support/sample-archive.ts";
import { launcher, stratos } from "../support/stratos.ts";
import { rootManifest } from "./root-manifest.ts";
import { leftBehind } from "../support/left-behind.ts";

type CrashPlace =
  | { readonly kind: "root" | "alpm"; readonly root: string }
  | { readonly kind: "image"; readonly image: string };

/** Command lines without `stratos pkg` and the place. */
interface CrashOperation {
  readonly name: string;
  /** what makes the old state */
  readonly setUp: readonly (readonly string[])[];
  /** what is killed */
  readonly command: readonly string[];
  /** what leads from the new state to the old one */
  readonly undo: readonly string[];
}

interface CrashOptions {
  readonly place: CrashPlace;
  readonly operation: CrashOperation;
  readonly rounds: number;
  readonly seed: number;
  /** TMPDIR of the runs, by which what they leave is known */
  readonly folder: string;
  readonly env: Readonly<Record<string, string>>;
  readonly onRound?: (report: CrashReport) => void;
}

interface CrashReport {
  rounds: number;
  old: number;
  new: number;
  failures: string[];
}

/**
 * Of what shows that a change is becoming visible, moments up to so much later, or to four or sixteen times that:
 * syncing takes longer on a busy host.
 */
const CRITICAL_MS = 40;

export async function crashRounds(options: CrashOptions): Promise<CrashReport> {
  const { place, env, operation } = options;
  const random = new SeededRandom(options.seed);
  const where = place.kind === "image" ? ["--image", place.image] : ["--root", place.root];
  const pkg = async (...args: string[]): Promise<string> => {
    const result = await stratos(["pkg", ...args, ...where], { env });
    if (result.status !== 0) throw new Error(`stratos pkg ${args.join(" ")}: ${result.stderr}`);
    return result.stdout;
  };
  // The next command finishes what was interrupted; of ALPM's, one that does not only look.
  const state = async (): Promise<string> => {
    const list = await pkg(...(place.kind === "alpm" ? ["alpm", "update"] : ["list", "--json"]));
    // Logs tell of all that was tried, and pacman's records of when it was.
    return place.kind === "image"
      ? list
      : rootManifest(place.root)
          .replace(/^f var\/log\/.*\n/gm, "")
          .replace(/^(f var\/lib\/pacman\/local\/\S+\/desc \S+ \S+) .*$/gm, "$1");
  };
  await pkg(...(place.kind === "alpm" ? ["alpm", "update"] : ["update"]));
  for (const step of operation.setUp) await pkg(...step);
  const before = await state();
  const start = performance.now();
  await pkg(...operation.command);
  const wholeMs = performance.now() - start;
  const after = await state();
  await pkg(...operation.undo);
  const report: CrashReport = { rounds: 0, old: 0, new: 0, failures: [] };
  if ((await state()) !== before) report.failures.push("taking the change back does not give the state before");
  for (; report.rounds < options.rounds; report.rounds++) {
    const isCritical = random.below(2) === 0;
    // What a killed run left shows nothing of this one.
    const leftover = new Set(draftsOf(place, env));
    const child = spawn(launcher[0]!, [...launcher.slice(1), "pkg", ...operation.command, ...where], {
      stdio: "ignore",
      env: { ...process.env, ...env },
      detached: true,
    });
    let hasEnded = false;
    const ended = new Promise<void>((resolve) =>
      child.on("close", () => {
        hasEnded = true;
        resolve();
      }),
    );
    const delayMs = isCritical ? random.below(CRITICAL_MS << (2 * random.below(3))) : random.below(Math.ceil(wholeMs));
    if (isCritical) while (!hasEnded && !draftsOf(place, env).some((one) => !leftover.has(one))) await delay(1);
    await delay(delayMs);
    const isAlone = random.below(2) === 0;
    try {
      // Only the program itself, whose children must not outlive it; or all of it at once, as an OOM killer does.
      process.kill(isAlone ? child.pid! : -child.pid!, "SIGKILL");
    } catch {
      // It had ended already.
    }
    await ended;
    const name =
      `${operation.name}, seed ${options.seed}, round ${report.rounds} ` +
      `(${isCritical ? "becoming visible and " : ""}${delayMs} ms, ${isAlone ? "alone" : "all of it"})`;
    report.failures.push(...(await leftBehind(options.folder)).map((what) => `${name}: ${what}`));
    const now = await state();
    if (now === before) report.old++;
    else if (now === after) {
      report.new++;
      await pkg(...operation.undo);
      if ((await state()) !== before) report.failures.push(`${name}: taking it back does not give the state before`);
    } else {
      report.failures.push(
        `${name}: neither the old state nor the new one\n${difference(now, before)}\n--\n${difference(now, after)}`,
      );
      break;
    }
    options.onRound?.({ ...report, rounds: report.rounds + 1 });
  }
  // Whoever comes next clears away what killed runs left.
  if (place.kind !== "alpm") await pkg("install", "--dry-run", "crash-one");
  return report;
}

/** What shows that a change is about to become visible, or is becoming so, each by its time. */
function draftsOf(place: CrashPlace, env: Readonly<Record<string, string>>): string[] {
  // A draft is there from the beginning. Its last file is a root's plan, which then only has to be synced and renamed;
  // or an image's description.
  const folder =
    place.kind === "image" ? join(env["STRATOS_HOME"]!, "images") : join(place.root, "var/lib/stratos/changes");
  const last = place.kind === "image" ? "image.json" : "plan";
  const names = namesIn(folder).filter(
    (name) => name.startsWith(".old-") || name.startsWith(".new-") || name.endsWith(".draft"),
  );
  // A number is given again when nothing came of its draft.
  return names
    .flatMap((name) => statSync(join(folder, name, last), { throwIfNoEntry: false })?.mtimeMs ?? [])
    .map(String);
}

function namesIn(folder: string): string[] {
  return existsSync(folder) ? readdirSync(folder) : [];
}

function difference(one: string, other: string): string {
  const lines = new Set(other.split("\n")),
    own = new Set(one.split("\n"));
  return [
    ...[...own].filter((line) => !lines.has(line)).map((line) => `+${line}`),
    ...[...lines].filter((line) => !own.has(line)).map((line) => `-${line}`),
  ]
    .slice(0, 20)
    .join("\n");
}

/** An operation on the samples. @param list  for `apply`: a system list that names the first sample */
export function crashOperation(name: string, kind: CrashPlace["kind"], list: string): CrashOperation {
  const isAlpm = kind === "alpm";
  const install = isAlpm ? ["alpm", "install", "crash-one"] : ["install", "crash-one"];
  const undo = isAlpm ? ["alpm", "rollback"] : ["rollback"];
  switch (name) {
    case "install":
      return { name, setUp: [], command: install, undo };
    case "remove":
      return {
        name,
        setUp: [install],
        command: isAlpm ? ["alpm", "remove", "--recursive", "crash-one"] : ["purge", "--autoremove", "crash-one"],
        undo,
      };
    case "upgrade":
      return {
        name,
        setUp: [
          isAlpm
            ? [
                "alpm",
                "install",
                ...["one", "two"].flatMap((which) => [
                  "--file",
                  join(list, `../repository/crash-${which}-1.0-1-any.pkg.tar.zst`),
                ]),
              ]
            : ["install", "crash-one=1.0", "crash-two=1.0"],
        ],
        command: isAlpm ? ["alpm", "upgrade"] : ["upgrade"],
        undo,
      };
    case "rollback":
      return { name, setUp: [install], command: undo, undo: install };
    case "apply":
      return { name, setUp: [], command: ["apply", list], undo };
    default:
      throw new Error(`${name}: no such operation`);
  }
}

/** What is offered to places of crashes. */
export async function offerCrashSamples(archive: SampleArchive): Promise<void> {
  for (const version of ["1.0", "2.0"]) await offerVersion(archive, version);
}

async function offerVersion(archive: SampleArchive, version: string): Promise<void> {
  const files = Object.fromEntries(
    Array.from({ length: 40 }, (_, number) => [
      `usr/share/crash-one/file${number}`,
      `${version} ${number}\n`.repeat(100),
    ]),
  );
  await archive.offer(
    {
      name: "crash-one",
      version,
      fields: "Depends: crash-two\n",
      files: { ...files, "etc/crash.conf": "colour = blue\n" },
      control: {
        conffiles: "/etc/crash.conf\n",
        postinst: script("echo configured > /var/lib/crash-one"),
        postrm: script('[ "$1" != purge ] || rm -f /var/lib/crash-one'),
      },
    },
    { name: "crash-two", version, files: { "usr/share/crash-two/file": `two ${version}\n` } },
  );
}

/** The same for ALPM: a root, whose repository stands beside it. */
async function makeAlpmRoot(folder: string, root: string, env: Record<string, string>): Promise<void> {
  const repository = join(folder, "repository");
  mkdirSync(repository);
  for (const version of ["1.0-1", "2.0-1"]) {
    const files = Object.fromEntries(
      Array.from({ length: 40 }, (_, number) => [
        `usr/share/crash-one/file${number}`,
        `${version} ${number}\n`.repeat(100),
      ]),
    );
    for (const [name, spec] of [
      [
        "crash-one",
        {
          depends: ["crash-two"],
          files: { ...files, "etc/crash.conf": "colour = blue\n" },
          backup: ["etc/crash.conf"],
          install:
            "post_install() { echo configured >> /var/log/crash-one; }\n" +
            "post_remove() { echo removed >> /var/log/crash-one; }\n",
        },
      ],
      ["crash-two", {}],
    ] as const) {
      writeFileSync(
        join(repository, `${name}-${version}-any.pkg.tar.zst`),
        (await makeAlpmPackage(name, version, spec)).bytes,
      );
    }
  }
  makeSmallRoot(root, "");
  // Of Debian's it keeps the programs alone.
  for (const path of ["var/lib/dpkg", "var/lib/apt", "etc/apt"]) rmSync(join(root, path), { recursive: true });
  writeFileSync(
    join(root, "etc/pacman.conf"),
    "[options]\nArchitecture = auto\nSigLevel = Never\nLocalFileSigLevel = Never\n[own]\nServer = " +
      `file://${repository}\n`,
  );
  const made = await stratos(["pkg", "alpm", "repo", "own", repository], { env });
  if (made.status !== 0) throw new Error(made.stderr);
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      rounds: { type: "string", default: "20" },
      "alpm-rounds": { type: "string", default: "20" },
      operations: { type: "string", default: "install,remove,upgrade,rollback,apply" },
      "image-rounds": { type: "string", default: "0" },
      seed: { type: "string", default: "1" },
    },
  });
  const folder = mkdtempSync(join(tmpdir(), "stratos-crash-pkg-"));
  const seed = Number(values.seed);
  let passed = 0,
    failed = 0;
  const run = async (
    place: CrashPlace,
    operation: CrashOperation,
    rounds: number,
    env: Record<string, string>,
  ): Promise<void> => {
    const report = await crashRounds({
      place,
      operation,
      rounds,
      seed,
      folder,
      env,
      onRound: (so) => {
        if (so.rounds % 10 === 0)
          console.log(
            `${place.kind} ${operation.name}: ${so.rounds} rounds, ${so.old} old, ${so.new} new, ` +
              `${so.failures.length} failures`,
          );
      },
    });
    for (const failure of report.failures) console.log(`FAILED   ${failure}`);
    console.log(
      `${place.kind} ${operation.name}: ${report.rounds} rounds, ${report.old} as before, ${report.new} as they ` +
        "should become",
    );
    failed += report.failures.length;
    passed += report.old + report.new;
  };
  const archives: SampleArchive[] = [];
  const open = async (architecture: string): Promise<SampleArchive> => {
    const archive = new SampleArchive(join(folder, `archive-${architecture}`), architecture);
    archives.push(archive);
    await archive.open();
    await offerCrashSamples(archive);
    return archive;
  };
  const list = join(folder, "system.toml");
  writeFileSync(
    list,
    '[packages]\nofficial = ["crash-one"]\ndebian = ["crash-one"]\n[[files]]\npath = "/etc/motd"\n' +
      'content = "listed\\n"\n',
  );
  const operations = values.operations.split(",");
  const env = { STRATOS_HOME: join(folder, "home"), TMPDIR: folder };
  try {
    if (Number(values.rounds) > 0) {
      const { source } = await open(hostArchitecture());
      for (const name of operations) {
        const root = join(folder, `root-${name}`);
        makeSmallRoot(root, source);
        await run({ kind: "root", root }, crashOperation(name, "root", list), Number(values.rounds), env);
      }
    }
    if (Number(values["alpm-rounds"]) > 0) {
      const base = join(folder, "alpm");
      await makeAlpmRoot(folder, base, env);
      for (const name of operations) {
        const root = join(folder, `alpm-${name}`);
        cpSync(base, root, { recursive: true, verbatimSymlinks: true });
        await run({ kind: "alpm", root }, crashOperation(name, "alpm", list), Number(values["alpm-rounds"]), env);
      }
    }
    if (Number(values["image-rounds"]) > 0) {
      const { ensureTestImage, TEST_HOME, TEST_IMAGE } = await import("../support/test-image.ts");
      await ensureTestImage();
      const image = `crash-${process.pid}`;
      const { source } = await open("riscv64");
      try {
        const made = await stratos(
          [
            "run",
            "-i",
            TEST_IMAGE,
            "--keep",
            image,
            "--",
            "sh",
            "-c",
            "rm -f /etc/apt/sources.list.d/*; cat > /etc/apt/sources.list.d/own.sources",
          ],
          { stdin: source },
        );
        if (made.status !== 0) throw new Error(made.stderr);
        for (const name of operations) {
          const copy = `${image}-${name}`;
          try {
            const copied = await stratos(["run", "-i", image, "--keep", copy, "--", "true"]);
            if (copied.status !== 0) throw new Error(copied.stderr);
            await run(
              { kind: "image", image: copy },
              crashOperation(name, "image", list),
              Number(values["image-rounds"]),
              { STRATOS_HOME: TEST_HOME, TMPDIR: folder },
            );
          } finally {
            await stratos(["image", "rm", "-f", copy]);
          }
        }
      } finally {
        await stratos(["image", "rm", "-f", image]);
      }
    }
  } finally {
    for (const archive of archives) await archive.close();
    rmSync(folder, { recursive: true, force: true });
  }
  console.log(`seed ${seed}\n${passed} passed, ${failed} failed`);
  process.exitCode = failed === 0 ? 0 : 1;
}

if (process.argv[1] !== undefined && import.meta.url === pathToFileURL(process.argv[1]).href) await main();
