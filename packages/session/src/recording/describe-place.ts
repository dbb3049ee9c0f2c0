/** Where a replayed machine stands, in words: one line for the machine, one for each thread. */
import { byteStringToUtf8, printable } from "@stratos/base";
import { placeOf, type Task } from "@stratos/kernel";
import { ElfFile } from "../symbols/elf-file.ts";
import type { Replay } from "./replay.ts";

/** Threads that are told; a machine may have thousands. */
const THREADS_MAX = 100;

export function describePlace({ session, gate }: Replay, eventCount: number): string[] {
  const { kernel } = session.machine;
  const { moment } = gate;
  const threads = [...kernel.tasks.tasks.values()].filter((task) => task.group.parent !== null);
  return [
    `instruction ${moment.instructions}, ${(moment.ns / 1e9).toFixed(6)} s after the start, event ${gate.eventCount} ` +
      `of ${eventCount}, line ${gate.outputLines} of output`,
    ...threads.slice(0, THREADS_MAX).map(describeTask),
    ...(threads.length > THREADS_MAX ? [`… and ${threads.length - THREADS_MAX} threads more`] : []),
  ];
}

/** What gdb and people are told of a thread. */
export function describeTask(task: Task): string {
  const { tid, group } = task;
  const thread = tid === group.pid ? "" : `thread ${tid} of `;
  const name = `${thread}process ${group.pid} (${printable(byteStringToUtf8(task.name))})`;
  return `${name}: ${describeState(task)}, ${describeCode(task)}`;
}

function describeState(task: Task): string {
  const { call } = placeOf(task);
  switch (task.state) {
    case "R":
      return task.kernel.scheduler.current === task
        ? "goes on here"
        : call === null
          ? "is to run"
          : `is to go on with ${call}`;
    case "T":
    case "t":
      return "is stopped";
    case "S":
      return call === null ? "sleeps" : `waits in ${call}`;
    default:
      return "has ended";
  }
}

function describeCode(task: Task): string {
  const { pc, object, offset, inode } = placeOf(task);
  const hex = (value: number): string => `0x${value.toString(16)}`;
  const elf = inode === null ? null : ElfFile.open(inode);
  const address = elf?.addressOf(offset) ?? null;
  const name = elf === null || address === null ? null : elf.placeName(address);
  const file = object === "" ? "" : ` in ${printable(byteStringToUtf8(object))} + ${hex(offset)}`;
  return `at ${hex(pc)}${file}${name === null ? "" : ` (${name})`}`;
}
