/** Programs that recorders of other makers fail on; and how their replays compare with the run that was recorded. */
import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { isDeepStrictEqual } from "node:util";
import type { SeededRandom } from "@stratos/base";
import { type Result, stratos } from "../support/stratos.ts";

interface RecordedProgram {
  readonly name: string;
  /** A line of bash; the folder of this file is /t. */
  readonly script: string;
  readonly stdin?: string;
  /** What it prints, so that a program that fails is not taken for one that is repeated. */
  readonly output: RegExp;
  /** More than the test image has. */
  readonly needs?: "more programs";
}

/** What the programs with `needs` need. */
export const MORE_PROGRAMS: readonly string[] = ["curl", "nodejs", "caddy"];

const SHELL_LOOP = 'for i in $(seq 40); do echo $i $RANDOM | tr 0-9 a-j | rev; done; printf "a\\nb\\n" | wc -l';

const GIT = `git init -q /tmp/r; cd /tmp/r; git config user.email a@example.com; git config user.name n
for i in 1 2 3 4; do echo $i $RANDOM > f$i; git add .; git commit -qm "change $i"; done
git log --format='%H %ci %s'; git gc -q; git fsck; git diff HEAD~2 | sha1sum`;

const CLONE = `git init -q /tmp/r; cd /tmp/r; git config user.email a@example.com; git config user.name n
for i in 1 2 3; do seq $((i * 1000)) > f$i; echo $RANDOM >> f$i; git add .; git commit -qm "change $i"; done
git daemon --listen=127.0.0.1 --base-path=/tmp --export-all --reuseaddr & server=$!
until git ls-remote git://127.0.0.1/r > /dev/null 2>&1; do sleep 0.1; done
git clone -q git://127.0.0.1/r /tmp/near & git clone -q file:///tmp/r /tmp/copy; wait $!
kill $server; for each in near copy; do git -C /tmp/$each log --format='%H %s' -1; done; cat /tmp/near/f? | md5sum`;

const PYTHON = `mkdir /tmp/site; cd /tmp/site; for i in 1 2 3; do seq $((i * 1000)) > f$i; done
python3 -m http.server 8000 --bind 127.0.0.1 > /tmp/log 2>&1 & server=$!
until curl -s -o /dev/null http://127.0.0.1:8000/; do sleep 0.1; done
clients=; for i in 1 2 3 1; do curl -s http://127.0.0.1:8000/f$i | md5sum & clients="$clients $!"; done
wait $clients; kill $server; wait $server; cat /tmp/log; date +%N`;

const GO = `mkdir /tmp/site; cd /tmp/site; for i in 1 2 3; do seq $((i * 1000)) > f$i; done
caddy file-server --listen 127.0.0.1:8080 --browse > /tmp/log 2>&1 & server=$!
until curl -s -o /dev/null http://127.0.0.1:8080/; do sleep 0.1; done
clients=; for i in 1 2 3 1 2 3; do curl -s http://127.0.0.1:8080/f$i | md5sum & clients="$clients $!"; done
wait $clients; curl -s -D - -o /dev/null http://127.0.0.1:8080/; kill $server; wait $server; cat /tmp/log; date +%N`;

export const RECORDED_PROGRAMS: readonly RecordedProgram[] = [
  { name: "a pipe between two programs", script: "printf 'a\\nb\\n' | wc -l", output: /^2\n$/ },
  { name: "eighty programs in pipes", script: SHELL_LOOP, output: /\n2\n$/ },
  { name: "standard input", script: "sort -R | tee /tmp/x | md5sum; cat /tmp/x", stdin: "a\nb\nc\n", output: /b\n/ },
  { name: "git", script: GIT, output: /change 4\n.*change 3\n[^]* -\n$/ },
  { name: "git clone from a server and from a folder", script: CLONE, output: /(\w{40} change 3\n){2}\w+ {2}-\n$/ },
  {
    name: "a server in Python",
    script: PYTHON,
    output: /(\w+ {2}-\n){4}[^]*"GET \/f3 HTTP\/1.1" 200 -\n[^]*\d+\n$/,
  },
  {
    name: "gcc, and threads that race and spin",
    script: "gcc -O1 -g -o /tmp/p /t/racing-threads.c && sha256sum /tmp/p && /tmp/p && /tmp/p",
    output: /(\n\d+ of 1200000, \d+ turns){2}\n$/,
  },
  {
    name: "Node with workers and a server",
    script: "exec node /t/workers.cjs",
    output: /\/b \d+/,
    needs: "more programs",
  },
  {
    name: "a server in Go",
    script: GO,
    output: /( -\n[^]*){6}HTTP\/1.1 200 OK[^]*shutdown complete/,
    needs: "more programs",
  },
];

interface RecordingOptions {
  readonly image: string;
  /** Of the commands, beside what they have. */
  readonly env?: Readonly<Record<string, string>>;
  /** For the recording. */
  readonly folder: string;
  readonly rounds: number;
  /** Where bytes are changed. */
  readonly random: SeededRandom;
  /** How often one is. */
  readonly flips: number;
  /** Told of each replay, and how many were the same until then. */
  readonly onRound?: (round: number, same: number) => void;
}

/** Records a program, replays it, and replays what was changed. @returns what went wrong, in words */
export async function compareReplays(program: RecordedProgram, options: RecordingOptions): Promise<string[]> {
  const { image, env = {}, folder, rounds, random, flips, onRound = () => {} } = options;
  const file = join(folder, "recording");
  const recorded = await stratos(
    ["run", "-i", image, "-v", `${import.meta.dirname}:/t:ro`, "--record", file, "--", "bash", "-c", program.script],
    { stdin: program.stdin ?? "", env },
  );
  if (!program.output.test(recorded.stdout)) return [`it was to print ${program.output}, and has: ${textOf(recorded)}`];
  const failures: string[] = [];
  for (let round = 1; round <= rounds; round++) {
    const replayed = await stratos(["replay", file], { env });
    if (!isDeepStrictEqual(replayed, recorded))
      failures.push(`replay ${round} has: ${textOf(replayed)}\ninstead of: ${textOf(recorded)}`);
    onRound(round, round - failures.length);
  }
  const whole = readFileSync(file);
  for (let flip = 0; flip < flips; flip++) {
    const at = random.below(whole.length);
    const bytes = Uint8Array.from(whole);
    bytes[at]! ^= 1 << random.below(8);
    writeFileSync(file, bytes);
    const refused = await stratos(["replay", file], { env });
    if (refused.status !== 125 || refused.stdout !== "" || !refused.stderr.includes("is no recording"))
      failures.push(`with another byte ${at} it is not refused: ${textOf(refused)}`);
  }
  rmSync(file);
  return failures;
}

function textOf({ status, stdout, stderr }: Result): string {
  return `status ${status}\n${stdout}${stderr}`;
}
