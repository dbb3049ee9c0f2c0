/**
 * Goal: native programs of AstraLisp start programs and speak with the network alike on each processor. Method: what a
 * program prints is the same on the host and by qemu-user, with Debian's programs as peers; on the machine programs
 * start each other.
 */
import { test } from "node:test";
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { extendedTest } from "@stratos/base/testing";
import { Lisp } from "@stratos/lisp";
import type { NativeTarget } from "@stratos/lisp";
import { folderFinder, ownLibraryFolder } from "@stratos/tools-node/lisp";
import { runStatic } from "./abi/run-static.ts";
import { EMULATORS, someTargets } from "./support/emulators.ts";
import { nativeLisp } from "./support/native-lisp.ts";

const folder = mkdtempSync(join(tmpdir(), "stratos-lisp-system-"));
test.after(() => rmSync(folder, { recursive: true, force: true }));

function session(): Lisp {
  return new Lisp({ findLibrary: folderFinder([ownLibraryFolder()]) });
}

function build(text: string, targets: readonly NativeTarget[]): Record<NativeTarget, Uint8Array> {
  return nativeLisp().buildNative(text, "t", targets);
}

const HEAD = `
  (define (show . l) (for-each write l) (newline))
  (define-syntax message
    (syntax-rules () ((_ body) (guard (e ((file-error? e) (error-object-message e))) body 'no-error))))`;

/** What a program prints, checked on processors that the host has or emulates. */
function checkEverywhere(text: string, expected: string): void {
  const targets = someTargets();
  const programs = build(text, targets);
  for (const target of targets) {
    const file = join(folder, target);
    writeFileSync(file, programs[target], { mode: 0o755 });
    const [command, ...args] = [...EMULATORS[target]!, file];
    const { stdout, stderr } = spawnSync(command!, args, { encoding: "utf8" });
    assert.equal(stdout, expected, `${target}: ${stderr}`);
  }
}

extendedTest("children of fork-heap have the heap as it was, and end with who made them", () => {
  checkEverywhere(
    `(import (scheme base) (scheme write) (scheme process-context) (stratos heap)) ${HEAD}
    (define items (vector 1 2 3))
    (define (serve what)
      (case what
        ((exit) (exit 3))
        ((raise) (raise 'bang))
        ((fork) (let ((child (fork-heap serve))) (list (heap-call child 4) (heap-call child 5) items)))
        (else (vector-set! items 0 what) items)))
    (define (told child what) (guard (e ((error-object? e) (error-object-message e)) (#t e)) (heap-call child what)))
    (define one (fork-heap serve))
    (define other (fork-heap serve))
    (vector-set! items 2 'parent)
    (show (told one 7) (told one 'fork) (told one '(8 "é" 1/2)) (told one 'raise) (told one 7))
    (show (told other 'exit) (told other 7) items)
    (define long (make-string 300000 #\\x))
    (show (= 300000 (string-length (vector-ref (told one long) 0))))
    ;; Who was made later and lives does not keep one from ending.
    (define later (fork-heap serve))
    (heap-close! one)
    (show (told one 7))
    (heap-close! later)`,
    `#(7 2 3)(#(4 2 3) #(5 2 3) #(7 2 3))#((8 "é" 1/2) 2 3)bang#(7 2 3)
"heap-call: the child has ended""heap-call: the child has ended"#(1 2 parent)
#t
"heap-call: the child has ended"
`,
  );
});

extendedTest("futures run in processes of their own, side by side, and give copies of data, or errors", () => {
  checkEverywhere(
    `(import (scheme base) (scheme write) (scheme process-context) (stratos futures) (stratos process)) ${HEAD}
    (define items (vector 1 2 3))
    (define (told f)
      (guard (e ((error-object? e) (cons (error-object-message e) (error-object-irritants e))) (#t e)) (touch f)))
    (define f (future (vector-set! items 0 'own) (list items 1/3 "é" (expt 7 60))))
    (vector-set! items 1 'main)
    (show (touch f) items)
    (show (told (future (car 5))) (told (future (raise 'bang))) (told (future (exit 3))) (touch f))
    (show (par-map (lambda (x) (* x x)) '(1 2 3 4 5 6 7 8 9 10 11)))
    (show (touch (future (touch (future (+ 1 (touch (future 1))))))))
    ;; Two that wait for one another by a pipe, the second of which is made later: they run at the same time.
    (define p (process-start '("cat") 'stdin 'pipe 'stdout 'pipe))
    (define reader (future (read-line (process-output p))))
    (show (future-ready? reader))
    (define writer
      (future (write-string "passed\\n" (process-input p)) (flush-output-port (process-input p)) 'written))
    (show (touch reader) (touch writer) (future-ready? reader))
    (show (string-length (touch (future (make-string 300000 #\\x)))))
    (process-kill p)
    (define one (future (+ 1 2)))
    (define two (future (+ 10 (touch one))))
    (show (touch two) (touch one) (touch (future (list (touch one) (touch two)))))
    (define (descriptors) (string->number (car (process->lines '("sh" "-c" "ls /proc/$PPID/fd | wc -l")))))
    (let ((before (descriptors)))
      (let loop ((i 0)) (if (< i 20) (begin (touch (future i)) (loop (+ i 1)))))
      (show (< (descriptors) (+ before 20))))`,
    `(#(own 2 3) 1/3 "é" ${7n ** 60n})#(1 main 3)
("car: expected a pair, got" 5)bang("touch: the future has ended")(#(own 2 3) 1/3 "é" ${7n ** 60n})
(1 4 9 16 25 36 49 64 81 100 121)
2
#f
"passed"written#t
300000
133(3 13)
#t
`,
  );
});

extendedTest("green threads go on while one waits for a future", () => {
  checkEverywhere(
    `(import (scheme base) (scheme write) (srfi 18) (stratos futures) (stratos process)) ${HEAD}
    (define p (process-start '("cat") 'stdin 'pipe 'stdout 'pipe))
    (define f (future (read-line (process-output p))))
    (define other (thread-start! (make-thread (lambda ()
      (thread-sleep! 0.01)
      (write-string "from a thread\\n" (process-input p))
      (flush-output-port (process-input p))))))
    (show (touch f))
    ;; Several ask for one.
    (define h (future (thread-sleep! 0) (let loop ((n 3000000)) (if (> n 0) (loop (- n 1)))) 'one))
    (define askers (map (lambda (n) (thread-start! (make-thread (lambda () (touch h))))) '(1 2 3)))
    (show (map thread-join! askers) (touch h))
    (define g (future (guard (e ((error-object? e) (error-object-message e))) (thread-sleep! 3600) 'slept)))
    (show (touch g))
    (process-kill p)`,
    `"from a thread"
(one one one)one
"a future waits for this procedure itself, which cannot wait for a time"
`,
  );
});

extendedTest("a program whose heap is full has written what its ports held", () => {
  const text = `(import (scheme base) (scheme write))
    (display "before") (let loop ((l '())) (loop (make-vector 1000 l)))`;
  const file = join(folder, "full");
  if (EMULATORS.x86_64 === null) return;
  writeFileSync(file, build(text, ["x86_64"]).x86_64, { mode: 0o755 });
  const { stdout, stderr, status } = spawnSync(file, { encoding: "utf8" });
  assert.deepEqual([stdout, stderr, status], ["before", "stratos: out of memory: the heap is full\n", 1]);
});

extendedTest("programs are started, spoken with by pipes, waited for, and end others", () => {
  checkEverywhere(
    `(import (scheme base) (scheme write) (scheme file) (stratos process)) ${HEAD}
    (show (process->lines '("printf" "1\\n2\\n\\n3")))
    (show (run-process '("sh" "-c" "exit 7")) " " (run-process '("sh" "-c" "kill -9 $$")))
    (show (message (process-start '("/etc/passwd"))) (message (process-start '("true") 'directory "/nowhere")))
    (show (process->string '("env") 'environment '(("A" . "é"))) (process->string '("pwd") 'directory "/usr"))
    (let ((p (process-start '("cat") 'stdin 'pipe 'stdout 'pipe)))
      (write-string "line\\n" (process-input p)) (flush-output-port (process-input p))
      (show (read-line (process-output p)) (process-running? p) (process-wait p 0.01))
      (close-port (process-input p))
      (show (read-line (process-output p)) (process-wait p) (process-kill p)))
    (show (process->string '("sh" "-c" "echo out; echo err >&2") 'stderr 'stdout))
    (define held (open-input-file "/etc/passwd"))
    (show (process->string '("sh" "-c" "ls /proc/self/fd | wc -l")))
    (show (string-length (process->string '("head" "-c" "300000" "/dev/zero"))))
    (show (process->string '("wc" "-c") 'stdin (make-bytevector 300000 65)))
    (let ((p (process-start '("true") 'stdin 'pipe)))
      (process-wait p)
      (show (guard (e ((file-error? e) 'broken)) (write-string (make-string 100000 #\\a) (process-input p)) 'written)))
    (show (message (pipeline->string '(("echo" "a") ("no-such-program")))))
    (show (guard (e ((process-failure? e) (process-failure-command e))) (pipeline->string '(("false") ("cat")))))
    (show (guard (e ((error-object? e) (error-object-message e))) (process-start '("echo" "a\\x0;b"))))`,
    `("1" "2" "" "3")
7" "-9
"process-start: /etc/passwd: permission denied""process-start: true: no such file or directory"
"A=é\\n""/usr\\n"
"line"#t#f
#<eof>0#f
"out\\nerr\\n"
"4\\n"
300000
"300000\\n"
broken
"process-start: no-such-program: no such file or directory"
("false")
"process-start: echo: a text for the system holds a NUL:"
`,
  );
});

extendedTest("threads run while another one waits for a program", () => {
  checkEverywhere(
    `(import (scheme base) (scheme write) (stratos process) (srfi 18))
    (define p (process-start '("cat") 'stdin 'pipe 'stdout 'pipe))
    (define writer (make-thread (lambda ()
      (thread-sleep! 0.05) (write-string "from a thread\\n" (process-input p)) (close-port (process-input p)))))
    (thread-start! writer)
    (write (read-line (process-output p)))
    (write (process-wait p))`,
    `"from a thread"0`,
  );
});

const SOCKETS = (path: string): string => `
  (import (scheme base) (scheme write) (srfi 106) (srfi 18) (stratos resolver)
    (only (stratos socket) socket-port socket-timeout-set! socket-peer-address make-unix-server-socket
      make-unix-client-socket))
  ${HEAD}
  (define server (make-server-socket "0"))
  (define port (number->string (socket-port server)))
  (define echo (thread-start! (make-thread (lambda ()
    (let loop ((n 3))
      (when (> n 0)
        (let ((c (socket-accept server)))
          (socket-send c (bytevector-append (string->utf8 "echo ") (socket-recv c 100)))
          (socket-close c)
          (loop (- n 1)))))))))
  (for-each
    (lambda (n)
      (let ((s (make-client-socket "localhost" port)))
        (socket-send s (string->utf8 (number->string n)))
        (show (utf8->string (socket-recv s 100)) (socket-peer-address s) (socket-recv s 10))
        (socket-close s)))
    '(1 2 3))
  (thread-join! echo)
  (socket-close server)
  (show (message (make-client-socket "127.0.0.1" port)))
  (define six (make-server-socket "0" *af-inet6*))
  (socket-timeout-set! six 0.05)
  (show (message (socket-accept six)))
  (let* ((c (make-client-socket "::1" (number->string (socket-port six)) *af-inet6*)) (a (socket-accept six))
         (in (socket-input-port a)) (large (make-bytevector 3000000 7)))
    (thread-start! (make-thread (lambda () (socket-send c large) (socket-shutdown c *shut-wr*))))
    (show (let loop ((n 0))
            (let ((part (socket-recv a 65536)))
              (if (= 0 (bytevector-length part)) n (loop (+ n (bytevector-length part)))))))
    (show (eof-object? (read-u8 in)))
    (socket-close c) (socket-close a)
    (show (guard (e (#t 'closed)) (socket-recv a 1))))
  (let* ((s (make-unix-server-socket "${path}")) (c (make-unix-client-socket "${path}")) (a (socket-accept s)))
    (socket-send c (bytevector 1 2 3))
    (show (socket-recv a 10 (message-type peek)) (socket-recv a 3 (message-type wait-all)))
    (socket-close c)
    (show (message (begin (socket-send a (bytevector 1)) (socket-send a (bytevector 2))))))
  (let* ((u (make-server-socket "0" *af-inet* *sock-dgram*))
         (c (make-client-socket "127.0.0.1" (number->string (socket-port u)) *af-inet* *sock-dgram*)))
    (socket-send c (string->utf8 "datagram"))
    (show (utf8->string (socket-recv u 100))))`;

const SOCKET_ANSWERS = `"echo 1""127.0.0.1"#u8()
"echo 2""127.0.0.1"#u8()
"echo 3""127.0.0.1"#u8()
"make-client-socket: 127.0.0.1: connection refused"
"socket-accept: connection timed out"
3000000
#t
closed
#u8(1 2 3)#u8(1 2 3)
"socket-send: broken pipe"
"datagram"
`;

test("sockets of IPv4, IPv6 and Unix: streams, datagrams, time-outs, threads, ports", () => {
  const path = join(folder, "socket");
  const text = SOCKETS(path).replace(HEAD, `${HEAD} (if (file-exists? "${path}") (delete-file "${path}"))`);
  checkEverywhere(text.replace("(scheme base)", "(scheme base) (scheme file)"), SOCKET_ANSWERS);
});

extendedTest("the same on the machine", async () => {
  assert.equal((await runStatic(build(SOCKETS("/tmp/socket"), ["rv64"]).rv64)).output, SOCKET_ANSWERS);
});

const HTTP_SERVER = `
  (define (handler r)
    (let ((p (http-request-path r)))
      (cond ((string=? p "/hello") (text-response 200 "héllo"))
            ((string=? p "/echo") (make-response 200 '(("X-Kind" . "y")) (http-request-body r)))
            ((string=? p "/move") (make-response 302 '(("Location" . "hello")) ""))
            ((string=? p "/loop") (make-response 302 '(("Location" . "/loop")) ""))
            ((string=? p "/split") (make-response 200 '(("A" . "b\r\nC: d")) ""))
            ((string=? p "/fail") (car '()))
            (else (text-response 404 p)))))
  (define server (make-server-socket 0))
  (define base (string-append "http://127.0.0.1:" (number->string (socket-port server))))
  (thread-start! (make-thread (lambda () (http-serve server handler))))
  (define (get p . o) (apply http-get (string-append base p) o))
  ;; The status line of the answer to these bytes.
  (define (raw text)
    (let ((s (make-client-socket "127.0.0.1" (socket-port server))))
      (socket-send s (string->utf8 text))
      (socket-shutdown s *shut-wr*)
      (let ((t (utf8->string (socket-recv s 4096))))
        (socket-close s)
        (if (string=? t "") "none" (substring t 9 12)))))
  (define idle (make-client-socket "127.0.0.1" (socket-port server)))
  (socket-send idle (string->utf8 "GET / HT"))
  (let ((r (get "/hello")))
    (show (http-response-status r) (http-response-text r) (http-response-header r "Content-Type")))
  (show (http-response-text (http-request 'POST (string-append base "/echo") 'body "abc")))
  (show (http-response-text (get "/move")) (http-response-status (get "/move" 'redirects 0)))
  (show (http-response-status (get "/loop")) " " (http-response-status (get "/fail")) " "
    (http-response-text (get "/a%20b?x=1")))
  (for-each (lambda (text) (display (raw text)) (display " "))
    (list "GARBAGE\r\n\r\n" "GET / HTTP/2.0\r\n\r\n" "GET / HTTP/1.1\r\n\r\n" "" "GET / HT"
      "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n" "GET / HTTP/1.0\r\n\r\n" "GET /%zz HTTP/1.0\r\n\r\n"
      "GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n"
      "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n"
      "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\n"
      "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 99999999999\r\n\r\n"
      "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n"
      "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n"
      "GET / HTTP/1.1\r\nHost : a\r\n\r\n" "GET / HTTP/1.1\r\nHost: a\r\n b: c\r\n\r\n"
      (string-append "GET /" (make-string 9000 #\\a) " HTTP/1.1\r\n\r\n")
      (string-append "GET / HTTP/1.1\r\nHost: a\r\n"
        (apply string-append (map (lambda (i) "A: b\r\n") (vector->list (make-vector 300 0)))) "\r\n")))
  (newline)
  (show (message* (http-get "https://x/")))
  (show (message* (http-get "ftp://x/")) (message* (http-get "http://a b/")))
  (show (message* (get "/hello" 'headers '(("A" . "b\r\nC: d")))))`;

const HTTP_ANSWERS = `200"héllo""text/plain; charset=utf-8"
"abc"
"héllo"302
302" "500" ""/a b"
400 505 400 none 400 400 404 400 400 400 400 413 400 501 400 400 431 431 
"http-request: https is not served: there is no TLS here:"
"http-request: no address of http:""http-request: no address of http:"
"no header:"
`;
const HTTP_HEAD = `
  (import (scheme base) (scheme write) (stratos http) (stratos socket) (stratos process) (srfi 18)) ${HEAD}
  (define-syntax message*
    (syntax-rules () ((_ body) (guard (e ((error-object? e) (error-object-message e))) body 'no-error))))`;

extendedTest(
  "HTTP between a client and a server of our own, which hostile requests don't end: on the machine",
  async () => {
    const { output } = await runStatic(build(HTTP_HEAD + HTTP_SERVER, ["rv64"]).rv64);
    assert.equal(Buffer.from(output, "latin1").toString(), HTTP_ANSWERS);
  },
);

extendedTest("HTTP with curl as the client and Python as the server", () => {
  writeFileSync(join(folder, "page"), "x".repeat(100_000));
  checkEverywhere(
    `${HTTP_HEAD} ${HTTP_SERVER}
    (define (curl . l) (process->string (append '("curl" "-s") l)))
    (show (curl "-d" "from curl" (string-append base "/echo")))
    (show (curl "-H" "Transfer-Encoding: chunked" "-H" "Expect: 100-continue" "-d" "chunks"
      (string-append base "/echo")))
    (show (curl "-I" "-o" "/dev/null" "-w" "%{http_code}" (string-append base "/hello")))
    (show (curl "-w" "%{http_code}" "-o" "/dev/null" (string-append base "/split")))
    (define python (process-start
      '("python3" "-u" "-m" "http.server" "0" "--bind" "127.0.0.1" "--directory" "${folder}")
      'stdout 'pipe 'stderr 'null))
    (define port
      (let ((line (read-line (process-output python))))
        (let loop ((i 0))
          (if (and (char=? #\\p (string-ref line i)) (string=? "port " (substring line i (+ i 5))))
              (let end ((j (+ i 5)))
                (if (char=? #\\space (string-ref line j)) (substring line (+ i 5) j) (end (+ j 1))))
              (loop (+ i 1))))))
    (define (from-python p) (http-get (string-append "http://127.0.0.1:" port p)))
    (show (http-response-status (from-python "/none")) (bytevector-length (http-response-body (from-python "/page"))))
    (process-kill python)
    (show (process-wait python))`,
    `${HTTP_ANSWERS}"from curl"
"chunks"
"200"
"500"
404100000
-15
`,
  );
});

test("addresses and services as text", () => {
  checkEverywhere(
    `(import (scheme base) (scheme write) (stratos resolver)) ${HEAD}
    (define (text->text t) (let ((v (text->address t))) (and v (address->text v))))
    (show (map text->text '("127.0.0.1" "1.2.3" "256.1.1.1" "1.2.3.+4" "::1" "2001:db8:0:0:1:0:0:1" "::ffff:1.2.3.4"
      "1::2::3" ":::" "1:2:3:4:5:6:7:8" "1:2:3:4:5:6:7" "::" "g::" "1::-2" "")))
    (show (service-port 80 "tcp") (service-port "8080" "tcp") (guard (e (#t 'none)) (service-port "no-such" "tcp"))
      (guard (e (#t 'none)) (service-port 65536 "tcp")))`,
    `("127.0.0.1" #f #f #f "::1" "2001:db8::1:0:0:1" "::ffff:102:304" #f #f "1:2:3:4:5:6:7:8" #f "::" #f #f #f)
808080nonenone
`,
  );
});

test("on the machine a program starts another one", async () => {
  const imports = "(import (scheme base) (scheme write) (scheme process-context) (stratos process))";
  const { rv64 } = build(
    `${imports}
    (if (equal? (command-line) '("/bin/self" "child"))
        (begin (write (read-line)) (exit 5))
        (let ((p (process-start '("/bin/self" "child") 'stdin 'pipe 'stdout 'pipe)))
          (write-string "over a pipe\\n" (process-input p))
          (close-port (process-input p))
          (write (list (read-line (process-output p)) (process-wait p)))))`,
    ["rv64"],
  );
  const { output } = await runStatic(rv64, { files: { "bin/self": rv64 } });
  assert.equal(output, '("\\"over a pipe\\"" 5)');
});

test("where there are no system calls, that is what is said", () => {
  const lisp = session();
  assert.throws(
    () => lisp.runProgram(`(import (scheme base) (stratos process)) (run-process '("true"))`, "t"),
    (error) => /processes and sockets need a native program/.test(lisp.describe(error)!),
  );
});
