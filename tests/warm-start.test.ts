/**
 * Goal: a run of a program that an image has a warm start of says, byte for byte, what it says when it starts cold, and
 * where the two could differ it does start cold. Method: an image of the test image's layers with a warm start of
 * python3, later of perl; each command is run both ways, and `--stats` tells which it was.
 */
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { copyFileSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { promisify } from "node:util";
import { ImageStore } from "@stratos/images/store";
import { readWarmHead, readWarmParts, writeWarmFile } from "../packages/images/src/warm/warm-file.ts";
import { extendedTest, sampleOf } from "@stratos/base/testing";
import { ensureTestImage, TEST_HOME, TEST_IMAGE } from "./support/test-image.ts";
import { stratos, type Result, type RunInput } from "./support/stratos.ts";

const execute = promisify(execFile);
const IMAGE = `warm-start-${process.pid}`;
const WARM_FILE = join(TEST_HOME, "images", IMAGE, "warm-start");

before(async () => {
  await ensureTestImage();
  const store = new ImageStore(TEST_HOME);
  const entry = store.require(TEST_IMAGE);
  const draft = store.createDraft();
  draft.shareLayers(entry);
  draft.publish(IMAGE, entry.description);
  // A boot has its name from when somebody asks first.
  const boot = "open('/proc/sys/kernel/random/boot_id').read()";
  await makeWarm(["python3", "-c", `import json, random, tempfile; loaded = ${boot}`]);
});
after(() => rmSync(join(TEST_HOME, "images", IMAGE), { recursive: true, force: true }));

/** Starts sooner than python3; it says what it was asked. */
const PERL =
  "use JSON::PP; my $r = do { local $/; open my $f, '<&=', 3; <$f> }; my ($n, @w) = split /\\0/, $r; " +
  "print join('|', @w[0 .. $n - 1]), \"\\n\";";
/** From a cold start it does what it is asked. */
const PRINT = ["--", "perl", "-e", 'print "1\\n"'];

async function makeWarm(words: readonly string[]): Promise<void> {
  const { status, stderr } = await stratos(["image", "warm-start", IMAGE, "--", ...words]);
  assert.equal(status, 0, stderr);
}

interface Started extends Result {
  readonly start: string;
  readonly coldBecause: string;
}

/** What a run says, and how it has started. */
async function run(words: readonly string[], input: RunInput = {}): Promise<Started> {
  const result = await stratos(["run", "-i", IMAGE, "--stats", ...words], input);
  const lines = result.stderr.trimEnd().split("\n");
  const { start, coldBecause } = JSON.parse(lines.pop()!) as { start: string; coldBecause: string };
  return { ...result, stderr: lines.join("\n"), start, coldBecause };
}

const SCRIPT = [
  "import sys, os",
  "print(__name__, __file__, __spec__, sys.argv, sys.path[0], os.getcwd(), sorted(globals()))",
  "def f(): raise KeyError('x')",
  "f()",
].join("\n");

const SAME: readonly { readonly words: readonly string[]; readonly stdin?: string; readonly status: number }[] = [
  {
    words: [
      "-c",
      "import json, os, sys\nprint(sorted(globals()), __name__, sys.argv, sys.orig_argv, sys.path, sys.flags)\n" +
        "print(sorted(os.environ.items()), os.getcwd(), os.listdir('/proc/self/fd'), sys.stdin.read().upper())",
      "a",
      "",
      "b c",
    ],
    stdin: "one\ntwo",
    status: 0,
  },
  { words: ["-c", "def f():\n  return 1 / 0\nf()"], status: 1 },
  { words: ["-c", "print(1"], status: 1 },
  { words: ["-c", "raise KeyboardInterrupt"], status: 130 },
  {
    words: [
      "-c",
      "import atexit, os, sys; atexit.register(print, 'bye'); f = open('/dev/stdout', 'w'); f.write('unflushed ')\n" +
        "if os.fork() == 0:\n  print('child', flush=True); os._exit(3)\nprint(os.wait()[1]); sys.exit(7)",
    ],
    status: 7,
  },
  { words: ["-m", "json.tool", "--compact"], stdin: '{ "a" : [1, 2] }', status: 0 },
  { words: ["/nosuch.py"], status: 2 },
  { words: ["-O", "-"], stdin: "print('from stdin', __name__, __debug__)\n", status: 0 },
];

test("python3 says from its warm start what it says from a cold one", async () => {
  for (const { words, stdin, status } of sampleOf(SAME, 4)) {
    const input = stdin === undefined ? {} : { stdin };
    const warm = await run(["--", "python3", ...words], input);
    const cold = await run(["--no-warm-start", "--", "python3", ...words], input);
    assert.equal(warm.start, "warm", warm.coldBecause);
    assert.equal(cold.start, "cold");
    const said = ({ stdout, stderr }: Started): string => `${stdout}\n--\n${stderr}`;
    assert.equal(said(warm), said(cold), words.join(" "));
    assert.deepEqual([warm.status, cold.status], [status, status], words.join(" "));
  }
});

extendedTest("a script of a shared folder starts warm as itself, in the folder that was asked for", async () => {
  const folder = mkdtempSync(join(TEST_HOME, "warm-script-"));
  try {
    writeFileSync(join(folder, "s.py"), SCRIPT);
    const words = ["-v", `${folder}:/mnt`, "-w", "/mnt", "--", "python3", "s.py", "x"];
    const [warm, cold] = [await run(words), await run(["--no-warm-start", ...words])];
    assert.deepEqual([warm.start, cold.start], ["warm", "cold"]);
    assert.deepEqual([warm.stdout, warm.stderr, warm.status], [cold.stdout, cold.stderr, 1]);
  } finally {
    rmSync(folder, { recursive: true });
  }
  const refused = await stratos(["run", "-i", IMAGE, "-w", "/nosuch", "--", "python3", "-c", "1"]);
  assert.match(refused.stderr, /\/nosuch: no such folder in the guest to start in/);
});

extendedTest("what was imported is there, and only that", async () => {
  const program = "import sys; print('tempfile' in sys.modules, 'loaded' in globals())";
  assert.equal((await run(["--", "python3", "-c", program])).stdout, "True False\n");
});

test("two runs from one warm start draw different chance, and have different boots and clocks", async () => {
  const program =
    "import json, os, random, tempfile, time; print(json.dumps([random.random(), os.urandom(8).hex(), " +
    "tempfile.mktemp(), open('/proc/sys/kernel/random/boot_id').read(), time.time_ns()]))";
  const [first, second] = [await run(["--", "python3", "-c", program]), await run(["--", "python3", "-c", program])];
  assert.deepEqual([first.start, second.start], ["warm", "warm"]);
  const drawn = [first, second].map(({ stdout }) => JSON.parse(stdout) as unknown[]);
  for (const [index, value] of drawn[0]!.entries()) assert.notDeepEqual(value, drawn[1]![index]);
});

extendedTest("files that a run leaves are gone in the next", async () => {
  await run(["--", "python3", "-c", "open('/left', 'w').write('x')"]);
  assert.equal((await run(["--", "python3", "-c", "import os; print(os.path.exists('/left'))"])).stdout, "False\n");
});

extendedTest("a recorded run starts cold, and so do its replay and a check", async () => {
  const recording = join(TEST_HOME, `warm-start-${process.pid}.recording`);
  const program = ["--", "python3", "-c", "import random, sys; print(random.random(), sys.stdin.read())"];
  try {
    const recorded = await run(["--record", recording, ...program], { stdin: "in" });
    assert.deepEqual([recorded.status, recorded.start, recorded.coldBecause], [0, "cold", "--record"]);
    const replayed = await stratos(["replay", recording]);
    assert.deepEqual([replayed.stdout, replayed.stderr, replayed.status], [recorded.stdout, "", 0]);
    const checked = await stratos(["check", "-i", IMAGE, ...program], { stdin: "in" });
    const cold = await run(["--seed", "0", ...program], { stdin: "in" });
    assert.deepEqual([checked.stdout, checked.status], [cold.stdout, 0]);
    assert.match(checked.stderr, /check: the same twice/);
  } finally {
    rmSync(recording, { force: true });
  }
});

extendedTest("any program that reads descriptor 3 can wait", async () => {
  await makeWarm(["perl", "-e", PERL]);
  const asked = await run(["--", "perl", "one", "two words"]);
  assert.deepEqual([asked.stdout, asked.start], ["perl|one|two words\n", "warm"]);
  assert.equal((await run(["--", "python3", "-c", "print(1)"])).coldBecause, "of another program");
});

extendedTest("a run that would differ starts cold, and --stats says why", async () => {
  for (const [words, because] of [
    [["--seed", "1", ...PRINT], "--seed"],
    [["-e", "A=b", ...PRINT], "--env"],
    [["-u", "nobody", ...PRINT], "--user"],
    [["-v", "/tmp:/usr/local/lib", ...PRINT], "--volume"],
    [["--harts", "2", ...PRINT], "of other harts"],
    [["--memory", "200M", ...PRINT], "of another memory"],
    [["--", "echo", "1"], "of another program"],
  ] as const) {
    const { stdout, start, coldBecause } = await run(words);
    assert.deepEqual({ stdout, start, coldBecause }, { stdout: "1\n", start: "cold", coldBecause: because });
  }
});

extendedTest("a warm start that is damaged, cut short, or of another build or image is not used", async () => {
  const whole = readFileSync(WARM_FILE);
  const tried = async (): Promise<string> => {
    const { stdout, start, coldBecause } = await run(PRINT);
    assert.deepEqual([stdout, start], ["1\n", "cold"]);
    return coldBecause;
  };
  try {
    for (const at of [20, whole.length >> 1]) {
      const damaged = Uint8Array.from(whole);
      damaged[at]! ^= 1;
      writeFileSync(WARM_FILE, damaged);
      assert.match(await tried(), /not readable: the warm start is damaged/);
    }
    writeFileSync(WARM_FILE, whole.subarray(0, whole.length >> 1));
    assert.match(await tried(), /not readable: the warm start is damaged: cut short/);
    writeFileSync(WARM_FILE, "something else, which is longer than a header");
    assert.match(await tried(), /not readable: this is no warm start/);
    writeFileSync(WARM_FILE, whole);
    const [head, parts] = [readWarmHead(WARM_FILE), readWarmParts(WARM_FILE)];
    rmSync(WARM_FILE);
    writeWarmFile(WARM_FILE, { ...head, build: "another" }, parts);
    assert.equal(await tried(), "made by another version");
  } finally {
    writeFileSync(WARM_FILE, whole);
  }
  // Beside other layers than its own.
  const kept = `${IMAGE}-kept`;
  assert.equal((await stratos(["run", "-i", IMAGE, "--keep", kept, "--", "touch", "/new"])).status, 0);
  try {
    const folder = join(TEST_HOME, "images", kept);
    assert.throws(() => statSync(join(folder, "warm-start")), "a new image has none");
    copyFileSync(WARM_FILE, join(folder, "warm-start"));
    const { stderr } = await stratos(["run", "-i", kept, "--stats", ...PRINT]);
    assert.match(stderr, /"coldBecause":"of another state of the image"/);
  } finally {
    await stratos(["image", "rm", kept]);
  }
});

extendedTest("a program that does not wait is no warm start, and the one that was stays", async () => {
  const before = statSync(WARM_FILE).mtimeMs;
  const { status, stderr } = await stratos(["image", "warm-start", IMAGE, "--", "sh", "-c", "echo why; exit 3"]);
  assert.equal(status, 1);
  assert.match(stderr, /ended with status 3 without having waited at descriptor 3\n {2}why/);
  assert.equal(statSync(WARM_FILE).mtimeMs, before);
});

extendedTest(
  "image build --warm takes the first command that comes to wait, and says of the others why not",
  async () => {
    const lines = ["sh -c 'echo of no use; exit 3'", "'", "no-such-program", "python3 -c 'import json'", "perl -e 1"];
    assert.doesNotMatch(await inOwnHome(lines), /no warm start/);
    assert.equal((await run(["--", "python3", "-c", "import sys; print('json' in sys.modules)"])).start, "warm");
    const none = await inOwnHome(lines.slice(0, 3));
    assert.match(none, /no warm start: sh -c echo of no use; exit 3: ended with status 3/);
    assert.match(none, /no warm start: .*no-such-program/);
  },
);

/** What `image build` does once the image is there. @returns what it says */
async function inOwnHome(lines: readonly string[]): Promise<string> {
  const module = new URL("../packages/cli/src/commands/image-warm-start.ts", import.meta.url).href;
  const source = `const { makeImageWarmIfItWaits } = await import(${JSON.stringify(module)});
    await makeImageWarmIfItWaits(${JSON.stringify(IMAGE)}, ${JSON.stringify(lines)});`;
  const env = { ...process.env, STRATOS_HOME: TEST_HOME };
  const { stderr } = await execute(process.execPath, ["--input-type=module", "-e", source], { env });
  return stderr;
}

extendedTest("--remove makes starts cold again", async () => {
  assert.equal((await stratos(["image", "warm-start", "--remove", IMAGE])).status, 0);
  assert.equal((await run(PRINT)).coldBecause, "none in the image");
});
