/**
 * Very many files on a mounted volume: made, listed, looked at and removed by a program, with a new mount and a check
 * between. `npm run many:fuse -- --files N` (default 1,000,000) prints what each part took, and the memory of the
 * server.
 */
import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { MountedVolume } from "../support/mounted-volume.ts";

const FOLDERS = 100;
/** A million files on a busy host. */
const PART_MS = 3_600_000;

/** A program of its own, so that it is the mount that is measured. */
const PROGRAM = `
import os, sys, time
what, files = sys.argv[1], int(sys.argv[2])
each = files // ${FOLDERS}
begin = time.monotonic()
if what == "make":
    for d in range(${FOLDERS}):
        os.mkdir(f"d{d}")
        for n in range(each):
            os.close(os.open(f"d{d}/file{n}", os.O_CREAT | os.O_WRONLY | os.O_EXCL, 0o644))
elif what == "list":
    assert sum(len(os.listdir(f"d{d}")) for d in range(${FOLDERS})) == files
elif what == "stat":
    for d in range(${FOLDERS}):
        for n in range(each):
            assert os.stat(f"d{d}/file{n}").st_size == 0
elif what == "rename":
    for d in range(${FOLDERS}):
        os.rename(f"d{d}/file0", f"d{d}/other")
        os.rename(f"d{d}/other", f"d{d}/file0")
elif what == "remove":
    for d in range(${FOLDERS}):
        for n in range(each):
            os.unlink(f"d{d}/file{n}")
        os.rmdir(f"d{d}")
print(time.monotonic() - begin)
`;

interface ManyFilesOutcome {
  readonly part: string;
  readonly seconds: number;
  readonly residentMib: number;
}

/** @param files  a multiple of 100 */
export async function manyFiles(
  volume: MountedVolume,
  files: number,
  tell: (outcome: ManyFilesOutcome) => void = () => {},
): Promise<ManyFilesOutcome[]> {
  const program = join(volume.folder, "many.py");
  writeFileSync(program, PROGRAM);
  const outcomes: ManyFilesOutcome[] = [];
  const note = (part: string, seconds: number): void => {
    const [, resident] = /^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${volume.serverPid()}/status`, "utf8"))!;
    outcomes.push({ part, seconds, residentMib: Math.round(Number(resident) / 1024) });
    tell(outcomes.at(-1)!);
  };
  const run = async (part: string): Promise<void> => {
    const { status, stdout, stderr } = await volume.try(["python3", program, part, String(files)], {
      cwd: volume.mountPoint,
      timeoutMs: PART_MS,
    });
    assert.equal(status, 0, `${part}: ${stderr}${volume.log()}`);
    note(part, Number(stdout));
  };
  const again = async (part: string): Promise<void> => {
    await volume.unmount();
    const begin = performance.now();
    await volume.mount("allow_other");
    note(part, (performance.now() - begin) / 1000);
  };
  await run("make");
  await run("list");
  await run("stat");
  await again("mount");
  await run("list");
  await run("stat");
  await run("rename");
  const used = Number(await volume.sh("df --output=iused . | tail -1"));
  assert.ok(used >= files, `${used} inodes in use for ${files} files`);
  await volume.unmount();
  volume.check();
  await volume.mount("allow_other");
  await run("remove");
  assert.equal(await volume.sh("ls"), "");
  await volume.unmount();
  volume.check();
  return outcomes;
}

if (process.argv[1] === import.meta.filename) {
  const at = process.argv.indexOf("--files");
  const volume = await MountedVolume.create("8G");
  try {
    await volume.mount("allow_other");
    await manyFiles(volume, at < 0 ? 1_000_000 : Number(process.argv[at + 1]), ({ part, seconds, residentMib }) =>
      console.log(`${part}: ${seconds.toFixed(2)} s, the server holds ${residentMib} MiB`),
    );
    console.log("1 passed, 0 failed");
  } finally {
    await volume.remove();
  }
}
