/** Goal: debuggers find the notes of a core, in the form of elf(5). Method: notes of a task are taken apart. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { SIGABRT, SI_USER } from "@stratos/abi";
import { byteString } from "@stratos/base";
import { HART_STATE_SIZE } from "@stratos/riscv";
import { signalInfo } from "../../signal/pending-signals.ts";
import { createMemoryTask } from "../../testing/memory-task.ts";
import { coreNotes, threadState } from "./core-notes.ts";

test("each note has its name, its type, and its bytes up to the next", () => {
  const { task } = createMemoryTask();
  task.name = "failing";
  const thread = threadState(task, new Uint8Array(HART_STATE_SIZE));
  const bytes = coreNotes(task, signalInfo(SIGABRT, SI_USER), [thread, thread], []);
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  const notes = new Map<number, number>();
  for (let at = 0; at < bytes.length;) {
    const [nameSize, size, type] = [0, 4, 8].map((offset) => view.getUint32(at + offset, true)) as [
      number,
      number,
      number,
    ];
    assert.equal(nameSize, 5);
    assert.equal(byteString(bytes, at + 12, at + 17), "CORE\0");
    if (!notes.has(type)) notes.set(type, at + 20);
    at += 20 + Math.ceil(size / 4) * 4;
  }
  const NT_PRSTATUS = 1,
    NT_PRFPREG = 2,
    NT_PRPSINFO = 3,
    NT_AUXV = 6,
    NT_FILE = 0x46494c45,
    NT_SIGINFO = 0x53494749;
  assert.deepEqual([...notes.keys()], [NT_PRSTATUS, NT_PRPSINFO, NT_SIGINFO, NT_AUXV, NT_FILE, NT_PRFPREG]);
  assert.equal(view.getInt32(notes.get(NT_SIGINFO)!, true), SIGABRT);
  assert.equal(view.getInt32(notes.get(NT_PRSTATUS)! + 32, true), task.tid);
  assert.equal(byteString(bytes, notes.get(NT_PRPSINFO)! + 40, notes.get(NT_PRPSINFO)! + 47), "failing");
});
