/** Goal: a folder that was recorded answers again without the host, and only what was asked for then. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { HostFile, HostFileTree, HostStat } from "@stratos/host";
import { AnsweredFolder } from "./answered-folder.ts";
import { RecordedAnswers, ReplayError, tellAnswers } from "./host-answers.ts";
import type { RecordedAnswer } from "./recording-format.ts";

const STAT: HostStat = {
  ...{ ino: 7, mode: 0o100644, nlink: 1, uid: 0, gid: 0, size: 3, rdev: 0, blocks: 8 },
  ...{ atimeMs: 9, mtimeMs: 5, ctimeMs: 5 },
};
const CONTENT = Uint8Array.of(0, 255, 10);

const file = {
  read: (position: number, bytes: Uint8Array, at: number, length: number) => {
    const part = CONTENT.subarray(position, position + length);
    bytes.set(part, at);
    return part.length;
  },
  write: (_position: number, _bytes: Uint8Array, _at: number, length: number) => length,
  stat: () => STAT,
  close: () => {},
} as unknown as HostFile;

const host = {
  readOnly: false,
  lstat: (path: string) => (path === "none" ? -2 : STAT),
  list: () => ["b", "a\xff"],
  open: () => file,
} as unknown as HostFileTree;

const folderOf = (answers: ConstructorParameters<typeof AnsweredFolder>[0], tree: HostFileTree | null) =>
  new AnsweredFolder(answers, { name: "/shared", file: undefined, isReadOnly: false, host: tree });

/** What a machine might ask for; all that it was told. */
function ask(folder: AnsweredFolder, written = "same"): unknown[] {
  const names = folder.list("") as string[];
  // Its reader sorts it in place.
  names.sort();
  const opened = folder.open("a", 0, 0) as HostFile;
  const bytes = new Uint8Array(8);
  const read = opened.read(0, bytes, 2, 6);
  const data = new TextEncoder().encode(written);
  return [names, read, bytes, opened.write(0, data, 0, data.length), opened.stat(), folder.lstat("none")];
}

function recorded(): { told: unknown[]; answers: RecordedAnswer[] } {
  const answers: RecordedAnswer[] = [];
  const told = ask(
    folderOf(
      tellAnswers((answer) => answers.push(structuredClone(answer))),
      host,
    ),
  );
  return { told, answers };
}

test("what was recorded is answered again, without the host", () => {
  const { told, answers } = recorded();
  assert.deepEqual(told.slice(0, 4), [["a\xff", "b"], 3, Uint8Array.of(0, 0, 0, 255, 10, 0, 0, 0), 4]);
  assert.deepEqual(ask(folderOf(new RecordedAnswers(answers), null)), told);
});

test("when a file was last read is no answer, since reading changes it", () => {
  const { told } = recorded();
  assert.deepEqual(told[4], { ...STAT, atimeMs: STAT.mtimeMs });
});

test("one file is asked for by its own name, and nothing of the folder around it", () => {
  const answers: RecordedAnswer[] = [];
  const one = new AnsweredFolder(
    tellAnswers((answer) => answers.push(answer)),
    { name: "/shared/one", file: "one", isReadOnly: true, host },
  );
  assert.equal(one.lstat(""), -2);
  one.lstat("one");
  assert.deepEqual(
    answers.map(({ question }) => question),
    ['lstat "/shared/one"'],
  );
});

test("another question than the recorded one, and other data written, end a replay by name", () => {
  const { answers } = recorded();
  const other = folderOf(new RecordedAnswers(answers), null);
  assert.throws(() => other.lstat("none"), { question: 'lstat "/shared/none"', recorded: 'list "/shared"' });
  assert.throws(() => ask(folderOf(new RecordedAnswers(answers), null), "liar"), ReplayError);
  assert.throws(() => ask(folderOf(new RecordedAnswers(answers.slice(0, 2)), null)), { recorded: null });
});

test("more bytes than were asked for are an error of input and output, and go nowhere", () => {
  const { answers } = recorded();
  const at = answers.findIndex(({ question }) => question.startsWith("read("));
  answers[at] = { ...answers[at]!, answer: new Uint8Array(12) };
  const [, read, bytes] = ask(folderOf(new RecordedAnswers(answers), null));
  assert.deepEqual([read, bytes], [-5, new Uint8Array(8)]);
});
