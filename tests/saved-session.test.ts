/**
 * Goal: Debian's programs over an image go on in a loaded machine: bash at its prompt on a terminal with a job in the
 * background, python waiting for its timer, an open file that has lost its name, bytes in a pipe. Method: the machine
 * and its volume are saved while all of it rests; then the first machine and the loaded one get the same keys, and must
 * show the same to the last byte after the same instructions.
 */
import assert from "node:assert/strict";
import { before, test } from "node:test";
import { GUEST_LIMITS, mountOverlay, type Volume } from "@stratos/aegisfs";
import { loadState, saveState } from "@stratos/base";
import { MemoryBlockDevice, SimulatedConsole } from "@stratos/host";
import { FileBlockDevice, nodePorts } from "@stratos/host-node";
import { ImageStore } from "@stratos/images";
import { attachConsole, openConsoleTerminal } from "@stratos/kernel";
import { guestEnvironment, MachineSession } from "@stratos/session";
import { countsOf } from "./saved/saved-run.ts";
import { ensureTestImage, TEST_HOME, TEST_IMAGE } from "./support/test-image.ts";

const ROOT = { uid: 0, gid: 0, name: "root", home: "/root", shell: "/bin/bash", groups: [] };
const NONE = { ports: new Map<string, object>(), given: new Map<string, object>() };

before(ensureTestImage);

function mounted(delta: MemoryBlockDevice, keepsOrphans: boolean, volatile = true): Volume {
  const store = new ImageStore(TEST_HOME);
  const layers = store.layerPaths(store.require(TEST_IMAGE));
  const devices = layers.map((path) => new FileBlockDevice(path, { readOnly: true }));
  const volume = mountOverlay(devices, delta, { ...GUEST_LIMITS, volatile, seconds: 1, keepsOrphans });
  assert.ok(typeof volume !== "string", String(volume));
  return volume;
}

const options = (volume: Volume) => ({
  ports: nodePorts(),
  volume,
  memoryBytes: 256 << 20,
  seed: 7,
  log: (): void => {},
});

class Terminal {
  readonly console = new SimulatedConsole();
  shown = "";
  readonly session: MachineSession;

  constructor(session: MachineSession, console?: SimulatedConsole) {
    this.session = session;
    if (console !== undefined) this.console = console;
  }

  /** Types, and runs until all programs wait for more keys. */
  async type(text: string): Promise<string> {
    this.console.type(new TextEncoder().encode(text));
    return this.rest();
  }

  /** @param untilNs  virtual time at which to stop in any case */
  async rest(untilNs = Infinity): Promise<string> {
    const { machine } = this.session;
    while (!machine.isStopped && machine.kernel.now() < untilNs && machine.run(20) !== Infinity)
      await new Promise((resolve) => setImmediate(resolve));
    const shown = new TextDecoder().decode(this.console.takeOutput());
    this.shown += shown;
    return shown;
  }
}

function startShell({ session, console }: Terminal): void {
  const file = openConsoleTerminal(session.machine.kernel, attachConsole(session.machine.kernel, console));
  session.start(
    {
      program: "bash",
      argv: ["bash", "--norc", "-i"],
      environment: guestEnvironment(ROOT, [], { isTerminal: true, host: {} }),
      workingDirectory: "/root",
      user: ROOT,
    },
    [file, file.retain(), file.retain()],
  );
}

test("bash, a sleeping python, a pipe and a deleted file go on after a machine was saved and loaded", async () => {
  const delta = new MemoryBlockDevice(256 << 20);
  const volume = mounted(delta, false);
  const first = new Terminal(new MachineSession(options(volume)));
  const { kernel } = first.session.machine;
  startShell(first);
  await first.rest(3e9);
  assert.match(await first.type("exec 3<>/root/unnamed; echo kept >&3; rm /root/unnamed; echo $$\n"), /# $/);
  await first.type("cd /root; echo changed > /etc/motd; mkfifo p; { echo early; sleep 100; echo late; } > p & \n");
  // An interface's folder and a file in it are found again.
  await first.type("exec 4< /sys/class/net/lo/mtu; ls /sys/class/net/lo/; cd -P /sys/class/net/lo; cd -\n");
  const now = kernel.now();
  first.console.type(
    new TextEncoder().encode(
      `sleep 20 & { sleep 30; cat; } < p & python3 -c '
import time, select
print("python sleeps", flush=True)
time.sleep(60)
print("python wakes", round(time.monotonic()))' &\n`,
    ),
  );
  await first.rest(now + 15e9);
  assert.match(first.shown, /python sleeps/);
  assert.doesNotMatch(first.shown, /early\r|python wakes \d/);

  const bytes = first.session.save(new Map([["console", first.console]]));
  const twinDelta = loadState(saveState(delta, new Map()), NONE) as MemoryBlockDevice;
  const console = new SimulatedConsole();
  const session = new MachineSession({
    ...options(mounted(twinDelta, true)),
    saved: { bytes, streams: new Map([["console", console]]) },
  });
  const twin = new Terminal(session, console);

  const said: string[][] = [];
  for (const terminal of [first, twin]) {
    said.push([
      await terminal.rest(),
      await terminal.type("echo $$ $(cat /etc/motd); cat /proc/$$/fd/3; jobs; ls -i /proc/self | head -3\n"),
      await terminal.type("cat <&4; cat $OLDPWD/operstate; ls -i /sys/class/net/lo/\n"),
      await terminal.type("wait; date +%s; head -c 5 /dev/urandom | od; gcc --version | head -1; exit 5\n"),
    ]);
  }
  assert.match(said[0]!.join(""), /python wakes \d+[^]*kept|kept[^]*/);
  assert.match(said[0]!.join(""), /early[^]*late/);
  assert.match(said[0]!.join(""), /gcc \(Debian/);
  assert.match(said[0]!.join(""), /\r65536\r\n(?:unknown|up|down)\r\n/);
  assert.deepEqual(said[1], said[0]);
  assert.equal(twin.session.machine.exitStatus, 5 << 8);
  // Which neighbours of a page come with it depends on what is translated already, so faults may be more.
  const counts = ({ session: { machine } }: Terminal): object => ({ ...countsOf(machine), faults: null });
  assert.deepEqual(counts(twin), counts(first));
});

test("programs that only read leave the volume as it is, for however long; what is written reaches it", async () => {
  const volume = mounted(new MemoryBlockDevice(256 << 20), false, false);
  const terminal = new Terminal(new MachineSession(options(volume)));
  const { machine } = terminal.session;
  startShell(terminal);
  await terminal.rest(3e9);
  await terminal.type("sleep 6; ls -l /etc > /dev/null; sleep 6\n");
  machine.sync();
  const { generation } = volume.superblock;
  // Each is started for the first time: the file is marked as read.
  assert.match(await terminal.type("tac /etc/motd; sleep 6; factor 9; sleep 6; sum /etc/passwd\n"), /9: 3 3/);
  assert.deepEqual([machine.hasUnwritten, volume.hasChanges, volume.superblock.generation], [false, false, generation]);
  await terminal.type("echo new > new; sleep 6; ls -l new\n");
  assert.deepEqual([machine.hasUnwritten, volume.hasChanges], [false, true]);
  terminal.session.stop();
});
