/**
 * Goal: what Debian's own programs play is heard sample by sample, by PulseAudio's library, by ALSA's plugin for it,
 * and by SoX; twice the same with a seed. Method: `run --sound` writes it, and the file is compared with what was
 * played.
 */
import assert from "node:assert/strict";
import { execFile, execFileSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { promisify } from "node:util";
import { extendedTest } from "@stratos/base/testing";
import { SeededRandom } from "@stratos/base";
import { WAV_DATA_MAX, wavHeader } from "@stratos/sound";
import { stratos } from "./support/stratos.ts";
import { ensureScreenImage, SCREEN_IMAGE, TEST_HOME } from "./support/test-image.ts";

const HEADER_BYTES = 44;
const TIMEOUT_MS = 300_000;
let folder = "";

before(async () => {
  folder = mkdtempSync(join(tmpdir(), "stratos-sound-"));
  await ensureScreenImage();
  writeFileSync(join(folder, "in.wav"), noise(48_000, 30_000));
  writeFileSync(join(folder, "in44.wav"), noise(44_100, 22_050));
});
after(() => rmSync(folder, { recursive: true, force: true }));

/** That no two samples of are alike: a part that is missing or twice there would be seen. */
function noise(rate: number, frames: number): Uint8Array {
  const bytes = new Uint8Array(HEADER_BYTES + 4 * frames);
  new SeededRandom(rate).fill(bytes);
  bytes.set(wavHeader(rate, 4 * frames));
  return bytes;
}

async function played(
  name: string,
  command: readonly string[],
  options: readonly string[] = [],
): Promise<{ readonly sound: Uint8Array; readonly stdout: string; readonly status: number }> {
  const file = join(folder, name);
  const args = ["run", "-i", SCREEN_IMAGE, "-v", `${folder}:/mnt`, "--sound", file, ...options, "--", ...command];
  const { status, stdout, stderr } = await stratos(args, { env: { STRATOS_HOME: TEST_HOME }, timeoutMs: TIMEOUT_MS });
  assert.equal(stderr.replace(/^Playing WAVE.*\n/, ""), "", name);
  return { sound: readFileSync(file), stdout, status };
}

for (const [name, command] of [
  ["paplay", ["paplay", "/mnt/in.wav"]],
  ["paplay with little in its buffer", ["paplay", "--latency-msec=60", "/mnt/in.wav"]],
  ["ALSA", ["aplay", "-D", "pulse", "/mnt/in.wav"]],
  ["SoX", ["sox", "-q", "/mnt/in.wav", "-t", "pulseaudio"]],
] as const)
  (name === "paplay" ? test : extendedTest)(`what ${name} plays is heard as it is`, async () => {
    const { sound, status } = await played("out.wav", command);
    assert.equal(status, 0);
    assert.deepEqual(sound, readFileSync(join(folder, "in.wav")));
  });

extendedTest("a seed gives the same sound at the same time, of another rate, too", async () => {
  const script = "paplay /mnt/in44.wav && cat /proc/uptime";
  const runs = [];
  for (const name of ["one.wav", "two.wav"]) runs.push(await played(name, ["sh", "-c", script], ["--seed", "7"]));
  assert.equal(runs[0]!.sound.length, HEADER_BYTES + 4 * 24_000);
  assert.deepEqual(runs[0], runs[1]);
  assert.match(runs[0]!.stdout, /^0\.[56]\d /);
});

test("pactl is told what there is, and sets the volume", async () => {
  const script =
    "pactl info | grep -E 'Server Name|Default Sink'; pactl list short sinks; " +
    "pactl set-sink-volume @DEFAULT_SINK@ 50%; pactl get-sink-volume 0 | head -1; " +
    "parec --raw 2>&1 | cat; paplay /mnt/in.wav";
  const { sound, stdout } = await played("out.wav", ["sh", "-c", script]);
  assert.deepEqual(stdout.split("\n"), [
    "Server Name: stratos",
    "Default Sink: stratos",
    "0\tstratos\tstratos\tfloat32le 2ch 48000Hz\tIDLE",
    "Volume: front-left: 32768 /  50% / -18.06 dB,   front-right: 32768 /  50% / -18.06 dB",
    "Stream error: Not supported",
    "",
  ]);
  const samples = (bytes: Uint8Array): Int16Array =>
    new Int16Array(Uint8Array.from(bytes.subarray(HEADER_BYTES)).buffer);
  const whole = samples(readFileSync(join(folder, "in.wav")));
  // An eighth is heard as half.
  assert.ok(samples(sound).every((sample, at) => Math.abs(sample - whole[at]! / 8) <= 0.5));
  assert.equal(samples(sound).length, whole.length);
});

test("a pipe has the sound as it comes, and a device takes it", async () => {
  const pipe = join(folder, "pipe");
  execFileSync("mkfifo", [pipe]);
  const reader = promisify(execFile)("cat", [pipe], { encoding: "buffer", maxBuffer: 1 << 24 });
  const heard = async (file: string): Promise<void> => {
    const args = ["run", "-i", SCREEN_IMAGE, "-v", `${folder}:/mnt`, "--sound", file, "--", "paplay", "/mnt/in.wav"];
    const { status, stderr } = await stratos(args, { env: { STRATOS_HOME: TEST_HOME }, timeoutMs: TIMEOUT_MS });
    assert.deepEqual([status, stderr], [0, ""], file);
  };
  await heard(pipe);
  const { stdout } = await reader;
  const whole = readFileSync(join(folder, "in.wav"));
  assert.deepEqual(stdout.subarray(HEADER_BYTES), whole.subarray(HEADER_BYTES));
  assert.deepEqual(stdout.subarray(0, HEADER_BYTES), Buffer.from(wavHeader(48_000, WAV_DATA_MAX)));
  await heard("/dev/null");
});

test("what cannot be written, or recorded, is told before anything runs", async () => {
  const env = { STRATOS_HOME: TEST_HOME };
  const file = join(folder, "never.wav");
  for (const [args, words] of [
    [["--sound", folder], /is a folder\n$/],
    [["--sound", join(folder, "absent", "x.wav")], /absent: /],
    [["--sound", file, "--record", join(folder, "r")], /not in a recording; leave --sound away\n/],
    [["--sound", file, "-i", "absent"], /no such image/],
    [["--sound", file, "--name", "player"], /--sound: /],
  ] as const) {
    const { status, stderr } = await stratos(["run", "-i", SCREEN_IMAGE, ...args, "--", "true"], { env });
    assert.notEqual(status, 0);
    assert.match(stderr, words);
  }
  assert.ok(!existsSync(file));
});
