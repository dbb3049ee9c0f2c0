/** Programs that are to leave the same machine behind on every processor of a host. */

export interface ComparedProgram {
  readonly name: string;
  /** Of bash; programs that were built of `sources` are in /t. */
  readonly script: string;
  /** C, beside this file's folder. */
  readonly sources?: readonly string[];
  readonly stdin?: string;
}

const PYTHON = `import threading, time, os, math, random
def work(i):
  global s
  for k in range(300): s += math.sin(k * i)
  time.sleep(random.random() / 50); print(i, s.hex())
s = 0.0
ts = [threading.Thread(target=work, args=(i,)) for i in range(3)]
[t.start() for t in ts]; [t.join() for t in ts]
print(os.urandom(8).hex(), time.time(), {str(i) for i in range(9)}, float('nan'), math.fsum([.1] * 9), id(s))`;

/** Those that take longest come last. */
export const COMPARED_PROGRAMS: readonly ComparedProgram[] = [
  { name: "a pipe between two programs", script: "printf 'a\\nb\\n' | wc -l" },
  { name: "floating point", script: "/t/float-corners", sources: ["determinism/float-corners.c"] },
  { name: "dice", script: "/t/dice", sources: ["determinism/dice.c"] },
  { name: "threads and signals", script: "/t/threads; /t/signals", sources: ["abi/threads.c", "abi/signals.c"] },
  { name: "pipes and polling", script: "/t/pipes-and-polling", sources: ["abi/pipes-and-polling.c"] },
  { name: "threads that race and spin", script: "/t/racing-threads", sources: ["determinism/racing-threads.c"] },
  { name: "input and chance", script: "sort -R | tee /tmp/x | md5sum; cat /tmp/x; echo $RANDOM", stdin: "a\nb\nc\n" },
  {
    name: "what is told of the system",
    script: "ls -laRU /etc | md5sum; stat /bin/sh /proc; date +%s.%N; ps auxww; df; cat /proc/meminfo /proc/uptime; id",
  },
  { name: "addresses above 4 GiB", script: "/t/wide-memory", sources: ["abi/wide-memory.c"] },
  { name: "threads of python", script: `python3 -c "${PYTHON}"` },
];
