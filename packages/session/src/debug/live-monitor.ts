/** What `monitor` (gdb) and the prompt of an editor can be asked of a live machine. */
import { describeTask } from "../recording/describe-place.ts";
import type { LiveTarget } from "./live-target.ts";

/** Threads that are told; a machine may have thousands. */
const THREADS_MAX = 100;

export async function answerLive(target: LiveTarget, words: readonly string[]): Promise<readonly string[]> {
  const [command, word = ""] = words;
  if (words.length === 1 && command === "where")
    return [...target.kernel.tasks.tasks.values()]
      .filter(({ group }) => group.parent !== null)
      .slice(0, THREADS_MAX)
      .map((task) => `${task.group.pid === target.pid ? "*" : " "} ${describeTask(task)}`);
  if (words.length === 2 && command === "follow" && (word === "parent" || word === "child")) {
    target.follow = word;
    return [`at the next fork: the ${word}`];
  }
  if (words.length === 2 && command === "process" && /^\d+$/.test(word))
    return [target.lookAt(Number(word)) ? `looking at process ${word}` : `there is no process ${word}`];
  return HELP;
}

const HELP = [
  "monitor where                 each thread of the machine; * are those of the process that is looked at",
  "monitor follow parent|child   which process is looked at after a fork",
  "monitor process PID           look at another one; then type",
  "                              maintenance flush register-cache",
];
