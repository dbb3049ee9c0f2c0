/** Perl, Python and C: what their runtimes ask of the kernel and of the processor. */
import type { ProgramCase } from "../support/compare.ts";

const python = (name: string, source: string): ProgramCase => ({
  name: `python3: ${name}`,
  script: "python3 -",
  stdin: source,
});

export const LANGUAGE_CASES: readonly ProgramCase[] = [
  {
    name: "perl: regular expressions, hashes, sorting, formats",
    script:
      'perl -e \'my %h; $h{$_ % 13} .= chr(97 + $_ % 26) for 1..500; print join(",", map { "$_=" . length $h{$_} ' +
      '} sort { $a <=> $b } keys %h), "\\n"; my $s = join " ", 1..50; (my $t = $s) =~ s/(\\d)(\\d)/$2$1/g; print ' +
      '"$t\\n"; print "yes\\n" if "foobar" =~ /^(?<a>fo+)(?=bar)/; print "$+{a}\\n"; printf "%.15g %s %b\\n", ' +
      'exp(1), 1e300 * 1e10, 42; print pack("NnC", 1, 2, 3) eq "\\0\\0\\0\\1\\0\\2\\3" ? 1 : 0, "\\n"; print ' +
      'sprintf("%vd", "1.22.333"), "\\n"\'',
  },
  {
    name: "perl: fork, pipes, signals, files",
    script:
      'perl -e \'$| = 1; pipe(R, W); if (!fork) { close R; print W "child\\n"; exit 7 } close W; print <R>; ' +
      'wait; print $? >> 8, "\\n"; $SIG{ALRM} = sub { print "alarm\\n" }; alarm 1; select undef, undef, undef, ' +
      '3; local $SIG{CHLD} = sub { print "chld\\n" }; system "true"; open F, ">f"; print F "x" x 100; close F; ' +
      'print -s "f", "\\n"; print `echo sub`; die "end\\n"\'; echo $?',
  },
  {
    name: "perl: own tests of core modules",
    script:
      "perl -MList::Util=sum,shuffle -MPOSIX=floor,strtol -MDigest::SHA=sha256_hex -MStorable=freeze,thaw " +
      '-MTime::Local -MMIME::Base64 -MEncode -e \'print sum(1..100), " ", floor(-2.5), " ", sha256_hex("abc"), ' +
      '"\\n"; print thaw(freeze([1, {a => 2}]))->[1]{a}, " ", timegm(0,0,0,1,0,100), " ", encode_base64("hi"), ' +
      'encode("UTF-8", chr 8364), "\\n"\'',
  },
  python(
    "numbers",
    "import math, decimal, fractions, random\nprint(2**1000 % 10**30, math.factorial(50), math.isqrt(10**40))\n" +
      "print([repr(f(0.7)) for f in (math.sin, math.exp, math.log, math.gamma, math.erf, math.atanh)])\n" +
      "print(float('1e-320'), 0.1 + 0.2, 1e308 * 10, -0.0, float('nan'), round(2.675, 2), (0.1).hex())\n" +
      "print(decimal.Decimal(1) / 7, fractions.Fraction(355, 113) ** 3)\nrandom.seed(7)\n" +
      "print(random.random(), random.gauss(0, 1), random.sample(range(100), 5))\n" +
      "print(int(1e18), 7 // -2, -7 % 3, divmod(-7, 2), complex(1, 2) ** 3)\n",
  ),
  python(
    "strings, regular expressions, JSON, structs",
    "import re, json, struct, unicodedata, zlib, hashlib, base64, textwrap\n" +
      "print('é'.encode(), 'ß'.upper(), unicodedata.normalize('NFD', 'é').encode(), f'{3.14159:>10.2f}|{255:#x}')\n" +
      "print(re.sub(r'(\\w+) (\\w+)', r'\\2 \\1', 'hello world'), re.findall(r'(?i)a.', 'Abacad'))\n" +
      "print(json.dumps({'b': [1, 2.5, None], 'a': 'é'}, sort_keys=True), struct.pack('<hIq', -1, 2, 3).hex())\n" +
      "print(zlib.crc32(b'abc'), hashlib.blake2b(b'x').hexdigest()[:16], hashlib.md5(zlib.compress(b'a' * " +
      "1000)).hexdigest())\nprint(textwrap.fill('word ' * 20, 30))\n",
  ),
  python(
    "threads, locks, queues",
    "import threading, queue, time, concurrent.futures as cf\n" +
      "q = queue.Queue(); total = [0]; lock = threading.Lock()\ndef work():\n" +
      "    while (item := q.get()) is not None:\n        with lock: total[0] += item\n" +
      "ts = [threading.Thread(target=work) for _ in range(4)]\n[t.start() for t in ts]\n" +
      "[q.put(i) for i in range(1000)]\n[q.put(None) for _ in ts]\n[t.join(30) for t in ts]\nprint(total)\n" +
      "with cf.ThreadPoolExecutor(4) as ex: print(sum(ex.map(lambda x: x * x, range(100))))\n" +
      "e = threading.Event(); threading.Timer(0.05, e.set).start(); print(e.wait(5), e.is_set())\n" +
      "b = threading.Barrier(3); out = []\ndef meet(): b.wait(); out.append(1)\n" +
      "ts = [threading.Thread(target=meet) for _ in range(3)]; [t.start() for t in ts]; [t.join() for t in ts]; " +
      "print(len(out))\n",
  ),
  python(
    "subprocess and os",
    "import os, subprocess, signal, sys, tempfile, shutil\n" +
      "r = subprocess.run(['sh', '-c', 'cat; echo err >&2; exit 3'], input=b'in', capture_output=True); print(r)\n" +
      "p = subprocess.Popen(['sleep', '30']); p.terminate(); print(p.wait())\n" +
      "print(subprocess.check_output('echo $X', shell=True, env={'X': 'y', 'PATH': os.environ['PATH']}))\n" +
      "try: subprocess.run(['sleep', '9'], timeout=0.1)\nexcept subprocess.TimeoutExpired as e: print('timeout')\n" +
      "pid = os.fork()\nif pid == 0: os._exit(5)\nprint(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))\n" +
      "r, w = os.pipe(); os.write(w, b'abc'); print(os.read(r, 10)); os.close(r); os.close(w)\n" +
      "signal.signal(signal.SIGUSR1, lambda s, f: print('signal', s)); os.kill(os.getpid(), signal.SIGUSR1)\n" +
      "d = tempfile.mkdtemp(); open(d + '/f', 'w').write('x'); print(os.listdir(d), os.stat(d + '/f').st_size); " +
      "os.rename(d + '/f', d + '/g'); shutil.rmtree(d); print(os.path.exists(d))\ntry: open('/nothing')\n" +
      "except OSError as e: print(e)\nprint(os.umask(0o22), os.getcwd(), os.getuid(), len(os.urandom(8)), " +
      "os.get_terminal_size if 0 else '')\n",
  ),
  python(
    "multiprocessing",
    "import multiprocessing as mp\ndef f(x): return x * x\nif __name__ == '__main__':\n" +
      "    mp.set_start_method('fork')\n    with mp.Pool(2) as p: print(p.map(f, range(10)))\n" +
      "    q = mp.Queue(); pr = mp.Process(target=q.put, args=([1, 2],)); pr.start(); print(q.get(timeout=60)); " +
      "pr.join(); print(pr.exitcode)\n    v = mp.Value('i', 0); ps = [mp.Process(target=lambda: " +
      "[v.get_lock().__enter__(), setattr(v, 'value', v.value + 1), v.get_lock().__exit__(None, None, None)]) for " +
      "_ in range(3)]; [p.start() for p in ps]; [p.join() for p in ps]; print(v.value)\n" +
      "    a, b = mp.Pipe(); a.send({'x': 1}); print(b.recv())\n",
  ),
  python(
    "sockets inside the machine, asyncio, select",
    "import socket, threading, asyncio, select, selectors, os\n" +
      "s = socket.create_server(('127.0.0.1', 0)); port = s.getsockname()[1]\ndef serve():\n" +
      "    c, _ = s.accept(); c.sendall(c.recv(100).upper()); c.close()\n" +
      "t = threading.Thread(target=serve); t.start()\n" +
      "c = socket.create_connection(('127.0.0.1', port)); c.sendall(b'hello'); print(c.recv(100)); " +
      "print(c.recv(1)); t.join()\na, b = socket.socketpair(); a.send(b'x'); print(select.select([b], [], [], " +
      "1)[0] == [b], b.recv(1))\nu = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); u.bind(('127.0.0.1', 0)); " +
      "u.sendto(b'dgram', u.getsockname()); print(u.recv(10))\n" +
      "x = socket.socket(socket.AF_UNIX); x.bind('/tmp/work/sock'); x.listen(); y = socket.socket(socket.AF_UNIX); " +
      "y.connect('/tmp/work/sock'); z, _ = x.accept(); y.send(b'unix'); print(z.recv(9))\nasync def main():\n" +
      "    srv = await asyncio.start_server(lambda r, w: echo(r, w), '127.0.0.1', 0)\n" +
      "    r, w = await asyncio.open_connection(*srv.sockets[0].getsockname()); w.write(b'line\\n'); print(await " +
      "r.readline()); w.close()\n    p = await asyncio.create_subprocess_exec('echo', 'sub', stdout=-1); " +
      "print((await p.communicate())[0])\n    print(await asyncio.gather(*(asyncio.sleep(0.01, i) for i in " +
      "range(3)))); srv.close()\nasync def echo(r, w): w.write(await r.readline()); await w.drain(); w.close()\n" +
      "asyncio.run(main())\ntry: socket.create_connection(('127.0.0.1', 1), 2)\nexcept OSError as e: print(e)\n",
  ),
  python(
    "mmap, fcntl, resource, sqlite3",
    "import mmap, fcntl, resource, sqlite3, os\nwith open('/tmp/work/m', 'w+b') as f:\n" +
      "    f.truncate(10000); m = mmap.mmap(f.fileno(), 0); m[5000:5005] = b'hello'; m.flush(); f.seek(5000); " +
      "print(f.read(5)); f.seek(9000); f.write(b'XY'); f.flush(); print(m[9000:9002]); m.close()\n" +
      "    fcntl.lockf(f, fcntl.LOCK_EX); print(fcntl.fcntl(f, fcntl.F_GETFD))\n" +
      "m = mmap.mmap(-1, 8192); m.write(b'anon')\nif os.fork() == 0: m[0:4] = b'kid!'; os._exit(0)\n" +
      "os.wait(); print(m[0:4])\nprint(resource.getrlimit(resource.RLIMIT_CORE)[0])\n" +
      "db = sqlite3.connect(':memory:'); db.execute('create table t(a, b)'); db.executemany('insert into t " +
      "values(?, ?)', [(i, str(i)) for i in range(1000)]); print(db.execute('select sum(a), max(b) from t where a " +
      "% 7 = 0').fetchone())\n",
  ),
  python(
    "memory above 4 GiB",
    "import mmap, os, array\nm = mmap.mmap(-1, 8 << 30, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | 0x4000)\n" +
      "for i in range(8): m[i << 30] = i + 1\nm[(7 << 30) + 4090:(7 << 30) + 4102] = b'across pages'\n" +
      "print(len(m), sum(m[i << 30] for i in range(8)), m[(7 << 30) + 4090:(7 << 30) + 4102], m.find(b'across', 7 " +
      "<< 30) == (7 << 30) + 4090)\nif os.fork() == 0:\n    m[0] = 77; os._exit(m[7 << 30])\n" +
      "print(os.waitstatus_to_exitcode(os.wait()[1]), m[0])\ns = mmap.mmap(-1, 5 << 30)\n" +
      "if os.fork() == 0: s[4 << 30] = 9; os._exit(0)\nos.wait(); print(s[4 << 30])\ntry: bytearray(10 ** 12)\n" +
      "except MemoryError: print('MemoryError')\nprint(sum(i * i for i in range(200000)), hash(tuple(range(1000))) " +
      "!= 0)\n",
  ),
  python(
    "an exception with a traceback, and the exit status",
    "import sys\ndef f(n):\n    if n == 0: raise ValueError('deep')\n    f(n - 1)\ntry: f(5)\n" +
      "except ValueError: import traceback; traceback.print_exc(limit=2)\nsys.setrecursionlimit(3000)\n" +
      "try: (lambda g: g(g))(lambda g: g(g))\nexcept RecursionError: print('recursion')\nsys.exit(42)\n",
  ),
  {
    name: "python3: compiles and imports a package",
    script:
      "mkdir p; echo 'from .b import x' > p/__init__.py; echo 'x = 5' > p/b.py; python3 -c 'import p; " +
      "print(p.x)'; ls p/__pycache__ | sort; python3 -m compileall -q p; python3 -m json.tool <<< '{\"a\":[1]}'; " +
      "python3 -m timeit -n 1 -r 1 pass | cut -d' ' -f1-2; python3 -c 'import nothing'; echo $?",
  },
  {
    name: "gcc: compiles, links and runs C",
    script:
      "printf '#include <stdio.h>\\n#include <math.h>\\n#include <pthread.h>\\nstatic void *f(void *p) { return " +
      "(void *)((long)p * 2); }\\nint main(int c, char **v) { pthread_t t; void *r; pthread_create(&t, 0, f, " +
      '(void *)21); pthread_join(t, &r); printf("%%ld %%.10f %%d\\\\n", (long)r, sin(1.0), c); return c; }\\n\' ' +
      "> a.c; gcc -O2 -Wall -o a a.c -lm -pthread; ./a x y; echo $?; gcc -O0 -static -o b a.c -lm; ./b; echo $?; " +
      "gcc -c a.c; nm a.o | grep -c T; ar rc l.a a.o; ranlib l.a; objdump -d a.o | grep -c ret; size a.o | tail " +
      "-1 | awk '{print $1 > 0}'; echo 'int main() { return x; }' > e.c; gcc e.c; echo $?",
  },
  {
    name: "gcc and make: a small project with a shared library",
    script:
      "printf 'int twice(int x) { return 2 * x; }\\n' > l.c; printf 'int twice(int); int main(void) { return " +
      "twice(21); }\\n' > m.c; printf 'm: m.o libl.so\\n\\tgcc -o $@ m.o -L. -ll -Wl,-rpath,$(CURDIR)\\nlibl.so: " +
      "l.c\\n\\tgcc -fPIC -shared -o $@ $<\\n' > Makefile; make -s; ./m; echo $?; ldd m | grep -c libl; strip m; " +
      "./m; echo $?; gcc -O2 -fsyntax-only -Werror -Wall -x c - <<< 'int f(void) { }'; echo $?",
  },
];
