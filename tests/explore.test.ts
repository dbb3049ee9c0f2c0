/**
 * Goal: `explore` finds a schedule or a fault under which a program fails, narrows it to what is needed, and what it
 * found can be had again, by the attempt's number and by a recording; a right program gets through. Method: the
 * programs of examples/explore, and a few lines each for what else may happen.
 */
import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { extendedTest } from "@stratos/base/testing";
import { repository, stratos, type Result } from "./support/stratos.ts";
import { ensureTestImage, TEST_IMAGE } from "./support/test-image.ts";

let folder: string;
before(async () => {
  await ensureTestImage();
  folder = mkdtempSync(join(tmpdir(), "stratos-explore-test-"));
});
after(() => rmSync(folder, { recursive: true, force: true }));

const EXAMPLES = ["-v", `${join(repository, "examples/explore")}:/srv:ro`];
const TIMEOUT_MS = 240_000;

async function explore(args: readonly string[], stdin = ""): Promise<Result> {
  const result = await stratos(["explore", "-i", TEST_IMAGE, ...args], { stdin, timeoutMs: TIMEOUT_MS });
  return { ...result, stdout: Buffer.from(result.stdout, "latin1").toString("utf8") };
}

interface Told {
  readonly undisturbed: { readonly status: number };
  readonly attempts: number;
  readonly found: {
    readonly attempt: number;
    readonly failure: string;
    readonly output: string | null;
    readonly isLeast: boolean;
    readonly difference: { readonly undisturbed: string | null; readonly failing: string } | null;
    readonly check: { readonly status: number; readonly stdout: string } | null;
    readonly disturbances: readonly { readonly kind: string; readonly program: string; readonly text: string }[];
  } | null;
}

async function told(args: readonly string[], stdin = ""): Promise<Told> {
  const { stdout, stderr, status } = await explore(["--json", ...args], stdin);
  assert.ok(status === 0 || status === 1, `${status}: ${stderr}`);
  const parsed = JSON.parse(stdout) as Told;
  assert.equal(status, parsed.found === null ? 0 : 1);
  return parsed;
}

extendedTest(
  "two clerks who look and then lock: the holds that give a number twice, again and in a replay",
  async () => {
    const file = join(folder, "number.rec");
    const { found } = await told(["--attempts", "600", "--record", file, ...EXAMPLES, "--", "sh", "/srv/number.sh"]);
    assert.ok(found !== null);
    assert.equal(found.failure, "status 1 instead of 0");
    assert.match(String(found.output), /^standard output differs: .*"the next number is 2"/);
    assert.ok(found.isLeast && found.disturbances.length >= 1 && found.disturbances.length <= 4, JSON.stringify(found));
    assert.ok(found.disturbances.every(({ kind, program }) => kind === "hold" && program === "sh"));
    assert.match(String(found.difference?.failing), /^\w+\(/);
    assert.notEqual(found.difference?.failing, found.difference?.undisturbed);
    // Where the image is not.
    const elsewhere = { STRATOS_HOME: join(folder, "elsewhere") };
    const replayed = await stratos(["replay", file], { timeoutMs: TIMEOUT_MS, env: elsewhere });
    assert.deepEqual([replayed.stdout, replayed.stderr, replayed.status], ["the next number is 2\n", "", 1]);
    const { attempt } = found;
    const again = await told([
      ...["--from", String(attempt), "--attempts", "1"],
      ...EXAMPLES,
      "--",
      "sh",
      "/srv/number.sh",
    ]);
    assert.deepEqual(again.found, { ...found, recording: null });
  },
);

extendedTest("a lock that looks and takes in one step holds", async () => {
  const { attempts, found } = await told(["--attempts", "12", ...EXAMPLES, "--", "sh", "/srv/number-fixed.sh"]);
  assert.deepEqual([attempts, found], [12, null]);
});

test("a write that takes less is told in words, with the command that finds it again", async () => {
  const { stdout, status } = await explore(["--attempts", "20", ...EXAMPLES, "--", "perl", "/srv/save.pl"]);
  assert.equal(status, 1);
  assert.match(stdout, /^what came of it first: \[\d+\] newfstatat\(AT_FDCWD, "\/tmp\/report", .*\) = 0$/m);
  assert.match(stdout, /^ {2}undisturbed: +\[\d+\] newfstatat\(AT_FDCWD, "\/tmp\/report", .*st_size=4392.*\) = 0$/m);
  assert.match(stdout, /^undisturbed: status 0, \d+ instructions, 0 bytes of output$/m);
  assert.match(stdout, /^attempt (\d+) fails: status 3 instead of 0$/m);
  assert.match(
    stdout,
    /^ {2}write\(3<\/tmp\/report.new>, …, 4392\) by perl \(pid \d+\), its call \d+, takes \d+ bytes?$/mu,
  );
  const attempt = /^attempt (\d+)/m.exec(stdout)![1]!;
  assert.match(
    stdout,
    new RegExp(`^again: stratos explore --from ${attempt} --attempts 1 -i .*:ro -- perl /srv/save.pl$`, "m"),
  );
});

extendedTest("a program that reports a full disk has not failed; one that says nothing of it has", async () => {
  const full = ["--faults", "enospc", "--no-schedules", "--attempts", "6"];
  const report = `open my $f, ">", "/tmp/x" or exit 9; defined syswrite $f, "text" or exit 4; exit 0`;
  assert.equal((await told([...full, "--", "perl", "-e", report])).found, null);
  const expected = await told([...full, "--expect", "0", "--", "perl", "-e", report]);
  assert.equal(expected.found?.failure, "status 4, expected 0");
  const silent = `open my $f, ">", "/tmp/x"; syswrite $f, "text"; close $f; print -s "/tmp/x", "\\n"`;
  const { found } = await told([...full, "--compare", "output", "--", "perl", "-e", silent]);
  assert.match(String(found?.failure), /standard output differs: line 1 is "0" instead of "4"$/);
  assert.match(String(found?.disturbances[0]?.text), /^write\(3<\/tmp\/x>, …, 4\) by perl .* fails with ENOSPC$/u);
});

const CHECKED = ["--no-schedules", "--faults", "none", "--power-cut", "sh /srv/counter-check.sh", ...EXAMPLES];

extendedTest(
  "after a power cut, what was said to be saved is gone where nobody synced it; a replay ends there",
  async () => {
    const file = join(folder, "counter.rec");
    const { found } = await told(["--attempts", "40", "--record", file, ...CHECKED, "--", "sh", "/srv/counter.sh"]);
    assert.equal(found?.failure, "the check ends with status 1 after the power has failed");
    assert.match(String(found?.check?.stdout), /^\d was saved, found '\d?'\n$/);
    assert.deepEqual(
      found?.disturbances.map(({ kind }) => kind),
      ["power"],
    );
    assert.match(
      found!.disturbances[0]!.text,
      /is the last before the power fails: (what was not synced is lost|names)/,
    );
    const said = /^(\d) was/.exec(found!.check!.stdout)![1]!;
    const replayed = await stratos(["replay", file], { timeoutMs: TIMEOUT_MS });
    assert.equal(replayed.stdout.split("\n").at(-2), `saved ${said}`);
    assert.equal(replayed.status, 125);
    assert.match(
      replayed.stderr,
      /here the power fails, after \d+ instructions, .* the program has no status \(125\)\n/,
    );
  },
);

extendedTest(
  "what is synced before it is told outlasts power cuts; a check that never holds is told as such",
  async () => {
    const { attempts, found } = await told(["--attempts", "12", ...CHECKED, "--", "sh", "/srv/counter-fixed.sh"]);
    assert.deepEqual([attempts, found], [12, null]);
    const never = await told(["--power-cut", "echo no; exit 4", "--", "true"]);
    assert.deepEqual([never.attempts, never.found?.attempt], [0, 0]);
    assert.equal(never.found?.failure, "the check ends with status 4 though no power failed");
    assert.equal((await explore(["--power-cut", " ", "--", "true"])).status, 2);
  },
);

/** Of perl's Socket, which would be nine tenths of each run: AF_INET with its two types, and 127.0.0.1, port 7777. */
const DATAGRAMS = "2, 2, 0";
const STREAM = "2, 1, 0";
const ADDRESS = '$a = pack("S n N x8", 2, 7777, 0x7f000001)';
const perl = (program: string): string[] => ["--", "perl", "-e", program];
const fault = (kind: string): string[] => ["--no-schedules", "--faults", kind, "--attempts", "24", "--expect", "0"];

extendedTest("a datagram is lost, a connection is reset, the clock is set", async () => {
  const datagram = await told([
    ...fault("loss"),
    ...perl(
      `${ADDRESS}; socket S, ${DATAGRAMS}; bind S, $a; socket C, ${DATAGRAMS};` +
        `send C, "hello", 0, $a or die; recv S, $b, 9, 0; exit($b ne "hello")`,
    ),
  ]);
  assert.match(String(datagram.found?.failure), /^it waits for ever/);
  assert.match(String(datagram.found?.disturbances[0]?.text), /^sendto\(.*sends a datagram that is lost$/u);
  const connection = await told([
    ...fault("reset"),
    ...perl(
      `${ADDRESS}; socket S, ${STREAM}; bind S, $a; listen S, 1; socket C, ${STREAM};` +
        `connect C, $a or die; accept D, S; exit(7) unless defined syswrite C, "hello"; ` +
        `exit(7) unless defined sysread D, $b, 9; exit 0`,
    ),
  ]);
  assert.equal(connection.found?.failure, "status 7, expected 0");
  assert.match(String(connection.found?.disturbances[0]?.text), /finds the connection reset by the network$/u);
  const clock = await told([
    ...fault("clock"),
    ...perl(`$t = time; select undef, undef, undef, 0.01; exit(time < $t || time > $t + 9)`),
  ]);
  assert.equal(clock.found?.failure, "status 1, expected 0");
  assert.ok(clock.found?.disturbances.some(({ text }) => /step of the clock, [\d.]+ \w+ (back|ahead)$/u.test(text)));
});

extendedTest("a ledger that books a datagram twice, and one that knows what it has booked", async () => {
  const file = join(folder, "ledger.rec");
  const doubled = ["--no-schedules", "--faults", "double", ...EXAMPLES];
  const { found } = await told([...doubled, "--attempts", "12", "--record", file, "--", "perl", "/srv/ledger.pl"]);
  assert.equal(found?.failure, "status 1 instead of 0");
  assert.ok(found.isLeast && found.disturbances.length === 1, JSON.stringify(found));
  assert.match(found.disturbances[0]!.text, /^sendto\(\d<socket:.* sends a datagram that arrives twice$/u);
  const replayed = await stratos(["replay", file], { timeoutMs: TIMEOUT_MS });
  assert.match(replayed.stdout, /^the total is (130|145|225)\n$/);
  assert.equal(replayed.status, 1);
  const right = await told([...doubled, "--attempts", "4", "--", "perl", "/srv/ledger.pl", "remember"]);
  assert.deepEqual([right.attempts, right.found], [4, null]);
});

extendedTest("a datagram comes late and is overtaken; a connection finds its network cut", async () => {
  const overtaken = await told([
    ...fault("delay"),
    ...perl(
      `${ADDRESS}; socket S, ${DATAGRAMS}; bind S, $a; socket C, ${DATAGRAMS}; ` +
        `send C, $_, 0, $a for "1", "2"; recv S, $b, 9, 0; exit($b ne "1")`,
    ),
  ]);
  assert.equal(overtaken.found?.failure, "status 1, expected 0");
  assert.match(String(overtaken.found?.disturbances[0]?.text), /sends what arrives [\d.]+ (µs|ms|s) late$/u);
  const cut = await told([
    ...fault("partition"),
    ...perl(
      `${ADDRESS}; socket S, ${STREAM}; bind S, $a; listen S, 1; socket C, ${STREAM};` +
        `connect C, $a or die; accept D, S; syswrite C, "x"; vec($r, fileno D, 1) = 1;` +
        `$n = select $r, undef, undef, 0.0005; sysread D, $b, 9; exit($b ne "x" ? 9 : $n ? 0 : 6)`,
    ),
  ]);
  assert.equal(cut.found?.failure, "status 6, expected 0");
  assert.match(String(cut.found?.disturbances[0]?.text), /finds the network between its two ends cut for .*s$/u);
});

extendedTest("a call that a handler may interrupt is interrupted", async () => {
  const child = `open my $p, "-|", "sleep 0.01; echo x"`;
  const program = `$SIG{USR1} = sub {}; ${child}; exit(defined sysread($p, my $b, 9) ? 0 : 5)`;
  const { found } = await told([
    "--no-schedules",
    "--faults",
    "eintr",
    "--attempts",
    "12",
    "--",
    "perl",
    "-e",
    program,
  ]);
  assert.equal(found?.failure, "status 5 instead of 0");
  assert.match(
    String(found?.disturbances[0]?.text),
    /^read\(\d<pipe:\[\d+\]>, …, 9\) by perl .* is interrupted \(EINTR\)$/u,
  );
});

test("each run has the whole of standard input; who waits for ever is found at once", async () => {
  const input = "word\n".repeat(20_000);
  const counted = await told(["--attempts", "4", "--compare", "output", "--", "sh", "-c", "cat | wc -l"], input);
  assert.deepEqual([counted.attempts, counted.found], [4, null]);
  const { attempts, found } = await told(["--", "sh", "-c", "mkfifo /tmp/f; read line < /tmp/f"], input);
  assert.equal(attempts, 0);
  assert.match(String(found?.failure), /^it waits for ever/);
});

extendedTest("what keeps it from being explored is neither found nor not found", async () => {
  const endless = await explore(["--timeout", "1", "--", "cat", "/dev/zero"]);
  assert.equal(endless.status, 125);
  assert.match(endless.stderr, /the undisturbed run: (has not ended within 1 s|prints without end)/);
  assert.equal((await explore(["--", "no-such-program"])).status, 127);
  assert.equal((await explore(["--faults", "rain", "--", "true"])).status, 2);
  assert.equal((await explore(["--faults", "none", "--no-schedules", "--", "true"])).status, 2);
  const shared = await explore(["-v", `${folder}:/data`, "--", "true"]);
  assert.equal(shared.status, 2);
  assert.match(shared.stderr, /:\/data:ro/);
  assert.equal((await explore(["--record", join(folder, "none", "x"), "--", "true"])).status, 125);
  assert.equal((await stratos(["explore", "-i", "no-such-image", "--", "true"])).status, 125);
});
