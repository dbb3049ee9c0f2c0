/**
 * Busy systems are saved at random moments and go on in another process or thread: what they come to is what they come
 * to undisturbed.
 *
 *     npm run determinism:checkpoints -- [--only PART-OF-A-NAME] [--rounds N] [--hops N] [--seed S]
 *
 * In each of N rounds (3) a program is saved up to N times (6) on its way; what goes on is always what was saved last.
 * The image is built when it is first needed (PostgreSQL, Go, gcc). The last line is `N passed, N failed`.
 */
import { rmSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { pathToFileURL } from "node:url";
import { parseArgs } from "node:util";
import { SeededRandom } from "@stratos/base";
import type { Isolation, Program, ProgramEnd, Sandbox as SandboxClass } from "@stratos/sdk/public";
import { installLibrary } from "../support/library-project.ts";
import { ensureImage, TEST_HOME } from "../support/test-image.ts";
import { BUSY_PROGRAMS, type BusyProgram } from "./busy-programs.ts";
import { refuseUnknown } from "../support/known-names.ts";

type Box = Awaited<ReturnType<typeof SandboxClass.create>>;

/** A change of the packages is a new image. */
const IMAGE = "checkpoints-1";
const PACKAGES = ["gcc", "golang-go", "libc6-dev", "postgresql", "python3"];
const MEMORY_BYTES = 1 << 30;
/** In which what was printed before a pause has come. */
const DELIVERY_MS = 100;
const ISOLATIONS: readonly Isolation[] = ["process", "worker"];

const { values } = parseArgs({
  options: {
    only: { type: "string", default: "" },
    rounds: { type: "string", default: "3" },
    hops: { type: "string", default: "6" },
    seed: { type: "string", default: String(Date.now() % 1e6) },
  },
});

refuseUnknown(
  [values.only],
  BUSY_PROGRAMS.map(({ name }) => name),
);

/** What a program has printed, as far as it has come, and how it ends. */
class Outcome {
  text = "";
  readonly end: Promise<ProgramEnd>;

  /** @param text  that it had printed before it was saved */
  constructor(program: Program, text = "") {
    this.text = text;
    const read = async (stream: AsyncIterable<Uint8Array>): Promise<void> => {
      const decoder = new TextDecoder();
      for await (const bytes of stream) this.text += decoder.decode(bytes, { stream: true });
    };
    const all = [read(program.stdout), read(program.stderr)];
    this.end = Promise.all(all).then(() => program.wait());
    // Of one that is left behind nobody waits for it.
    this.end.catch(() => {});
  }
}

async function wordsOf(outcome: Outcome): Promise<string> {
  const { exitCode, signal } = await outcome.end;
  return `${outcome.text}status ${exitCode} ${signal}`;
}

/** In whatever order it is said. */
function sameWords(one: string, other: string): boolean {
  const [a, b] = [one, other].map((words) => words.split("\n").sort().join("\n"));
  return a === b;
}

interface Undisturbed {
  readonly said: string;
  readonly ms: number;
}

/** @throws when it doesn't print what it should */
async function undisturbed(sandboxes: typeof SandboxClass, program: BusyProgram): Promise<Undisturbed> {
  const box = await sandboxes.create({ image: IMAGE, memoryBytes: MEMORY_BYTES });
  try {
    const start = performance.now();
    const said = await wordsOf(new Outcome(await box.spawn(["bash", "-c", program.script])));
    if (!program.output.test(said)) throw new Error(`${program.name}: undisturbed it comes to ${said}`);
    return { said, ms: performance.now() - start };
  } finally {
    await box.close();
  }
}

interface Journey {
  readonly hops: number;
  readonly said: string;
}

/** @param ms  roughly what the program takes */
async function disturbed(
  sandboxes: typeof SandboxClass,
  program: BusyProgram,
  ms: number,
  random: SeededRandom,
): Promise<Journey> {
  const most = Number(values.hops);
  let box: Box = await sandboxes.create({ image: IMAGE, memoryBytes: MEMORY_BYTES });
  try {
    let going = await box.spawn(["bash", "-c", program.script]);
    let outcome = new Outcome(going);
    for (let hops = 0; ; hops++) {
      const pause = Math.round((random.u32() / 2 ** 32) * 2 * (ms / (most + 1)));
      const isOver = await Promise.race([
        outcome.end.then(() => true),
        new Promise<false>((resolve) => setTimeout(() => resolve(false), pause)),
      ]);
      if (isOver || hops === most) return { hops, said: await wordsOf(outcome) };
      // What it has printed by then is with us, and what it prints from there on is the other one's.
      await box.pause();
      await delay(DELIVERY_MS);
      const { text } = outcome;
      const state = await box.save();
      const isolation = ISOLATIONS[random.u32() % ISOLATIONS.length]!;
      await box.close();
      box = await sandboxes.create({ image: IMAGE, memoryBytes: MEMORY_BYTES, state, isolation, keepsPrograms: true });
      going = box.attach(going.pid);
      outcome = new Outcome(going, text);
    }
  } finally {
    await box.close();
  }
}

const seed = Number(values.seed);
console.log(`--seed ${seed}`);
const random = new SeededRandom(seed);
let passed = 0,
  failed = 0;
await ensureImage(IMAGE, PACKAGES);
const { folder, project } = await installLibrary();
process.env["STRATOS_HOME"] = TEST_HOME;
try {
  const file = pathToFileURL(join(project, "node_modules/stratos/library.mjs")).href;
  const { Sandbox } = (await import(file)) as { readonly Sandbox: typeof SandboxClass };
  for (const program of BUSY_PROGRAMS.filter(({ name }) => name.includes(values.only))) {
    const expected = await undisturbed(Sandbox, program);
    for (let round = 1; round <= Number(values.rounds); round++) {
      const { hops, said } = await disturbed(Sandbox, program, expected.ms, random);
      const isRight = sameWords(said, expected.said);
      console.log(`${isRight ? "" : "FAILED "}${program.name}, round ${round}: ${hops} times saved`);
      if (!isRight) console.log(said);
      if (isRight) passed++;
      else failed++;
    }
  }
} finally {
  rmSync(folder, { recursive: true, force: true });
}
console.log(`${passed} passed, ${failed} failed`);
process.exit(failed === 0 ? 0 : 1);
