/**
 * Goal: an archive gives back what this user's runs have written, or nothing: never what is damaged, another name's,
 * another user's, or reached through a link. Method: files that are damaged in each of these ways.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import {
  chmodSync,
  chownSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { ARCHIVE_PIECES_MAX, type ArchiveName } from "@stratos/host";
import { NodeCodeArchive } from "./code-archive.ts";

const PIECES = [new Uint8Array([1, 2, 3]), new Uint8Array(5000).fill(7), new Uint8Array(0)];
const nameOf = (detail: string): ArchiveName => ({ head: new Uint8Array([9, 8]), detail });
const LIBC = nameOf("libc");

/** Calls with an archive that holds LIBC, and its folder. */
function withArchive(check: (archive: NodeCodeArchive, folder: string, file: string) => void): void {
  const home = mkdtempSync(join(tmpdir(), "stratos-code-"));
  try {
    // The folder is made when a run hands something over.
    const archive = new NodeCodeArchive(home, ["/bin/true"]);
    archive.submit(new Uint8Array([5]));
    assert.ok(archive.write(LIBC, PIECES));
    const folder = join(home, "translations");
    check(archive, folder, join(folder, archive.list()[0]!.name));
  } finally {
    rmSync(home, { recursive: true, force: true });
  }
}

/** What is read of LIBC: null when the archive isn't sound, a null for each piece that isn't. */
function contents(archive: NodeCodeArchive, name = LIBC): (number[] | null)[] | null {
  const pieces = archive.open(name);
  if (pieces === null) return null;
  return Array.from({ length: pieces.count }, (_, index) => {
    const piece = pieces.read(index);
    return piece === null ? null : [...piece];
  });
}

const whole = PIECES.map((piece) => [...piece]);

test("what was written comes back, under its name only, from a file that is its owner's alone", () => {
  withArchive((archive, folder, file) => {
    assert.deepEqual(contents(archive), whole);
    assert.equal(archive.open(nameOf("libm")), null);
    assert.equal(statSync(file).mode & 0o777, 0o600);
    assert.equal(statSync(folder).mode & 0o777, 0o700);
    assert.ok(archive.write(LIBC, [PIECES[1]!]));
    assert.deepEqual(contents(archive), [whole[1]]);
  });
});

test("a flipped bit anywhere is noticed", () => {
  withArchive((archive, _, file) => {
    const bytes = readFileSync(file);
    for (let at = 0; at < bytes.length; at += at < 250 ? 1 : 997) {
      const flipped = Buffer.from(bytes);
      flipped[at]! ^= 1 << (at % 8);
      writeFileSync(file, flipped);
      const found = contents(archive);
      assert.ok(found === null || found.includes(null), `byte ${at}`);
    }
  });
});

test("a file that was cut short, emptied, or swapped for another's is noticed, and replaced by the next write", () => {
  withArchive((archive, folder, file) => {
    const libm = nameOf("libm");
    const damages = [
      () => truncateSync(file, 0),
      () => truncateSync(file, 100),
      () => truncateSync(file, statSync(file).size - 1),
      () => {
        assert.ok(archive.write(libm, [PIECES[0]!]));
        const other = archive.list().find(({ name }) => join(folder, name) !== file)!;
        renameSync(join(folder, other.name), file);
      },
      () => writeFileSync(file, "#!/bin/sh\n"),
    ];
    for (const damage of damages) {
      damage();
      const found = contents(archive);
      assert.ok(found === null || found.includes(null), `damage ${damages.indexOf(damage)}`);
      assert.ok(archive.write(LIBC, PIECES));
      assert.deepEqual(contents(archive), whole);
    }
  });
});

test("a file that others may read or write, a link, and a folder that others may write are not used", () => {
  withArchive((archive, folder, file) => {
    for (const mode of [0o644, 0o660, 0o602]) {
      chmodSync(file, mode);
      assert.equal(contents(archive), null, mode.toString(8));
    }
    chmodSync(file, 0o600);
    const target = join(folder, "..", "copy");
    copyFileSync(file, target);
    chmodSync(target, 0o600);
    rmSync(file);
    symlinkSync(target, file);
    assert.equal(contents(archive), null, "a symbolic link");
    rmSync(file);
    assert.ok(archive.write(LIBC, PIECES));
    chmodSync(folder, 0o777);
    assert.equal(contents(archive), null, "a folder that all may write");
    assert.equal(archive.write(LIBC, PIECES), false);
    assert.deepEqual(archive.list(), []);
    chmodSync(folder, 0o700);
    assert.deepEqual(contents(archive), whole);
    if (process.geteuid?.() !== 0) return;
    chownSync(file, 65534, 65534);
    assert.equal(contents(archive), null, "another user's file");
    chownSync(folder, 65534, 65534);
    assert.equal(archive.write(LIBC, PIECES), false, "another user's folder");
  });
});

test("an archive has as many pieces as one may have, and no more", () => {
  withArchive((archive) => {
    const pieces = Array.from({ length: ARCHIVE_PIECES_MAX }, (_, index) => new Uint8Array([index]));
    assert.ok(archive.write(LIBC, pieces));
    assert.deepEqual(
      contents(archive),
      pieces.map((piece) => [...piece]),
    );
    assert.equal(archive.write(LIBC, [...pieces, new Uint8Array(1)]), false);
    assert.equal(contents(archive)?.length, ARCHIVE_PIECES_MAX);
  });
});

test("where nothing can be written nothing is kept, and nothing is left behind", () => {
  withArchive((archive, folder, file) => {
    rmSync(file);
    // /proc takes no names, whoever asks; root writes where modes forbid it.
    const nowhere = new NodeCodeArchive("/proc/nowhere", ["/bin/true"]);
    nowhere.submit(new Uint8Array([1]));
    assert.equal(nowhere.write(LIBC, PIECES), false);
    assert.equal(nowhere.open(LIBC), null);
    assert.deepEqual(
      readdirSync(folder).filter((name) => name.startsWith(".")),
      [],
    );
    assert.equal(contents(archive), null);
  });
});

test("what was used last stays when there is too much", () => {
  withArchive((archive, folder) => {
    for (const detail of ["a", "b"]) assert.ok(archive.write(nameOf(detail), PIECES));
    archive.list().forEach(({ name }, age) => utimesSync(join(folder, name), 1000 - age, 1000 - age));
    const [newest, ...older] = archive.list();
    const removed = archive.prune(newest!.bytes);
    assert.deepEqual(
      removed.map(({ name }) => name),
      older.map(({ name }) => name),
    );
    assert.deepEqual(
      archive.list().map(({ name }) => name),
      [newest!.name],
    );
    assert.equal(archive.prune(0).length, 1);
  });
});

test("a profile waits until it is taken, and no more than a few wait", () => {
  withArchive((archive) => {
    for (let count = 0; count < 20; count++) archive.submit(new Uint8Array([count]));
    const waiting = archive.profiles();
    assert.ok(waiting.length <= 4, `${waiting.length} wait`);
    assert.deepEqual([...archive.takeProfile(waiting[0]!)!], [5]);
    assert.equal(archive.takeProfile(waiting[0]!), null);
  });
});

test("who translates is started though as many profiles wait as may: the one before may have been killed", async () => {
  const home = mkdtempSync(join(tmpdir(), "stratos-code-"));
  try {
    const folder = join(home, "translations"),
      mark = join(home, "started");
    mkdirSync(folder, { mode: 0o700 });
    for (let at = 0; at < 4; at++) writeFileSync(join(folder, `profile-1-${at}`), "", { mode: 0o600 });
    new NodeCodeArchive(home, ["/bin/sh", "-c", `: > "${mark}"`]).submit(new Uint8Array([5]));
    while (!existsSync(mark)) await setTimeout(20);
    assert.equal(readdirSync(folder).length, 4);
  } finally {
    rmSync(home, { recursive: true, force: true });
  }
});

test("what a killed process has left half written is removed, and what a running one writes stays", () => {
  withArchive((archive, folder, file) => {
    // Above the largest pid of Linux (proc(5), pid_max).
    const left = join(folder, ".profile-1-2.4194305");
    const own = join(folder, `.profile-1-3.${process.pid}`);
    for (const path of [left, own]) writeFileSync(path, "half", { mode: 0o600 });
    assert.ok(archive.write(LIBC, PIECES));
    assert.deepEqual([existsSync(left), existsSync(own), existsSync(file)], [false, true, true]);
    archive.prune(0);
    assert.deepEqual(archive.profiles(), []);
  });
});

test("however many archives are opened, few stay open, and each is still read", () => {
  withArchive((archive) => {
    const openFiles = (): number => readdirSync("/proc/self/fd").length;
    const first = archive.open(LIBC)!;
    const before = openFiles();
    for (let count = 0; count < 400; count++) assert.notEqual(archive.open(LIBC), null);
    assert.ok(openFiles() - before < 200, `${openFiles() - before} more are open`);
    assert.deepEqual([...first.read(1)!], whole[1]);
  });
});
