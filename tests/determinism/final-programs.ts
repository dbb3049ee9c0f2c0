/** Two hundred programs whose seeded runs are to leave the same machine behind, wherever and however they are run. */
import { programs } from "../abi/on-linux.ts";
import { PROGRAM_CASES } from "../programs/cases.ts";
import { COMPARED_PROGRAMS } from "./arm-programs.ts";
import type { FinalProgram } from "./final-state.ts";

const python = (source: string): string => `python3 - <<'END'${source}
END`;

/** What tells a machine from another: chance, clocks, places, counts, orders. */
const TELLING: readonly FinalProgram[] = [
  { name: "memory that was never written", script: "/t/uninitialised", sources: ["determinism/uninitialised.c"] },
  {
    name: "folders in the order in which they are kept",
    script: "ls -U / /etc /usr/bin | md5sum; find /usr/share | md5sum",
  },
  {
    name: "every process file",
    script: "for f in /proc/self/*; do [ -f $f ] && [ -r $f ] && md5sum < $f; done; ls -l /proc/self/fd",
  },
  {
    name: "what the machine tells of itself",
    script: "cat /proc/{cpuinfo,stat,loadavg,interrupts,vmstat,meminfo,uptime,version}; uname -a; nproc",
  },
  {
    name: "times of files that programs make",
    script: "touch a; sleep 0.013; mkdir b; ln -s a c; stat a b c; date +%N; TZ=Asia/Tokyo date",
  },
  {
    name: "chance from everywhere",
    script:
      "head -c 99 /dev/urandom | md5sum; uuidgen; mktemp -u; echo $RANDOM $SRANDOM; shuf -i 1-9; " +
      "cat /proc/sys/kernel/random/*",
  },
  {
    name: "clocks",
    script: python(`
import time
for c in range(12):
  try: print(c, time.clock_gettime_ns(c), time.clock_getres(c))
  except OSError as e: print(c, e)
print(time.process_time_ns(), time.thread_time_ns())`),
  },
  {
    name: "a server and its clients",
    script: python(`
import socket, threading
s = socket.create_server(('127.0.0.1', 0)); print(s.getsockname())
def serve():
  for _ in range(5):
    c, a = s.accept(); print('from', a); c.sendall(c.recv(99)[::-1]); c.close()
t = threading.Thread(target=serve); t.start()
for i in range(5):
  with socket.create_connection(s.getsockname()) as c: c.sendall(b'hello %d' % i); print(c.recv(99))
t.join()`),
  },
  {
    name: "datagrams and pairs",
    script: python(`
import socket, os
a, b = socket.socketpair(); a.send(b'xyz'); print(b.recv(9))
u = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); u.bind(('127.0.0.1', 0))
u.sendto(b'hi', u.getsockname()); print(u.recvfrom(9))
print(os.getpid(), os.getppid(), os.getpgrp(), os.times())`),
  },
  {
    name: "many processes at once",
    script:
      "for i in $(seq 30); do (sleep 0.00$((i % 7)); echo $i $BASHPID) & done; wait; ps -eo pid,ppid,time,rss,args",
  },
  {
    name: "threads that wait for one another",
    script: python(`
import queue, threading, random
q = queue.Queue(3); out = []
def put(n):
  for i in range(50): q.put((n, i, random.random()))
def get():
  for _ in range(100): out.append(q.get())
ts = [threading.Thread(target=put, args=(n,)) for n in range(4)]
ts += [threading.Thread(target=get) for _ in range(2)]
[t.start() for t in ts]; [t.join() for t in ts]
print(len(out), hash(tuple(out)))`),
  },
  {
    name: "signals and timers",
    script: python(`
import signal, time
seen = []
signal.signal(signal.SIGALRM, lambda *a: seen.append(time.monotonic_ns()))
signal.setitimer(signal.ITIMER_REAL, 0.003, 0.002)
while len(seen) < 9: sum(range(1000))
print(seen)`),
  },
  {
    name: "a pool of processes",
    script: python(`
import multiprocessing as m, os, random
def f(x): return x * x, os.getpid(), random.random()
if __name__ == '__main__':
  with m.get_context('fork').Pool(3) as p: print(sorted(p.map(f, range(12))))`),
  },
  {
    name: "hashes, sets and addresses of objects",
    script: python(`
print({str(i) for i in range(40)}, id(object()), hash('a'), hash(1.5), [hash(str(i)) for i in range(5)])`),
  },
  {
    name: "perl: hashes in their order, time, chance",
    script: `perl -e 'my %h = map { $_ => rand } 1..20; print "$_ $h{$_}\\n" for keys %h;
print time, " $$ ", \\%h, "\\n"; printf "%.17g\\n", sin(1e22)'`,
  },
  {
    name: "a compiler and what it made",
    script: `printf '#include <stdio.h>\\nint main(){printf("%%s %%p\\\\n", __TIME__, (void*)main);}' > a.c
gcc -O2 -o a a.c; ./a; md5sum a; readelf -n a`,
  },
  {
    name: "make, side by side",
    script:
      "printf 'all: a b c d\\n%%:\\n\\t@sleep 0.01; echo $@ $$$$ > $@; cat $@\\n' > Makefile; " +
      "make -sj4; ls -l --time-style=full-iso",
  },
  {
    name: "git: what has times and chance in it",
    script:
      "git init -q .; git config user.email a@b; git config user.name n; " +
      "for i in 1 2 3; do echo $i $RANDOM > f; git add f; git commit -qm $i; done; " +
      "git log --format='%H %ci'; git gc -q; ls -lR .git | md5sum",
  },
  {
    name: "a database",
    script:
      "sqlite3 d 'create table t(a, b); " +
      "with recursive n(i) as (select 1 union all select i + 1 from n where i < 2000) " +
      "insert into t select i, random() from n; select count(*), sum(b % 1000), hex(randomblob(8)) from t;'; md5sum d",
  },
  {
    name: "archives",
    script:
      "mkdir d; for i in $(seq 20); do echo $RANDOM > d/$i; done; " +
      "tar -c d | tee >(zstd -q | md5sum) | xz | md5sum; tar -cz d | md5sum; bzip2 -c d/1 | md5sum",
  },
  {
    name: "floating point of the C library",
    script: python(`
import math
for i in range(300):
  x = (i - 150) * 1.37e-3 * 10 ** (i % 40 - 20)
  print(math.sin(x).hex(), math.tan(x).hex(), math.exp(min(x, 700)).hex(), math.atan2(x, 3).hex())
  print(math.fmod(x, 0.7).hex(), math.gamma(abs(x) % 90 + .1).hex())`),
  },
  {
    name: "a program that is killed in the middle",
    script: "timeout 0.05 bash -c 'while :; do echo $((n++)); done' | tail -1; timeout -s KILL 0.02 yes | wc -c",
  },
  {
    name: "standard input by lines",
    script: "while read -r line; do echo $line $RANDOM $SECONDS; done; wc -c",
    stdin: "one\ntwo\nthree\nand no end",
  },
];

/** In which timers of the kernel pass that a program has left: afterwards nothing more happens by itself. */
const SETTLED_SECONDS = 200;

const ABI: readonly FinalProgram[] = programs.map((name) => ({
  name: `abi/${name}`,
  script: `/t/${name}; sleep ${SETTLED_SECONDS}`,
  sources: [`abi/${name}.c`],
}));

export const FINAL_PROGRAMS: readonly FinalProgram[] = [...COMPARED_PROGRAMS, ...TELLING, ...PROGRAM_CASES, ...ABI];
