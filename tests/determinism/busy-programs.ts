/**
 * Programs that are busy with much at once, and print in the end what they came to: it doesn't depend on when what
 * happened, and would be another if a byte, a signal, a message or a wakening were lost.
 */

export interface BusyProgram {
  readonly name: string;
  /** For bash. */
  readonly script: string;
  /** All that it prints, with its status. */
  readonly output: RegExp;
}

const OVER = "status 0 null$";

const PGBENCH = `
export PATH=$PATH:$(echo /usr/lib/postgresql/*/bin) LC_ALL=C
exec 3>&1 > /tmp/log 2>&1
as() { setpriv --reuid postgres --regid postgres --init-groups "$@"; }
mkdir -p /run/postgresql /tmp/db; chown postgres /run/postgresql /tmp/db; cd /tmp
as initdb -D /tmp/db -A trust && as pg_ctl -D /tmp/db -w -o "-c shared_buffers=16MB" start &&
as pgbench -i -s 1 postgres && as pgbench -n -c 3 -j 2 -t 60 postgres || { cat /tmp/log >&3; exit 1; }
as psql -At postgres >&3 <<'END'
select count(*) from pgbench_history;
select (select sum(abalance) from pgbench_accounts) = (select sum(delta) from pgbench_history);
select (select sum(bbalance) from pgbench_branches) = (select sum(tbalance) from pgbench_tellers);
select (select sum(bbalance) from pgbench_branches) = (select sum(delta) from pgbench_history);
END
as pg_ctl -D /tmp/db -m fast -w stop; as pg_controldata -D /tmp/db | grep -o "shut down$" >&3`;

const GO = `
mkdir -p /tmp/go; cd /tmp/go; export HOME=/tmp/go GOCACHE=/tmp/go/cache GOFLAGS=-mod=mod
cat > main.go <<'END'
package main

import (
	"crypto/sha256"
	"fmt"
	"sync"
	"time"
)

func main() {
	work, done := make(chan int), make(chan [32]byte)
	var group sync.WaitGroup
	for w := 0; w < 8; w++ {
		group.Add(1)
		go func() {
			defer group.Done()
			for n := range work {
				sum := sha256.Sum256([]byte(fmt.Sprint(n)))
				for i := 0; i < 2000; i++ {
					sum = sha256.Sum256(sum[:])
				}
				if n%16 == 0 {
					time.Sleep(time.Millisecond)
				}
				done <- sum
			}
		}()
	}
	go func() {
		for n := 0; n < 400; n++ {
			work <- n
		}
		close(work)
		group.Wait()
		close(done)
	}()
	var all [32]byte
	count := 0
	for sum := range done {
		count++
		for i := range all {
			all[i] ^= sum[i]
		}
	}
	fmt.Printf("%d %x\\n", count, all[:4])
}
END
go build -o main main.go 2>&1 && ./main`;

const GCC = `
cd /tmp; cat > a.c <<'END'
#include <stdio.h>
#include <string.h>
static unsigned table[256];
#define NEXT x = x * 2654435761u + table[x >> 24]
#define ROW(n) static unsigned f##n(unsigned x) { for (int i = 0; i < n; i++) NEXT; return x; }
ROW(11) ROW(23) ROW(37) ROW(41) ROW(53) ROW(67) ROW(71) ROW(83) ROW(97)
int main(void) {
  unsigned x = 1;
  for (int i = 0; i < 256; i++) table[i] = i * 40503u;
  for (int i = 0; i < 2000; i++) x ^= f11(x) + f23(x) + f37(x) + f41(x) + f53(x) + f67(x) + f71(x) + f83(x) + f97(x);
  printf("%u\\n", x);
}
END
for level in 0 1 2 3 s; do gcc -O$level -o a$level a.c && ./a$level & done; wait`;

const PIPES = `
cd /tmp; mkfifo f; trap 'n=$((n + 1))' USR1
(for i in $(seq 200); do kill -USR1 $$; sleep 0.01; done; echo over > f) &
seq 200000 | tee >(sort -rn | md5sum > s1) | gzip | gunzip | sort -n | md5sum > s2
until read -r word < f; do :; done; wait
until [ -s s1 ] && [ -s s2 ]; do sleep 0.1; done
cut -c1-8 s1 s2; echo $word`;

const PYTHON = `python3 - <<'END'
import hashlib, multiprocessing as m, os, queue, socket, threading, time
def child(c, n, others):
  for each in others: each.close()
  h = hashlib.sha256()
  while (data := c.recv(1 << 14)): h.update(data)
  os.write(1, f"{n} {h.hexdigest()[:8]}\\n".encode())
parts = []
for n in range(3):
  a, b = socket.socketpair(); others = [a] + [each for each, _ in parts]
  p = m.get_context("fork").Process(target=child, args=(b, n, others)); p.start(); b.close()
  parts.append((a, p))
  def feed(a=a, n=n):
    for i in range(400): a.sendall(bytes([(n * 7 + i * 13 + k) & 255 for k in range(3000)])); time.sleep(0.001)
    a.close()
  threading.Thread(target=feed).start()
for a, p in parts: p.join()
print("joined")
END`;

export const BUSY_PROGRAMS: readonly BusyProgram[] = [
  { name: "PostgreSQL under pgbench", script: PGBENCH, output: new RegExp(`^180\nt\nt\nt\nshut down\n${OVER}`) },
  { name: "a program in Go, and what builds it", script: GO, output: new RegExp(`^400 [0-9a-f]{8}\n${OVER}`) },
  { name: "gcc, five at once", script: GCC, output: new RegExp(`^(\\d+\n)\\1{4}${OVER}`) },
  { name: "pipes and signals", script: PIPES, output: new RegExp(`^[0-9a-f]{8}\n[0-9a-f]{8}\nover\n${OVER}`) },
  {
    name: "processes and threads of python",
    script: PYTHON,
    output: new RegExp(`^(?:\\d [0-9a-f]{8}\n){3}joined\n${OVER}`),
  },
];
